"""Replicas agree on what they deliver (H8), and no correct one is alarmed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import Sid, Zxid, counter_of
from chaos.election.packets import Txn
from chaos.history.events import Began, Held, RunEnded, Stepped
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.replicas import replicas
from chaos.verify.verdict import Outcome, Verdict
from tests.verify import broken
from tests.verify.lockstep import Lockstep
from tests.verify.test_laws import each, told
from tests.verify.test_laws import written as elected_and_written
from tests.verify.test_safety import re_elected, unsynced, written

NAME = "replicas_agree"


def judge(history: History) -> Verdict:
    return INVARIANTS[NAME].check(history)


def txns_of(change: Callable[[Txn], Txn | None]) -> Callable[[fx.Effect], fx.Effect | None]:
    """Change what is appended; ``None`` takes a transaction out."""

    def effect(one: fx.Effect) -> fx.Effect | None:
        match one:
            case fx.Append(txns=txns):
                kept = tuple(new for txn in txns if (new := change(txn)) is not None)
                return fx.Append(kept) if kept else None
            case _:
                return one

    return effect


def another(txn: Txn) -> Txn:
    return replace(txn, body=b"forged") if counter_of(txn.zxid) == 3 else txn


def lacks(effect: fx.Effect) -> fx.Effect | None:
    """One transaction never reaches it, and its commit neither."""
    if isinstance(effect, fx.Committed) and counter_of(effect.zxid) == 3:
        return None
    return txns_of(lambda txn: None if counter_of(txn.zxid) == 3 else txn)(effect)


def invented() -> History:
    """Peer 1 delivers one more than its leader ever proposed, and the leader goes on."""
    ensemble = elected_and_written()
    peer, zxid = ensemble.peers[Sid(1)], Zxid(1 << 32 | 0xFFFF)
    forged = (fx.Append((Txn(zxid, 0, 0, 0, 1, b""),)), fx.Committed(zxid))
    at_ns, happened = ensemble.now_ms * 1_000_000, fx.Work(20, 3)
    ensemble.events.append(Stepped(at_ns, Sid(1), peer.inc, peer.seq, happened, forged))
    peer.seq += 1
    return ensemble.run(1000).history()


def proposed_again() -> History:
    """Peer 3 gives one zxid to two transactions."""

    def step(event: Stepped) -> Stepped:
        again = [
            replace(effect, txns=(replace(effect.txns[0], body=b"again"), *effect.txns))
            if isinstance(effect, fx.Append)
            else effect
            for effect in event.effects
        ]
        return replace(event, effects=tuple(again)) if event.sid == 3 else event

    return told(elected_and_written, step)()


def forgotten() -> History:
    """Peer 1 is restarted, and its disk has nothing of what it delivered."""
    ensemble = elected_and_written().kill(1)
    ensemble.wipe(1)
    return ensemble.start(1).run(3000).history()


def hasty_primary() -> History:
    """Peer 2 leads the second epoch, and proposes before it has delivered the first."""

    def late(effect: fx.Effect) -> fx.Effect | None:
        epochs = isinstance(effect, fx.Committed) and effect.zxid < (2 << 32)
        return None if epochs else effect

    return told(written, each(late, 2))()


def cut_off() -> History:
    """Peer 1 throws away what it delivered, and has it again soon after."""
    ensemble = elected_and_written()
    peer = ensemble.peers[Sid(1)]
    thrown = (fx.Truncate(Zxid(1 << 32 | 2)),)
    at_ns = ensemble.now_ms * 1_000_000
    ensemble.events.append(Stepped(at_ns, Sid(1), peer.inc, peer.seq, fx.Work(0), thrown))
    return ensemble.history()


def out_of_order() -> History:
    def turned(effect: fx.Effect) -> fx.Effect:
        match effect:
            case fx.Append(txns=(first, second, *rest)):
                return fx.Append((second, first, *rest))
            case _:
                return effect

    ensemble = Lockstep().start().run(2000)
    for sid in (1, 2, 3):
        ensemble.give(sid, fx.Work(200, 3))
    return told(lambda: ensemble.run(500), each(turned, 3))()


def moved() -> Lockstep:
    """The tester moves a log, and later peer 1 lacks what it had delivered."""
    ensemble = elected_and_written().give(2, fx.SkewZxid(Zxid(1 << 32 | 99))).run(1000).kill(1)
    ensemble.wipe(1)
    return ensemble.start(1).run(3000)


def leaderless_tail() -> History:
    """The journal of the leader ends before what the others delivered was proposed."""
    history = elected_and_written().history()
    proposals = [
        i
        for i, e in history.every(Stepped)
        if e.sid == 3 and any(isinstance(one, fx.Append) for one in e.effects)
    ]
    gone = {i for i, e in enumerate(history.events) if getattr(e, "sid", 0) == 3}
    return History(
        tuple(e for i, e in enumerate(history.events) if i < proposals[-2] or i not in gone)
    )


FAILS: dict[str, tuple[Callable[[], History], str]] = {
    "another transaction": (
        told(elected_and_written, each(txns_of(another), 1)),
        "delivered different transactions as 0x100000003",
    ),
    "a gap": (
        told(elected_and_written, each(lacks, 1)),
        "without 0x100000003, which peer",
    ),
    "a transaction of nobody": (invented, "which nobody proposed"),
    "a zxid given twice": (proposed_again, "was proposed by peer 3 and peer 3"),
    "a log forgotten": (forgotten, "peer 1 comes back without"),
    "a log cut off": (cut_off, "peer 1 cuts off"),
    "a primary behind": (hasty_primary, "before it has delivered what its log holds"),
    "not logged at all": (lambda: unsynced().history(), "its log ends at 0x0"),
    "out of order": (out_of_order, "delivers 0x1"),
}
UNKNOWN: dict[str, tuple[Callable[[], History], str]] = {
    "a log that the tester moved": (lambda: moved().history(), "after the tester changed a log"),
    "a leader whose journal ends": (leaderless_tail, "as far as the journals tell"),
}


@pytest.mark.parametrize(("story", "words"), FAILS.values(), ids=FAILS.keys())
def test_replicas_that_part_are_caught(story: Callable[[], History], words: str) -> None:
    history = story()
    verdict = judge(history)
    assert verdict.outcome is Outcome.FAILS, verdict
    assert words in verdict.summary
    assert all(isinstance(history.events[i], Stepped | Began) for i in verdict.evidence)
    assert verdict.evidence


@pytest.mark.parametrize(("story", "words"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_the_tester_or_a_torn_journal_hides_is_unknown(
    story: Callable[[], History], words: str
) -> None:
    verdict = judge(story())
    assert verdict.outcome is Outcome.UNKNOWN, verdict
    assert words in verdict.summary


def test_correct_replicas_agree_over_two_leaders() -> None:
    history = written().history()
    verdict = judge(history)
    assert verdict.outcome is Outcome.HOLDS, verdict
    assert verdict.judged > 400
    assert {one.epoch for one in replicas(history).primaries} == {1, 2}


def test_without_writes_nothing_is_exercised() -> None:
    verdict = judge(re_elected().history())
    assert (verdict.outcome, verdict.judged) == (Outcome.NOT_EXERCISED, 0)


def test_a_replica_that_the_tester_wiped_may_begin_anew() -> None:
    ensemble = elected_and_written().kill(1).run(100)
    ensemble.wipe(1)
    ensemble.acted("wipe", act.Launch(Sid(1), wipe=True)).start(1).run(3000)
    assert judge(ensemble.history()).outcome is Outcome.HOLDS


def cut_short(*, held: bool) -> History:
    """A leader whose own vote is a quorum logs and commits in one step, and dies in it.

    ``held``: at a gate before that step, where it was told to stop working.
    """
    config = "1-1"
    ensemble = Lockstep(config).start().run(2000).give(1, fx.Work(20, 3)).run(200)
    log = ensemble.logs[Sid(1)]
    step = next(e for e in reversed(ensemble.events) if isinstance(e, Stepped) and _appends(e))
    ensemble.events = ensemble.events[: ensemble.events.index(step) + 1]
    peer = ensemble.peers[Sid(1)]
    peer.seq = step.seq + 1
    log.txns = log.txns[:-1]
    if held:
        ensemble.events.append(Held(step.at_ns, Sid(1), 0, peer.seq, "gate", step.seq))
        peer.seq += 1
        ensemble.give(1, fx.Work(0))
    return ensemble.kill(1).start(1).run(2000).history()


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("law", INVARIANTS)
def test_what_the_last_step_before_a_kill_delivered_may_never_have_been(
    law: str, *, held: bool
) -> None:
    verdict = INVARIANTS[law].check(cut_short(held=held))
    assert verdict.outcome is not Outcome.FAILS, verdict


@pytest.mark.parametrize("held", [False, True])
def test_replicas_agree_whatever_the_last_step_would_have_delivered(*, held: bool) -> None:
    history = cut_short(held=held)
    assert judge(history).outcome is Outcome.HOLDS, judge(history)


def _appends(step: Stepped) -> bool:
    return any(isinstance(effect, fx.Append) for effect in step.effects)


def test_replicas_that_ack_what_they_do_not_log_deliver_what_they_lack() -> None:
    cores = {1: broken.Unsynced}
    ensemble = Lockstep(cores=cores).start().run(2000).give(3, fx.Work(20)).run(1000)
    assert "peer 1 delivers" in judge(ensemble.history()).summary


WHOLE = written().history()
PLACES = [i for i, e in enumerate(WHOLE.events) if not isinstance(e, RunEnded)]


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(PLACES), min_size=1, max_size=6))
def test_lines_that_are_missing_never_make_correct_replicas_part(lost: set[int]) -> None:
    left = History(tuple(e for i, e in enumerate(WHOLE.events) if i not in lost))
    assert judge(left).outcome is not Outcome.FAILS, judge(left)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, len(WHOLE.events) - 1), st.sampled_from([1, 2, 3]))
def test_a_journal_that_ends_early_never_makes_correct_replicas_part(at: int, sid: int) -> None:
    left = History(
        tuple(e for i, e in enumerate(WHOLE.events) if i < at or getattr(e, "sid", 0) != sid)
    )
    assert judge(left).outcome is not Outcome.FAILS, judge(left)
