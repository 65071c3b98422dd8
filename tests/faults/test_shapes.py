"""A ring leaves each voter a quorum of its own; a bridge is all that two sides have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import Sid
from chaos.election.quorum import QuorumVerifier
from chaos.faults.shapes import bridge, ring
from tests.election.story import configuration

SIZES = st.integers(3, 9)


def heads(size: int) -> tuple[tuple[Sid, ...], QuorumVerifier]:
    """So many voters, which count by heads."""
    config = configuration(f"1-{size}")
    return tuple(sorted(config.voters)), config.verifier


@given(SIZES)
def test_in_a_ring_each_hears_a_majority_and_no_two_the_same(size: int) -> None:
    voters, verifier = heads(size)
    cuts = ring(voters, verifier)
    hears = {sid: frozenset(voters) - {c.source for c in cuts if c.target == sid} for sid in voters}
    assert all(len(heard) == size // 2 + 1 and sid in heard for sid, heard in hears.items())
    assert len(set(hears.values())) == size


def test_in_a_ring_of_five_neighbours_hear_each_other() -> None:
    voters, verifier = heads(5)
    cut = {frozenset((one.source, one.target)) for one in ring(voters, verifier)}
    assert cut == {frozenset(pair) for pair in ((1, 3), (1, 4), (2, 4), (2, 5), (3, 5))}


def test_a_ring_goes_by_weights() -> None:
    """Peer 1 weighs as much as the three others, so that its neighbours need nobody else."""
    config = configuration("1-4", weights="1:3,2:1,3:1,4:1")
    cuts = ring(tuple(sorted(config.voters)), config.verifier)
    assert {(one.source, one.target) for one in cuts} == {(2, 1), (3, 1), (3, 2), (4, 2), (2, 4)}


@pytest.mark.parametrize("size", [1, 2])
def test_so_few_have_no_ring(size: int) -> None:
    assert ring(*heads(size)) == ()


@given(SIZES, st.data())
def test_only_the_bridge_joins_the_sides(size: int, data: st.DataObject) -> None:
    members = tuple(map(Sid, range(1, size + 1)))
    middle = data.draw(st.sampled_from(members))
    cuts = {(one.source, one.target) for one in bridge(middle, members)}
    assert cuts == {(other, one) for one, other in cuts}
    assert all(middle not in cut for cut in cuts)
    others = set(members) - {middle}
    sides = {frozenset(sid for sid in others if (sid, one) not in cuts) for one in others}
    assert sorted(map(len, sides)) == sorted((len(others) // 2, len(others) - len(others) // 2))
    assert frozenset[Sid]().union(*sides) == others
