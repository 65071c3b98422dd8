"""What the next step does in no time does not count as done when the step before it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.election.config import Configuration
from chaos.history.events import StepEnded
from chaos.history.view import EnsembleView
from chaos.plan.model import After
from chaos.plan.times import Edge
from chaos.runner.judge import Case
from chaos.runner.log import StepLog
from chaos.verify.foreign.outside import from_outside
from tests.runner.stage import lead, plan

UP = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}\n"
SAME = "expect:\n  - {id: s, outcome: same_leader, between: [up, n]}\n"
BACK = "wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}\n"
WHILE_PAUSED = "  - {id: q, wait: {outcome: leader, among: {except: [$old]}}, within: 9s}\n"
HOLD: dict[str, str] = {
    "a pause that the leader outlives": (
        "  - {id: p, fault: pause, target: leader, for: 100ms}\n"
        "  - {id: n, after: {step: p, edge: ended}, " + BACK + SAME
    ),
    "followers that come back": (
        "  - {id: k, fault: kill, target: [1, 2], with: {restart: after}, for: 20ms}\n"
        "  - {id: n, after: {step: k, edge: ended, plus: 2s}, " + BACK + SAME
    ),
    "a leader when it was asked": (
        "  - {id: k, fault: kill, target: leader}\n"
        "expect:\n  - {id: s, outcome: leader, after: up, within: 100ms}\n"
    ),
    "a role when it was asked": (
        "  - {id: k, fault: kill, target: leader}\n"
        "expect:\n  - {id: s, outcome: {role: leader}, of: 3, after: up, within: 0ms}\n"
    ),
    "a decision in the very instant": (
        "  - {id: p, fault: pause, target: leader, for: 3s, as: old}\n"
        + WHILE_PAUSED
        + "  - {id: r, fault: kill, target: leader, with: {restart: after}, for: 100ms}\n"
        "  - {id: z, after: {step: p, edge: ended}, " + BACK + "expect:\n"
        "  - {id: s, outcome: leader, among: {except: [$old]}, after: q, within: 0ms}\n"
    ),
}
FAIL: dict[str, str] = {
    "behind the fault": (
        "  - {id: k, fault: kill, target: leader}\n"
        "expect:\n  - {id: s, outcome: leader, after: k, within: 100ms}\n"
    ),
    "behind a note behind the fault": (
        "  - {id: k, fault: kill, target: leader}\n"
        "  - {id: o, note: it is gone}\n"
        "expect:\n  - {id: s, outcome: leader, after: o, within: 100ms}\n"
    ),
    "a little later": (
        "  - {id: k, fault: kill, target: leader}\n"
        "expect:\n  - {id: s, outcome: leader, after: {step: up, plus: 1ms, edge: ended}, "
        "within: 100ms}\n"
    ),
    "for as long as it was to be": (
        "  - {id: k, fault: kill, target: leader}\n"
        "expect:\n  - {id: s, outcome: leader, after: up, within: 100ms, hold_for: 50ms}\n"
    ),
    "another leader": (
        "  - {id: k, fault: kill, target: leader}\n"
        "  - {id: n, wait: {outcome: leader, hold_for: 300ms}, within: 10s}\n" + SAME
    ),
}


def outcome(steps: str, out: Path) -> tuple[str, str]:
    return lead(plan(f"steps:\n{UP}{steps}"), out).verdict("s")


@pytest.mark.parametrize("steps", HOLD.values(), ids=HOLD)
def test_a_moment_comes_before_what_is_done_next(steps: str, tmp_path: Path) -> None:
    assert outcome(steps, tmp_path)[0] == "holds"


@pytest.mark.parametrize("steps", FAIL.values(), ids=FAIL)
def test_a_moment_comes_behind_what_was_done_before(steps: str, tmp_path: Path) -> None:
    assert outcome(steps, tmp_path)[0] == "fails"


def test_what_was_seen_from_outside_is_less_exact_than_an_event(tmp_path: Path) -> None:
    """An end may be seen later than it was, so there it is the time that is asked about."""
    story = plan(f"steps:\n{UP}")
    led = lead(story, tmp_path)
    index, ended = next(led.history.every(StepEnded))
    up = StepLog(story.steps[0], began_ns=ended.at_ns, done_ns=ended.at_ns, ended_ns=ended.at_ns)
    own, outside = (
        Case(story, history, {"up": up}, {}, EnsembleView(history.sids, Configuration({})))
        for history in (led.history, from_outside(led.history))
    )
    asked = After("up", Edge.ENDED)
    assert (own.event(asked), outside.event(asked)) == (index, None)
