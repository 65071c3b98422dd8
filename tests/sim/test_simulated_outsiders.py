"""An outsider at a simulated port is answered as at a real one, and changes nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from chaos.actions import Attack, CallOff, Evidence, Kill, Port
from chaos.election.effects import Deliver
from chaos.election.ids import Sid
from chaos.history.events import Rejected, Stepped
from chaos.wire.nonsense import FIRST_SID, SILENCES, Nonsense
from tests.sim.drive import Run

ALL = (Sid(1), Sid(2), Sid(3))


def attacked(kind: Nonsense, port: Port, seconds: float = 6) -> tuple[Run, Mapping[str, int | str]]:
    """Four connections a second at each port, two at once, while a leader serves."""
    run = Run(3)
    assert run.settle() == 3
    assert run.do(Attack("a", ALL, port, kind.value, 4, 2, 32)).bit is None
    run.rest(seconds)
    evidence = run.do(CallOff("a"))
    assert evidence.bit
    return run, evidence.facts


CLOSED = {Nonsense.GARBAGE, Nonsense.OVERSIZE, Nonsense.VERSION}  # by the peer, at once


@pytest.mark.parametrize("kind", Nonsense)
def test_at_the_election_port(kind: Nonsense) -> None:
    run, facts = attacked(kind, Port.ELECTION)
    rejected = [event.why for event in run.events if isinstance(event, Rejected)]
    assert run.view.leaders().keys() == {3}
    if kind not in SILENCES:
        assert facts["connections"] == 72
    if kind in CLOSED:
        assert facts["closed"] == facts["connections"]
        assert len(rejected) >= 36  # garbage may read as a handshake, and then as no frame
    if kind is Nonsense.MESSAGE:
        assert rejected.count("12 bytes are too short; the oldest notification has 28") >= 69
    if kind is Nonsense.SILENT:
        assert rejected.count("no initiation within syncLimit") >= 6
    heard = [e.happened for e in run.events if isinstance(e, Stepped)]
    votes = [one for one in heard if isinstance(one, Deliver) and one.sender >= FIRST_SID]
    if kind is Nonsense.CONFIG:
        assert len(votes) >= 69
        assert facts["answered"] != 0, "who is no voter is told the vote"
    else:
        assert not votes


@pytest.mark.parametrize("kind", Nonsense)
def test_at_the_quorum_port_only_a_leader_listens(kind: Nonsense) -> None:
    run, facts = attacked(kind, Port.QUORUM, 3)
    assert run.view.leaders().keys() == {3}
    refused, stood = facts["refused"], facts["connections"]
    assert isinstance(refused, int)
    assert isinstance(stood, int)
    assert refused >= 2 * stood
    introduced = kind not in (Nonsense.GARBAGE, Nonsense.SILENT, Nonsense.SLOW)
    assert (facts["answered"] != 0) is introduced or kind is Nonsense.SLOW
    if kind in (Nonsense.GARBAGE, Nonsense.OVERSIZE):
        assert facts["closed"] == stood


def test_where_nobody_listens_it_did_not_bite() -> None:
    run = Run(3)
    run.do(Kill(Sid(1)))
    run.do(Attack("a", (Sid(1),), Port.ELECTION, "silent", 4, 2))
    run.rest(1)
    evidence = run.do(CallOff("a"))
    assert evidence.bit is False
    assert (evidence.facts["connections"], evidence.facts["refused"]) == (0, 4)


def test_an_attack_goes_by_its_name() -> None:
    run = Run(3)
    attack = Attack("a", ALL, Port.ELECTION, "silent", 4, 2)
    assert run.do(attack).bit is None
    assert run.do(attack) == Evidence(False, {"error": "an attack is called a already"})
    assert run.do(CallOff("b")) == Evidence(False, {"error": "no attack is called b"})
