"""ZooKeeper's own tests of prepared disks and lists; rows as in docs/scenario-rows.md."""

from __future__ import annotations

from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.actions import Configure, Kill, Launch, SetEpochs, SetZxid, Terminate
from chaos.election.ids import PeerEpoch, Sid, zxid_of
from chaos.ensemble import EnsembleSetup, PeerSetup
from tests.sim.drive import Run, ensemble
from tests.sim.staged import back, config, reborn, sids, states
from tests.sim.test_simulated_stories import why_down

ONE, TWO, THREE, FOUR = sids(1, 2, 3, 4)
SEEDS = st.integers(0, 2**32)
some_seeds = settings(max_examples=8, deadline=None)


def logs(run: Run) -> set[int]:
    return {peer.zxid for peer in run.view.peers.values()}


@some_seeds
@given(seed=SEEDS)
def test_row_40_a_member_at_no_address_keeps_nobody_from_electing(seed: int) -> None:
    run = Run(3, seed)
    text = config((1, 2, 3)).replace("10.0.0.3", "nowhere.invalid")
    for sid in (ONE, TWO):
        reborn(run, sid, text)
    run.do(Kill(THREE))
    assert run.settle(5) in (ONE, TWO)
    run.rest(5)
    assert run.settled()


@some_seeds
@given(seed=SEEDS)
def test_row_72_the_highest_zxid_that_joins_late_drops_what_only_it_has(seed: int) -> None:
    run = Run(3, seed)
    run.do(Kill(THREE))
    assert run.do(SetEpochs(THREE, accepted=1, current=1)).bit
    assert run.do(SetZxid(THREE, zxid_of(1, 99))).bit
    leader = run.settle(5)
    back(run, THREE)
    assert run.settle(5) == leader == TWO
    assert run.view.peers[THREE].zxid == zxid_of(1)


@some_seeds
@given(seed=SEEDS)
def test_row_87_a_wiped_and_an_old_follower_get_the_leaders_log(seed: int) -> None:
    peers = tuple(
        PeerSetup(sid, zxid=zxid_of(3, 7), accepted_epoch=PeerEpoch(3), current_epoch=PeerEpoch(3))
        for sid in sids(1, 2, 3)
    )
    run = Run(EnsembleSetup(peers), seed)
    leader = run.settle(5)
    followers = [sid for sid in run.view.members if sid != leader]
    run.do(Terminate(followers[0]))
    run.do(SetZxid(followers[0], zxid_of(3, 1)))
    back(run, followers[0])
    assert run.settle(5) == leader
    run.do(Terminate(followers[1]))
    assert run.do(Launch(followers[1], wipe=True)).bit
    run.rest(1)
    assert run.settle(5) == leader
    assert logs(run) == {zxid_of(4)}


@some_seeds
@given(seed=SEEDS)
def test_row_87_the_latest_log_leads_when_all_start_again(seed: int) -> None:
    run = Run(3, seed)
    run.settle(5)
    run.rest(1)
    for sid in run.view.members:
        run.do(Terminate(sid))
    assert run.do(SetZxid(ONE, zxid_of(1, 5))).bit
    for sid in run.view.members:
        back(run, sid)
    assert run.settle(5) == ONE
    run.rest(1)
    assert logs(run) <= {zxid_of(1, 5), zxid_of(2)}


@some_seeds
@given(seed=SEEDS)
def test_row_92_one_server_grows_to_two_and_shrinks_again(seed: int) -> None:
    run = Run(2, seed)
    alone, two = config((1,), (), 1), config((1, 2), (), 2)
    reborn(run, ONE, alone)
    reborn(run, TWO, two)
    run.do(Kill(TWO))
    assert run.settle(5) == ONE
    run.do(Configure(ONE, two))
    back(run, TWO)
    assert run.until(lambda: len(run.view.followers_of(ONE)) == 2, 20)
    for sid in (ONE, TWO):
        run.do(Configure(sid, config((1,), (), 3)))
    run.do(Kill(TWO))
    run.rest(5)
    assert run.settle(5) == ONE


@some_seeds
@given(seed=SEEDS)
def test_row_92_an_observer_alone_serves_nobody(seed: int) -> None:
    run = Run(EnsembleSetup((PeerSetup(ONE), PeerSetup(TWO, votes=False))), seed)
    assert run.settle(5) == ONE
    run.do(Kill(ONE))
    run.rest(10)
    assert run.view.roles() == {ONE: "down", TWO: "looking"}


@some_seeds
@given(seed=SEEDS)
def test_row_99_a_longer_list_is_rolled_out_while_reconfiguration_is_disabled(seed: int) -> None:
    run = Run(EnsembleSetup(ensemble(5).peers, reconfig_enabled=False), seed)
    old, new = (1, 2, 3), (1, 2, 3, 4, 5)
    for sid in sids(4, 5):
        run.do(Kill(sid))
    for sid in sids(*old):
        reborn(run, sid, config(old))
    run.settle(5)
    for sid in sids(4, 5):  # the new ones first: a restarted one needs three of five to say so
        back(run, sid)
        run.settle(10)
    for sid in sids(*old):
        reborn(run, sid, config(new))
        assert run.until(partial(is_up_and_settled, run, sid), 20), run.view.roles()
    leader = run.settle(20)
    assert len(run.view.followers_of(leader)) == 5
    lists = [peer.config for peer in run.view.peers.values() if peer.config is not None]
    assert [(len(found.voters), found.version) for found in lists] == [(5, 0)] * 5


def is_up_and_settled(run: Run, sid: Sid) -> bool:
    return run.view.peers[sid].alive and run.settled()


def test_row_99_nobody_resigned_for_a_list_alone() -> None:
    run = Run(EnsembleSetup(ensemble(3).peers, reconfig_enabled=False))
    leader = run.settle(5)
    for sid in run.view.members:
        run.do(Configure(sid, config((1, 2), (), 9)))
    run.rest(2)
    assert run.view.leader == leader
    assert [why_down(run, sid) for sid in run.view.members] == [[], [], []]
    assert all(len(states(run, sid)) == 2 for sid in run.view.members)
