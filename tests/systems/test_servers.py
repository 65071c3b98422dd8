"""What is told of a real server's start, from its log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.election.config import Configuration
from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, PeerSetup, configuration_of
from chaos.history.events import Appeared
from chaos.history.order import order
from chaos.systems.servers import LOG, Servers, Stage
from chaos.systems.starts import Starts
from chaos.zookeeper.installation import Binding, Installation

ONE = Sid(1)
SETUP = EnsembleSetup((PeerSetup(ONE), PeerSetup(Sid(2)), PeerSetup(Sid(3))))
SAID = """\
2026-01-02 03:04:05.678 [Q[myid=1]] INFO org.apache.zookeeper.server.quorum.QuorumPeer - LOOKING
2026-01-02 03:04:05.679 [Q[myid=1]] INFO org.apache.zookeeper.server.quorum.FastLeaderElection \
- New election. My id = 1, proposed zxid=0x0
2026-01-02 03:04:05.690 [Q[myid=1]] INFO org.apache.zookeeper.server.quorum.QuorumPeer - FOLLOWING
"""


@dataclass
class Process:
    pid: int = 71


class World:
    """Starts nothing: the log is written by the test."""

    ended = False

    def host_of(self, sid: Sid) -> str:
        return f"h{sid}"

    def spawn(self, sid: Sid, argv: list[str], **places: object) -> Process:
        del sid, argv, places
        return Process()

    def spawn_exits(self) -> list[tuple[int, int]]:
        return [(71, -9)] if self.ended else []


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def servers(world: World, tmp_path: Path) -> Servers:
    java = Installation(Path("java"), (), "3.8.0", "17", Binding.SIMPLE)
    configs: dict[Sid, Configuration] = {ONE: configuration_of(SETUP, lambda sid: f"h{sid}")}
    return Servers(world, Stage(SETUP, configs, java, tmp_path), Starts())  # type: ignore[arg-type]


def test_a_start_is_told_before_what_it_did_however_late_its_log_is_read(
    servers: Servers,
) -> None:
    servers.spawn(ONE)
    (servers.home(ONE) / LOG).write_text(SAID, encoding="utf-8")
    told = sorted(servers.look(), key=order)
    assert [isinstance(event, Appeared) for event in told] == [True, False, False]
    servers.let_go()


def test_the_log_of_one_that_has_ended_is_closed(servers: Servers, world: World) -> None:
    server = servers.spawn(ONE)
    world.ended = True
    list(servers.look())
    assert not server.alive
    assert server.log.closed
