"""Expectations: satisfied, missed, and cut short before anybody can say."""

from __future__ import annotations

import pytest

from chaos.election.effects import Serving
from chaos.election.ids import Sid
from chaos.history.events import Stepped
from chaos.history.history import History
from chaos.verify.expectations import (
    Expectation,
    LeaderExpected,
    MetricMax,
    NoLeaderExpected,
    RoleExpected,
    SameLeaderExpected,
)
from chaos.verify.replay import frames, reigns, stretches
from chaos.verify.verdict import Kind, Outcome
from chaos.verify.waits import (
    LeaderCondition,
    NoLeaderCondition,
    RoleCondition,
    SeenBy,
    Watch,
)
from tests.verify.lockstep import MS, Lockstep

HOLDS, FAILS, UNKNOWN = Outcome.HOLDS, Outcome.FAILS, Outcome.UNKNOWN
KILLED = 2000 * MS
END = 8000 * MS


def sids(*numbers: int) -> frozenset[Sid]:
    return frozenset(map(Sid, numbers))


@pytest.fixture(scope="module")
def history() -> History:
    """Peer 3 leads until it is killed at 2 s, then 2 does; the run ends at 8 s."""
    return Lockstep().start().run(2000).kill(3).run(3000).start(3).run(3000).history()


def test_reigns_are_those_of_the_story(history: History) -> None:
    first, second = reigns(history)
    assert (first.holder, first.to_ns) == (3, KILLED)
    assert (second.holder, second.to_ns, second.end) == (2, END, None)
    assert 0 < first.from_ns < 500 * MS
    assert KILLED < second.from_ns < KILLED + 2500 * MS


LEADERS: dict[str, tuple[LeaderExpected, Outcome]] = {
    "in time": (LeaderExpected("e", "p:1:1", None, 0, 1000 * MS), HOLDS),
    "in time and held": (LeaderExpected("e", "p:1:1", None, 0, 1000 * MS, 1500 * MS), HOLDS),
    "the right one": (LeaderExpected("e", "p:1:1", sids(1, 2), KILLED, 3000 * MS), HOLDS),
    "the wrong one": (LeaderExpected("e", "p:1:1", sids(1), KILLED, 3000 * MS), FAILS),
    "too late": (LeaderExpected("e", "p:1:1", None, KILLED, 100 * MS), FAILS),
    "not held": (LeaderExpected("e", "p:1:1", sids(3), 0, 1000 * MS, 3000 * MS), FAILS),
    "hold cut short": (LeaderExpected("e", "p:1:1", sids(2), 0, 5000 * MS, 9000 * MS), UNKNOWN),
    "bound past the end": (LeaderExpected("e", "p:1:1", sids(1), 0, 9000 * MS), UNKNOWN),
    "seen by all": (
        LeaderExpected("e", "p:1:1", None, 5000 * MS, 2000 * MS, 500 * MS, SeenBy.ALL),
        HOLDS,
    ),
}
OTHERS: dict[str, tuple[Expectation, Outcome]] = {
    "nobody of them": (NoLeaderExpected("e", "p:1:1", sids(1), 0, 7000 * MS), HOLDS),
    "one of them": (NoLeaderExpected("e", "p:1:1", sids(1, 2), 0, 7000 * MS), FAILS),
    "nobody at all": (NoLeaderExpected("e", "p:1:1", None, KILLED, KILLED + 50 * MS), HOLDS),
    "somebody before": (NoLeaderExpected("e", "p:1:1", None, 1999 * MS, KILLED), FAILS),
    "span past the end": (NoLeaderExpected("e", "p:1:1", sids(1), 0, 9000 * MS), UNKNOWN),
    "same": (SameLeaderExpected("e", "p:1:1", 500 * MS, 1900 * MS), HOLDS),
    "another": (SameLeaderExpected("e", "p:1:1", 500 * MS, 7000 * MS), FAILS),
    "nobody then": (SameLeaderExpected("e", "p:1:1", 500 * MS, KILLED + MS), FAILS),
    "after the end": (SameLeaderExpected("e", "p:1:1", 500 * MS, 9000 * MS), UNKNOWN),
    "back as follower": (
        RoleExpected("e", "p:1:1", "follower", sids(3), 5000 * MS, 1000 * MS, 100 * MS),
        HOLDS,
    ),
    "not down long enough": (
        RoleExpected("e", "p:1:1", "down", sids(3), KILLED, 0, 4000 * MS),
        FAILS,
    ),
    "role past the end": (
        RoleExpected("e", "p:1:1", "down", sids(1), 0, 9000 * MS),
        UNKNOWN,
    ),
    "quick enough": (MetricMax("e", "p:1:1", "election.peer", 4000 * MS), HOLDS),
    "too slow": (MetricMax("e", "p:1:1", "election.peer", 199 * MS), FAILS),
    "never measured": (MetricMax("e", "p:1:1", "election.detect", 1, of="nothing"), UNKNOWN),
    "few epochs": (MetricMax("e", "p:1:1", "epochs.started", 2), HOLDS),
    "too many epochs": (MetricMax("e", "p:1:1", "epochs.started", 1), FAILS),
    "few since": (MetricMax("e", "p:1:1", "epochs.started", 1, from_ns=KILLED), HOLDS),
}


