"""``chaos run`` over several runs, ``chaos baseline`` and ``chaos compare``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import chaos

CRASH = """\
version: 1
name: crash
system: simulated
seed: 1
ensemble: {size: 3}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}
  - {id: stop, fault: kill, target: leader}
  - {id: next, wait: {outcome: leader}, within: 5s}
expect:
  - {id: quick, metric: election.total, of: stop, p50: {max: 1s}}
"""
AGAINST = f"{CRASH}  - {{id: no-slower, metric: election.total, of: stop, baseline: main}}\n"
SLOW = "ensemble.timings.finalize_wait=260ms"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``main`` is a baseline of ten runs."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "crash.yaml").write_text(CRASH, encoding="utf-8")
    (folder / "against.yaml").write_text(AGAINST, encoding="utf-8")
    done = chaos(folder, "run", "crash.yaml", "--repeat", "10", "-q", "--out", "base")
    assert done.returncode == 0, done.stderr
    done = chaos(folder, "baseline", "save", "main", "base")
    assert done.stdout == "reports/baselines/main.json: 10 runs of crash on simulated\n"
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test to change."""
    return shutil.copytree(made, tmp_path / "copy", symlinks=True)


def test_too_few_runs_of_a_plan_are_inconclusive(folder: Path) -> None:
    done = chaos(folder, "run", "crash.yaml", "--repeat", "2")
    assert done.returncode == 3
    assert "crash, all 2 runs together:" in done.stdout
    assert "p50 needs 5 runs to be 95 % sure, and there are 2" in done.stdout


def test_a_run_slower_than_its_baseline_exits_with_6(folder: Path) -> None:
    arguments = ("run", "against.yaml", "--repeat", "10", "--json", "-q")
    done = chaos(folder, *arguments, "--set", SLOW)
    assert done.returncode == 6, done.stderr
    (together,) = json.loads(done.stdout)["sets"]
    assert (together["runs"], together["exit_code"]) == (10, 6)
    assert [one["outcome"] for one in together["verdicts"]] == ["holds", "fails"]
    assert chaos(folder, *arguments).returncode == 0


def test_a_baseline_that_is_not_there_stops_before_anything_runs(folder: Path) -> None:
    wrong = AGAINST.replace("baseline: main", "baseline: mian")
    (folder / "against.yaml").write_text(wrong, encoding="utf-8")
    done = chaos(folder, "run", "against.yaml", "--out", "elsewhere", "--repeat", "2")
    assert done.returncode == 2
    assert 'against.yaml:12:5: no baseline is called "mian"' in done.stderr
    assert not (folder / "elsewhere").exists()


def test_two_sets_are_compared_in_a_table_and_in_json(folder: Path) -> None:
    chaos(folder, "run", "crash.yaml", "--repeat", "10", "-q", "--out", "head", "--set", SLOW)
    done = chaos(folder, "compare", "main", "head")
    assert done.returncode == 6, done.stderr
    assert done.stdout.splitlines()[-1].startswith("4 regressed: alpha 0.05 over 4 gated rows")
    whole = json.loads(chaos(folder, "compare", "main", "head", "--paired", "--json").stdout)
    assert whole["exit_code"] == 6
    total = next(r for r in whole["rows"] if (r["metric"], r["of"]) == ("election.total", "stop"))
    assert total["verdict"] == "regressed"
    assert total["low"] > 1.25
    assert total["changed"] == list(range(1, 11))
    assert len(total["outliers"]) == 2


def test_a_metric_that_is_none_is_not_gated(folder: Path) -> None:
    done = chaos(folder, "compare", "main", "base", "--gate", "election.totl")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'did you mean "election.total"?' in done.stderr


def test_a_set_is_no_slower_than_itself(folder: Path) -> None:
    done = chaos(folder, "compare", "main", "base")
    assert done.returncode in (0, 3)  # ten runs may be too few to call it no change
    assert "3 no change" in done.stdout
    assert "regressed" not in done.stdout


def test_baselines_are_listed_shown_and_removed(folder: Path) -> None:
    assert chaos(folder, "baseline", "list").stdout == "main: 10 runs of crash on simulated\n"
    shown = chaos(folder, "baseline", "show", "main").stdout
    assert "election.total stop: median 200.2 ms (95 %: " in shown
    assert chaos(folder, "baseline", "remove", "main").returncode == 0
    done = chaos(folder, "baseline", "remove", "main")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'no baseline is called "main"; there is none' in done.stderr
