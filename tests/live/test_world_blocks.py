"""Blocks stop real packets between two peers of a world, on every backend of this host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.errors import InfrastructureError
from chaos.sandbox.blocks import BACKENDS
from chaos.sandbox.lines import Json
from chaos.systems.world import World
from tests.sandbox.worlds import Puppet, obedient, puppet, why_no_backend

pytestmark = pytest.mark.live

A, B = Sid(1), Sid(2)
SHORT = "0.2"  # long enough for a packet on loopback, shorter than TCP's first retries of a SYN
DEAD = {"ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", ""}


@dataclass(frozen=True)
class Two:
    """Two peers with a standing connection from ``a`` to the election port of ``b``."""

    world: World
    a: Puppet
    b: Puppet

    def cross(self, source: Puppet, target: Puppet, text: str) -> Json:
        """What ``target`` sees within a moment when ``source`` sends on the connection."""
        sent = source.do("send", name="link", text=text)
        return target.do("receive", name="link", timeout=SHORT) if sent == "done" else sent

    def attempt(self, source: Puppet, target: Puppet, port: int = ELECTION_PORT) -> Json:
        """What comes of a new connection."""
        how = {"to": target.host, "port": str(port), "timeout": SHORT}
        return source.do("dial", name="attempt", **how)


SHARED: tuple[Sid, ...] = ()  # one namespace for all
ROUTED = (A, B)  # one for each


@pytest.fixture(params=[SHARED, ROUTED], ids=["shared", "routed"])
def servers(request: pytest.FixtureRequest) -> tuple[Sid, ...]:
    given: tuple[Sid, ...] = request.param
    return given


@pytest.fixture(params=BACKENDS)
def two(request: pytest.FixtureRequest, servers: tuple[Sid, ...], tmp_path: Path) -> Iterator[Two]:
    if why := why_no_backend(request.param):
        pytest.skip(why)
    with World.open("kernel", tmp_path, obedient(request.param), servers) as world:
        a, b = puppet(world, A), puppet(world, B)
        for one in (a, b):
            one.do("listen", name="election", port=str(ELECTION_PORT))
            one.do("listen", name="quorum", port=str(QUORUM_PORT))
        assert a.do("dial", name="link", to=b.host, port=str(ELECTION_PORT)) == "done"
        assert b.do("accept", name="link", listener="election") == "done"
        yield Two(world, a, b)


BOTH = (Cut(A, B), Cut(B, A))
PORT_BOTH = (PortCut(B, Port.ELECTION, True), PortCut(B, Port.ELECTION, False))


@pytest.mark.parametrize("cuts", [BOTH, PORT_BOTH], ids=["peers", "port"])
def test_a_silent_block_lets_nothing_through_and_says_nothing(
    two: Two, cuts: tuple[Cut | PortCut, ...]
) -> None:
    two.world.block("b", cuts, How.SILENT)
    assert two.cross(two.a, two.b, "x") == "TimeoutError"
    assert two.cross(two.b, two.a, "y") == "TimeoutError"
    assert two.attempt(two.a, two.b) == "TimeoutError"
    facts = two.world.unblock("b")
    assert int(facts["packets"]) >= 3
    assert int(facts["bytes"]) > 3 * 40
    assert two.b.do("receive", name="link") == "x"  # late, by TCP's own retry


def test_a_silent_block_of_one_direction_lets_the_other_pass(two: Two) -> None:
    two.world.block("b", [Cut(A, B)], How.SILENT)
    assert two.cross(two.b, two.a, "y") == "y"
    assert two.cross(two.a, two.b, "x") == "TimeoutError"
    assert int(two.world.unblock("b")["packets"]) >= 1


@pytest.mark.parametrize("cuts", [BOTH, PORT_BOTH], ids=["peers", "port"])
def test_a_reset_of_both_directions_reaches_both_idle_ends(
    two: Two, cuts: tuple[Cut | PortCut, ...]
) -> None:
    facts = two.world.block("b", cuts, How.RESET)
    assert int(facts["connections"]) >= 1
    assert two.a.do("receive", name="link", timeout=SHORT) in DEAD
    assert two.b.do("receive", name="link", timeout=SHORT) in DEAD
    assert two.attempt(two.a, two.b) == "ConnectionRefusedError"
    assert int(two.world.unblock("b")["packets"]) >= 1
    assert two.attempt(two.a, two.b) == "done"


def test_a_reset_of_one_direction_answers_only_who_sends(two: Two) -> None:
    two.world.block("b", [Cut(A, B)], How.RESET)
    two.a.do("send", name="link", text="x")
    assert two.a.do("receive", name="link", timeout=SHORT) in DEAD
    assert two.b.do("receive", name="link", timeout=SHORT) == "TimeoutError"
    assert two.attempt(two.a, two.b) == "ConnectionRefusedError"
    assert int(two.world.unblock("b")["packets"]) >= 2


@pytest.mark.parametrize("cuts", [BOTH, PORT_BOTH], ids=["peers", "port"])
def test_a_refusal_leaves_standing_connections_alone(
    two: Two, cuts: tuple[Cut | PortCut, ...]
) -> None:
    two.world.block("b", cuts, How.REFUSE)
    assert two.cross(two.a, two.b, "x") == "x"
    assert two.cross(two.b, two.a, "y") == "y"
    assert two.attempt(two.a, two.b) == "ConnectionRefusedError"
    assert two.world.unblock("b")["packets"] == 1
    assert two.attempt(two.a, two.b) == "done"


def test_a_cut_of_one_port_leaves_the_other_port_alone(two: Two) -> None:
    two.world.block("b", [PortCut(B, Port.ELECTION, True)], How.REFUSE)
    assert two.attempt(two.a, two.b, QUORUM_PORT) == "done"
    assert two.attempt(two.b, two.a, ELECTION_PORT) == "done"
    assert two.attempt(two.a, two.b, ELECTION_PORT) == "ConnectionRefusedError"
    two.world.unblock("b")


def test_blocks_that_overlap_each_count_and_heal_alone(two: Two) -> None:
    two.world.block("all", BOTH, How.SILENT)
    two.world.block("attempts", [PortCut(B, Port.ELECTION, True)], How.REFUSE)
    assert two.attempt(two.a, two.b) == "TimeoutError"  # silence wins: nothing can answer
    assert int(two.world.unblock("all")["packets"]) >= 1
    assert two.attempt(two.a, two.b) == "ConnectionRefusedError"
    assert int(two.world.unblock("attempts")["packets"]) >= 2
    assert two.attempt(two.a, two.b) == "done"


@pytest.mark.parametrize("ppm", [1_000_000, 500_000])
def test_a_share_of_packets_is_lost_and_counted(two: Two, ppm: int) -> None:
    two.world.lose("l", [Cut(A, B)], ppm)
    outcomes = [two.attempt(two.a, two.b) for _ in range(8)]
    lost = int(two.world.unblock("l")["packets"])
    assert lost >= 1
    assert outcomes.count("done") == 0 if ppm == 1_000_000 else lost < 8 * 5
    assert two.attempt(two.a, two.b) == "done"


@pytest.mark.parametrize("ppm", [0, -1, 1_000_001])
def test_what_is_no_share_is_refused(two: Two, ppm: int) -> None:
    with pytest.raises(InfrastructureError, match="of a million"):
        two.world.lose("l", [Cut(A, B)], ppm)


def test_a_block_that_stopped_nothing_says_so(two: Two) -> None:
    two.world.block("b", BOTH, How.SILENT)
    facts = two.world.unblock("b")
    assert (facts["packets"], facts["bytes"], facts["connections"]) == (0, 0, 0)


def test_a_partition_of_two_hundred_peers_is_read_back(two: Two) -> None:
    left, right = range(1, 101), range(101, 202)
    cuts = [Cut(Sid(a), Sid(b)) for a in left for b in right]
    facts = two.world.block("b", cuts, How.SILENT)
    assert facts["keys"] == len(cuts)
    two.world.unblock("b")


def test_a_name_is_used_once_at_a_time(two: Two) -> None:
    two.world.block("b", [Cut(A, B)])
    with pytest.raises(InfrastructureError, match='a block called "b" already'):
        two.world.block("b", [Cut(B, A)])
    two.world.unblock("b")
    with pytest.raises(InfrastructureError, match='no block called "b"'):
        two.world.unblock("b")
