"""Every plan of ``plans/`` passes on processes; ``test_shipped_plans.py`` simulates them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.runner.rejudge import rejudge
from tests.shipped import plans

ROOT = Path(__file__).parents[2]
PLANS = plans()
IDS = [path.stem for path in PLANS]


def verdict(plan: Path, system: str, out: Path, *options: str) -> tuple[int, str]:
    """The exit code of a plan, and the headline of the run that counts."""
    command = [sys.executable, "-m", "chaos.cli", "run", str(plan), "--system", system]
    command += ["--retries", "2", "--retry-inconclusive"]  # as a busy host may need
    done = subprocess.run(
        [*command, "--out", str(out), "--json", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    runs = json.loads(done.stdout)["runs"] if done.stdout else []
    return done.returncode, runs[-1]["headline"] if runs else done.stderr


@pytest.mark.live
@pytest.mark.parametrize("plan", PLANS, ids=IDS)
def test_a_plan_passes_on_processes(plan: Path, tmp_path: Path) -> None:
    code, headline = verdict(plan, "processes", tmp_path)
    assert code == 0, headline
    again = rejudge(tmp_path / "latest")
    assert again.run.result is not None
    assert again.verdicts == again.run.result.verdicts


@pytest.mark.live
def test_the_first_plan_passes_where_the_kernel_may_not_help(tmp_path: Path) -> None:
    plan = Path("plans/isolate-leader.yaml")
    code, headline = verdict(plan, "processes", tmp_path, "--network", "in-process")
    assert code == 0, headline
