"""What was left out did nothing: nothing hangs on it, and nothing is excused by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.runner import codes
from tests.runner.stage import lead, plan

UP = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}\n"
NEVER = "when: {event: vote_changed, by: voters}, within: 100ms, otherwise: skip"
INSIDE = {
    "parallel": (
        "    parallel:\n      - {id: a, fault: pause, target: 1, for: 300ms}\n"
        "      - {id: b, after: {step: a, edge: ended}, note: it is over}\n"
    ),
    "random": (
        "    random:\n      count: 1\n      every: 10ms\n      choose:\n"
        "        - {weight: 1, fault: pause, target: 1, for: 300ms}\n"
    ),
}
BOTH = (
    "  - id: both\n    when: {event: vote_changed, by: voters}\n"
    "    within: 100ms\n    otherwise: skip\n"
)


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_steps_inside_of_one_that_is_left_out_are_left_out(inside: str, tmp_path: Path) -> None:
    led = lead(plan(f"steps:\n{UP}{BOTH}{inside}"), tmp_path)
    assert led.result.exit_code == codes.PASSED, led.result.headline
    assert {one.outcome for one in led.result.steps if one.step != "up"} == {"skipped"}


def test_who_waits_for_a_step_inside_of_one_that_is_left_out_goes_on(tmp_path: Path) -> None:
    after = "  - {id: n, after: {step: a, edge: ended}, wait: {outcome: leader}, within: 5s}\n"
    led = lead(plan(f"steps:\n{UP}{BOTH}{INSIDE['parallel']}{after}"), tmp_path)
    assert led.result.exit_code == codes.PASSED, led.result.headline
    assert led.verdict("n")[0] == "holds"


def test_a_step_that_was_left_out_excuses_nothing(tmp_path: Path) -> None:
    odd = f"  - {{id: odd, {NEVER}, fault: skew_logical_clock, target: 1, with: {{by: 5}}}}\n"
    steps = (
        f"steps:\n{UP}{odd}"
        "  - {id: k, fault: kill, target: leader}\n"
        "  - {id: n, wait: {outcome: leader, hold_for: 300ms}, within: 10s}\n"
    )
    but = "invariants:\n  - {name: at_most_one_leader_per_epoch, except_after: [odd]}\n"
    told = lead(plan(steps + but), tmp_path).verdict("at_most_one_leader_per_epoch")
    assert told == ("holds", "2 epochs, each with one leader")


def test_a_fault_that_has_not_begun_cannot_be_released(tmp_path: Path) -> None:
    steps = (
        "  - id: par\n    parallel:\n      - {id: p, at: 2s, fault: pause, target: 1}\n"
        "      - {id: r, at: 1s, release: [p]}\n"
    )
    led = lead(plan(f"steps:\n{UP}{steps}"), tmp_path)
    assert led.result.exit_code == codes.INCONCLUSIVE
    assert led.verdict("r") == ("unknown", "p has not begun, so there is no fault to end")


def test_who_was_left_out_may_be_released(tmp_path: Path) -> None:
    odd = f"  - {{id: odd, {NEVER}, fault: pause, target: 1}}\n"
    led = lead(plan(f"steps:\n{UP}{odd}  - {{id: r, release: [odd]}}\n"), tmp_path)
    assert led.result.exit_code == codes.PASSED, led.result.headline
