"""A ZooKeeper server dies at each packet of its handshake with our peer, which goes on."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.election.effects import Serving
from chaos.election.ids import PeerEpoch, Sid, Zxid, zxid_of
from chaos.election.moments import Awaited, MomentKind
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.history.events import Held, Stepped
from chaos.zookeeper.disk import log, prepared_txns
from tests.peer.nest import LivePeer, nest
from tests.zookeeper.servers import Servers, wait_until

pytestmark = pytest.mark.live

TIMINGS = Timings(tick_ms=200, init_limit=10, sync_limit=5)
_SERVED_S = 30  # a JVM starts, and an election is held, on a machine that other tests use

READ, SENT = MomentKind.PACKET_RECEIVED, MomentKind.PACKET_SENT
FOLLOWS = {
    "LEADERINFO is read": (READ, "LEADERINFO", 1),
    "ACKEPOCH is due": (SENT, "ACKEPOCH", 1),
    "DIFF is read": (READ, "DIFF", 1),
    "NEWLEADER is read": (READ, "NEWLEADER", 1),
    "the ACK of NEWLEADER is due": (SENT, "ACK", 1),
    "UPTODATE is read": (READ, "UPTODATE", 1),
    "the ACK of UPTODATE is due": (SENT, "ACK", 2),
    "the first PING is read": (READ, "PING", 1),
    "the first answer to a PING is due": (SENT, "PING", 1),
}
LEADS = {
    "FOLLOWERINFO is read": (READ, "FOLLOWERINFO", 1),
    "LEADERINFO is due": (SENT, "LEADERINFO", 1),
    "ACKEPOCH is read": (READ, "ACKEPOCH", 1),
    "DIFF is due": (SENT, "DIFF", 1),
    "NEWLEADER is due": (SENT, "NEWLEADER", 1),
    "the ACK of NEWLEADER is read": (READ, "ACK", 1),
    "UPTODATE is due": (SENT, "UPTODATE", 1),
    "the ACK of UPTODATE is read": (READ, "ACK", 2),
    "the first PING is due": (SENT, "PING", 1),
    "the first answer to a PING is read": (READ, "PING", 1),
}
Gate = tuple[MomentKind, str, int]
Ensemble = Callable[[EnsembleSetup], Servers]
SETUP = EnsembleSetup(tuple(PeerSetup(Sid(sid)) for sid in (1, 2, 3)), timings=TIMINGS)
LEARNER, NEXT = Sid(2), Sid(1)
_ONE = PeerEpoch(1)
ROW_81 = EnsembleSetup(
    (
        PeerSetup(NEXT, zxid=zxid_of(1, 60), accepted_epoch=_ONE, current_epoch=_ONE),
        PeerSetup(LEARNER, zxid=zxid_of(1, 20), accepted_epoch=_ONE, current_epoch=_ONE),
        PeerSetup(Sid(3)),
    ),
    timings=TIMINGS,
)


def served(peer: LivePeer, lines: int) -> bool:
    """Whether ``peer`` has begun to serve an epoch behind the first ``lines`` of its journal."""
    return any(
        isinstance(event, Stepped) and any(isinstance(one, Serving) for one in event.effects)
        for event in peer.look()[lines:]
    )


def goes_on(peer: LivePeer, servers: Servers, others: tuple[int, int], gate: Gate) -> None:
    """Hold ``peer`` at a gate, kill the server it talks to, start another, and see it serve."""
    kind, packet, nth = gate
    dies, comes = map(Sid, others)
    peer.hold("here", Awaited(kind, what=packet), nth)
    servers.start(dies)
    peer.done("go")
    peer.wait(Held, within_s=_SERVED_S)
    servers.kill(dies)
    peer.done("let_go", name="here")
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


def test_row_81_a_snapshot_that_broke_off_leaves_no_hole(
    tmp_path: Path, ensemble: Ensemble
) -> None:
    """Our leader dies between SNAP and NEWLEADER; the next one brings its learner up by DIFF."""
    servers = ensemble(ROW_81)
    with nest(tmp_path / "ours") as home:
        text = servers.configuration().text()
        leader = PeerSpec(Sid(3), text, None, _ONE, _ONE, zxid_of(1, 50), TIMINGS)
        ours = home.fork(leader, wait=True)
        ours.hold("here", Awaited(SENT, what="NEWLEADER"))
        servers.start(LEARNER)
        ours.done("go")
        ours.wait(Held, within_s=_SERVED_S)
        wait_until(lambda: "Getting a snapshot from leader 0x100000032" in servers.log(LEARNER))
        os.kill(ours.pid, signal.SIGKILL)
    servers.start(NEXT)
    assert servers.serving(LEARNER, NEXT) == NEXT
    assert "Peer state changed: following - synchronization - diff" in servers.log(LEARNER)
    assert "received NEWLEADER" in servers.log(LEARNER)
    wait_until(lambda: servers.srvr(LEARNER).zxid == zxid_of(1, 60))
    servers.kill(LEARNER)
    assert hole(servers.data(LEARNER), zxid_of(1, 60)) == []


def hole(folder: Path, upto: Zxid) -> list[str]:
    """The transactions up to one that neither a snapshot nor a log of a server has."""
    snapshots = [int(path.suffix[1:], 16) for path in folder.glob("snapshot.*")]
    logged = {zxid for path in folder.glob("log.*") for zxid in zxids(path.read_bytes())}
    newest = max(zxid for zxid in snapshots if zxid <= upto)
    return [
        hex(zxid) for zxid in range(max(newest, zxid_of(1)) + 1, upto + 1) if zxid not in logged
    ]


def zxids(log: bytes) -> Iterator[int]:
    """What a server's log holds: sums, lengths, and headers with the zxid behind 12 bytes."""
    at = 16
    while at + 12 <= len(log):
        (size,) = struct.unpack_from(">i", log, at + 8)
        if size <= 0:
            return  # the rest of the file is not written yet
        yield struct.unpack_from(">q", log, at + 24)[0]
        at += 12 + size + 1


def test_a_hole_in_a_log_is_seen(tmp_path: Path) -> None:
    for start in (0, zxid_of(1, 4)):
        (tmp_path / f"snapshot.{start:x}").touch()
        txns = prepared_txns(zxid_of(1, 9))
        (tmp_path / "log.1").write_bytes(log(txns[:2] + txns[6:]))
        assert hole(tmp_path, zxid_of(1, 8)) == [
            hex(zxid_of(1, n)) for n in range(3, 7) if zxid_of(1, n) > start
        ]
