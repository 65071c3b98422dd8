"""From what was seen to verdicts, and from verdicts to an exit code and a headline."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.ensemble import configuration_of
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.plan.model import Plan
from chaos.runner.judge import Case, judge
from chaos.runner.log import StepLog
from chaos.runner.run import outcome_of
from chaos.verify.verdict import Kind, Outcome, Verdict
from tests.runner.stage import lead, plan, worse

STEPS = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 3s}
"""


def verdict(kind: Kind, outcome: Outcome, name: str = "v") -> Verdict:
    return Verdict(name, kind, outcome, "so it is")


CODES = {
    "all holds": ([(Kind.STEP, Outcome.HOLDS), (Kind.INVARIANT, Outcome.HOLDS)], 0),
    "nothing to break a property": (
        [(Kind.STEP, Outcome.HOLDS), (Kind.INVARIANT, Outcome.NOT_EXERCISED)],
        0,
    ),
    "nothing was judged at all": ([(Kind.INVARIANT, Outcome.NOT_EXERCISED)], 3),
    "a wait ran out": ([(Kind.STEP, Outcome.FAILS)], 1),
    "an expectation fails": ([(Kind.EXPECTATION, Outcome.FAILS)], 1),
    "an expectation is undecided": ([(Kind.EXPECTATION, Outcome.UNKNOWN)], 3),
    "a step never came": ([(Kind.STEP, Outcome.UNKNOWN)], 3),
    "an invariant is undecided": ([(Kind.INVARIANT, Outcome.UNKNOWN)], 3),
    "a fault is not confirmed": ([(Kind.EVIDENCE, Outcome.UNKNOWN)], 3),
    "a fault is disproved": ([(Kind.EVIDENCE, Outcome.FAILS)], 3),
    "an invariant is broken": ([(Kind.INVARIANT, Outcome.FAILS)], 7),
    "slower than a baseline": ([(Kind.REGRESSION, Outcome.FAILS), (Kind.STEP, Outcome.UNKNOWN)], 6),
    "failed beats slower": ([(Kind.REGRESSION, Outcome.FAILS), (Kind.STEP, Outcome.FAILS)], 1),
    "broken beats failed": ([(Kind.STEP, Outcome.FAILS), (Kind.INVARIANT, Outcome.FAILS)], 7),
    "failed beats undecided": ([(Kind.EVIDENCE, Outcome.UNKNOWN), (Kind.STEP, Outcome.FAILS)], 1),
}


@pytest.mark.parametrize(("found", "code"), CODES.values(), ids=CODES.keys())
def test_each_kind_of_verdict_has_its_exit_code(
    found: list[tuple[Kind, Outcome]], code: int
) -> None:
    verdicts = tuple(verdict(kind, outcome) for kind, outcome in found)
    assert outcome_of(verdicts, residue="")[0] == code


def test_the_headline_names_the_first_of_the_most_serious() -> None:
    verdicts = (
        verdict(Kind.EVIDENCE, Outcome.UNKNOWN, "stop"),
        verdict(Kind.STEP, Outcome.FAILS, "up"),
        verdict(Kind.EXPECTATION, Outcome.FAILS, "next"),
    )
    assert outcome_of(verdicts, "") == (1, "up: so it is (and 1 more)")
    assert outcome_of(verdicts[:1], "") == (3, "inconclusive: stop: so it is")


def test_the_headline_names_a_cause_before_what_it_cut_short(tmp_path: Path) -> None:
    """Of two that are down the second kill is what ended the steps; a pause was under way."""
    story = """\
    steps:
      - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
      - {id: long, fault: pause, target: 1, for: 4s}
      - {id: k, fault: kill, target: 2}
      - {id: again, fault: kill, target: 2}
      - {id: more, wait: {outcome: leader}, within: 2s}
    """
    led = lead(plan(story), tmp_path)
    why = "again: the fault could not be confirmed: peer 2 is down (and 2 more)"
    assert led.result.headline == f"inconclusive: {why}"


def test_what_is_left_on_the_host_is_said_first() -> None:
    broken = (verdict(Kind.STEP, Outcome.FAILS),)
    assert outcome_of(broken, "left behind: process 7") == (8, "left behind: process 7")


