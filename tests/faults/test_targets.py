"""Which peers a selector means."""

from __future__ import annotations

import random
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.actions import Block, Cut
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.quorum import QuorumHierarchical, QuorumMaj, QuorumVerifier
from chaos.election.vote import Vote
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind, Runs, configuration_of
from chaos.faults.network import OneWay
from chaos.faults.targets import (
    Aim,
    Ambiguity,
    Between,
    Group,
    Name,
    NoTarget,
    Pick,
    Selector,
    Several,
    Sids,
    Word,
    aim,
    resolve,
)
from chaos.faults.voters import majority, minority
from chaos.history.view import EnsembleView

VOTERS = 5
OBSERVER = Sid(6)


def _view(*leaders: int) -> EnsembleView:
    """Five voters and an observer, all settled under the last of ``leaders``."""
    peers = tuple(PeerSetup(Sid(n), votes=n <= VOTERS) for n in range(1, 7))
    setup = EnsembleSetup(peers, QuorumKind.MAJORITY)
    view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"peer-{sid}"))
    for peer in view.peers.values():
        peer.up = True
        if leaders:
            peer.vote = Vote(Sid(leaders[-1]), Zxid(0), Round(1), PeerEpoch(1))
            observes = peer.sid == OBSERVER
            peer.state = ServerState.OBSERVING if observes else ServerState.FOLLOWING
    for leader in leaders:
        peer = view.peers[Sid(leader)]
        peer.state, peer.epoch = ServerState.LEADING, PeerEpoch(leader)
        peer.vote = Vote(Sid(leader), Zxid(0), Round(1), PeerEpoch(1))
    return view


def _of(*sids: int) -> Sids:
    return Sids(tuple(Sid(sid) for sid in sids))


NAMES = {"old": (Sid(4), Sid(2))}

MEANT = {
    "leader": (Group(Word.LEADER), (3,)),
    "followers are no observers": (Group(Word.FOLLOWERS), (1, 2, 4, 5)),
    "voters": (Group(Word.VOTERS), (1, 2, 3, 4, 5)),
    "observers": (Group(Word.OBSERVERS), (6,)),
    "all": (Group(Word.ALL), (1, 2, 3, 4, 5, 6)),
    "sids": (_of(5, 1), (1, 5)),
    "name": (Name("old"), (2, 4)),
    "several": (Several((_of(1), Name("old"))), (1, 2, 4)),
    "everything but": (Pick(Group(Word.VOTERS), None, (Group(Word.LEADER), _of(1))), (2, 4, 5)),
    "the source of a link": (Between(_of(2), _of(3)), (2,)),
}


@pytest.mark.parametrize(
    ("program", "sids"), [(Runs.CHAOS, (1, 5)), (Runs.ZOOKEEPER, (2, 4))], ids=["ours", "theirs"]
)
def test_peers_are_told_apart_by_what_they_run(program: Runs, sids: tuple[int, ...]) -> None:
    view = _view(3)
    for sid in (2, 4, 6):
        view.peers[Sid(sid)].foreign = True
    followers = Pick(Group(Word.FOLLOWERS), runs=program)
    assert resolve(followers, view, NAMES, random.Random(1)) == sids


@pytest.mark.parametrize(("selector", "sids"), MEANT.values(), ids=MEANT.keys())
def test_a_selector_means_these_peers_in_order(selector: Selector, sids: tuple[int, ...]) -> None:
    assert resolve(selector, _view(3), NAMES, random.Random(1)) == sids


NOBODY = {
    "no leader": (Group(Word.LEADER), _view(), "no peer leads now"),
    "no followers without a leader": (Group(Word.FOLLOWERS), _view(), "no peer leads now"),
    "a name that was never bound": (Name("new"), _view(3), "$new was never bound"),
    "nobody left": (Pick(_of(3), None, (Group(Word.LEADER),)), _view(3), "means no peer now"),
    "too few": (Pick(_of(1, 2), 3), _view(3), "3 peers were to be picked, only 2 qualify"),
}


@pytest.mark.parametrize(("selector", "view", "why"), NOBODY.values(), ids=NOBODY.keys())
def test_a_selector_that_means_nobody_says_why(
    selector: Selector, view: EnsembleView, why: str
) -> None:
    with pytest.raises(NoTarget) as caught:
        resolve(selector, view, NAMES, random.Random(1))
    assert why in str(caught.value)
    assert caught.value.skip is False


class Both(EnsembleView):
    """An ensemble in which two peers count as leaders, as while one is being deposed."""

    def leaders(self) -> dict[Sid, PeerEpoch]:
        return {Sid(1): PeerEpoch(1), Sid(2): PeerEpoch(2)}


def _two() -> EnsembleView:
    view = _view()
    return Both(view.members, view.config, view.peers)


def test_of_two_leaders_neither_is_taken_unless_all_are_wanted() -> None:
    with pytest.raises(NoTarget, match=r"peers \[1, 2\] all lead now") as caught:
        resolve(Group(Word.LEADER), _two(), NAMES, random.Random(1))
    assert caught.value.skip is False
    both = Group(Word.LEADER, Ambiguity.ALL)
    assert resolve(both, _two(), NAMES, random.Random(1)) == (1, 2)


@pytest.mark.parametrize("view", [_view(), _two()], ids=["none", "two"])
def test_an_ambiguous_leader_may_be_skipped(view: EnsembleView) -> None:
    with pytest.raises(NoTarget) as caught:
        resolve(Group(Word.LEADER, Ambiguity.SKIP), view, NAMES, random.Random(1))
    assert caught.value.skip is True


