"""The captures in ``tests/wire/captures``, and our core run on them.

What a server starts with is known: nothing but its configuration the first time, and later
what it held when it was killed, which is what our core held then. One server lost its disk.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from chaos.election.config import parse_configuration
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.systems.pcap import Pcap
from tests.wire.decisions import Replay, Replayed
from tests.wire.lives import Life, lives_of

CAPTURES: Final = Path(__file__).parent / "captures"
# A recorded server pauses as ZooKeeper does after its leader refused it, and not as ours do.
TIMINGS: Final = Timings(tick_ms=400, init_limit=10, sync_limit=3, leader_connect_first_ms=100)
GROUPS: Final = "group.1=1:2\ngroup.2=3:4\ngroup.3=5\nweight.1=2"
SERVERS: Final = {"groups": 5, "observers": 5, "paused": 3, "three": 3}
OBSERVERS: Final = {"observers": (4, 5)}
LOST_ITS_DISK: Final = {("three", Sid(3), 1)}
NAMES: Final = tuple(SERVERS)


def configuration(name: str) -> str:
    """What ``record.py`` wrote into every server's configuration file."""
    observers = OBSERVERS.get(name, ())
    lines = [
        f"server.{sid}=10.77.0.{sid}:2888:3888:"
        f"{'observer' if sid in observers else 'participant'};2181"
        for sid in range(1, SERVERS[name] + 1)
    ]
    text = "\n".join(lines + [GROUPS] * (name == "groups"))
    return parse_configuration(text).text()


@cache
def lives(name: str) -> tuple[Life, ...]:
    """Every start of every server of a capture."""
    with Pcap(CAPTURES / f"{name}.pcap") as capture:
        return tuple(lives_of(capture.read()))


def spec_of(name: str, life: Life, before: Replayed | None) -> PeerSpec:
    """What the server of ``life`` started with; ``before`` is its last start."""
    if before is None:
        return PeerSpec(life.sid, configuration(name), timings=TIMINGS)
    standing = before.end.peer.standing
    config = standing.views.committed.text()
    if (name, life.sid, life.number) in LOST_ITS_DISK:
        return PeerSpec(life.sid, config, timings=TIMINGS)
    return PeerSpec(
        life.sid,
        config,
        accepted_epoch=standing.accepted_epoch,
        current_epoch=standing.current_epoch,
        zxid=standing.log.begins,
        timings=TIMINGS,
        tree=standing.log.tree,
        log=tuple(standing.log.txns),
    )


@cache
def replayed(name: str) -> tuple[Replayed, ...]:
    """Our core in place of each server of a capture.

    Raises:
        AssertionError: it says something else than a server said.
    """
    ends: dict[Sid, Replayed] = {}
    done: list[Replayed] = []
    for life in lives(name):
        ends[life.sid] = Replay(life, spec_of(name, life, ends.get(life.sid))).run()
        done.append(ends[life.sid])
    return tuple(done)
