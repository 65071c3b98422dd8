"""``createElectionAlgorithm``: algorithm 3 and no other."""

from __future__ import annotations

import pytest

from chaos.election.fle import create_election_algorithm
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.timings import Timings
from chaos.election.vote import Vote
from chaos.errors import ConfigError


def initial() -> Vote:
    return Vote(Sid(1), Zxid(0), Round(0), PeerEpoch(0))


@pytest.mark.parametrize("algorithm", [0, 1, 2, 4])
def test_only_algorithm_3_is_left(algorithm: int) -> None:
    with pytest.raises(ConfigError, match=f"algorithm {algorithm} is not supported; use 3"):
        create_election_algorithm(algorithm, Sid(1), Timings(), initial)


def test_algorithm_3_starts_its_logical_clock_at_0() -> None:
    election = create_election_algorithm(3, Sid(1), Timings(), initial)
    assert (election.round, election.looking) == (0, False)
