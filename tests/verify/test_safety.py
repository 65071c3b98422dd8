"""Each safety check: a history in which it holds, one that it must fail, one it cannot judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.history.events import Appeared, Began, Seen, Source, Stepped
from chaos.history.history import History
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.docket import Law
from chaos.verify.fold import fold
from chaos.verify.verdict import Outcome, Verdict
from tests.election.story import configuration
from tests.verify import broken
from tests.verify.lockstep import Lockstep


def outcome(history: History, name: str) -> Outcome:
    return judge(history, name).outcome


def judge(history: History, name: str) -> Verdict:
    return INVARIANTS[name].check(history)


def re_elected() -> Lockstep:
    """Three peers elect, lose their leader, elect again; the old leader comes back."""
    return Lockstep().start().run().kill(3).run(3000).start(3).run(3000)


def stretched() -> Lockstep:
    """Peer 1 has seen a configuration of five, of which three are up."""
    ensemble = Lockstep("1-3").start()
    wider = configuration("1-5", version=7).text()
    for sid in (1, 2, 3):
        ensemble.run(0).give(sid, fx.Reconfigure(wider, activate=False))
    return ensemble.run()


def observed() -> Lockstep:
    return Lockstep(configuration("1-3", observers="4")).start().run(2000)


def written() -> Lockstep:
    """Three peers write, lose their leader, write again; the old leader comes back and leads."""
    ensemble = Lockstep().start().run(2000)
    for sid in (1, 2, 3):
        ensemble.give(sid, fx.Work(20, 3))
    ensemble.run(2000).kill(3).run(3000).start(3).run(3000)
    return ensemble.kill(2).run(4000)


HOLDS: dict[str, tuple[str, Callable[[], Lockstep]]] = {
    "one leader": ("at_most_one_leader_per_epoch", re_elected),
    "support": ("leader_has_quorum_support", re_elected),
    "vote order": ("vote_order_respected", re_elected),
    "epochs": ("epoch_monotone", re_elected),
    "clock": ("logical_clock_monotone", re_elected),
    "established": ("established_by_quorum", re_elected),
    "conformance": ("conformance", re_elected),
    "acked writes": ("no_acked_write_lost", written),
    "observers": ("observers_never_vote", observed),
    "both quorums": ("both_quorums", stretched),
}


@pytest.mark.parametrize(("name", "story"), HOLDS.values(), ids=HOLDS.keys())
def test_a_correct_ensemble_passes_and_was_really_judged(
    name: str, story: Callable[[], Lockstep]
) -> None:
    verdict = judge(story().history(), name)
    assert verdict.outcome is Outcome.HOLDS, verdict.summary
    assert verdict.judged > 0
    assert verdict.evidence == ()


@pytest.mark.parametrize("story", [re_elected, stretched, observed, written])
def test_no_check_alarms_on_a_correct_ensemble(story: Callable[[], Lockstep]) -> None:
    history = story().history()
    verdicts = [check.check(history) for check in ALWAYS]
    allowed = {Outcome.HOLDS, Outcome.NOT_EXERCISED}
    assert [v.summary for v in verdicts if v.outcome not in allowed] == []


def alone() -> Lockstep:
    return Lockstep(cores={1: broken.Alone}).start(1, 2).run()


def stubborn() -> Lockstep:
    return Lockstep(cores={1: broken.Stubborn}).start().run()


def amnesic() -> Lockstep:
    return Lockstep(cores={1: broken.Amnesic}).start().run().kill(3).run(3000)


def hasty() -> Lockstep:
    return Lockstep(cores={3: broken.Hasty}).start().run(2000)


def generous() -> Lockstep:
    return Lockstep(cores={3: broken.Generous}).start().run(2000)


def lost_disks() -> Lockstep:
    """The leader of epoch 1 dies; the others come back without their disks, and elect."""
    ensemble = Lockstep().start().run(2000).kill(3).kill(2).kill(1)
    for sid in ensemble.disks:
        ensemble.wipe(sid)
    return ensemble.start(1, 2).run(3000)


def old_fashioned() -> Lockstep:
    ensemble = Lockstep("1-3", cores={2: broken.OldFashioned}).start(2).run(0)
    wider = configuration("1-5", version=7).text()
    return ensemble.give(2, fx.Reconfigure(wider, activate=False)).start(1).run()


def flattered() -> Lockstep:
    config = configuration("1-3", observers="4")
    return Lockstep(config, cores={2: broken.Flattered}).start().run(2000)


def mumbling() -> Lockstep:
    return Lockstep(cores={1: broken.Mumbling}).start().run().kill(3).run(3000)


def unsynced() -> Lockstep:
    """Both followers ack what they never log; then they are alone."""
    cores = {1: broken.Unsynced, 2: broken.Unsynced}
    ensemble = Lockstep(cores=cores).start().run(2000).give(3, fx.Work(20)).run(1000)
    return ensemble.kill(3).run(3000)


def credulous() -> Lockstep:
    ensemble = Lockstep("1-5", cores={5: broken.Credulous}).start().run(2000)
    return ensemble.kill(1).kill(2).give(5, fx.Work(20)).run(200)


FAILS: dict[str, tuple[str, Callable[[], Lockstep], str]] = {
    "a quorum of one": ("leader_has_quorum_support", alone, "peer 1 saw a quorum"),
    "a better vote not adopted": ("vote_order_respected", stubborn, "peer 1 did not propose"),
    "a round that starts over": ("logical_clock_monotone", amnesic, "peer 1 says round 1"),
    "a promise told before it is kept": ("epoch_monotone", hasty, "peer 3 sends LEADERINFO"),
    "promises lost with the disk": ("epoch_monotone", lost_disks, "came back with acceptedEpoch"),
    "an epoch led twice": ("at_most_one_leader_per_epoch", lost_disks, "epoch 1 was led by"),
    "serving without acks": ("established_by_quorum", generous, "peer 3 serves epoch 1"),
    "one of two quorums": ("both_quorums", old_fashioned, "peer 2 saw a quorum"),
    "an observer counted": ("observers_never_vote", flattered, "counted {4}"),
    "acks of what is not logged": ("no_acked_write_lost", unsynced, "lacks 0x100000001"),
    "commits without a quorum": ("no_acked_write_lost", credulous, "with the acks of [5] only"),
    "an effect left out": ("conformance", mumbling, "the core says Ignored"),
}


@pytest.mark.parametrize(("name", "story", "words"), FAILS.values(), ids=FAILS.keys())
def test_a_broken_peer_is_caught(name: str, story: Callable[[], Lockstep], words: str) -> None:
    history = story().history()
    verdict = judge(history, name)
    assert verdict.outcome is Outcome.FAILS
    assert words in verdict.summary
    assert verdict.evidence
    assert all(isinstance(history.events[index], Stepped | Began) for index in verdict.evidence)


@pytest.mark.parametrize("check", ALWAYS, ids=lambda check: check.name)
def test_a_journal_with_a_missing_line_is_unknown(check: object) -> None:
    history = stretched().history()
    lines = [i for i, e in history.every(Stepped) if e.sid == 1]
    torn = [e for i, e in enumerate(history.events) if i != lines[1]]
    verdict = judge(History.of(torn), getattr(check, "name", ""))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "journal line" in verdict.summary


@pytest.mark.parametrize("check", ALWAYS, ids=lambda check: check.name)
def test_an_empty_history_exercises_nothing(check: object) -> None:
    verdict = judge(History(()), getattr(check, "name", ""))
    assert (verdict.outcome, verdict.judged) == (Outcome.NOT_EXERCISED, 0)


def test_an_epoch_led_twice_after_the_tester_wiped_a_disk_is_unknown() -> None:
    ensemble = Lockstep().start().run(2000).kill(3).kill(2).kill(1)
    for sid in (1, 2):
        ensemble.wipe(sid)
        ensemble.acted("wipe", act.Launch(Sid(sid), wipe=True))
    history = ensemble.start(1, 2).run(3000).history()
    verdict = judge(history, "at_most_one_leader_per_epoch")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "the tester took back" in verdict.summary
    assert outcome(history, "epoch_monotone") is Outcome.HOLDS


def test_writes_that_a_wiped_majority_lost_are_unknown() -> None:
    ensemble = Lockstep().start().run(2000).give(3, fx.Work(20)).run(1000)
    ensemble.kill(3).kill(2).kill(1)
    for sid in (1, 2):
        ensemble.wipe(sid)
        ensemble.acted("wipe", act.Launch(Sid(sid), wipe=True))
    # Peer 2 has to lead an epoch above that of the writes; a wiped disk forgets that too.
    ensemble.disks[Sid(1)]["acceptedEpoch"] = 4
    verdict = judge(ensemble.start(1, 2).run(3000).history(), "no_acked_write_lost")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "after the tester changed" in verdict.summary


def test_writes_before_a_log_that_the_tester_moved_are_unknown() -> None:
    ensemble = Lockstep().start().run(2000).give(3, fx.Work(20)).run(1000)
    ensemble.give(2, fx.SkewZxid(Zxid(1 << 32 | 99))).kill(3)
    verdict = judge(ensemble.run(4000).history(), "no_acked_write_lost")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "out of sight" in verdict.summary


def test_writes_are_not_known_to_be_in_the_log_of_a_foreign_leader() -> None:
    ensemble = Lockstep().start().run(2000).give(3, fx.Work(20)).run(1000)
    at_ns = ensemble.now_ms * 1_000_000
    told = (fx.Entered(ServerState.LEADING, fx.Phase.BROADCAST), fx.Serving(PeerEpoch(2)))
    config = ensemble.config.text()
    ensemble.events.append(Appeared(at_ns, Sid(9), 0, 0, 79, "zookeeper", "3.8.0", config))
    ensemble.events.append(Seen(at_ns, Sid(9), 0, 1, at_ns, Source.LOG, None, told))
    verdict = judge(ensemble.history(), "no_acked_write_lost")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "nobody sees the log of server 9" in verdict.summary


def test_a_log_that_a_snap_replaced_holds_what_its_leader_held() -> None:
    """Peer 1 comes back without its disk, is restored, and leads: nothing is out of sight."""
    ensemble = Lockstep().start().run(2000).give(3, fx.Work(20)).run(1000)
    ensemble.give(3, fx.Work(0)).run(200).kill(1).kill(3).kill(2).start(2, 3).run(3000)
    ensemble.wipe(1)
    ensemble.acted("wipe", act.Launch(Sid(1), wipe=True)).start(1).run(3000)
    verdict = judge(ensemble.kill(3).run(3000).history(), "no_acked_write_lost")
    assert verdict.outcome is Outcome.HOLDS, verdict.summary


SKEWS: dict[str, fx.Input] = {
    "round up": fx.SkewRound(by=40),
    "round down": fx.SkewRound(to=-3),
    "zxid": fx.SkewZxid(Zxid(9 << 32)),
    "promise down": fx.SkewEpochs(accepted=PeerEpoch(0)),
    "epochs up": fx.SkewEpochs(accepted=PeerEpoch(7), current=PeerEpoch(6)),
    "current above promise": fx.SkewEpochs(current=PeerEpoch(9)),
}


@pytest.mark.parametrize("sid", [1, 3])
@pytest.mark.parametrize("when", ["looking", "settled"])
@pytest.mark.parametrize("skew", SKEWS.values(), ids=SKEWS.keys())
def test_what_the_tester_does_is_not_held_against_a_peer(
    skew: fx.Input, when: str, sid: int
) -> None:
    ensemble = Lockstep().start().run(0 if when == "looking" else 2000)
    history = ensemble.give(sid, skew).run(2000).kill(3).run(4000).start(3).run(3000).history()
    alarms = [v.summary for c in ALWAYS if (v := c.check(history)).outcome is Outcome.FAILS]
    assert alarms == []


def test_a_vote_that_nobody_sent_is_caught() -> None:
    """Peer 1 counts a vote of peer 2 whose journal says that it sent another."""
    history = Lockstep().start(1, 2).run().history()
    index, step = next(
        (i, e)
        for i, e in history.every(Stepped)
        if e.sid == 2 and any(isinstance(effect, fx.Send) for effect in e.effects)
    )
    changed = tuple(
        replace(effect, notification=replace(effect.notification, zxid=Zxid(77)))
        if isinstance(effect, fx.Send)
        else effect
        for effect in step.effects
    )
    events = list(history.events)
    events[index] = replace(step, effects=changed)
    breaches = fold(History(tuple(events))).docket.breaches[Law.SUPPORT]
    assert any("peer 2, which had sent (leader 2, zxid 0x4d" in one.why for one in breaches)


def test_conformance_of_a_run_that_was_cut_short_is_unknown() -> None:
    history = re_elected().history()
    cut = History(history.events[:-1])
    assert outcome(cut, "conformance") is Outcome.UNKNOWN
    assert outcome(cut, "vote_order_respected") is Outcome.HOLDS
