"""What must not pass: faults that did not last, questions about nothing, peers that crashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.actions import Kill
from chaos.election.ids import Sid
from chaos.history.events import Acted, Event, Exited
from chaos.history.history import History
from chaos.verify.ends import EndsAsTold
from tests.runner.stage import lead, plan

UP = "  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}\n"

STORIES = {
    "a pause of one that is paused": (
        (
            "  - {id: one, fault: pause, target: 1, for: 400ms}\n"
            "  - {id: two, fault: pause, target: [1, 2], for: 3s}\n"
        ),
        "two",
        "one does the same to peer 1, and is not over",
    ),
    "two skews of one clock": (
        (
            "  - {id: one, fault: skew_timers, target: 3, with: {rate: 0.5}, for: 1s}\n"
            '  - {id: two, fault: skew_timers, target: 3, with: {rate: "1.5"}, for: 3s}\n'
        ),
        "two",
        "one does the same to peer 3, and is not over",
    ),
    "a fault that the run's end cuts short": (
        "  - {id: one, fault: pause, target: 1, for: 30s}\nlimits: {run_timeout: 2s}\n",
        "one",
        "cut short: the run was over",
    ),
}


@pytest.mark.parametrize(("steps", "name", "why"), STORIES.values(), ids=STORIES.keys())
def test_a_fault_that_is_not_there_all_its_time_is_unknown(
    tmp_path: Path, steps: str, name: str, why: str
) -> None:
    led = lead(plan(f"steps:\n{UP}{steps}"), tmp_path)
    outcome, summary = led.verdict(name)
    assert (outcome, led.result.exit_code) == ("unknown", 3)
    assert why in summary


UNTOUCHED = {
    "nothing to write twice": ("duplicate", "{percent: 100%}"),
    "nothing to overtake": ("reorder", "{percent: 100%, window: 50ms}"),
    "nothing to change": ("corrupt", "{percent: 100%}"),
    "nothing to narrow": ("throttle", "{rate: 1KiB/s, port: election}"),
    "nothing to cut": ("slice", "{size: 1, port: election}"),
}


@pytest.mark.parametrize(("fault", "how"), UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_what_is_done_to_messages_needs_messages(tmp_path: Path, fault: str, how: str) -> None:
    """The election port of an ensemble at rest is idle."""
    quiet = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 1s}, within: 9s}\n"
    step = f"  - {{id: f, fault: {fault}, target: all, with: {how}, for: 500ms}}\n"
    led = lead(plan(f"steps:\n{quiet}{step}"), tmp_path)
    outcome, summary = led.verdict("f")
    assert (outcome, led.result.exit_code) == ("unknown", 3)
    assert "it touched nothing" in summary


def test_a_pause_is_over_when_its_process_is_killed(tmp_path: Path) -> None:
    steps = (
        "  - {id: hold, fault: pause, target: 1, for: 3s}\n"
        "  - {id: later, wait: {time: 20ms}}\n"
        "  - {id: end, fault: kill, target: 1, with: {restart: after}, for: 500ms}\n"
    )
    led = lead(plan(f"steps:\n{UP}{steps}"), tmp_path)
    assert led.result.exit_code == 0
    hold, end = led.step("hold"), led.step("end")
    assert hold.why == "end ended its process"
    assert hold.ended_ns is not None
    assert end.began_ns is not None
    assert hold.ended_ns < end.began_ns + 500_000_000, "not when its own time was over"
    assert [type(one).__name__ for one in led.system.applied] == ["Pause", "Kill", "Launch"]


def test_a_span_that_ends_before_it_begins_is_no_answer(tmp_path: Path) -> None:
    steps = "  - {id: a, fault: pause, target: 1, for: 500ms}\n"
    ask = (
        "expect:\n  - {id: none, outcome: no_leader, "
        "between: [{step: a, plus: 1s}, {step: a, edge: ended}]}\n"
    )
    led = lead(plan(f"steps:\n{UP}{steps}{ask}"), tmp_path)
    assert led.verdict("none") == ("unknown", "its span is empty: it ends before it begins")


def test_what_a_skipped_fault_should_have_led_to_is_unknown(tmp_path: Path) -> None:
    steps = (
        "  - {id: p, at: 0ms, fault: pause, target: leader, if_ambiguous: skip, for: 1s}\n"
        "  - {id: up, wait: {outcome: leader}, within: 5s}\n"
        "expect:\n  - {id: next, outcome: leader, after: p, within: 5s}\n"
    )
    led = lead(plan(f"steps:\n{steps}"), tmp_path)
    assert led.verdict("p")[0] == "not exercised"
    assert led.verdict("next") == ("unknown", "p was skipped")


def test_an_invariant_of_which_nothing_is_left_is_unknown(tmp_path: Path) -> None:
    steps = "  - {id: r, at: 0ms, fault: skew_logical_clock, target: 1, with: {by: 1}}\n" + UP
    named = "invariants:\n  - {name: leader_has_quorum_support, except_after: [r]}\n"
    led = lead(plan(f"steps:\n{steps}{named}"), tmp_path)
    outcome, summary = led.verdict("leader_has_quorum_support")
    assert outcome == "unknown"
    assert "except_after leaves nothing to judge" in summary


def test_a_step_that_begins_late_says_so(tmp_path: Path) -> None:
    steps = UP + (
        "  - {id: rest, wait: {time: 2s}, why: to be late}\n"
        "  - {id: late, at: 500ms, fault: pause, target: 1, for: 1s}\n"
    )
    led = lead(plan(f"steps:\n{steps}"), tmp_path)
    assert str(led.step("late").evidence["late"]).startswith("began 1.7")


def ended(history: History, status: int, *, told: bool) -> History:
    """The history with the end of peer 1 in it, asked for or not."""
    at_ns = history.end_ns - 1
    events: list[Event] = [Exited(at_ns, Sid(1), 0, status)]
    if told:
        kill = next((e for _, e in history.every(Acted)), None)
        assert kill is not None
        events.append(Acted(at_ns - 1, at_ns, "k", Kill(Sid(1)), kill.evidence))
    return History.of([*history.events, *events])


@pytest.mark.parametrize(
    ("status", "told", "outcome"),
    [
        (-9, True, "holds"),
        (-9, False, "unknown"),
        (0, False, "unknown"),
        (70, False, "fails"),
        (-11, False, "fails"),
    ],
)
def test_a_peer_ends_by_a_fault_or_the_run_says_so(
    tmp_path: Path, status: int, *, told: bool, outcome: str
) -> None:
    led = lead(plan(f"steps:\n{UP}  - {{id: p, fault: pause, target: 1, for: 1s}}\n"), tmp_path)
    assert EndsAsTold().check(led.history).outcome.value == "not exercised"
    verdict = EndsAsTold().check(ended(led.history, status, told=told))
    assert (verdict.outcome.value, verdict.judged) == (outcome, 1)


def test_the_leader_that_a_fault_removes_is_no_answer_to_it(tmp_path: Path) -> None:
    steps = UP + "  - {id: dead, fault: kill, target: leader, as: old, with: {restart: never}}\n"
    ask = "expect:\n  - {id: it, outcome: leader, among: $old, after: dead, within: 1s}\n"
    led = lead(plan(f"steps:\n{steps}{ask}"), tmp_path)
    assert led.verdict("it")[0] == "fails"


def test_a_plan_that_asks_nothing_proves_nothing(tmp_path: Path) -> None:
    led = lead(plan("steps: []\n"), tmp_path)
    assert led.result.exit_code == 3


def test_a_pause_goes_on_where_its_process_would_not_end(tmp_path: Path) -> None:
    """A stopped process hears no SIGTERM: it has to be let go, or it is stopped for ever."""
    steps = (
        "  - {id: hold, fault: pause, target: 1, for: 1s}\n"
        "  - {id: end, fault: terminate, target: 1, with: {restart: after}, for: 300ms,"
        " confirm: optional}\n"
        "  - {id: again, after: {step: hold, edge: ended}, within: 10s,"
        " wait: {outcome: leader, seen_by: all}}\n"
    )
    led = lead(plan(f"steps:\n{UP}{steps}"), tmp_path)
    assert led.step("hold").why == ""
    assert "Resume" in [type(one).__name__ for one in led.system.applied]
    assert led.step("again").outcome == "done"