@pytest.mark.parametrize(("expected", "outcome"), LEADERS.values(), ids=LEADERS.keys())
def test_a_leader_is_expected(history: History, expected: LeaderExpected, outcome: Outcome) -> None:
    verdict = expected.check(history)
    assert verdict.outcome is outcome, verdict.summary
    assert (verdict.name, verdict.kind, verdict.where) == ("e", Kind.EXPECTATION, "p:1:1")
    assert all(0 <= index < len(history.events) for index in verdict.evidence)


@pytest.mark.parametrize(("expected", "outcome"), OTHERS.values(), ids=OTHERS.keys())
def test_other_outcomes_are_expected(
    history: History, expected: Expectation, outcome: Outcome
) -> None:
    verdict = expected.check(history)
    assert verdict.outcome is outcome, verdict.summary
    assert verdict.summary


def test_a_metric_that_never_ended_is_judged_by_how_long_the_run_went_on() -> None:
    history = Lockstep().start(1).run(3000).history()
    assert MetricMax("e", "", "election.leaderless", 2000 * MS).check(history).outcome is FAILS
    assert MetricMax("e", "", "election.leaderless", 4000 * MS).check(history).outcome is UNKNOWN


def test_a_leader_whose_quorum_is_gone_does_not_lead() -> None:
    ensemble = Lockstep().start().run(2000).kill(1).kill(2).run(0)
    after = ensemble.now_ms * MS
    history = ensemble.run(1).history()
    expected = NoLeaderExpected("e", "", None, after, after + MS)
    assert expected.check(history).outcome is HOLDS


def _torn(history: History, sid: int) -> History:
    """The lines that tell that ``sid`` serves are missing in its journal."""
    told = [
        index
        for index, event in history.every(Stepped)
        if event.sid == sid and any(isinstance(effect, Serving) for effect in event.effects)
    ]
    assert told
    return History(tuple(e for at, e in enumerate(history.events) if at not in told))


TORN: dict[str, tuple[Expectation, int, Outcome]] = {
    "a leader": (LeaderExpected("e", "", None, KILLED, 3000 * MS), 2, UNKNOWN),
    "a leader, of another's journal": (LeaderExpected("e", "", sids(3), 0, 900 * MS), 2, UNKNOWN),
    "no leader": (NoLeaderExpected("e", "", sids(2), 0, END), 2, UNKNOWN),
    "no leader, and one is seen": (NoLeaderExpected("e", "", sids(3), 0, END), 2, FAILS),
    "the same leader": (SameLeaderExpected("e", "", 500 * MS, 1500 * MS), 2, UNKNOWN),
    "another leader": (SameLeaderExpected("e", "", 500 * MS, 7000 * MS), 2, UNKNOWN),
    "a role": (RoleExpected("e", "", "leader", sids(2), KILLED, 3000 * MS), 2, UNKNOWN),
    "a metric": (MetricMax("e", "", "election.leaderless", 9000 * MS), 2, UNKNOWN),
}


@pytest.mark.parametrize(("expected", "sid", "outcome"), TORN.values(), ids=TORN.keys())
def test_of_torn_journals_only_what_the_rest_shows_is_told(
    history: History, expected: Expectation, sid: int, outcome: Outcome
) -> None:
    verdict = expected.check(_torn(history, sid))
    assert verdict.outcome is outcome, verdict
    assert (outcome is FAILS) is ("journal line" not in verdict.summary)


def test_an_empty_history_answers_nothing() -> None:
    empty = History(())
    assert LeaderExpected("e", "", None, 0, 1).check(empty).outcome is UNKNOWN
    assert NoLeaderExpected("e", "", None, 0, 1).check(empty).outcome is UNKNOWN
    assert MetricMax("e", "", "rounds", 1).check(empty).outcome is UNKNOWN


# ---- conditions, as a runner asks them


def test_conditions_agree_with_the_story(history: History) -> None:
    down = stretches(history, RoleCondition("down", sids(3)))
    # Before its birth and between its two lives.
    assert [(one.from_ns, one.to_ns) for one in down] == [(KILLED, 5000 * MS)]
    nobody = stretches(history, NoLeaderCondition())
    assert nobody[-1].from_ns == KILLED
    assert stretches(history, LeaderCondition(among=sids(1))) == ()
    wide = stretches(history, LeaderCondition(seen_by=SeenBy.ALL))
    assert {one.holder for one in wide} == {2, 3}


def test_a_watch_wants_the_same_leader_for_as_long_as_asked(history: History) -> None:
    watch = Watch(LeaderCondition(hold_ns=2500 * MS))
    for _, event, view in frames(history):
        watch.observe(view, event.at_ns)
        if watch.done(event.at_ns):
            break
    # The first leader reigned for less than that; two reigns do not add up.
    second = reigns(history)[1]
    assert watch.since_ns == second.from_ns
    assert watch.due_ns == second.from_ns + 2500 * MS
    assert not watch.done(second.from_ns + 2500 * MS - 1)
    assert watch.done(second.from_ns + 2500 * MS)
