"""Runs that are paired with those of a baseline: the same draws, cell by cell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.campaign.baselines import gather, save
from chaos.cli.request import Request
from chaos.cli.running import run_plans

PLAN = """\
version: 1
name: crash
seed: 7
params: {size: 3}
matrix: {size: [3, 5]}
ensemble: {size: "${size}"}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}
  - {id: stop, fault: kill, target: leader}
  - {id: next, wait: {outcome: leader}, within: 5s}
"""
PAIRED = f"""{PLAN.replace("seed: 7", "seed: 70")}
expect:
  - {{id: no-slower, metric: election.total, of: stop, baseline: main}}
repeat: {{runs: 2, warmup: 1, pair_with: baseline}}
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """Where ``main`` is a baseline of two runs of each cell."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "p.yaml").write_text(PLAN, encoding="utf-8")
    asked = Request(
        plans=(folder / "p.yaml",),
        system="simulated",
        seed=None,
        repeat=2,
        settings={},
        network="auto",
        out=folder / "reports",
        as_json=True,
        quiet=True,
    )
    assert run_plans(asked) == 0
    save("main", "1.0", gather([asked.out]), asked.out)
    (folder / "p.yaml").write_text(PAIRED, encoding="utf-8")
    return replace(asked, repeat=None)


def test_each_run_has_the_draws_of_a_run_of_the_baseline(
    base: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    run_plans(base)
    document = json.loads(capsys.readouterr().out)
    proper = [(one["cell"], one["seed"]) for one in document["runs"] if not one["warmup"]]
    assert proper == [("size=3", 7), ("size=3", 8), ("size=5", 7), ("size=5", 8)]
    assert [one["cell"] for one in document["sets"]] == ["size=3", "size=5"]
    for one in document["sets"]:
        (verdict,) = one["verdicts"]
        # Simulated runs of one seed are the same: no pair differs, and two are few.
        assert "×1 [" in verdict["summary"]
        assert "n = 2 + 2" in verdict["summary"]


REFUSED = {
    "more runs than the baseline has": (
        {"settings": {"repeat.runs": "3"}},
        (
            "p.yaml:13:5: pair_with: baseline: main holds 2 runs of crash size=3 on simulated to "
            "pair with, and 3 are asked for; repeat: {runs: 2}, or a larger baseline"
        ),
    ),
    "a cell that the baseline has not": (
        {"settings": {"matrix.size": "[3, 7]"}},
        (
            "main holds no runs of crash size=7 on simulated; there is crash size=3 on simulated, "
            "crash size=5 on simulated"
        ),
    ),
    "a system that the baseline has not": (
        {"system": "processes"},
        "main holds no runs of crash size=3 on processes",
    ),
    "a seed of its own": ({"seed": 3}, "--repeat 1 makes a run of seed 3 alone"),
}


@pytest.mark.parametrize(("more", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_pairs_is_refused_before_anything_runs(
    more: dict[str, Any], told: str, base: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_plans(replace(base, **more)) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["runs"] == []
    assert told in document["errors"][0]


def test_the_runs_that_are_to_become_a_baseline_need_none(
    base: Request, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fresh = replace(base, out=tmp_path)
    assert run_plans(fresh) == 2, "there is no baseline here"
    capsys.readouterr()
    assert run_plans(replace(fresh, without_baseline=True)) == 0
    document = json.loads(capsys.readouterr().out)
    runs = [run for run in document["runs"] if not run["warmup"]]
    assert [run["seed"] for run in runs] == [70, 71, 70, 71], "they are paired with nothing"
    assert "--without-baseline" in runs[0]["reproduce"]
    save("main", "1.0", gather([tmp_path]), tmp_path)
    assert run_plans(fresh) != 2, "now there is one"
