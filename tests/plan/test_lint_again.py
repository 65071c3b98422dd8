"""The linter on faults, gates and links that meet nobody who could bear them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from chaos.hunt.drawn import drawn_text
from chaos.plan.lint.linter import errors
from chaos.plan.load import load_plan
from chaos.runner import codes
from chaos.runner.run import perform
from chaos.runner.show import Silent
from chaos.runner.task import Task
from chaos.store import RunFolder
from chaos.systems.simulated import Simulated
from tests.plan.linted import UP, found, plan

KILL = "{id: k, fault: kill, target: 1}"
LOST = "{id: k, fault: kill, target: leader}"
BACK = "{id: k, fault: kill, target: 1, with: {restart: after}, for: 2s}"
AGAIN = "{id: f, fault: %s, target: %s}"
STOP = "{id: f, fault: pause, target: %s, for: 3s}"
BOTH = KILL.replace("1}", "[1, 5]}")  # 5 leads
HELD = "{id: p, fault: pause, target: 2, for: 5s}"
SOON = "{id: s, wait: {time: 500ms}, why: it holds for some time}"
LATER = "{id: l, wait: {time: 3s}, why: until it is over}"
SKEW = "{id: %s, fault: skew_timers, target: 2, with: {rate: 2}, for: 5s}"
GATE = "{id: g, when: {event: notification_sent, by: %s}, within: 1s, fault: pause, target: 3,"
GATE += " for: 1s}"
DELAY = "{id: d, fault: delay, target: {from: %s, to: %s}, with: {latency: 20ms}, for: 1s}"

# what it is for: rule, severity, words of its reason, the plan, and one beside it
RULES: dict[str, tuple[str, str, str, str, str]] = {
    "a kill of who is down": (
        "already-down", "error", "k has ended peer 1",
        plan(UP, KILL, AGAIN % ("kill", 1)), plan(UP, KILL, AGAIN % ("kill", 2)),
    ),
    "who is down is to come back twice": (
        "already-down", "error", "k has ended peer 1",
        plan(UP, KILL, BACK.replace("k,", "f,")), plan(UP, BACK.replace("k,", "f,")),
    ),
    "a pause of who is down": (
        "already-down", "error", "k has ended peer 1",
        plan(UP, BACK, STOP % 1), plan(UP, BACK, LATER, STOP % 1),
    ),
    "one of several is down": (
        "already-down", "error", "k has ended peer 1",
        plan(UP, KILL, AGAIN % ("terminate", "[1, 2]")), plan(UP, AGAIN % ("terminate", "[1, 2]")),
    ),
    "down in some draws": (
        "already-down", "warning", "in 1 of 5 possible draws",
        plan(UP, KILL, AGAIN % ("kill", "{pick: 1, of: all}")),
        plan(UP, KILL, AGAIN % ("kill", "{pick: 1, of: all, except: [1]}")),
    ),
    "an event that may not come": (
        "already-down", "error", "k has ended peer 1",
        plan(UP, KILL, AGAIN % ("kill", 1)),
        plan(UP, "{id: k, when: {event: decided}, within: 1s, otherwise: skip,"
             " fault: kill, target: 1}", AGAIN % ("kill", 1)),
    ),
    "two pauses of one": (
        "twice-at-once", "error", "p holds peer 2 then",
        plan(UP, HELD, STOP % "[2, 3]"), plan(UP, HELD, STOP % "[1, 3]"),
    ),
    "two skews of one": (
        "twice-at-once", "error", "s holds peer 2 then",
        plan(UP, SKEW % "s", SKEW % "f"), plan(UP, SKEW % "s", STOP % 2),
    ),
    "a kill ends the pause": (
        "twice-at-once", "error", "p holds peer 2 then",
        plan(UP, HELD, STOP % 2),
        plan(UP, HELD, SOON, KILL.replace("1}", "2, with: {restart: after}, for: 1s}"), LATER,
             STOP % 2),
    ),
    "an event of nobody": (
        "nobody-left", "error", "in every draw",
        plan(UP, GATE % "{pick: 1, of: all, except: [1, 2, 3, 4, 5]}"),
        plan(UP, BOTH, GATE % "all"),
    ),
    "an event of who is down": (
        "never-comes", "error", "k stops peer 1 during all of it",
        plan(UP, BOTH, GATE % 1), plan(UP, BOTH, GATE % "[1, 2]"),
    ),
    "an event of who comes back": (
        "never-comes", "error", "k stops peer 1 during all of it",
        plan(UP, KILL, GATE % 1),
        plan(UP, BACK.replace("1, with", "[1, 5], with"), GATE.replace("1s,", "3s,") % 1),
    ),
    "a hold longer than its wait": (
        "too-short", "error", "counts all of that time",
        plan("{id: up, wait: {outcome: leader, hold_for: 5s}, within: 3s}"),
        plan("{id: up, wait: {outcome: leader, hold_for: 2s}, within: 3s}"),
    ),
    "an absence of one fault": (
        "never-measured", "error", "of the whole run",
        plan(UP, LOST, expect="metric: leader.absent, of: k, max: 9s"),
        plan(UP, LOST, expect="metric: leader.absent, max: 9s"),
    ),
    "a phase of a fault": (
        "never-measured", "error", "of a peer",
        plan(UP, LOST, expect="metric: activation.discovery, of: k, max: 9s"),
        plan(UP, LOST, expect="metric: activation.discovery, of: 4, max: 9s"),
    ),
    "an election of a wait": (
        "never-measured", "error", "of the fault",
        plan(UP, LOST, expect="metric: election.total, of: up, max: 9s"),
        plan(UP, LOST, expect="metric: election.total, of: k, max: 9s"),
    ),
    "an election of a peer": (
        "never-measured", "error", "of the fault",
        plan(UP, LOST, expect="metric: election.total, of: 3, max: 9s"),
        plan(UP, LOST, expect="metric: election.peer, of: 3, max: 9s"),
    ),
    "a link to oneself": (
        "no-link", "error", "nothing goes there",
        plan(UP, DELAY % (1, 1)), plan(UP, DELAY % (1, "[1, 5]")),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "severity", "why", "bad", "good"), RULES.values(), ids=RULES)
def test_each_rule_finds_what_it_is_for(
    rule: str, severity: str, why: str, bad: str, good: str
) -> None:
    hits = [one for one in found(bad) if one.rule == rule]
    assert [one.severity.value for one in hits] == [severity]
    assert why in hits[0].why
    assert not [one for one in found(good) if one.rule == rule]


def test_who_may_have_been_started_again_is_not_down() -> None:
    """The end of the first brings back whom the second has killed once more."""
    steps = (BACK.replace("k,", "b,"), KILL, LATER, AGAIN % ("kill", 1))
    assert [one.about for one in found(plan(UP, *steps)) if one.rule == "already-down"] == ["k"]


def test_where_a_clock_runs_faster_no_time_is_too_short() -> None:
    """At eight times the speed a finalize wait of 200 ms is over in 25."""
    fast = "{id: t, fault: skew_timers, target: all, with: {rate: 8}, for: 5s}"
    kill = "{id: k, fault: kill, target: leader}"
    quick = "metric: election.total, of: k, max: 150ms"
    assert [one.rule for one in found(plan(UP, kill, expect=quick))] == ["too-short"]
    assert not [one for one in found(plan(UP, fast, kill, expect=quick)) if one.rule == "too-short"]


def ran(text: str, out: Path) -> int:
    story = load_plan(text, "x.yaml")
    with closing(RunFolder.create(out, story.name, 1)) as folder:
        result, _ = perform(Task(story, 1, ""), Simulated(story.ensemble, 1), folder, Silent())
    return result.exit_code


ERRORS = {name: row for name, row in RULES.items() if row[1] == "error"}


@pytest.mark.parametrize(("rule", "_", "__", "bad", "good"), ERRORS.values(), ids=ERRORS)
def test_what_it_calls_an_error_never_passes(
    rule: str, _: str, __: str, bad: str, good: str, tmp_path: Path
) -> None:
    fails = rule in ("never-comes", "too-short")
    assert ran(bad, tmp_path) == (codes.FAILED if fails else codes.INCONCLUSIVE)
    assert ran(good, tmp_path) == codes.PASSED


@pytest.mark.parametrize("seed", [250028, 250066, 250167, 250193, 250212])
def test_what_may_go_unconfirmed_is_no_error(seed: int, tmp_path: Path) -> None:
    """Plans by lot: a link to oneself, kills of who is down, and two pauses at a time."""
    text = drawn_text(seed)
    passes = ran(text, tmp_path) == codes.PASSED
    assert passes is not bool(errors(found(text)))
