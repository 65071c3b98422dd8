"""Progress is demanded while a living quorum is left alone, and only then."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import PeerEpoch, Sid
from chaos.election.notification import ServerState
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.timings import Timings
from chaos.history.events import Acted, Began, RunEnded, Sampled, Stepped
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.liveness import bound, endless, take_turns
from chaos.verify.span import Span, Was
from chaos.verify.stability import stable
from chaos.verify.verdict import Outcome, Verdict
from tests.election.story import configuration
from tests.verify.lockstep import Lockstep

L1, L2, L3 = "leader_serves_in_time", "members_serve_in_time", "no_needless_change"
MS = 1_000_000
BIT = act.Evidence(True)


class Undecided(QuorumPeer):
    """Its finalize wait never ends."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        match happened:
            case fx.Expire(timer=timer) if timer.kind is fx.TimerKind.FINALIZE:
                return []
            case _:
                return super().step(happened)


class Deaf(QuorumPeer):
    """It hears nothing once it looks for the first time."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        return [] if isinstance(happened, fx.Deliver) else super().step(happened)


class Fickle(QuorumPeer):
    """It serves for ten ticks, and gives up."""

    ticks = 0

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        match happened:
            case fx.Expire(timer=timer) if timer.kind is fx.TimerKind.TICK:
                self.ticks += 1
                if self.ticks == 20:
                    return self._leave("it had enough")
            case _:
                pass
        return super().step(happened)


def judge(history: History, name: str) -> Verdict:
    return INVARIANTS[name].check(history)


def healthy() -> History:
    return Lockstep().start().run(3000).kill(3).run(4000).start(3).run(3000).history()


def undecided() -> History:
    return Lockstep(cores=dict.fromkeys((1, 2, 3), Undecided)).start().run(60_000).history()


def deaf() -> History:
    return Lockstep(cores={1: Deaf}).start().run(60_000).history()


def fickle() -> History:
    return Lockstep(cores={3: Fickle}).start().run(20_000).history()


def stuck() -> History:
    """Peer 1 has promised an epoch that the others have not come to."""
    ensemble = Lockstep().start(2, 3).run(2000)
    ensemble.disks[Sid(1)] = {"acceptedEpoch": 9}
    return ensemble.start(1).run(40_000).history()


def promised_alone() -> History:
    """Peer 1 loses its leader, and the tester moves its promise."""
    ensemble = Lockstep().start().run(2000)
    lost = next(conn for conn in ensemble.connections if ensemble.learner(conn) == 1)
    ensemble.give(1, fx.ConnectionLost(lost, "reset"))
    return ensemble.give(1, fx.SkewEpochs(accepted=PeerEpoch(9))).run(40_000).history()


def ahead() -> History:
    """Peer 1 comes with a newer configuration of the same members than its leader has."""
    ensemble = Lockstep().start(2, 3).run(2000)
    ensemble.configs[Sid(1)] = configuration("1-3", version=9 << 32).text()
    return ensemble.start(1).run(40_000).history()


def drowned() -> History:
    """Peer 5 is refused again and again; peer 1, whose vote got lost, hears it and waits anew."""
    ensemble = Lockstep("1-5").start(2, 3, 4).run(2000)
    ensemble.disks[Sid(5)] = {"acceptedEpoch": 9}
    ensemble.cut |= {(Sid(1), Sid(sid)) for sid in range(2, 6)}
    ensemble.start(5, 1).run(500)
    ensemble.cut.clear()
    return ensemble.run(40_000).history()


def lost_vote() -> Lockstep:
    """Two look for so long that both wait 60 s; the vote of peer 2, the better one, is lost."""
    ensemble = Lockstep("1-2")
    ensemble.cut.add((Sid(2), Sid(1)))
    ensemble.start().acted("l", act.Lose("l", (act.Cut(Sid(2), Sid(1)),), 1_000_000))
    ensemble.run(300_000).cut.clear()
    return ensemble.acted("l", act.Clear("l"))


def always_first() -> History:
    return lost_vote().run(900_000).history()


def speaks_at_last() -> History:
    """Chance helps: peer 2 says its vote again."""
    ensemble = lost_vote().run(800_000)
    timer = fx.Timer(fx.TimerKind.RESEND)
    del ensemble.peers[Sid(2)].timers[timer]
    return ensemble.give(2, fx.Expire(timer, have_delivered=True)).run(60_000).history()


def minority() -> History:
    return Lockstep().start(3).run(60_000).history()


def hurried() -> History:
    return Lockstep(cores=dict.fromkeys((1, 2, 3), Undecided)).start().run(3000).history()


def hurried_joiner() -> History:
    return Lockstep(cores={1: Deaf}).start().run(4000).history()


JUDGED: dict[str, tuple[str, Callable[[], History], Outcome, str]] = {
    "a leader serves": (L1, healthy, Outcome.HOLDS, "3 times"),
    "all serve": (L2, healthy, Outcome.HOLDS, "times"),
    "nothing changes": (L3, healthy, Outcome.HOLDS, "3 times"),
    "nobody ever decides": (L1, undecided, Outcome.FAILS, "s = A 0 + B "),
    "one never joins": (L2, deaf, Outcome.FAILS, "peer 1 does not serve"),
    "a leader that gives up": (L3, fickle, Outcome.FAILS, "no fault touched them"),
    "a promise too high": (L2, stuck, Outcome.NOT_EXERCISED, "peer 1 is excused: it promised"),
    "a promise moved": (L2, promised_alone, Outcome.NOT_EXERCISED, "it promised epoch 9"),
    "a newer configuration": (L2, ahead, Outcome.NOT_EXERCISED, "its configuration, 900000000"),
    "drowned": (L2, drowned, Outcome.NOT_EXERCISED, "peer 1 is excused: peer 5 goes round"),
    "who spoke is first": (L1, always_first, Outcome.NOT_EXERCISED, "peer 2 said nothing for 900"),
    "until chance helps": (L1, speaks_at_last, Outcome.NOT_EXERCISED, "said nothing for 800"),
    "a minority": (L1, minority, Outcome.NOT_EXERCISED, "no living quorum"),
    "a minority, joining": (L2, minority, Outcome.NOT_EXERCISED, "no living quorum"),
    "a minority, changing": (L3, minority, Outcome.NOT_EXERCISED, "no living quorum"),
    "a run that ended": (L1, hurried, Outcome.UNKNOWN, "the run ended"),
    "a joiner, and it ended": (L2, hurried_joiner, Outcome.UNKNOWN, "did not wait for peer 1"),
}


@pytest.mark.parametrize("name", [L1, L2])
def test_what_the_run_did_not_wait_for_is_told_with_the_time_that_there_was(name: str) -> None:
    """From the moment that is named with it, though a bound may begin later than the run ends."""
    history = hurried() if name == L1 else hurried_joiner()
    (span,) = [one for one in stable(history) if one.by_end]
    (what,) = re.findall(
        r"left alone from ([\d.]+) s: the run ended ([-\d.]+) s later", judge(history, name).summary
    )
    begun_s, lasted_s = map(float, what)
    assert begun_s == pytest.approx((span.from_ns - history.zero_ns) / 1e9, abs=1e-3)
    assert begun_s + lasted_s == pytest.approx((history.end_ns - history.zero_ns) / 1e9, abs=2e-3)


@pytest.mark.parametrize(("name", "story", "outcome", "words"), JUDGED.values(), ids=JUDGED.keys())
def test_liveness_is_judged(
    name: str, story: Callable[[], History], outcome: Outcome, words: str
) -> None:
    verdict = judge(story(), name)
    assert verdict.outcome is outcome, verdict
    assert words in verdict.summary
    assert bool(verdict.evidence) is (outcome is not Outcome.HOLDS and "minority" not in words) or (
        "no living quorum" in words
    )


@pytest.mark.parametrize(("name", "story"), [(L1, undecided), (L2, deaf), (L3, fickle)])
def test_times_of_a_late_host_decide_nothing(name: str, story: Callable[[], History]) -> None:
    history = story()
    late = Sampled(5000 * MS, 0, 0, 90 * MS)
    verdict = judge(History.of([*history.events, late]), name)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "the host was 90 ms late" in verdict.summary


def _faulty(*actions: act.Action) -> History:
    """Nobody decides, and these were done at time zero."""
    history = undecided()
    acted = [Acted(1, 1, "x", action, act.Evidence(True)) for action in actions]
    return History.of([*history.events, *acted])


EXCUSES: dict[str, tuple[act.Action, ...]] = {
    "a pair that is cut": (act.Block("b", (act.Cut(Sid(1), Sid(2)),)),),
    "a port that is cut": (act.Block("b", (act.PortCut(Sid(2), act.Port.QUORUM, True),)),),
    "messages get lost": (act.Lose("l", (act.Cut(Sid(1), Sid(2)),), 1000),),
    "a clock runs slow": (act.SkewTimers(Sid(3), 500_000),),
    "two are stopped": (act.Pause(Sid(1)), act.Pause(Sid(2))),
}


@pytest.mark.parametrize("actions", EXCUSES.values(), ids=EXCUSES.keys())
def test_nothing_is_due_while_a_fault_is_in_place(actions: tuple[act.Action, ...]) -> None:
    assert judge(_faulty(*actions), L1).outcome is Outcome.NOT_EXERCISED


def test_a_clock_that_could_not_be_set_right_is_still_skewed() -> None:
    skewed = _faulty(act.SkewTimers(Sid(3), 500_000))
    healed = Acted(9, 9, "x", act.SkewTimers(Sid(3)), act.Evidence(False, {"error": "paused"}))
    assert judge(History.of([*skewed.events, healed]), L1).outcome is Outcome.NOT_EXERCISED
    healed = Acted(9, 9, "x", act.SkewTimers(Sid(3)), BIT)
    assert judge(History.of([*skewed.events, healed]), L1).outcome is Outcome.FAILS


UNDONE: dict[str, tuple[act.Action, act.Action]] = {
    "a cut": (act.Block("f", (act.Cut(Sid(1), Sid(2)),)), act.Unblock("f")),
    "lost messages": (act.Lose("f", (act.Cut(Sid(1), Sid(2)),), 1000), act.Clear("f")),
    "a load": (act.Burn("f", (Sid(1),), 1000, 1), act.Cool("f")),
}


@pytest.mark.parametrize(("done", "undo"), UNDONE.values(), ids=UNDONE.keys())
def test_what_could_not_be_undone_is_still_there(done: act.Action, undo: act.Action) -> None:
    faulty = _faulty(done)
    tried = Acted(9, 9, "x", undo, act.Evidence(False, {"error": "the kernel said no"}))
    verdict = judge(History.of([*faulty.events, tried]), L1)
    assert verdict.outcome is not Outcome.FAILS
    assert "step x could not be done" in verdict.summary
    assert judge(History.of([*faulty.events, replace(tried, evidence=BIT)]), L1).outcome is (
        Outcome.FAILS
    )


def test_nothing_is_due_where_an_answer_takes_longer_than_the_sync_limit() -> None:
    """A learner that hears nothing for syncLimit gives up, however well everybody means it."""
    slow = tuple(
        act.Slow("s", (act.Cut(Sid(1), Sid(3)),), latency_ns=latency * MS) for latency in (300, 600)
    )
    outcomes = [judge(_faulty(one), L1).outcome for one in slow]
    assert outcomes == [Outcome.FAILS, Outcome.NOT_EXERCISED]


@pytest.mark.parametrize(
    ("distribution", "outcome"),
    [("uniform", Outcome.FAILS), ("exponential", Outcome.NOT_EXERCISED)],
)
def test_a_delay_counts_as_long_as_it_may_ever_be(distribution: str, outcome: Outcome) -> None:
    cut = act.Cut(Sid(1), Sid(3))
    slow = act.Slow("s", (cut,), 8 * MS, 100 * MS, distribution)
    assert judge(_faulty(slow), L1).outcome is outcome


def test_who_is_cut_off_whole_is_left_out() -> None:
    cuts = tuple(act.Cut(Sid(a), Sid(b)) for one in (1, 2) for a, b in ((one, 3), (3, one)))
    verdict = judge(_faulty(act.Block("b", cuts)), L1)
    assert verdict.outcome is Outcome.FAILS
    assert "{1, 2} were left alone" in verdict.summary


def test_a_cut_ends_as_late_as_it_was_long() -> None:
    history = _faulty(act.Block("b", (act.Cut(Sid(1), Sid(2)),)))
    healed = Acted(4_000 * MS, 4_000 * MS, "x", act.Unblock("b"), act.Evidence(True))
    *_, span = stable(History.of([*history.events, healed]))
    assert span.from_ns == 8_000 * MS - 1


def test_the_silence_of_an_earlier_fault_may_end_a_leadership_later() -> None:
    """Peer 3 gives up right after a fault has ended: nothing of it is held against anybody."""
    history = fickle()
    gave_up = next(
        e.at_ns
        for _, e in history.every(Stepped)
        if any(isinstance(effect, fx.SteppedDown) for effect in e.effects) and e.sid == 3
    )
    for before_ns, outcome in ((500 * MS, Outcome.HOLDS), (1_700 * MS, Outcome.FAILS)):
        ended = Acted(gave_up - before_ns, gave_up - before_ns, "x", act.Resume(Sid(3)), BIT)
        assert judge(History.of([*history.events, ended]), L3).outcome is outcome


def test_nothing_is_due_before_time_zero() -> None:
    """Peers that stand wait for whoever needs longer, and begin to look together."""
    ensemble = Lockstep().start().run(2000)
    later = [
        one if isinstance(one, Began) else replace(one, at_ns=one.at_ns + 4000 * MS)
        for one in ensemble.events
    ]
    history = History.of([*later, RunEnded(6000 * MS, "done")])
    (span,) = stable(history)
    assert span.from_ns == history.zero_ns == 4000 * MS
    assert judge(history, L1).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("later_ns", "outcome"), [(7, Outcome.HOLDS), (200, Outcome.FAILS)])
def test_what_an_action_did_may_bear_an_earlier_stamp_than_it(
    later_ns: int, outcome: Outcome
) -> None:
    """A peer reads the clock when its loop wakes: what came by a reset a moment later is older."""
    history = fickle()
    gave_up = next(
        e.at_ns
        for _, e in history.every(Stepped)
        if any(isinstance(effect, fx.SteppedDown) for effect in e.effects) and e.sid == 3
    )
    at_ns = gave_up + later_ns * MS
    cut = Acted(at_ns, at_ns, "x", act.Block("b", (act.Cut(Sid(1), Sid(2)),)), BIT)
    assert judge(History.of([*history.events, cut]), L3).outcome is outcome


def test_the_bound_is_the_sum_that_it_shows() -> None:
    timings = Timings(tick_ms=200, init_limit=10, sync_limit=5, finalize_ms=200, connect_ms=100)
    held = [Was(ServerState.FOLLOWING, True, 0), Was(ServerState.LOOKING, False, 400)]
    span = Span(frozenset(), 0, 0, timings, 10 * MS, {})
    due = bound(held, span, 1)
    silence = 3 * (400 + 1100) + 100
    shown = f"12.180 s = A 1100 + B {silence} + C 640 + D 600 + 1·(4000 + 640 + 600) ms"
    assert str(due) == shown
    assert due.total_ns == (1100 + silence + 1240 + 5240) * MS


@pytest.mark.parametrize(("longest", "ends"), [(50, False), (110, False), (111, True)])
def test_who_is_never_silent_need_not_elect(longest: int, ends: bool) -> None:
    timings = Timings(finalize_ms=100, notification_ms_min=50, notification_ms_max=longest)
    span = Span(frozenset(), 0, 0, timings, 10 * MS, {})
    assert (endless(span) == "") is ends


@pytest.mark.parametrize(("init_limit", "gives_up"), [(4, True), (5, False)])
def test_who_leads_for_a_shorter_time_than_others_decide_in_may_fail_for_ever(
    init_limit: int, gives_up: bool
) -> None:
    """210 ms to hear of the vote and wait for silence; limits are whole ticks of 50 ms."""
    timings = Timings(tick_ms=50, init_limit=init_limit, finalize_ms=100, notification_ms_min=100)
    span = Span(frozenset(), 0, 0, timings, 10 * MS, {})
    assert take_turns(span) is gives_up


def test_a_missing_line_leaves_liveness_unknown() -> None:
    history = undecided()
    lines = [i for i, e in history.every(Stepped) if e.sid == 1]
    torn = History.of(e for i, e in enumerate(history.events) if i != lines[3])
    assert {judge(torn, name).outcome for name in (L1, L2, L3)} == {Outcome.UNKNOWN}
    assert isinstance(torn.events[-1], RunEnded)
