"""Every plan of ``plans/`` that a simulation can run: it passes, and its run says so for good.

One run of each answers three questions, for a run is what costs: does everything hold, is it
judged so again from what was stored, and is a second run the same to the last line?
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.plan.load import load_plan
from chaos.runner import codes
from chaos.runner.rejudge import rejudge
from tests.runner.stage import again, lead
from tests.shipped import read, simulated

PLANS = simulated("**/*.yaml")


@pytest.mark.parametrize("path", PLANS, ids=[path.stem for path in PLANS])
def test_a_plan_passes_and_its_run_can_be_judged_and_run_again(path: Path, tmp_path: Path) -> None:
    led = lead(load_plan(read(path), str(path)), tmp_path)
    assert led.result.exit_code == codes.PASSED, led.result.headline

    judged = rejudge(led.folder)
    assert judged.verdicts == led.result.verdicts
    assert judged.headline == led.result.headline
    assert judged.changes == ()

    other = again(led, tmp_path)
    assert other.history == led.history
    assert other.result.verdicts == led.result.verdicts
