"""``chaos judge``: what it says of stored runs, and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chaos.cli.completing import complete_runs
from tests.cli.command import FAILING, PAUSE, chaos, runs

ARGUMENTS = ("run", "--system", "simulated", "--seed", "1", "--quiet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folders of a run that held and of one that failed, as ``chaos run`` left them."""
    folder = tmp_path_factory.mktemp("made")
    for name, text in (("good", PAUSE), ("failing", FAILING)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    done = chaos(folder, *ARGUMENTS, "--json", "good.yaml", "failing.yaml")
    good, failing = (str(one["folder"]) for one in runs(done.stdout))
    return folder, {"good": good, "failing": failing}


@pytest.fixture
def stored(made: tuple[Path, dict[str, str]], tmp_path: Path) -> dict[str, str]:
    """A copy of them, for one test to change."""
    folder, names = made
    shutil.copytree(folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    return names


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_is_told_as_it_was_and_left_alone(tmp_path: Path, stored: dict[str, str]) -> None:
    before = contents(tmp_path / stored["failing"])
    done = chaos(tmp_path, "judge", stored["failing"])
    assert done.returncode == 1, done.stderr
    assert f"{stored['failing']}: pause-too-short on simulated, seed 1" in done.stdout
    assert "✗  next" in done.stdout
    assert "changed" not in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("✗ next: no leader")
    assert contents(tmp_path / stored["failing"]) == before


def test_of_several_runs_the_worst_counts(tmp_path: Path, stored: dict[str, str]) -> None:
    assert chaos(tmp_path, "judge", stored["good"]).returncode == 0
    assert chaos(tmp_path, "judge", stored["good"], stored["failing"]).returncode == 1


def test_what_is_judged_otherwise_is_said(tmp_path: Path, stored: dict[str, str]) -> None:
    path = tmp_path / stored["good"] / "result.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    for verdict in result["verdicts"]:
        if verdict["name"] == "epoch_monotone":
            verdict["outcome"] = "unknown"
    path.write_text(json.dumps(result), encoding="utf-8")
    said = "changed: epoch_monotone was unknown, and is holds"
    assert said in chaos(tmp_path, "judge", stored["good"]).stdout
    (one,) = runs(chaos(tmp_path, "judge", stored["good"], "--json").stdout)
    assert one["changed"] == [{"name": "epoch_monotone", "was": "unknown", "is": "holds"}]


def test_a_run_that_was_cut_short_says_so(tmp_path: Path, stored: dict[str, str]) -> None:
    (tmp_path / stored["good"] / "result.json").unlink()
    done = chaos(tmp_path, "judge", stored["good"])
    assert "the run was cut short: it was never judged" in done.stdout
    (one,) = runs(chaos(tmp_path, "judge", stored["good"], "--json").stdout)
    assert (one["was"], one["changed"], one["exit_code"]) == (None, [], done.returncode)


def test_a_folder_without_a_run_is_said_and_the_others_are_judged(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    done = chaos(tmp_path, "judge", "nowhere", stored["good"])
    assert done.returncode == 2
    assert "chaos: nowhere holds no run" in done.stderr
    assert "verdicts hold" in done.stdout
    whole = json.loads(chaos(tmp_path, "judge", "nowhere", stored["good"], "--json").stdout)
    assert whole["exit_code"] == 2
    assert [len(whole["runs"]), len(whole["errors"])] == [1, 1]
    assert "Traceback" not in done.stderr


def test_runs_are_completed(
    tmp_path: Path, stored: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    latest = "reports/latest"
    assert complete_runs("") == sorted([*stored.values(), latest])
    assert complete_runs("reports/l") == [latest]
    assert complete_runs("plans") == []
