"""ZooKeeper's own tests of whole ensembles, on simulated ones; rows as in docs/scenario-rows.md."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.actions import Block, Kill, SetZxid, Terminate, TurnRound
from chaos.election.effects import Deliver, Entered, Persist, Serving, Start
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, zxid_of
from chaos.election.notification import Notification, ServerState
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.history.events import LinkClosed
from tests.sim.drive import SECOND, Run, ensemble
from tests.sim.staged import (
    back,
    chosen,
    config,
    effects,
    hierarchy,
    inputs,
    process,
    reborn,
    sids,
    states,
)
from tests.sim.test_simulated_stories import apart, why_down

ZERO, ONE, TWO, THREE, SEVEN = sids(0, 1, 2, 3, 7)
LOOKING, FOLLOWING, LEADING = ServerState.LOOKING, ServerState.FOLLOWING, ServerState.LEADING
SEEDS = st.integers(0, 2**32)
some_seeds = settings(max_examples=8, deadline=None)


def from_zero(size: int) -> EnsembleSetup:
    return EnsembleSetup(tuple(PeerSetup(Sid(sid)) for sid in range(size)))


# ---- A. the election


@some_seeds
@given(seed=SEEDS)
def test_row_1_seven_peers_have_one_leader_and_six_followers(seed: int) -> None:
    run = Run(7, seed)
    assert run.settle(5) == SEVEN
    assert sorted(run.view.roles().values()) == ["follower"] * 6 + ["leader"]
    assert {tuple(chosen(run, sid)) for sid in run.view.members} == {(SEVEN,)}


@some_seeds
@given(seed=SEEDS)
def test_row_2_a_second_election_ends_for_every_peer(seed: int) -> None:
    run = Run(7, seed)
    first = run.settle(5)
    again = run.system.now_ns
    run.do(Kill(first))
    back(run, first)
    second = run.settle(10)
    assert {chosen(run, sid, again)[-1] for sid in run.view.members} == {second}
    assert {peer.epoch for peer in run.view.peers.values()} == {2}


@some_seeds
@given(seed=SEEDS)
def test_row_3_three_elections_in_a_row_while_leaders_leave(seed: int) -> None:
    run = Run(7, seed)
    leaders = []
    for epoch in (1, 2, 3):
        leader = run.settle(10)
        leaders.append(leader)
        stay = [peer for peer in run.view.peers.values() if peer.alive]
        assert {peer.epoch for peer in stay} == {epoch}
        assert {chosen(run, peer.sid)[-1] for peer in stay} == {leader}
        run.do(Kill(leader))
    assert len(set(leaders)) == 3
    assert run.settle(10) not in leaders


@some_seeds
@given(seed=SEEDS)
def test_row_4_the_highest_id_joins_late_and_follows(seed: int) -> None:
    run = Run(3, seed)
    run.do(Kill(THREE))
    assert run.settle(5) == TWO
    back(run, THREE)
    assert run.settle(5) == TWO
    assert states(run, THREE) == [LOOKING, FOLLOWING]


@some_seeds
@given(seed=SEEDS, by=st.integers(1, 1000))
def test_row_5_the_third_joins_although_votes_of_the_two_differ(seed: int, by: int) -> None:
    run = Run(3, seed)
    run.do(Kill(THREE))
    run.settle(5)
    assert run.do(TurnRound(ONE, by=by)).bit
    assert run.do(SetZxid(ONE, zxid_of(0, by))).bit
    back(run, THREE)
    assert run.settle(5) == TWO
    assert states(run, THREE) == [LOOKING, FOLLOWING]


@some_seeds
@given(seed=SEEDS)
def test_row_7_a_fresh_peer_and_one_of_a_higher_round_elect_without_the_third(seed: int) -> None:
    run = Run(from_zero(3), seed)
    run.do(Kill(ZERO))
    assert run.settle(5) == TWO
    run.do(Kill(TWO))
    run.rest(1)
    assert run.view.roles()[ONE] == "looking"
    rounds = {run.view.peers[ONE].proposal.round}  # type: ignore[union-attr]
    assert rounds != {1}
    back(run, ZERO)
    assert run.settle(10) == ONE


@some_seeds
@given(seed=SEEDS)
def test_row_8_a_restarted_peer_forgets_its_round_and_follows(seed: int) -> None:
    run = Run(from_zero(3), seed)
    leader = run.settle(5)
    run.do(Kill(ZERO))
    back(run, ZERO)
    assert run.settle(10) == leader == TWO
    assert states(run, ZERO) == [LOOKING, FOLLOWING] * 2


@some_seeds
@given(seed=SEEDS)
def test_row_9_nobody_of_weight_zero_is_elected(seed: int) -> None:
    weights = {sid: int(sid < 3) for sid in range(9)}
    run = Run(hierarchy(weights, ((0, 1, 2), (3, 4, 5), (6, 7, 8))), seed)
    assert run.settle(10) == TWO
    run.do(Kill(TWO))
    assert run.settle(10) in (ZERO, ONE)


@some_seeds
@given(seed=SEEDS)
def test_row_24_observers_alone_keep_no_leader_in_office(seed: int) -> None:
    watchers = tuple(PeerSetup(sid, votes=False) for sid in sids(8, 9))
    run = Run(EnsembleSetup((*ensemble(3).peers, *watchers)), seed)
    assert run.settle(5) == THREE
    run.rest(1)
    for sid in (ONE, TWO):
        run.do(Kill(sid))
    gone = run.system.now_ns
    assert run.until(lambda: run.view.peers[THREE].state is LOOKING, 3)
    assert "not enough followers synced" in why_down(run, THREE)[0]
    assert run.system.now_ns - gone < 2 * SECOND
    assert [why_down(run, sid) for sid in sids(8, 9)] == [[], []]  # they were connected till then
    run.rest(5)
    assert set(run.view.roles().values()) == {"down", "looking"}


@some_seeds
@given(seed=SEEDS)
def test_row_25_a_group_without_weight_neither_leads_nor_counts(seed: int) -> None:
    run = Run(hierarchy({1: 1, 2: 1, 3: 1, 4: 0, 5: 0}, ((1, 2, 3), (4, 5))), seed)
    assert run.settle(10) == THREE
    run.do(Kill(THREE))
    leader = run.settle(10)
    assert leader in (ONE, TWO)
    run.do(Kill(leader))
    run.rest(5)
    assert run.view.leaders() == {}
    assert set(run.view.roles().values()) == {"down", "looking"}


# ---- B. the connection layer


@some_seeds
@given(seed=SEEDS)
def test_row_38_the_rest_elects_while_dials_to_the_leaders_host_hang(seed: int) -> None:
    run = Run(3, seed)
    assert run.settle(5) == THREE
    run.do(Block("hole", apart((3,), (1, 2))))
    run.do(Kill(THREE))
    leader = run.settle(10)
    run.do(Terminate(leader))
    back(run, leader)  # it has no link to 3 any more, so it dials
    run.settle(4)
    elected = run.system.now_ns
    run.rest(6)
    hung = [e.at_ns for e in run.events if isinstance(e, LinkClosed) and "timed out" in e.why]
    assert max(hung) > elected  # connect_ms is 5 s
    assert run.settled()


# ---- D. whole servers


@some_seeds
@given(seed=SEEDS)
def test_row_70_of_two_servers_one_leads_and_one_follows(seed: int) -> None:
    run = Run(2, seed)
    assert run.settle(5) == TWO
    assert run.view.roles() == {ONE: "follower", TWO: "leader"}


def serving(run: Run) -> dict[int, set[Sid]]:
    """Who ever served as leader, by epoch."""
    found: dict[int, set[Sid]] = {}
    for sid in run.view.members:
        state = LOOKING
        for effect in effects(run, sid):
            if isinstance(effect, Entered):
                state = effect.state
            elif isinstance(effect, Serving) and state is LEADING:
                found.setdefault(effect.epoch, set()).add(sid)
    return found


@some_seeds
@given(seed=SEEDS)
def test_row_71_a_leadership_that_ends_before_its_epoch_is_used_costs_an_epoch(seed: int) -> None:
    run = Run(3, seed)
    run.settle(5)
    run.do(Kill(THREE))
    promised = Persist("acceptedEpoch", 2)
    assert run.until(lambda: any(promised in effects(run, sid) for sid in (ONE, TWO)), 5)
    abandoned = ONE if promised in effects(run, ONE) else TWO
    assert run.view.peers[abandoned].state is LEADING
    run.do(Kill(abandoned))
    for sid in (THREE, abandoned):
        back(run, sid)
    run.settle(20)
    [epoch] = {peer.epoch for peer in run.view.peers.values()}
    assert all(len(leaders) == 1 for leaders in serving(run).values())
    assert {peer.accepted_epoch for peer in run.view.peers.values()} == {epoch}
    assert set(serving(run)) == {1, epoch}


def tell_that_two_follow(run: Run, round_: int) -> None:
    """Restart peer 1, and let it hear at once that the others follow it, in ``round_``."""
    run.do(Kill(ONE))
    back(run, ONE)
    assert run.until(lambda: len(inputs(run, ONE, Start)) == 2, 1)
    word = Notification(FOLLOWING, ONE, Zxid(0), Round(round_), PeerEpoch(1))
    for liar in (TWO, THREE):
        process(run, ONE).step(Deliver(liar, word))


@some_seeds
@given(seed=SEEDS)
def test_row_73_who_believes_to_lead_gives_up_in_init_limit_and_follows(seed: int) -> None:
    run = Run(3, seed)
    leader = run.settle(5)
    run.rest(1)
    tell_that_two_follow(run, round_=1)
    assert run.until(lambda: run.view.peers[ONE].state is LEADING, 0.001)
    began = run.system.now_ns
    assert run.until(lambda: run.view.peers[ONE].state is LOOKING, 3)
    assert run.system.now_ns - began == 2 * SECOND  # ten ticks of 200 ms
    assert not [e for e in effects(run, ONE, began) if isinstance(e, Persist)]
    assert run.settle(3) == leader == THREE
    assert states(run, ONE, began)[-3:] == [LEADING, LOOKING, FOLLOWING]
    assert [why_down(run, sid) for sid in (TWO, THREE)] == [[], []]
    assert {peer.epoch for peer in run.view.peers.values()} == {1}


@some_seeds
@given(seed=SEEDS)
def test_row_73_nobody_believes_it_of_another_round(seed: int) -> None:
    run = Run(3, seed)
    run.settle(5)
    tell_that_two_follow(run, round_=7)
    assert run.settle(5) == THREE
    assert LEADING not in states(run, ONE)


@some_seeds
@given(seed=SEEDS)
def test_row_77_who_does_not_know_the_leader_stays_out(seed: int) -> None:
    setup = EnsembleSetup(ensemble(3).peers, reconfig_enabled=False)
    run = Run(setup, seed)
    reborn(run, ONE, config((1, 2)))
    run.do(Kill(ONE))
    assert run.settle(5) == THREE
    back(run, ONE)
    run.rest(10)
    assert states(run, ONE) == [LOOKING]
    assert run.view.leader == THREE
    assert run.view.followers_of(THREE) == {TWO, THREE}
    assert [why_down(run, sid) for sid in (TWO, THREE)] == [[], []]


@some_seeds
@given(seed=SEEDS)
def test_row_77_nor_does_it_serve_when_all_start_together(seed: int) -> None:
    setup = EnsembleSetup(ensemble(3).peers, reconfig_enabled=False)
    run = Run(setup, seed)
    reborn(run, ONE, config((1, 2)))
    run.rest(15)
    assert run.view.roles() == {1: "looking", 2: "follower", 3: "leader"}
    assert LEADING not in states(run, ONE)


@some_seeds
@given(seed=SEEDS)
def test_row_83_a_leader_alone_resigns_and_service_returns_with_followers(seed: int) -> None:
    run = Run(3, seed)
    assert run.settle(5) == THREE
    for sid in (ONE, TWO):
        run.do(Terminate(sid))
    assert run.until(lambda: run.view.peers[THREE].state is LOOKING, 3)
    run.rest(2)
    assert run.view.leaders() == {}
    for sid in (ONE, TWO):
        back(run, sid)
    run.settle(10)


UP_OR_DOWN = {"up the ids": sids(1, 2, 3), "down the ids": sids(3, 2, 1)}


@pytest.mark.parametrize("order", UP_OR_DOWN.values(), ids=UP_OR_DOWN.keys())
@some_seeds
@given(seed=SEEDS)
def test_row_84_each_rejoins_before_the_next_restarts(order: tuple[Sid, ...], seed: int) -> None:
    run = Run(3, seed)
    leader = run.settle(5)
    for sid in order:
        run.do(Terminate(sid))
        others = run.settle(10)
        assert (others == leader) is (sid != leader)
        back(run, sid)
        leader = run.settle(10)
        assert leader == others
    assert {peer.inc for peer in run.view.peers.values()} == {1}


@some_seeds
@given(seed=SEEDS)
def test_row_85_each_restart_of_the_leader_makes_another_lead(seed: int) -> None:
    run = Run(3, seed)
    for epoch in (1, 2, 3, 4, 5):
        leader = run.settle(10)
        assert {peer.epoch for peer in run.view.peers.values()} == {epoch}
        run.do(Terminate(leader))
        assert run.settle(10) != leader
        back(run, leader)
