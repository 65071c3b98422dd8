"""Elections of healthy simulated ensembles end, and their peers agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.election.effects import Decided, Deliver
from chaos.election.ids import PeerEpoch, Sid, zxid_of
from chaos.ensemble import EnsembleSetup, LinkSetup, PeerSetup, QuorumKind
from chaos.history.events import Stepped, Wrote
from chaos.sim.bench import decide
from chaos.sim.world import Order
from tests.sim.drive import SECOND, Run, ensemble

SEEDS = st.integers(0, 2**32)


def decisions(run: Run) -> set[tuple[int, int, int]]:
    """Whom all peers chose, in which round and of which epoch."""
    votes = [
        effect.vote
        for event in run.events
        if isinstance(event, Stepped)
        for effect in event.effects
        if isinstance(effect, Decided)
    ]
    return {(vote.leader, vote.round, vote.peer_epoch) for vote in votes}


@pytest.mark.parametrize("size", range(1, 10))
@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_the_highest_sid_of_equals_leads_and_all_agree(size: int, seed: int) -> None:
    run = Run(size, seed)
    assert run.settle(seconds=3) == size
    assert decisions(run) == {(size, 1, 0)}
    assert {peer.epoch for peer in run.view.peers.values()} == {1}


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, size=st.integers(3, 7), order=st.sampled_from(["fifo", "unordered"]))
def test_the_newest_log_leads(seed: int, size: int, order: Order) -> None:
    newest = 1 + seed % size
    peers = tuple(
        PeerSetup(
            Sid(sid),
            zxid=zxid_of(3, 7 + (sid == newest)),
            accepted_epoch=PeerEpoch(3),
            current_epoch=PeerEpoch(3),
        )
        for sid in range(1, size + 1)
    )
    run = Run(EnsembleSetup(peers), seed, order)
    assert run.settle(seconds=20) == newest
    assert {peer.epoch for peer in run.view.peers.values()} == {4}


def test_an_observer_follows_and_does_not_count() -> None:
    peers = (*ensemble(3).peers, PeerSetup(Sid(9), votes=False))
    run = Run(EnsembleSetup(peers))
    assert run.settle(seconds=5) == 3
    assert run.view.roles()[Sid(9)] == "observer"


def test_weights_decide_who_leads_and_who_is_a_quorum() -> None:
    peers = tuple(PeerSetup(Sid(sid), weight=int(sid < 3)) for sid in (1, 2, 3))
    run = Run(EnsembleSetup(peers, QuorumKind.WEIGHTED))
    assert run.settle(seconds=5) == 2


def test_slow_links_of_the_plan_make_an_election_slow() -> None:
    sids = ensemble(3).sids
    links = tuple(LinkSetup(a, b, 50_000_000) for a in sids for b in sids if a != b)
    slow, quick = Run(EnsembleSetup(ensemble(3).peers, links=links)), Run(3)
    slow.settle(seconds=5)
    quick.settle(seconds=5)
    written = [event.at_ns for event in slow.events if isinstance(event, Wrote)]
    assert min(written) >= slow.zero + 50_000_000
    assert slow.system.now_ns - slow.zero > quick.system.now_ns - quick.zero + 100_000_000


@pytest.mark.parametrize("order", ["fifo", "unordered"])
def test_each_notification_read_was_written_before_by_its_sender(order: Order) -> None:
    run = Run(5, seed=3, order=order)
    run.settle(seconds=5)
    written = {(e.link, e.frame): e for e in run.events if isinstance(e, Wrote)}
    read = [
        (event, event.happened)
        for event in run.events
        if isinstance(event, Stepped) and isinstance(event.happened, Deliver)
    ]
    assert len(read) > 20
    for event, happened in read:
        wrote = written[happened.link, happened.frame]
        assert (wrote.sid, wrote.to) == (happened.sender, event.sid)
        assert wrote.at_ns < event.at_ns


def frames_in_order(order: Order) -> bool:
    """Whether every link of twenty elections was read in the order of writing."""
    for seed in range(20):
        run = Run(5, seed, order)
        run.settle(seconds=5)
        last: dict[str, int] = {}
        for event in run.events:
            if isinstance(event, Stepped) and isinstance(event.happened, Deliver):
                if event.happened.frame < last.get(event.happened.link, 0):
                    return False
                last[event.happened.link] = event.happened.frame
    return True


def test_only_unordered_links_reorder() -> None:
    assert frames_in_order("fifo")
    assert not frames_in_order("unordered")


def test_a_quiet_election_takes_the_finalize_wait_and_little_more() -> None:
    assert 200_000_000 < decide(5, "7") < 210_000_000


def test_events_come_in_the_order_of_time() -> None:
    run = Run(5)
    run.rest(3)
    times = [event.at_ns for event in run.events]
    assert times == sorted(times)
    assert run.system.now_ns == run.zero + 3 * SECOND


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, size=st.integers(2, 9))
def test_each_voter_changes_its_mind_and_says_so_at_most_once_for_every_other(
    seed: int, size: int
) -> None:
    run = Run(size, seed)
    run.settle(seconds=3)
    steps = [event for event in run.events if isinstance(event, Stepped)]
    assert 0 < sum(isinstance(step.happened, Deliver) for step in steps) <= size**3
