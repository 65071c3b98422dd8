"""``chaos replay``: a stored run is run again, and what comes out otherwise is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import FAILING, PAUSE, chaos, runs

ARGUMENTS = ("run", "--system", "simulated", "--quiet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where a failing run is, and how it is called."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "failing.yaml").write_text(FAILING, encoding="utf-8")
    done = chaos(folder, *ARGUMENTS, "--json", "failing.yaml")
    (one,) = runs(done.stdout)
    return folder, str(one["folder"])


@pytest.fixture
def failed(made: tuple[Path, str], tmp_path: Path) -> str:
    """A copy of it, for one test to change."""
    folder, name = made
    shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    return name


def test_a_failure_fails_again_and_says_so(tmp_path: Path, failed: str) -> None:
    (tmp_path / "failing.yaml").unlink()  # the run has its own
    done = chaos(tmp_path, "replay", "reports/latest")
    assert done.returncode == 1, done.stderr
    *_, command, said = done.stdout.rstrip().splitlines()
    assert command == f"reproduce: chaos replay {failed}"
    assert said == "as it was then: every verdict is the same"


def test_each_repeat_has_the_seed_of_then(tmp_path: Path, failed: str) -> None:
    then = json.loads((tmp_path / failed / "result.json").read_text(encoding="utf-8"))
    done = chaos(tmp_path, "replay", failed, "--repeat", "2", "--json")
    found = runs(done.stdout)
    assert [(one["seed"], one["changed"]) for one in found] == [(then["seed"], [])] * 2
    assert len({one["folder"] for one in found} | {failed}) == 3


def test_what_comes_out_otherwise_is_said(tmp_path: Path, failed: str) -> None:
    path = tmp_path / failed / "result.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    for verdict in result["verdicts"]:
        if verdict["name"] == "next":
            verdict["outcome"] = "holds"
    path.write_text(json.dumps(result), encoding="utf-8")
    done = chaos(tmp_path, "replay", failed, "--quiet")
    assert "changed: next was holds, and is fails" in done.stdout
    assert done.returncode == 1


def test_a_run_that_was_cut_short_is_run_whole(tmp_path: Path, failed: str) -> None:
    (tmp_path / failed / "result.json").unlink()
    done = chaos(tmp_path, "replay", failed)
    assert done.returncode == 1
    assert "as it was then" not in done.stdout


def test_what_was_set_is_set_again(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(PAUSE, encoding="utf-8")
    chaos(tmp_path, *ARGUMENTS, "--set", "ensemble.size=5", "good.yaml")
    done = chaos(tmp_path, "replay", "reports/latest", "--json")
    (one,) = runs(done.stdout)
    assert (one["exit_code"], one["changed"]) == (0, [])
    assert "peer 5" in done.stdout


@pytest.mark.parametrize("run", ["nowhere", "failing.yaml"])
def test_where_there_is_no_run_it_is_said(tmp_path: Path, failed: str, run: str) -> None:
    del failed
    done = chaos(tmp_path, "replay", run)
    assert done.returncode == 2
    assert f"chaos: {run} holds no run" in done.stderr
    assert "Traceback" not in done.stderr
