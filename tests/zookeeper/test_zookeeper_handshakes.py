"""A ZooKeeper server dies at each packet of its handshake with our peer, which goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.election.effects import Serving
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.history.events import Stepped
from tests.peer.nest import LivePeer, nest
from tests.zookeeper.servers import Servers

pytestmark = pytest.mark.live

TIMINGS = Timings(tick_ms=200, init_limit=10, sync_limit=5)
_SERVED_S = 30  # a JVM starts, and an election is held, on a machine that other tests use

FOLLOWS = {
    "LEADERINFO is read": ("in", "LeaderInfo", 1),
    "ACKEPOCH is due": ("out", "AckEpoch", 1),
    "DIFF is read": ("in", "Diff", 1),
    "NEWLEADER is read": ("in", "NewLeader", 1),
    "the ACK of NEWLEADER is due": ("out", "Ack", 1),
    "UPTODATE is read": ("in", "UpToDate", 1),
    "the ACK of UPTODATE is due": ("out", "Ack", 2),
    "the first PING is read": ("in", "Ping", 1),
    "the first answer to a PING is due": ("out", "Ping", 1),
}
LEADS = {
    "FOLLOWERINFO is read": ("in", "LearnerHello", 1),
    "LEADERINFO is due": ("out", "LeaderInfo", 1),
    "ACKEPOCH is read": ("in", "AckEpoch", 1),
    "DIFF is due": ("out", "Diff", 1),
    "NEWLEADER is due": ("out", "NewLeader", 1),
    "the ACK of NEWLEADER is read": ("in", "Ack", 1),
    "UPTODATE is due": ("out", "UpToDate", 1),
    "the ACK of UPTODATE is read": ("in", "Ack", 2),
    "the first PING is due": ("out", "Ping", 1),
    "the first answer to a PING is read": ("in", "Ping", 1),
}
Gate = tuple[str, str, int]
Ensemble = Callable[[EnsembleSetup], Servers]
SETUP = EnsembleSetup(tuple(PeerSetup(Sid(sid)) for sid in (1, 2, 3)), timings=TIMINGS)


def served(peer: LivePeer, lines: int) -> bool:
    """Whether ``peer`` has begun to serve an epoch behind the first ``lines`` of its journal."""
    return any(
        isinstance(event, Stepped) and any(isinstance(one, Serving) for one in event.effects)
        for event in peer.look()[lines:]
    )


def goes_on(peer: LivePeer, servers: Servers, others: tuple[int, int], gate: Gate) -> None:
    """Hold ``peer`` at a gate, kill the server it talks to, start another, and see it serve."""
    way, packet, nth = gate
    dies, comes = map(Sid, others)
    peer.done("gate", way=way, packet=packet, nth=nth)
    servers.start(dies)
    peer.done("go")
    assert peer.hear(_SERVED_S) == {"held": f"{way} {packet}"}
    servers.kill(dies)
    peer.done("release")
    lines = len(peer.look())
    servers.start(comes)
    limit = time.monotonic() + _SERVED_S
    while not served(peer, lines):
        assert time.monotonic() < limit, f"peer {peer.birth.spec.sid} serves no more"
        assert servers.ended() == {}
        peer.pause()


@pytest.mark.parametrize("gate", FOLLOWS.values(), ids=FOLLOWS.keys())
def test_a_follower_survives_its_java_leader(
    tmp_path: Path, ensemble: Ensemble, gate: Gate
) -> None:
    servers = ensemble(SETUP)
    with nest(tmp_path / "ours") as home:
        spec = PeerSpec(Sid(1), servers.configuration().text(), timings=TIMINGS)
        goes_on(home.fork(spec, wait=True), servers, (3, 2), gate)


@pytest.mark.parametrize("gate", LEADS.values(), ids=LEADS.keys())
def test_a_leader_survives_its_java_follower(
    tmp_path: Path, ensemble: Ensemble, gate: Gate
) -> None:
    servers = ensemble(SETUP)
    with nest(tmp_path / "ours") as home:
        spec = PeerSpec(Sid(3), servers.configuration().text(), timings=TIMINGS)
        goes_on(home.fork(spec, wait=True), servers, (2, 1), gate)
