"""Transactions between our peer and ZooKeeper servers: each takes the other's log."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.election.effects import Append, Effect, Restore, SendPacket, Serving
from chaos.election.ids import Sid, Zxid, zxid_of
from chaos.election.packets import Snap
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.history.events import Stepped
from chaos.zookeeper.sessions import Zoo, client, end, session
from tests.peer.nest import LivePeer, Nest, nest
from tests.zookeeper.servers import Servers, wait_until

pytestmark = pytest.mark.live

TIMINGS = Timings(tick_ms=200, init_limit=20, sync_limit=10)
ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
SETUP = EnsembleSetup(tuple(PeerSetup(sid) for sid in (ONE, TWO, THREE)), timings=TIMINGS)
_ANSWER_S = 10.0


class Mixed:
    """Our peer 3 beside ZooKeeper servers 1 and 2."""

    def __init__(self, home: Nest, servers: Servers) -> None:
        self.servers = servers
        self._home = home
        self._spec = PeerSpec(THREE, servers.configuration().text(), timings=TIMINGS)

    def ours(self) -> LivePeer:
        """Start our peer, and wait until it serves."""
        peer = self._home.fork(self._spec)
        wait_until(lambda: any(isinstance(effect, Serving) for effect in effects(peer)))
        return peer

    def kill(self, peer: LivePeer) -> None:
        os.kill(peer.pid, signal.SIGKILL)
        assert self._home.hear() == {"exited": peer.pid, "status": -9}

    def serve(self, *sids: Sid) -> None:
        """Wait until these servers serve."""
        wait_until(lambda: "" not in self.servers.modes(sids).values(), self._ended)

    def zxids(self) -> set[Zxid | None]:
        return {self.servers.srvr(sid).zxid for sid in (ONE, TWO)}

    def host(self, sid: Sid) -> str:
        return str(self.servers.client(sid))

    def _ended(self) -> str:
        return f"ended: {self.servers.ended()}"


@pytest.fixture
def mixed(tmp_path: Path, ensemble: Callable[[EnsembleSetup], Servers]) -> Iterator[Mixed]:
    servers = ensemble(SETUP)
    with nest(tmp_path / "ours") as home:
        servers.start(ONE, TWO)
        yield Mixed(home, servers)


def effects(peer: LivePeer) -> list[Effect]:
    return [effect for step in peer.all(Stepped) for effect in step.effects]


def committed(peer: LivePeer) -> int:
    zxid = peer.done("committed")["zxid"]
    assert isinstance(zxid, int)
    return zxid


def work(peer: LivePeer, per_s: int) -> None:
    peer.done("input", input={"k": "Work", "per_s": per_s, "payload": 10})


def names(zoo: Zoo) -> list[str]:
    found = zoo.get_children_async("/").get(timeout=_ANSWER_S)
    assert isinstance(found, list)
    return sorted(str(name) for name in found)


def create(zoo: Zoo, path: str) -> None:
    zoo.create_async(path, b"x" * 100, include_data=False).get(timeout=_ANSWER_S)


def test_servers_log_what_our_leader_proposes_and_one_that_was_away_too(mixed: Mixed) -> None:
    servers = mixed.servers
    peer = mixed.ours()
    mixed.serve(ONE, TWO)
    work(peer, 50)
    wait_until(lambda: committed(peer) >= zxid_of(1, 50))
    servers.kill(ONE)
    before = committed(peer)
    wait_until(lambda: committed(peer) > before + 20)
    servers.start(ONE)
    mixed.serve(ONE)
    work(peer, 0)
    wait_until(lambda: mixed.zxids() == {committed(peer)})
    mixed.kill(peer)
    servers.serving(ONE, TWO)
    with session([mixed.host(ONE)], _ANSWER_S) as zoo:
        found = names(zoo)
    assert len(found) > 70
    assert found == sorted(
        ["zookeeper", *(f"chaos-{zxid_of(1, n):x}" for n in range(1, len(found)))]
    )


def test_our_peer_takes_the_servers_writes_and_gives_them_on(mixed: Mixed, tmp_path: Path) -> None:
    """A SNAP of a tree that we never look into, with a log behind it, makes a server whole."""
    servers = mixed.servers
    leader = servers.serving(ONE, TWO)
    with session([mixed.host(leader)], _ANSWER_S) as zoo:
        for number in range(30):
            create(zoo, f"/before-{number}")
        peer = mixed.ours()  # late and empty
        for number in range(10):
            create(zoo, f"/after-{number}")
        written = names(zoo)
    assert [effect for effect in effects(peer) if isinstance(effect, Restore) and effect.tree]
    assert [effect for effect in effects(peer) if isinstance(effect, Append)]
    servers.kill(leader)
    other = THREE - leader
    mixed.serve(Sid(other))
    (version,) = tmp_path.glob(f"*/{leader}/data/version-2")
    shutil.rmtree(version)
    servers.start(leader)
    mixed.serve(leader)
    sent = [effect.packet for effect in effects(peer) if isinstance(effect, SendPacket)]
    assert [packet for packet in sent if isinstance(packet, Snap) and packet.tree]
    with session([mixed.host(leader)], _ANSWER_S) as zoo:
        assert names(zoo) == written


def test_a_client_keeps_its_session_under_our_leader(mixed: Mixed) -> None:
    servers = mixed.servers
    peer = mixed.ours()
    mixed.serve(ONE, TWO)
    zoo = client([mixed.host(ONE), mixed.host(TWO)])
    assert zoo.start_async().wait(_ANSWER_S)
    opened = zoo.client_id
    assert zoo.sync_async("/").get(timeout=_ANSWER_S) == "/"
    refused = zoo.create_async("/x", b"", include_data=False)
    wait_until(lambda: refused.exception is not None)
    assert type(refused.exception).__name__ == "UnimplementedError"
    for sid in (ONE, TWO):
        servers.kill(sid)
        servers.start(sid)
        mixed.serve(sid)
        wait_until(lambda: zoo.connected)
        assert names(zoo) == ["zookeeper"]
    assert zoo.client_id == opened
    assert end(zoo) == ""
    kinds = [txn.kind for e in effects(peer) if isinstance(e, Append) for txn in e.txns]
    assert kinds == [-10, -1, -11]
