"""Which sets of voters are a quorum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import Sid
from chaos.election.quorum import QuorumHierarchical, QuorumMaj, SyncedLearnerTracker, tracker_of


def sids(*numbers: int) -> frozenset[Sid]:
    return frozenset(Sid(number) for number in numbers)


def groups_of(
    *groups: tuple[int, ...], weights: dict[int, int] | None = None
) -> QuorumHierarchical:
    members = {gid: sids(*group) for gid, group in enumerate(groups, 1)}
    voters = frozenset[Sid]().union(*members.values())
    given_weights = weights or {}
    return QuorumHierarchical(
        voters, members, {sid: given_weights.get(sid, 1) for sid in sorted(voters)}
    )


# QuorumMajorityTest.testMajQuorums (row 26): 1..6 vote, 7 and 8 observe
SIX = QuorumMaj(sids(1, 2, 3, 4, 5, 6))
MAJORITY = {
    "half is none": (sids(1, 2, 3), False),
    "one more than half": (sids(1, 2, 3, 4), True),
    "observers do not help": (sids(1, 2, 3, 7, 8), False),
    "observers do not harm": (sids(1, 2, 3, 4, 7, 8), True),
    "nobody": (sids(), False),
    "everybody": (sids(1, 2, 3, 4, 5, 6), True),
}


@pytest.mark.parametrize(("acks", "is_quorum"), MAJORITY.values(), ids=MAJORITY.keys())
def test_a_majority_counts_voters_only(acks: frozenset[Sid], is_quorum: bool) -> None:
    assert SIX.contains_quorum(acks) is is_quorum


def test_an_ensemble_without_voters_has_no_quorum() -> None:
    assert not QuorumMaj(sids()).contains_quorum(sids(1, 2))


# protocol, section 6.3: nine servers in three groups
NINE = groups_of((1, 2, 3), (4, 5, 6), (7, 8, 9))
NINES = {
    "four suffice: two of three in two of three": (sids(1, 2, 4, 5), True),
    "five may not: 3 + 1 + 1": (sids(1, 2, 3, 4, 7), False),
    "one whole group": (sids(1, 2, 3), False),
    "one each": (sids(1, 4, 7), False),
    "six: two whole groups": (sids(1, 2, 3, 4, 5, 6), True),
    "strangers": (sids(10, 11, 12, 13, 14), False),
}


@pytest.mark.parametrize(("acks", "is_quorum"), NINES.values(), ids=NINES.keys())
def test_nine_servers_in_three_groups(acks: frozenset[Sid], is_quorum: bool) -> None:
    assert NINE.contains_quorum(acks) is is_quorum


# FLEZeroWeightTest (row 9), HierarchicalQuorumTest (row 25), and plan weights 1 1 2 2 1
WEIGHTED = {
    "groups of weight 0 do not count": (
        groups_of((1, 2, 3), (4, 5), weights={4: 0, 5: 0}),
        sids(1, 2),
        True,
    ),
    "servers of weight 0 add nothing": (
        groups_of((1, 2, 3), (4, 5), weights={4: 0, 5: 0}),
        sids(1, 4, 5),
        False,
    ),
    "no weight at all is no quorum": (groups_of((1, 2), weights={1: 0, 2: 0}), sids(1, 2), False),
    "4 of 7": (groups_of((1, 2, 3, 4, 5), weights={3: 2, 4: 2}), sids(3, 4), True),
    "3 of 7": (groups_of((1, 2, 3, 4, 5), weights={3: 2, 4: 2}), sids(1, 2, 5), False),
    "half of an even weight is none": (groups_of((1, 2), weights={1: 2, 2: 2}), sids(1), False),
    "two of two groups are needed": (groups_of((1,), (2,)), sids(1), False),
}


@pytest.mark.parametrize(("verifier", "acks", "is_quorum"), WEIGHTED.values(), ids=WEIGHTED.keys())
def test_weights_decide(
    verifier: QuorumHierarchical, acks: frozenset[Sid], is_quorum: bool
) -> None:
    assert verifier.contains_quorum(acks) is is_quorum


def test_weights_of_ids_without_one() -> None:
    """A majority weighs anybody 1; a hierarchy 0, where ZooKeeper dereferences null."""
    assert SIX.weight(Sid(99)) == 1
    assert NINE.weight(Sid(99)) == 0


SETS = st.frozensets(st.integers(1, 9).map(Sid))
HIERARCHIES = st.builds(
    lambda weights, cut, end: groups_of(
        tuple(range(1, cut)), tuple(range(cut, end)), tuple(range(end, 10)), weights=weights
    ),
    st.dictionaries(st.integers(1, 9), st.integers(0, 4)),
    st.integers(2, 5),
    st.integers(6, 9),
)
VERIFIERS = HIERARCHIES | SETS.map(QuorumMaj)


@given(VERIFIERS, SETS, SETS)
def test_two_quorums_intersect(
    verifier: QuorumMaj | QuorumHierarchical, a: frozenset[Sid], b: frozenset[Sid]
) -> None:
    if verifier.contains_quorum(a) and verifier.contains_quorum(b):
        assert a & b & verifier.voters


@given(VERIFIERS, SETS, SETS)
def test_more_acks_never_undo_a_quorum(
    verifier: QuorumMaj | QuorumHierarchical, a: frozenset[Sid], more: frozenset[Sid]
) -> None:
    if verifier.contains_quorum(a):
        assert verifier.contains_quorum(a | more)


@given(st.sets(st.integers(1, 9).map(Sid), min_size=1), SETS)
def test_one_group_of_equal_weights_is_a_majority(voters: set[Sid], acks: frozenset[Sid]) -> None:
    one = groups_of(tuple(sorted(voters)))
    assert one.contains_quorum(acks) == QuorumMaj(frozenset(voters)).contains_quorum(acks)


# SyncedLearnerTracker (protocol, section 6.5; row 26 with two verifiers)
OLD, NEW = QuorumMaj(sids(1, 2, 3)), QuorumMaj(sids(3, 4, 5))
BOTH = {
    "a quorum of the old alone": (sids(1, 2), False),
    "a quorum of the new alone": (sids(4, 5), False),
    "a shared voter counts twice": (sids(2, 3, 4), True),
    "a quorum of each": (sids(1, 2, 4, 5), True),
}


@pytest.mark.parametrize(("acks", "all_quorums"), BOTH.values(), ids=BOTH.keys())
def test_two_verifiers_need_a_quorum_each(acks: frozenset[Sid], all_quorums: bool) -> None:
    assert tracker_of((OLD, NEW), sorted(acks)).has_all_quorums() is all_quorums


def test_an_ack_counts_where_its_sender_votes() -> None:
    tracker = SyncedLearnerTracker((OLD, NEW))
    assert tracker.add_ack(Sid(1))
    assert not tracker.add_ack(Sid(9))
    assert tracker.acks == {1}


def test_has_sid_asks_for_a_voter_of_every_verifier_not_for_an_ack() -> None:
    tracker = SyncedLearnerTracker((OLD, NEW))
    assert tracker.has_sid(Sid(3))
    assert not tracker.has_sid(Sid(1))
