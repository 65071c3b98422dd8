"""A ZooKeeper server dies at each packet of its handshake with our peer, which goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chaos.election.effects import Serving
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.history.events import Stepped
from tests.live.java import Java, java
from tests.peer.nest import LivePeer, config_of, fresh_net, nest

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


def served(peer: LivePeer, lines: int) -> bool:
    """Whether ``peer`` has begun to serve an epoch behind the first ``lines`` of its journal."""
    return any(
        isinstance(event, Stepped) and any(isinstance(one, Serving) for one in event.effects)
        for event in peer.look()[lines:]
    )


def goes_on(peer: LivePeer, servers: Java, *, dies: int, comes: int, gate: Gate) -> None:
    """Hold ``peer`` at a gate, kill the server it talks to, start another, and see it serve."""
    way, packet, nth = gate
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
def test_a_follower_survives_its_java_leader(tmp_path: Path, gate: Gate) -> None:
    config = config_of(fresh_net(), [1, 2, 3], clients=True)
    with nest(tmp_path / "ours") as home, java(tmp_path / "java", config, TIMINGS) as servers:
        peer = home.fork(PeerSpec(Sid(1), config, timings=TIMINGS), wait=True)
        goes_on(peer, servers, dies=3, comes=2, gate=gate)


@pytest.mark.parametrize("gate", LEADS.values(), ids=LEADS.keys())
def test_a_leader_survives_its_java_follower(tmp_path: Path, gate: Gate) -> None:
    config = config_of(fresh_net(), [1, 2, 3], clients=True)
    with nest(tmp_path / "ours") as home, java(tmp_path / "java", config, TIMINGS) as servers:
        peer = home.fork(PeerSpec(Sid(3), config, timings=TIMINGS), wait=True)
        goes_on(peer, servers, dies=2, comes=1, gate=gate)