def test_a_broken_safety_property_is_never_hidden_by_residue() -> None:
    broken = (verdict(Kind.INVARIANT, Outcome.FAILS),)
    code, headline = outcome_of(broken, "left behind: process 7")
    assert code == 7
    assert headline == "v: so it is; left behind: process 7"


# ---- whole runs


def expecting(expect: str) -> str:
    return STEPS + "expect:\n" + "".join(f"  - {line}\n" for line in expect.splitlines())


FOLLOWS = (
    "{id: x, outcome: {role: follower}, of: $old, after: {step: stop, edge: ended}, within: 9s}"
)
SAME = """\
{id: x, outcome: leader, after: stop, within: 3s}
{id: y, outcome: same_leader, between: [up, x]}"""
PAUSED = "{id: x, outcome: leader, among: $old, after: stop, within: 2s}"
EXPECTED = {
    "a leader in time": ("{id: x, outcome: leader, after: stop, within: 3s}", "holds", 0),
    "a leader too late": ("{id: x, outcome: leader, after: stop, within: 10ms}", "fails", 1),
    "the paused one": (PAUSED, "fails", 1),
    "nobody": ("{id: x, outcome: no_leader, among: $old, during: stop}", "holds", 0),
    "a role": (FOLLOWS, "holds", 0),
    "the same leader": (SAME, "holds", 1),
    "a count": ("{id: x, metric: epochs.started, max: 1}", "fails", 1),
    "a time": ("{id: x, metric: election.total, max: 20s}", "holds", 0),
}


@pytest.mark.parametrize(("expect", "outcome", "code"), EXPECTED.values(), ids=EXPECTED.keys())
def test_an_expectation_is_judged(expect: str, outcome: str, code: int, tmp_path: Path) -> None:
    led = lead(plan(expecting(expect)), tmp_path)
    assert led.verdict("x")[0] == outcome, led.verdict("x")
    assert led.result.exit_code == code, led.result.headline


def test_verdicts_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    after = "  - {id: back, wait: {outcome: leader}, within: 9s}\n"
    x = "expect: [{id: x, outcome: leader, within: 3s}]\n"
    led = lead(plan(STEPS + after + x), tmp_path)
    names = [one.name for one in led.result.verdicts]
    assert names[:4] == ["up", "stop", "back", "x"]
    assert {one.kind for one in led.result.verdicts[4:]} == {Kind.INVARIANT}


def test_a_run_goes_on_until_its_last_expectation_is_decided(tmp_path: Path) -> None:
    led = lead(plan(expecting("{id: x, outcome: no_leader, among: $old, during: stop}")), tmp_path)
    late = lead(
        plan(expecting("{id: x, outcome: leader, after: stop, within: 40s, hold_for: 20s}")),
        tmp_path,
    )
    assert late.history.end_ns - led.history.end_ns > 15_000_000_000
    assert late.verdict("x")[0] == "holds"


def test_an_expectation_after_a_step_that_never_came_is_undecided(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: never, wait: {outcome: no_leader, hold_for: 5s}, within: 2s, otherwise: skip}
          - {id: stop, fault: pause, target: leader, as: old, for: 1s}
        expect:
          - {id: x, outcome: leader, after: stop, within: 1s}
          - {id: y, outcome: {role: follower}, of: $old, within: 1s}
        """),
        tmp_path,
    )
    assert led.verdict("x") == ("unknown", "stop never started")
    assert led.verdict("y") == ("unknown", "$old was never bound: its step did not happen")
    assert led.result.exit_code == 3


def judged(story: Plan, history: History) -> tuple[Verdict, ...]:
    """A history that no run made, judged as if its steps had never been reached."""
    logs = {step.id: StepLog(step) for step in story.steps}
    config = configuration_of(story.ensemble, str)
    return judge(Case(story, history, logs, {}, EnsembleView(story.ensemble.sids, config))).verdicts


def test_a_forged_vote_breaks_a_safety_property(tmp_path: Path) -> None:
    story = plan("steps: [{id: up, wait: {outcome: leader, seen_by: all}, within: 5s}]\n")
    led = lead(story, tmp_path)
    assert led.result.exit_code == 0
    verdicts = judged(story, History(tuple(map(worse, led.history.events))))
    broken = [one for one in verdicts if one.outcome is Outcome.FAILS]
    assert "vote_order_respected" in {one.name for one in broken}
    assert outcome_of(verdicts, "")[0] == 7
