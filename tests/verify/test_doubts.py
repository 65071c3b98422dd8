"""A bound that a late host may have cost decides nothing; one that it cannot have cost does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.history.events import Acted, Event, Sampled, Used
from chaos.history.history import History
from chaos.verify.expectations import LeaderExpected, MetricMax, RoleExpected
from chaos.verify.verdict import Outcome, Verdict
from chaos.verify.waits import SeenBy
from tests.verify.lockstep import Lockstep

MS = 1_000_000


@cache
def story() -> History:
    """Peer 3 leads after 0.22 s."""
    return Lockstep().start().run(5000).history()


def beside(*more: Event) -> History:
    events = sorted([*story().events[:-1], *more], key=lambda one: one.at_ns)
    return History.of([*events, story().events[-1]])


def late(at_ms: int, ms: int) -> Sampled:
    return Sampled(at_ms * MS, 0, 0, ms * MS)


A_LEADER = LeaderExpected("x", "", None, 0, 150 * MS, seen_by=SeenBy.MAJORITY)
EXPECTED = {
    "a leader": A_LEADER,
    "a role": RoleExpected("x", "", "follower", frozenset({Sid(1)}), 0, 130 * MS),
    "a metric": MetricMax("x", "", "election.total", 130 * MS),
}


@pytest.mark.parametrize("expected", EXPECTED.values(), ids=EXPECTED.keys())
def test_what_a_late_host_may_have_cost_is_unknown(
    expected: LeaderExpected | RoleExpected | MetricMax,
) -> None:
    def judged(*more: Event) -> Verdict:
        return expected.check(beside(*more))

    assert judged().outcome is Outcome.FAILS
    verdict = judged(late(100, 60), late(140, 60))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "but the host was 60 ms late meanwhile, 120 ms in all" in verdict.summary
    assert judged(late(100, 55)).outcome is Outcome.FAILS, "it missed by more"
    assert judged(*[late(at, 49) for at in range(0, 150, 10)]).outcome is Outcome.FAILS, (
        "no account"
    )
    assert judged(late(4500, 400)).outcome is Outcome.FAILS, "afterwards"


def test_what_the_plan_made_late_is_no_excuse() -> None:
    burn = Acted(0, 0, "b", act.Burn("b", (Sid(1),), 900_000, 1), act.Evidence(True))
    history = beside(burn, late(100, 60), late(140, 60))
    assert A_LEADER.check(history).outcome is Outcome.FAILS


def test_counts_are_no_times() -> None:
    rounds = MetricMax("x", "", "rounds", 0)
    assert rounds.check(beside(late(100, 900))).outcome is Outcome.FAILS


def test_a_peer_without_a_cpu_may_have_cost_it() -> None:
    """Its finalize wait is over at 200 ms; it does nothing until 700 ms."""
    ensemble = Lockstep().start().run(100)
    for sid in (1, 2, 3):
        ensemble.stall(sid, 600)
    stalled = ensemble.run(5000).history()
    expected = replace(A_LEADER, within_ns=500 * MS)
    assert expected.check(stalled).outcome is Outcome.FAILS
    waited = [Used(at * MS, Sid(3), 0, 9, 9, ns * MS) for at, ns in ((90, 0), (710, 580))]
    events = sorted([*stalled.events[:-1], *waited], key=lambda one: one.at_ns)
    verdict = expected.check(History.of([*events, stalled.events[-1]]))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "process waited 580 ms for a CPU" in verdict.summary
