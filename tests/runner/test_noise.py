"""Noise that is drawn by lot may meet nobody; a fault that a plan names may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.stage import lead, plan

UP = "steps:\n  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}\n"
# Followers have nothing to say to one another while they follow.
IDLE = "fault: delay, target: {from: [1, 2], to: [1, 2]}, with: {latency: 5ms}, for: 300ms"
BUSY = IDLE.replace("[1, 2]", "all")
NOISE = UP + "  - {id: noise, random: {count: 1, every: 100ms, choose: [{%s}]}}\n"
WAYS = {
    "noise that meets nobody": (NOISE % IDLE, "noise.1", "not exercised", 0),
    "noise that has to meet somebody": (
        NOISE % f"{IDLE}, confirm: required",
        "noise.1",
        "unknown",
        3,
    ),
    "noise that meets somebody": (NOISE % BUSY, "noise.1", "holds", 0),
    "a fault of the plan": (f"{UP}  - {{id: slow, {IDLE}}}\n", "slow", "unknown", 3),
}


@pytest.mark.parametrize(("text", "name", "outcome", "code"), WAYS.values(), ids=WAYS)
def test_what_met_nobody_voids_a_run_unless_it_was_drawn(
    text: str, name: str, outcome: str, code: int, tmp_path: Path
) -> None:
    led = lead(plan(text), tmp_path)
    assert led.verdict(name)[0] == outcome
    assert ("touched nothing" in led.verdict(name)[1]) is (outcome != "holds")
    assert led.result.exit_code == code
