"""Given what recorded ZooKeeper servers were given, our core decides and says what they did.

``tests/wire/decisions.py`` says what is left open by a recording. How often each allowance is
needed stands here: a change of the core that needs another one has to say so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.election.effects import (
    Decided,
    Deliver,
    LeaderConnected,
    LearnerConnected,
    PacketRead,
)
from chaos.election.ids import PeerEpoch, Sid
from chaos.election.notification import ServerState
from chaos.election.packets import (
    AckEpoch,
    Diff,
    LeaderInfo,
    NewLeader,
    Packet,
    Snap,
    Trunc,
    UpToDate,
)
from tests.wire.decisions import Allowance, Replay
from tests.wire.lives import Frame, Life, Told
from tests.wire.mailbox import Post
from tests.wire.recorded import NAMES, lives, replayed, spec_of
from tests.wire.sayings import Difference, Open

DOCUMENT = Path(__file__).parents[2] / "docs/zookeeper-differences.md"
ROW = re.compile(rf"^\| ([^|]+) \| ((?:{'|'.join(NAMES)})[\w, ]*) \|", re.MULTILINE)
LEFT_OPEN = {
    "groups": {
        Allowance.REORDERED: 7,
        Open.CLIENTS: 3,
        Open.PINGS: 8,
        Post.LOST: 3,
        Post.UNLINKED: 8,
    },
    "observers": {
        Allowance.REORDERED: 10,
        Open.CLIENTS: 6,
        Open.PINGS: 16,
        Post.UNLINKED: 13,
    },
    "paused": {
        Open.CLIENTS: 3,
        Open.PINGS: 5,
        Post.UNLINKED: 4,
    },
    "three": {
        Open.CLIENTS: 8,
        Open.PINGS: 18,
        Post.LOST: 1,
        Post.REPEATED: 2,
        Post.UNLINKED: 1,
    },
}
FOLLOWING, LEADING, OBSERVING = (
    ServerState.FOLLOWING,
    ServerState.LEADING,
    ServerState.OBSERVING,
)
ROLES = {  # of each start of each server, in order
    "groups": (
        (1, 0, [(FOLLOWING, 5), (FOLLOWING, 4)]),
        (2, 0, [(FOLLOWING, 5), (FOLLOWING, 4)]),
        (3, 0, [(FOLLOWING, 5), (FOLLOWING, 4)]),
        (4, 0, [(FOLLOWING, 5), (LEADING, 4)]),
        (5, 0, [(LEADING, 5)]),
    ),
    "observers": (
        (1, 0, [(FOLLOWING, 3), (FOLLOWING, 2)]),
        (2, 0, [(FOLLOWING, 3), (LEADING, 2)]),
        (3, 0, [(LEADING, 3)]),
        (4, 0, [(OBSERVING, 3), (OBSERVING, 3), (OBSERVING, 2)]),
        (5, 0, [(OBSERVING, 3), (OBSERVING, 3), (OBSERVING, 2)]),
    ),
    "paused": (
        (1, 0, [(FOLLOWING, 3), (FOLLOWING, 2)]),
        (2, 0, [(FOLLOWING, 3), (LEADING, 2)]),
        (3, 0, [(LEADING, 3), (FOLLOWING, 2)]),
    ),
    "three": (
        (1, 0, [(FOLLOWING, 3)]),
        (1, 1, [(FOLLOWING, 3), (FOLLOWING, 2)]),
        (2, 0, [(FOLLOWING, 3), (LEADING, 2)]),
        (3, 0, [(LEADING, 3)]),
        (3, 1, [(FOLLOWING, 2)]),
    ),
}


def used(name: str, kinds: type[Difference] | tuple[type, ...]) -> dict[str, int]:
    counts = sum((one.end.used for one in replayed(name)), Counter[str]())
    return {what: count for what, count in counts.items() if count and isinstance(what, kinds)}


@pytest.mark.parametrize("name", NAMES)
def test_our_core_says_what_each_server_said(name: str) -> None:
    assert used(name, (Allowance, Open, Post)) == LEFT_OPEN[name]


@pytest.mark.parametrize("name", NAMES)
def test_our_core_takes_the_roles_that_the_servers_took(name: str) -> None:
    found = tuple(
        (one.life.sid, one.life.number, _roles(one.end.decided)) for one in replayed(name)
    )
    assert found == ROLES[name]
    for one in replayed(name):
        assert _leaders_met(one.life) <= {decided.vote.leader for decided in one.end.decided}


def _roles(decided: list[Decided]) -> list[tuple[ServerState, Sid]]:
    return [(one.state, one.vote.leader) for one in decided]


def _leaders_met(life: Life) -> set[Sid]:
    """Whom it reached as a leader, and itself if somebody reached it."""
    met = {h.leader for h in life.heard if isinstance(h.happened, LeaderConnected) and h.leader}
    led = any(isinstance(heard.happened, LearnerConnected) for heard in life.heard)
    return met | ({life.sid} if led else set())


def test_the_differences_are_those_that_the_document_names() -> None:
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    documented = {what: set(names.split(", ")) for what, names in rows}
    found: dict[str, set[str]] = {}
    for name in NAMES:
        for what in used(name, Difference):
            found.setdefault(str(what), set()).add(name)
    assert found == documented


def test_enough_was_compared() -> None:
    ours = [one for name in NAMES for one in replayed(name)]
    heard = Counter(type(h.happened) for one in ours for h in one.life.heard)
    said = [told.packet for one in ours for lane in one.life.packets.values() for told in lane]
    frames = sum(len(told) for one in ours for told in one.life.frames.values())
    choices = Counter(type(packet) for packet in said if isinstance(packet, Diff | Snap | Trunc))
    assert (len(ours), heard[Deliver], heard[PacketRead]) == (18, 261, 420)
    assert (frames, len(said), choices) == (261, 422, Counter({Diff: 22, Snap: 1}))


# ---- the comparison sees what differs

Change = Callable[[Life], None]


def _frame(change: Callable[[Frame], list[Frame]]) -> Change:
    """Change the second notification of server 1 to server 2."""

    def apply(life: Life) -> None:
        told = life.frames[Sid(2)]
        life.frames[Sid(2)] = [*told[:1], *change(told[1]), *told[2:]]

    return apply


def _vote(frame: Frame, **numbers: int) -> Frame:
    told = frame.notification
    known = {"leader": told.leader, "round": told.round, "zxid": told.zxid, "state": told.state}
    known |= numbers
    changed = replace(
        told,
        leader=Sid(known["leader"]),
        round=type(told.round)(known["round"]),
        zxid=type(told.zxid)(known["zxid"]),
        state=known["state"],
    )
    return replace(frame, notification=changed)


def _packet(kind: type[Packet], change: Callable[[Packet], list[Packet]]) -> Change:
    def apply(life: Life) -> None:
        for conn, told in life.packets.items():
            life.packets[conn] = [
                Told(one.at_ns, packet)
                for one in told
                for packet in (change(one.packet) if isinstance(one.packet, kind) else [one.packet])
            ]

    return apply


def _epoch_read(life: Life) -> None:
    for at, heard in enumerate(life.heard):
        match heard.happened:
            case PacketRead(conn, LeaderInfo(epoch)):
                read = PacketRead(conn, LeaderInfo(PeerEpoch(epoch + 1)))
                life.heard[at] = replace(heard, happened=read)
            case _:
                pass


def _unheard(life: Life) -> None:
    """The better votes of the others never came."""
    life.heard = [h for h in life.heard if not isinstance(h.happened, Deliver)]


def _dials_another(life: Life) -> None:
    life.heard = [replace(h, leader=Sid(2)) if h.leader else h for h in life.heard]


def _ack_epoch(packet: Packet) -> list[Packet]:
    assert isinstance(packet, AckEpoch)
    return [replace(packet, zxid=type(packet.zxid)(packet.zxid + 1))]


CHANGES: dict[str, Change] = {
    "another leader in a vote": _frame(lambda frame: [_vote(frame, leader=3)]),
    "another round in a vote": _frame(lambda frame: [_vote(frame, round=2)]),
    "another zxid in a vote": _frame(lambda frame: [_vote(frame, zxid=7)]),
    "another state in a vote": _frame(lambda frame: [_vote(frame, state=1)]),
    "a vote too many": _frame(lambda frame: [frame, replace(frame, at_ns=frame.at_ns + 1)]),
    "a vote too few": _frame(lambda _: []),
    "votes that never came": _unheard,
    "another leader that is dialed": _dials_another,
    "another epoch that is read": _epoch_read,
    "another zxid in ACKEPOCH": _packet(AckEpoch, _ack_epoch),
    "no ACKEPOCH": _packet(AckEpoch, lambda _: []),
    "two of them": _packet(AckEpoch, lambda packet: [packet, packet]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_comparison_sees(change: Change) -> None:
    life = _copy(next(life for life in lives("three") if life.sid == 1))
    change(life)
    with pytest.raises(AssertionError, match=r"server 1, start 0: no order of its inputs"):
        Replay(life, spec_of("three", life, None)).run()


LEADER_CHANGES: dict[str, Change] = {
    "another sync": _packet(
        Diff, lambda packet: [Trunc(packet.zxid)] if isinstance(packet, Diff) else []
    ),
    "no configuration in NEWLEADER": _packet(
        NewLeader,
        lambda packet: [NewLeader(packet.zxid, None)] if isinstance(packet, NewLeader) else [],
    ),
    "no UPTODATE": _packet(UpToDate, lambda _: []),
    "another epoch": _packet(LeaderInfo, lambda _: [LeaderInfo(PeerEpoch(2))]),
}


@pytest.mark.parametrize("change", LEADER_CHANGES.values(), ids=LEADER_CHANGES.keys())
def test_the_comparison_sees_in_a_leader(change: Change) -> None:
    life = _copy(next(life for life in lives("three") if life.sid == 3))
    change(life)
    with pytest.raises(AssertionError, match=r"server 3, start 0: no order of its inputs"):
        Replay(life, spec_of("three", life, None)).run()


def _copy(life: Life) -> Life:
    return replace(
        life,
        heard=list(life.heard),
        frames=dict(life.frames),
        packets=dict(life.packets),
        links=dict(life.links),
    )
