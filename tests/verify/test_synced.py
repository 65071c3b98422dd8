"""Whoever acks NEWLEADER has on disk what its epoch began with; a leader has a quorum of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import Sid, Zxid
from chaos.history.events import Stepped
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.docket import Law
from chaos.verify.replicas import replicas
from chaos.verify.synced import synced
from chaos.verify.verdict import Outcome, Verdict
from tests.verify import broken
from tests.verify.lockstep import Lockstep
from tests.verify.test_laws import rejoined, told
from tests.verify.test_safety import written


def judge(history: History) -> Verdict:
    return INVARIANTS["synced_before_ack"].check(history)


def at_new_leader(sid: int, keeps: Callable[[fx.Effect], bool]) -> Callable[[Stepped], Stepped]:
    """What peer ``sid`` does when it reads NEWLEADER, but for some of it."""

    def step(event: Stepped) -> Stepped:
        match event.happened:
            case fx.PacketRead(packet=pk.NewLeader()) if event.sid == sid:
                return replace(event, effects=tuple(e for e in event.effects if keeps(e)))
            case _:
                return event

    return step


def no_log(effect: fx.Effect) -> bool:
    return not isinstance(effect, fx.Append | fx.Restore)


def no_epoch(effect: fx.Effect) -> bool:
    return not (isinstance(effect, fx.Persist) and effect.name == "currentEpoch")


def pretender() -> Lockstep:
    """Peer 1 acks what it does not log, is thought to be in sync, and acks the next epoch too."""
    ensemble = Lockstep(cores={1: broken.Unsynced}).start().run(2000)
    ensemble.give(3, fx.Work(20)).run(1000).give(3, fx.Work(0)).run(200)
    return ensemble.kill(3).run(4000)


def unsaid(event: Stepped) -> Stepped:
    """The ack of peer 1, which its leader counted, was never sent."""
    kept = tuple(e for e in event.effects if event.sid != 1 or not _acks_epoch(e))
    return replace(event, effects=kept)


def _acks_epoch(effect: fx.Effect) -> bool:
    return isinstance(effect, fx.SendPacket) and effect.packet == pk.Ack(Zxid(1 << 32))


def alone() -> Lockstep:
    return Lockstep().start(1, 3).run(3000)


FAILS: dict[str, tuple[Callable[[], History], str]] = {
    "what was sent is not logged": (
        told(written, at_new_leader(3, no_log)),
        "peer 3 acks 0x200000000; its log ends at",
    ),
    "the epoch is not on disk": (
        told(rejoined, at_new_leader(3, no_epoch)),
        "peer 3 acks 0x200000000; its currentEpoch is 1",
    ),
    "what was there before is not logged": (
        lambda: pretender().history(),
        "acks 0x100000001; its log ends at 0x0",
    ),
    "an ack of nobody": (told(alone, unsaid), "peer 3 serves epoch 1; on disk it is with {3} only"),
}


@pytest.mark.parametrize(("story", "words"), FAILS.values(), ids=FAILS.keys())
def test_an_ack_without_what_it_says_is_caught(story: Callable[[], History], words: str) -> None:
    history = story()
    verdict = judge(history)
    assert verdict.outcome is Outcome.FAILS, verdict
    assert words in verdict.summary
    assert verdict.evidence


def test_a_learner_that_only_seemed_to_be_in_sync_makes_no_quorum() -> None:
    """At NEWLEADER its own journal shows nothing wrong: it was sent nothing."""
    whys = [one.why for one in synced(pretender().history()).breaches[Law.SYNCED]]
    lacks = "peer 1 acks NEWLEADER of epoch 2 without 0x100000001, which its leader 2 began with"
    assert lacks in whys
    assert "peer 2 serves epoch 2; on disk it is with {2} only" in whys


def test_every_learner_is_held_against_its_leader() -> None:
    verdict = judge(rejoined().history())
    assert verdict.outcome is Outcome.HOLDS, verdict
    # Four learners ack twice each; four logs and two leaders are held against those.
    assert verdict.judged == 14


def test_an_ack_that_a_torn_journal_may_have_told_of_is_unknown() -> None:
    """The journal of peer 1 ends before its ack."""
    history = alone().history()
    ack = next(
        i
        for i, e in history.every(Stepped)
        if e.sid == 1 and any(_acks_epoch(effect) for effect in e.effects)
    )
    events = enumerate(history.events)
    left = History(tuple(e for i, e in events if i < ack or getattr(e, "sid", 0) != 1))
    verdict = judge(left)
    assert verdict.outcome is Outcome.UNKNOWN, verdict
    assert "which their journals do not tell of" in verdict.summary


def test_a_log_that_the_tester_moved_is_held_against_nobody() -> None:
    ensemble = written().give(1, fx.SkewZxid(Zxid(1 << 32 | 9))).kill(3).run(4000)
    assert judge(ensemble.history()).outcome is not Outcome.FAILS
    assert Sid(1) in ensemble.peers


def test_an_epoch_that_is_led_again_after_a_wipe_begins_anew() -> None:
    """Its second leader has nothing, so that nobody need have what its first began with."""
    ensemble = written().kill(1).kill(3)
    for sid in map(Sid, (1, 2, 3)):
        ensemble.wipe(sid)
        ensemble.acted("wipe", act.Launch(sid, wipe=True))
    history = ensemble.start().run(3000).kill(3).run(4000).history()
    led = [sid for _, sid in replicas(history).initial]
    assert len(led) < sum(map(len, replicas(history).initial.values()))
    assert judge(history).outcome is Outcome.HOLDS
