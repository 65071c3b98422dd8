"""``chaos validate``: what the linter finds, in words, as JSON and as an exit code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import FAILING, PAUSE, chaos

DOUBTFUL = PAUSE.replace("expect:", "  - {id: w, wait: {time: 1s}}\nexpect:")


def written(folder: Path, text: str) -> str:
    (folder / "plan.yaml").write_text(text, encoding="utf-8")
    return "plan.yaml"


def test_an_error_is_told_with_its_arithmetic_and_exits_with_2(tmp_path: Path) -> None:
    done = chaos(tmp_path, "validate", written(tmp_path, FAILING))
    assert done.returncode == 2
    assert "plan.yaml:8:5: error: next: no new leader can be there within 10ms" in done.stdout
    assert "    why: silence is noticed after 5 ticks of 200ms" in done.stdout
    assert "    instead: within: " in done.stdout


def test_a_warning_exits_with_2_only_if_asked_to(tmp_path: Path) -> None:
    path = written(tmp_path, DOUBTFUL)
    done = chaos(tmp_path, "validate", path)
    assert (done.returncode, "warning: w: time goes by" in done.stdout) == (0, True)
    assert chaos(tmp_path, "validate", "--strict", path).returncode == 2


def test_findings_are_data(tmp_path: Path) -> None:
    done = chaos(tmp_path, "validate", "--json", written(tmp_path, DOUBTFUL))
    (plan,) = json.loads(done.stdout)["plans"]
    (one,) = plan["findings"]
    assert (one["rule"], one["severity"], one["line"]) == ("plain-pause", "warning", 7)


def test_a_run_tells_them_in_short_and_begins_nevertheless(tmp_path: Path) -> None:
    path = written(tmp_path, FAILING)
    done = chaos(tmp_path, "run", "--system", "simulated", "--seed", "1", path)
    assert done.returncode == 1
    assert "chaos: plan.yaml:8:5: error: next: no new leader" in done.stderr
    assert "chaos validate plan.yaml" in done.stderr
    assert "instead: within" not in done.stderr
