"""Steps that begin together, and what one of them does to the others."""

from __future__ import annotations

from pathlib import Path

from chaos.history.events import StepBegan, StepEnded
from chaos.report.page import render
from chaos.runner.rejudge import rejudge
from chaos.verify.verdict import Outcome
from tests.runner.stage import MS, SECOND, Led, lead, plan

TOGETHER = """\
steps:
  - id: both
    at: 1s
    parallel:
      - {id: one, fault: pause, target: 1, for: 500ms}
      - {id: two, after: {step: one, edge: started, plus: 100ms}, fault: pause, target: 2, for: 1s}
      - {id: wait, wait: {time: 300ms}, why: to be done last}
      - {id: past, at: 200ms, note: this was due long ago}
  - {id: then, note: all of them are done}
"""


def begins(led: Led) -> dict[str, int]:
    zero = led.history.zero_ns
    return {one.step: one.at_ns - zero for _, one in led.history.every(StepBegan)}


def test_steps_in_parallel_begin_together_or_at_their_own_time(tmp_path: Path) -> None:
    led = lead(plan(TOGETHER), tmp_path)
    assert begins(led) == {
        "both": SECOND,
        "one": SECOND,
        "wait": SECOND,
        "past": SECOND,
        "two": 1100 * MS,
        "then": 1300 * MS,
    }
    assert led.result.exit_code == 0


def test_a_step_whose_time_is_past_begins_at_once_and_says_so(tmp_path: Path) -> None:
    led = lead(plan(TOGETHER), tmp_path)
    assert led.step("past").evidence["late"] == "began 0.800 s after its time"
    assert "late" not in led.step("two").evidence


def test_steps_inside_know_how_deep_they_are(tmp_path: Path) -> None:
    led = lead(plan(TOGETHER), tmp_path)
    assert [(one.step, one.depth) for one in led.result.steps] == [
        ("both", 0),
        ("one", 1),
        ("two", 1),
        ("wait", 1),
        ("past", 1),
        ("then", 0),
    ]
    told = [text for _, text in led.heard.lines]
    assert "  past: at 200ms, note: this was due long ago" in told
    page = render(led.result, led.history)
    assert page.count('class="in-1"') == 4


def test_a_step_that_fails_ends_its_neighbours_and_what_follows(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - id: both
            parallel:
              - {id: never, wait: {outcome: {role: leader}, of: 1}, within: 500ms}
              - {id: long, wait: {time: 5s}, why: to be cut short}
              - {id: unborn, at: 4s, note: nobody reads this}
          - {id: after, note: nor this}
        """),
        tmp_path,
    )
    assert {one.step: one.outcome for one in led.result.steps} == {
        "both": "inconclusive",
        "never": "failed",
        "long": "inconclusive",
        "unborn": "not reached",
        "after": "not reached",
    }
    assert led.step("long").why == "cut short: never ended the steps"
    assert led.result.exit_code == 1
    named = {one.name for one in led.result.verdicts}
    assert "both" not in named, "the steps inside say it all"


def test_a_fault_in_parallel_can_be_released_by_a_neighbour(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - id: both
            parallel:
              - {id: stop, at: 1s, fault: pause, target: 1}
              - {id: go, after: {step: stop, edge: started, plus: 200ms}, release: [stop]}
        """),
        tmp_path,
    )
    ended = {one.step: one.at_ns - led.history.zero_ns for _, one in led.history.every(StepEnded)}
    assert ended["stop"] == 1200 * MS


def test_what_leads_the_plan_at_zero_acts_before_any_peer_looks(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - id: early
            at: 0ms
            parallel:
              - {id: one, fault: pause, target: 1, for: 1s}
              - {id: two, fault: pause, target: 2, for: 1s}
          - {id: up, wait: {outcome: leader}, within: 9s}
        """),
        tmp_path,
    )
    assert max(begins(led)[name] for name in ("early", "one", "two")) <= 0
    assert led.result.exit_code == 0


def test_a_note_is_in_the_history_and_on_the_timeline(tmp_path: Path) -> None:
    led = lead(plan(TOGETHER), tmp_path)
    said = {one.step: one.why for _, one in led.history.every(StepEnded)}
    assert said["then"] == "all of them are done"
    figure = render(led.result, led.history).partition("timeline-figure")[2].partition("</svg>")[0]
    assert "all of them are done" in figure


def test_a_stored_run_of_nested_steps_is_judged_as_it_was(tmp_path: Path) -> None:
    led = lead(plan(TOGETHER), tmp_path)
    again = rejudge(led.folder)
    assert again.verdicts == led.result.verdicts
    assert all(one.outcome is not Outcome.UNKNOWN for one in again.verdicts)
