"""What ``leaves`` keeps to, and the named sets of voters, against a count by brute force."""

from __future__ import annotations

import random
from itertools import combinations
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.actions import Cut, Port, PortCut
from chaos.election.config import Address, Configuration, Member
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind, configuration_of
from chaos.faults.survivors import Leaves, Survivors
from chaos.faults.targets import (
    EVERY_LINK,
    Between,
    By,
    Group,
    NoTarget,
    OneLink,
    Pick,
    Sids,
    Word,
    aim,
    resolve,
)
from chaos.faults.voters import minority_third, quorum_breaker
from chaos.history.view import EnsembleView

SEEDS = st.integers(min_value=0, max_value=2**32)
VOTERS = Group(Word.VOTERS)


@st.composite
def _configs(draw: st.DrawFn, version: int, sids: range) -> Configuration:
    voters = [Sid(sid) for sid in sids if sid == 1 or draw(st.booleans())]
    members = {Sid(s): _member(Sid(s), votes=Sid(s) in voters) for s in sids}
    if draw(st.booleans()):
        return Configuration(MappingProxyType(members), version)
    at = draw(st.integers(min_value=1, max_value=len(voters)))
    groups = {n: frozenset(part) for n, part in enumerate((voters[:at], voters[at:]), 1) if part}
    weights = {sid: draw(st.integers(min_value=0, max_value=3)) for sid in voters}
    return Configuration(
        MappingProxyType(members), version, MappingProxyType(groups), MappingProxyType(weights)
    )


def _member(sid: Sid, *, votes: bool) -> Member:
    return Member(sid, ((Address("h", 2888), Address("h", 3888)),), votes)


@st.composite
def _views(draw: st.DrawFn) -> EnsembleView:
    """Up to six peers, some down or paused, some links cut, a configuration perhaps proposed."""
    sids = range(1, draw(st.integers(min_value=1, max_value=6)) + 1)
    view = EnsembleView(tuple(map(Sid, sids)), draw(_configs(0, sids)))
    for peer in view.peers.values():
        peer.up = draw(st.integers(0, 4)) > 0
        peer.paused = peer.up and draw(st.integers(0, 4)) == 0
    pairs = [(a, b) for a in view.members for b in view.members if a != b]
    if pairs:
        cuts = draw(st.lists(st.sampled_from(pairs), max_size=4))
        view.blocks["cut"] = tuple(Cut(one, other) for one, other in cuts)
    if draw(st.integers(0, 4)) == 0:
        view.blocks["port"] = (PortCut(Sid(1), Port.ELECTION, True),)
    if draw(st.booleans()):
        view.peers[Sid(1)].proposed = draw(_configs(1, sids))
    return view


def _can_lead(view: EnsembleView, gone: frozenset[Sid], *, kind: bool) -> bool:
    """Whether anybody can have a quorum of every configuration behind it, written out plainly."""
    configs = [view.config]
    proposed = view.peers[Sid(1)].proposed
    if proposed is not None:
        configs.append(proposed)
    cut = {(c.source, c.target) for c in view.blocks.get("cut", ()) if isinstance(c, Cut)}
    live = [s for s in view.members if view.peers[s].up and not view.peers[s].paused]
    live = [s for s in live if s not in gone]
    for leader in live:
        behind = set()
        for sid in live:
            there, back = (leader, sid) not in cut, (sid, leader) not in cut
            whole = there and back and not ("port" in view.blocks and 1 in (leader, sid))
            if sid == leader or whole or (kind and (there or back)):
                behind.add(sid)
        if all(_counts(config, leader, behind) for config in configs):
            return True
    return False


def _counts(config: Configuration, leader: Sid, behind: set[Sid]) -> bool:
    voters = {sid for sid, member in config.members.items() if member.votes}
    if leader not in voters:
        return False
    if not config.groups:
        return 2 * len(voters & behind) > len(voters)
    weights = {sid: config.weights[sid] for sid in voters}
    if weights[leader] == 0:
        return False
    groups = [group for group in config.groups.values() if sum(weights[s] for s in group)]
    won = [
        group
        for group in groups
        if 2 * sum(weights[s] for s in group & behind) > sum(weights[s] for s in group)
    ]
    return 2 * len(won) > len(groups)