def test_a_fault_of_links_is_told_its_far_side() -> None:
    aimed = aim(Between(_of(1), _of(1, 2, 3)), _view(3), NAMES, random.Random(1))
    cuts = (Cut(Sid(1), Sid(2)), Cut(Sid(1), Sid(3)))
    assert aimed == Aim((Sid(1),), (Sid(1), Sid(2), Sid(3)))
    assert aimed.of(OneWay("cut")).begin(aimed.targets, _view(3)) == [Block("cut", cuts)]


# ---- lots


@given(st.integers(min_value=0, max_value=2**32), st.integers(min_value=1, max_value=5))
def test_the_same_seed_draws_the_same_peers(seed: int, n: int) -> None:
    pick = Pick(Group(Word.VOTERS), n)
    first = resolve(pick, _view(3), NAMES, random.Random(seed))
    assert first == resolve(pick, _view(3), NAMES, random.Random(seed))
    assert len(first) == n


def test_every_peer_is_drawn_by_some_seed() -> None:
    pick = Pick(Group(Word.VOTERS), 1)
    drawn = {resolve(pick, _view(3), NAMES, random.Random(seed)) for seed in range(100)}
    assert drawn == {(1,), (2,), (3,), (4,), (5,)}


def test_half_is_the_smaller_half_of_the_voters() -> None:
    assert len(resolve(Group(Word.HALF), _view(3), NAMES, random.Random(1))) == 2


# ---- quorum arithmetic


def _hierarchy(groups: dict[int, tuple[int, ...]], weights: dict[int, int]) -> QuorumHierarchical:
    voters = frozenset(Sid(sid) for sids in groups.values() for sid in sids)
    return QuorumHierarchical(
        voters,
        MappingProxyType({g: frozenset(Sid(s) for s in sids) for g, sids in groups.items()}),
        MappingProxyType({Sid(sid): weights.get(sid, 1) for sid in sorted(voters)}),
    )


NINE = _hierarchy({1: (1, 2, 3), 2: (4, 5, 6), 3: (7, 8, 9)}, {})
SIZES: dict[str, tuple[QuorumVerifier, int, int]] = {
    "one": (QuorumMaj(frozenset({Sid(1)})), 1, 0),
    "three": (QuorumMaj(frozenset(map(Sid, range(1, 4)))), 2, 1),
    "four": (QuorumMaj(frozenset(map(Sid, range(1, 5)))), 3, 1),
    "five": (QuorumMaj(frozenset(map(Sid, range(1, 6)))), 3, 2),
    "a heavy one": (_hierarchy({1: (1, 2, 3)}, {1: 5}), 1, 2),
    "nine in three groups": (NINE, 4, 5),
    "some without weight": (_hierarchy({1: (1, 2, 3, 4, 5)}, {4: 0, 5: 0}), 2, 3),
    "many": (_hierarchy({1: tuple(range(1, 22))}, {}), 11, 10),
}


@pytest.mark.parametrize(("verifier", "least", "most"), SIZES.values(), ids=SIZES.keys())
def test_sizes_follow_the_quorum_not_the_heads(
    verifier: QuorumVerifier, least: int, most: int
) -> None:
    assert len(majority(verifier, random.Random(1))) == least
    assert len(minority(verifier, random.Random(1))) == most


@st.composite
def _verifiers(draw: st.DrawFn) -> QuorumVerifier:
    count = draw(st.integers(min_value=1, max_value=7))
    sids = tuple(range(1, count + 1))
    if draw(st.booleans()):
        return QuorumMaj(frozenset(map(Sid, sids)))
    cut = draw(st.integers(min_value=1, max_value=count))
    groups = {n: part for n, part in enumerate((sids[:cut], sids[cut:]), 1) if part}
    weight = st.integers(min_value=0, max_value=4)
    weights = {sid: draw(weight) for sid in sids}
    weights[1] = max(1, weights[1])
    return _hierarchy(groups, weights)


@given(_verifiers(), st.integers(min_value=0, max_value=2**32))
def test_a_minority_leaves_a_quorum_and_is_none(verifier: QuorumVerifier, seed: int) -> None:
    spared = minority(verifier, random.Random(seed))
    assert verifier.contains_quorum(verifier.voters - spared)
    assert not verifier.contains_quorum(spared)
    for sid in verifier.voters - spared:
        assert len(spared) + 1 > len(verifier.voters) or not _spares(verifier, len(spared) + 1), sid


def _spares(verifier: QuorumVerifier, size: int) -> bool:
    """Whether a quorum can spare any ``size`` voters at all."""
    return any(
        verifier.contains_quorum(verifier.voters - spared)
        for spared in _subsets(sorted(verifier.voters), size)
    )


def _subsets(sids: list[Sid], size: int) -> list[frozenset[Sid]]:
    if size == 0:
        return [frozenset()]
    return [
        rest | {sid} for at, sid in enumerate(sids) for rest in _subsets(sids[at + 1 :], size - 1)
    ]


@given(_verifiers(), st.integers(min_value=0, max_value=2**32))
def test_a_majority_is_a_quorum_that_can_spare_nobody(verifier: QuorumVerifier, seed: int) -> None:
    found = majority(verifier, random.Random(seed))
    assert verifier.contains_quorum(found)
    assert not any(verifier.contains_quorum(found - {sid}) for sid in found)


def test_without_weight_there_is_neither() -> None:
    nothing = _hierarchy({1: (1, 2)}, {1: 0, 2: 0})
    assert majority(nothing, random.Random(1)) == frozenset()
    assert minority(nothing, random.Random(1)) == frozenset()
