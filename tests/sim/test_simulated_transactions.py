"""Simulated ensembles that write: logs agree, nothing acked is lost, whatever is done to them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.actions import Block, Cut, How, Kill, Launch, Load, Pause, Resume, Unblock, Unload
from chaos.election.effects import Append, Committed, Restore, SendPacket, Truncate
from chaos.election.ids import Sid, zxid_of
from chaos.election.log import Log
from chaos.election.packets import Diff, Snap, Txn
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.history.history import History
from chaos.systems.simulated import Simulated
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.evidence import fault_evidence
from chaos.verify.verdict import Outcome
from tests.sim.drive import Run, ensemble
from tests.sim.staged import back, effects, process, sids
from tests.verify.test_campaigns import Mischief

ONE, TWO, THREE, FOUR = sids(1, 2, 3, 4)
OBSERVED = EnsembleSetup((*(PeerSetup(sid) for sid in (ONE, TWO, THREE)), PeerSetup(FOUR, False)))
SEEDS = st.integers(0, 2**32)
some_seeds = settings(max_examples=8, deadline=None)


def log(run: Run, sid: Sid) -> Log:
    """What the disk of a peer holds."""
    assert isinstance(run.system, Simulated)
    return run.system._world.hosts[sid].disk._log


def complete(run: Run, sid: Sid) -> dict[int, Txn]:
    """All transactions of a log that begins with nothing."""
    found = log(run, sid)
    assert found.tree == b""
    return {txn.zxid: txn for txn in found.txns}


def lost(run: Run) -> list[str]:
    history = History.of(run.events)
    verdicts = [check.check(history) for check in ALWAYS]
    return [f"{v.name}: {v.summary}" for v in verdicts if v.outcome is Outcome.FAILS]


def writing(setup: EnsembleSetup | int, seed: int, per_s: int = 40) -> Run:
    run = Run(setup, seed)
    run.settle(5)
    assert run.do(Load("w", per_s, 8)).bit is None
    run.rest(1)
    return run


@some_seeds
@given(seed=SEEDS)
def test_everybody_logs_what_the_leader_proposes(seed: int) -> None:
    run = writing(OBSERVED, seed)
    done = run.do(Unload("w"))
    assert done.bit
    assert int(done.facts["committed"]) in range(35, 42)
    run.rest(1)
    logs = [log(run, sid) for sid in (ONE, TWO, THREE, FOUR)]
    assert {len(one.txns) for one in logs} == {len(logs[0].txns)}
    assert all(one.txns == logs[0].txns for one in logs)
    assert logs[0].txns[0].zxid == zxid_of(1, 1)
    committed = [e for e in effects(run, FOUR) if isinstance(e, Committed)]
    assert committed[-1].zxid == logs[0].last
    assert lost(run) == []


@some_seeds
@given(seed=SEEDS)
def test_a_workload_outlives_its_leader_and_reaches_who_was_away(seed: int) -> None:
    run = writing(3, seed)
    leader = run.view.leader
    assert leader is not None
    run.do(Kill(leader))
    run.settle(10)
    run.rest(1)
    back(run, leader)
    run.settle(10)
    run.do(Unload("w"))
    run.rest(1)
    assert log(run, ONE).last == log(run, TWO).last == log(run, THREE).last
    assert {txn.zxid >> 32 for txn in log(run, leader).txns} == {1, 2}
    assert INVARIANTS["no_acked_write_lost"].check(History.of(run.events)).outcome is Outcome.HOLDS
    assert lost(run) == []


@some_seeds
@given(seed=SEEDS)
def test_row_72_who_missed_writes_while_it_was_down_gets_them_by_diff(seed: int) -> None:
    run = writing(3, seed)
    follower = next(sid for sid in (ONE, TWO) if sid != run.view.leader)
    run.do(Kill(follower))
    since_ns = run.system.now_ns
    run.rest(1)
    back(run, follower)
    leader = run.settle(5)
    run.do(Unload("w"))
    run.rest(1)
    synced = [e.packet for e in effects(run, leader, since_ns) if isinstance(e, SendPacket)]
    assert any(isinstance(packet, Diff) for packet in synced)
    assert log(run, follower).txns == log(run, leader).txns
    assert not [e for e in effects(run, follower, since_ns) if isinstance(e, Restore | Truncate)]


@some_seeds
@given(seed=SEEDS)
def test_row_76_what_was_proposed_without_a_quorum_is_gone_everywhere(seed: int) -> None:
    """QuorumPeerMainTest.testFailedTxnAsPartOfQuorumLoss."""
    run = writing(3, seed)
    leader = run.view.leader
    assert leader is not None
    others = [sid for sid in (ONE, TWO, THREE) if sid != leader]
    cuts = tuple(Cut(*ends) for sid in others for ends in ((leader, sid), (sid, leader)))
    run.do(Block("b", cuts, How.SILENT))
    run.rest(0.5)
    alone = complete(run, leader)
    run.rest(3)
    run.do(Kill(leader))
    run.do(Unblock("b"))
    back(run, leader)
    run.settle(10)
    run.do(Unload("w"))
    run.rest(1)
    assert log(run, ONE).last == log(run, TWO).last == log(run, THREE).last
    kept = complete(run, others[0])
    gone = [zxid for zxid in alone if zxid not in kept]
    assert gone
    assert [zxid for zxid in gone if zxid in complete(run, leader)] == []
    assert lost(run) == []


@some_seeds
@given(seed=SEEDS)
def test_a_wiped_peer_and_one_that_was_stopped_come_back_to_the_same_log(seed: int) -> None:
    run = writing(OBSERVED, seed)
    leader = run.view.leader
    follower = next(sid for sid in (ONE, TWO) if sid != leader)
    run.do(Kill(FOUR))
    run.do(Pause(follower))
    run.rest(2)
    run.do(Unload("w"))
    assert run.do(Launch(FOUR, wipe=True)).bit
    run.do(Resume(follower))
    run.settle(10)
    run.rest(1)
    assert {log(run, sid).last for sid in (ONE, TWO, THREE, FOUR)} == {log(run, THREE).last}
    assert process(run, follower).work.per_s == 0


@some_seeds
@given(seed=SEEDS)
def test_an_empty_ensembles_late_joiner_gets_a_snap_of_the_epochs_beginning(seed: int) -> None:
    run = Run(3, seed)
    run.do(Kill(THREE))
    leader = run.settle(5)
    back(run, THREE)
    run.settle(5)
    sent = [e.packet for e in effects(run, leader) if isinstance(e, SendPacket)]
    assert Snap(zxid_of(1), b"") in sent
    assert log(run, THREE).last == zxid_of(1)


@pytest.mark.parametrize("seed", range(12))
def test_no_fault_loses_what_was_acked(seed: int) -> None:
    size = 3 + 2 * (seed % 2)
    peers = (*ensemble(size).peers, PeerSetup(Sid(size + 1), votes=False))
    setup = EnsembleSetup(peers)
    rng = random.Random(f"written/{seed}")
    run, mischief = Run(setup, seed), Mischief(setup, seed)
    run.do(Load("w", 20, 4))
    for _ in range(14):
        run.rest(rng.uniform(0.1, 1.5))
        action = mischief.draw()
        if action is not None:
            run.do(action)
    for action in mischief.heal():
        run.do(action)
    run.settle(60)
    run.rest(1)
    assert run.do(Unload("w")).bit is True
    run.rest(2)
    logs = [complete(run, sid) for sid in setup.sids]
    assert len({max(one, default=0) for one in logs}) == 1
    for one in logs[1:]:
        shared = one.keys() & logs[0].keys()
        assert shared
        assert all(one[zxid] == logs[0][zxid] for zxid in shared)
    assert lost(run) == []
    assert {v.outcome for v in fault_evidence(History.of(run.events))} <= {
        Outcome.HOLDS,
        Outcome.UNKNOWN,
    }


def test_a_workload_that_nobody_can_commit_did_not_bite() -> None:
    run = Run(3)
    run.settle(5)
    for sid in (ONE, TWO, THREE):
        run.do(Kill(sid))
    run.do(Load("w", 20, 4))
    run.rest(1)
    assert run.do(Unload("w")).bit is False
    assert run.do(Unload("w")).bit is False
    assert "error" in run.do(Unload("w")).facts


def test_one_workload_at_a_time() -> None:
    run = writing(3, 1)
    assert run.do(Load("x", 1, 1)).bit is False


def test_what_is_appended_is_one_write_for_a_portion() -> None:
    run = writing(3, 1, per_s=500)
    leader = run.view.leader
    assert leader is not None
    assert max(len(e.txns) for e in effects(run, leader) if isinstance(e, Append)) >= 5