@given(_views(), st.sampled_from(Leaves), st.integers(min_value=1, max_value=4), SEEDS)
def test_what_is_drawn_leaves_what_was_asked_and_else_nothing_would(
    view: EnsembleView, leaves: Leaves, n: int, seed: int
) -> None:
    def fits(gone: frozenset[Sid]) -> bool:
        if leaves is Leaves.QUORUM:
            return _can_lead(view, gone, kind=False)
        return not _can_lead(view, gone, kind=True)

    voters = sorted(view.newest.voters)
    fitting = {one for some in combinations(voters, n) if fits(one := frozenset(some))}
    pick = Pick(VOTERS, n, leaves=leaves)
    if fitting:
        assert frozenset(resolve(pick, view, {}, random.Random(seed))) in fitting
    else:
        with pytest.raises(NoTarget):
            resolve(pick, view, {}, random.Random(seed))


def _five(**down: bool) -> EnsembleView:
    """Weights 1, 1, 2, 2, 1 as in the plan language's worked example."""
    weights = (1, 1, 2, 2, 1)
    zones = ("east", "east", "west", "west", "north")
    peers = tuple(
        PeerSetup(Sid(n), weight=w, zone=z)
        for n, w, z in zip(range(1, 6), weights, zones, strict=True)
    )
    setup = EnsembleSetup(peers, QuorumKind.WEIGHTED)
    view = EnsembleView(
        setup.sids,
        configuration_of(setup, lambda sid: f"peer-{sid}"),
        zones={peer.sid: peer.zone for peer in peers},
    )
    for sid, peer in view.peers.items():
        peer.up = not down.get(f"p{sid}", False)
    return view


def test_every_set_that_fits_is_drawn_by_some_seed_and_no_other() -> None:
    view = _five(p3=True)
    pick = Pick(VOTERS, 1, (Sids((Sid(3),)),), leaves=Leaves.QUORUM)
    drawn = {resolve(pick, view, {}, random.Random(seed)) for seed in range(60)}
    assert drawn == {(1,), (2,), (5,)}  # without 4 there are 3 of 7 left


def test_a_refusal_shows_its_arithmetic() -> None:
    view = _five(p3=True)
    pick = Pick(VOTERS, 2, (Sids((Sid(3),)),), leaves=Leaves.QUORUM)
    with pytest.raises(NoTarget) as caught:
        resolve(pick, view, {}, random.Random(1))
    assert str(caught.value) == (
        "of 6 sets none leaves a quorum: without peers 1 and 2 there remain "
        "peers 4 and 5: weight 3 of 7, where 4 are needed"
    )


def test_a_target_that_is_not_drawn_is_held_to_it_too() -> None:
    everybody_but_one = Pick(VOTERS, None, (Sids((Sid(1),)),), leaves=Leaves.QUORUM)
    with pytest.raises(NoTarget, match="the target does not leave a quorum: without peers 2, 3"):
        resolve(everybody_but_one, _five(), {}, random.Random(1))


def test_of_too_many_sets_some_are_drawn() -> None:
    peers = tuple(PeerSetup(Sid(n)) for n in range(1, 31))
    setup = EnsembleSetup(peers)
    view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"peer-{sid}"))
    for peer in view.peers.values():
        peer.up = True
    pick = Pick(VOTERS, 15, leaves=Leaves.NO_QUORUM)
    assert len(resolve(pick, view, {}, random.Random(1))) == 15
    with pytest.raises(NoTarget, match="of 2000 sets none leaves a quorum"):
        resolve(Pick(VOTERS, 15, leaves=Leaves.QUORUM), view, {}, random.Random(1))


ORDERS = {
    By.HIGHEST_SID: (5,),
    By.LOWEST_SID: (1,),
    By.HIGHEST_ZXID: (2,),
    By.LOWEST_ZXID: (4,),
    By.HEAVIEST: (3,),
    By.LIGHTEST: (2,),
    By.BEST_VOTE: (1,),
    By.WORST_VOTE: (4,),
}


@pytest.mark.parametrize(("by", "first"), ORDERS.items(), ids=ORDERS.keys())
def test_an_order_says_who_comes_first(by: By, first: tuple[int, ...]) -> None:
    view = _five()
    for sid, zxid in zip(view.members, (8, 9, 5, 1, 5), strict=True):
        view.peers[sid].zxid = Zxid(zxid)
    view.peers[Sid(1)].current_epoch = PeerEpoch(2)
    among = Sids((Sid(2), Sid(3))) if by in (By.HEAVIEST, By.LIGHTEST) else VOTERS
    assert resolve(Pick(among, 1, by=by), view, {}, random.Random(7)) == first


