"""Which of two votes wins, and when two count as one.

Rows named are those of ZooKeeper's own tests, by class and method.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.quorum import QuorumMaj, tracker_of
from chaos.election.vote import Vote

LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING


def vote(leader: int, zxid: int = 0, epoch: int = 0, round_: int = 1) -> Vote:
    return Vote(Sid(leader), Zxid(zxid), Round(round_), PeerEpoch(epoch))


def settled(leader: int, zxid: int = 0, epoch: int = 1, round_: int = 1, version: int = 2) -> Vote:
    return Vote(Sid(leader), Zxid(zxid), Round(round_), PeerEpoch(epoch), FOLLOWING, version)


# FLEPredicateTest.testPredicate (row 10)
BEATS = {
    "a higher epoch wins over zxid and sid": (vote(1, 0, 2), vote(9, 9, 1), True),
    "a higher zxid wins in one epoch": (vote(1, 5, 1), vote(9, 4, 1), True),
    "a higher sid wins in one epoch and zxid": (vote(2, 4, 1), vote(1, 4, 1), True),
    "no vote beats itself": (vote(2, 4, 1), vote(2, 4, 1), False),
    "a lower epoch loses": (vote(9, 9, 1), vote(1, 0, 2), False),
    "a lower zxid loses": (vote(9, 4, 1), vote(1, 5, 1), False),
    "a lower sid loses": (vote(1, 4, 1), vote(2, 4, 1), False),
    "the round does not rank": (vote(1, 4, 1, round_=9), vote(2, 4, 1, round_=1), False),
    "zxids compare signed": (vote(1, 0, 1), vote(9, -1, 1), True),
}


@pytest.mark.parametrize(("a", "b", "beats"), BEATS.values(), ids=BEATS.keys())
def test_a_vote_outranks_another(a: Vote, b: Vote, beats: bool) -> None:
    assert (a.rank > b.rank) is beats


def test_the_order_is_total() -> None:
    """FLEPredicateTest.testPredicate: of votes that differ in rank just one of two wins."""
    votes = [vote(sid, zxid, epoch) for sid in (1, 2) for zxid in (0, 7) for epoch in (0, 3)]
    assert all((a.rank > b.rank) != (b.rank > a.rank) for a, b in permutations(votes, 2))


# protocol, section 5
AGREES = {
    "LOOKING: four equal numbers": (vote(3, 5, 1, 2), vote(3, 5, 1, 2), True),
    "LOOKING: another leader": (vote(3), vote(2), False),
    "LOOKING: another zxid": (vote(3, 5), vote(3, 6), False),
    "LOOKING: another round": (vote(3, round_=1), vote(3, round_=2), False),
    "LOOKING: another peer epoch": (vote(3, epoch=1), vote(3, epoch=2), False),
    "LOOKING: the version does not matter": (
        vote(3),
        Vote(Sid(3), Zxid(0), Round(1), PeerEpoch(0), LOOKING, 2),
        True,
    ),
    "one LOOKING, one settled: four equal numbers": (vote(3, 5, 1, 2), settled(3, 5, 1, 2), True),
    "one LOOKING, one settled: another round": (vote(3, 5, 1, 9), settled(3, 5, 1, 2), False),
    "settled: zxid and round do not matter": (settled(3, 5, 1, 2), settled(3, 9, 1, 7), True),
    "settled: another peer epoch": (settled(3, epoch=1), settled(3, epoch=2), False),
    "settled: another leader": (settled(3), settled(2), False),
    "settled, just one version: the leader alone": (
        settled(3, epoch=1, version=0),
        settled(3, epoch=2),
        True,
    ),
    "settled, just one version: another leader": (settled(3, version=0), settled(2), False),
    "settled, no version: the peer epoch counts": (
        settled(3, epoch=1, version=0),
        settled(3, epoch=2, version=0),
        False,
    ),
    "settled, versions 1 and 2 are both versions": (
        settled(3, epoch=1, version=1),
        settled(3, epoch=2),
        False,
    ),
}


@pytest.mark.parametrize(("a", "b", "agree"), AGREES.values(), ids=AGREES.keys())
def test_two_votes_count_as_one(a: Vote, b: Vote, agree: bool) -> None:
    assert a.agrees_with(b) is agree
    assert b.agrees_with(a) is agree


SMALL = st.builds(
    Vote,
    leader=st.integers(1, 3).map(Sid),
    zxid=st.integers(0, 2).map(Zxid),
    round=st.integers(1, 3).map(Round),
    peer_epoch=st.integers(0, 2).map(PeerEpoch),
    state=st.sampled_from(ServerState),
    version=st.integers(0, 2),
)


@given(SMALL)
def test_a_vote_agrees_with_itself(a: Vote) -> None:
    assert a.agrees_with(a)


@given(SMALL, SMALL)
def test_agreement_goes_both_ways_and_names_one_leader(a: Vote, b: Vote) -> None:
    assert a.agrees_with(b) == b.agrees_with(a)
    assert not a.agrees_with(b) or a.leader == b.leader


def supporters(votes: dict[int, Vote], of: Vote) -> bool:
    """Whether those whose vote agrees with ``of`` are a majority of five."""
    majority = QuorumMaj(frozenset(Sid(sid) for sid in range(5)))
    return tracker_of(
        (majority,), [Sid(sid) for sid, cast in votes.items() if of.agrees_with(cast)]
    ).has_all_quorums()


def test_looking_votes_of_one_round_are_a_quorum() -> None:
    """FLEOutOfElectionTest.testLookingNormal (row 13)."""
    votes = {sid: vote(4, 0, 1, 1) for sid in range(5)} | {0: vote(3, 0, 1, 1)}
    assert supporters(votes, vote(4, 0, 1, 1))


def test_looking_votes_of_several_rounds_are_none() -> None:
    """FLEOutOfElectionTest.testLookingDiffRounds (row 14)."""
    votes = {0: vote(4, 0, 1, 2), 1: vote(4, 0, 1, 2), 2: vote(4, 0, 1, 3), 3: vote(4, 0, 1, 3)}
    assert not supporters(votes | {4: vote(4, 0, 1, 4)}, vote(4, 0, 1, 2))


def test_settled_votes_of_one_epoch_agree_whatever_zxid_and_round() -> None:
    """FLEOutOfElectionTest.testIgnoringZxidElectionEpoch (row 11)."""
    votes = {sid: settled(4, zxid=sid, epoch=1, round_=sid + 1) for sid in range(3)}
    assert supporters(votes, settled(4, 99, 1, 99))


def test_settled_votes_of_old_senders_agree_by_leader() -> None:
    """FLEOutOfElectionTest.testElectionWIthDifferentVersion (row 12)."""
    votes = {
        0: settled(4, epoch=1, version=1),
        1: settled(4, epoch=1, version=1),
        2: settled(4, epoch=9, version=0),
    }
    assert supporters(votes, settled(4, epoch=1, version=1))


def test_one_settled_vote_of_another_epoch_breaks_the_quorum() -> None:
    """FLEOutOfElectionTest.testOutofElection (row 15): with and without the fifth."""
    votes = {
        0: settled(4, 0, 1, 1),
        1: settled(4, 0, 1, 2),
        2: settled(4, 0, 0, 1),
        3: settled(3, 0, 1, 1),
    }
    leader_says = Vote(Sid(4), Zxid(0), Round(3), PeerEpoch(1), LEADING, 2)
    assert not supporters(votes, leader_says)
    assert supporters(votes | {4: leader_says}, leader_says)