def test_equal_ones_of_an_order_are_drawn() -> None:
    pick = Pick(VOTERS, 1, by=By.LIGHTEST)
    assert {resolve(pick, _five(), {}, random.Random(s)) for s in range(40)} == {(1,), (2,), (5,)}


def test_an_order_takes_the_first_set_that_leaves_what_is_asked() -> None:
    pick = Pick(VOTERS, 2, by=By.HIGHEST_SID, leaves=Leaves.QUORUM)
    assert resolve(pick, _five(), {}, random.Random(1)) == (4, 5)  # 4 of 7 are left
    view = _five(p1=True)
    assert resolve(pick, view, {}, random.Random(1)) == (2, 5)  # without 4 too few would be


KEPT = {
    "zone": (Pick(VOTERS, zone="east"), (1, 2)),
    "weight": (Pick(VOTERS, weight_at_least=2), (3, 4)),
    "group": (Pick(VOTERS, group=1), (1, 2, 3, 4, 5)),
    "zone and weight": (Pick(VOTERS, zone="west", weight_at_least=2, but=(Sids((Sid(4),)),)), (3,)),
}


@pytest.mark.parametrize(("pick", "sids"), KEPT.values(), ids=KEPT.keys())
def test_a_pick_keeps_to_these(pick: Pick, sids: tuple[int, ...]) -> None:
    assert resolve(pick, _five(), {}, random.Random(1)) == sids


ONE_WAY = (Cut(Sid(1), Sid(2)),)
BOTH_WAYS = (*ONE_WAY, Cut(Sid(2), Sid(1)))


@pytest.mark.parametrize(
    ("cuts", "leaves", "fits"),
    [
        ((), Leaves.QUORUM, True),
        ((), Leaves.NO_QUORUM, False),
        (ONE_WAY, Leaves.QUORUM, False),
        (ONE_WAY, Leaves.NO_QUORUM, False),
        (BOTH_WAYS, Leaves.QUORUM, False),
        (BOTH_WAYS, Leaves.NO_QUORUM, True),
    ],
)
def test_a_link_that_is_cut_one_way_leaves_neither_for_sure(
    cuts: tuple[Cut, ...], leaves: Leaves, *, fits: bool
) -> None:
    setup = EnsembleSetup(tuple(PeerSetup(Sid(n)) for n in (1, 2, 3)))
    view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"peer-{sid}"))
    for peer in view.peers.values():
        peer.up = True
    view.blocks["cut"] = cuts
    assert Survivors(view).fits(leaves, frozenset({Sid(3)})) is fits


# ---- named sets of voters


@given(_configs(0, range(1, 7)), SEEDS)
def test_a_third_is_a_largest_set_below_it(config: Configuration, seed: int) -> None:
    verifier = config.verifier
    found = minority_third(verifier, random.Random(seed))
    total = sum(map(verifier.weight, verifier.voters))
    below = [
        len(some)
        for size in range(len(verifier.voters) + 1)
        for some in combinations(sorted(verifier.voters), size)
        if 3 * sum(map(verifier.weight, some)) < total
    ]
    assert len(found) == max(below, default=0)
    assert not found or 3 * sum(map(verifier.weight, found)) < total


@given(_configs(0, range(1, 7)), SEEDS)
def test_a_breaker_is_a_smallest_set_that_no_quorum_can_spare(
    config: Configuration, seed: int
) -> None:
    verifier = config.verifier
    found = quorum_breaker(verifier, random.Random(seed))
    breaking = [
        len(some)
        for size in range(len(verifier.voters) + 1)
        for some in combinations(sorted(verifier.voters), size)
        if not verifier.contains_quorum(verifier.voters - set(some))
    ]
    assert not verifier.contains_quorum(verifier.voters - found)
    assert len(found) == min(breaking)


# ---- links


def test_one_link_is_drawn_of_all_and_never_to_itself() -> None:
    aims = [aim(OneLink(EVERY_LINK), _five(), {}, random.Random(seed)) for seed in range(300)]
    assert len({(one.targets, one.towards) for one in aims}) == 20
    assert all(len(one.targets) == len(one.towards) == 1 for one in aims)
    assert all(one.targets != one.towards for one in aims)


def test_without_a_link_there_is_no_target() -> None:
    alone = OneLink(Between(Sids((Sid(1),)), Sids((Sid(1),))))
    with pytest.raises(NoTarget, match=r"no link leads from \[1\] to \[1\]"):
        aim(alone, _five(), {}, random.Random(1))
