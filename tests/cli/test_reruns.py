"""``chaos run --reruns --retries``: what is made again, and that flaky is not green."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from typer.testing import CliRunner

from chaos.campaign.attempts import Again
from chaos.campaign.record import read_records
from chaos.cli.app import app
from chaos.cli.drivers import DRIVERS, Driver
from chaos.cli.request import Request
from chaos.cli.running import run_plans
from chaos.ensemble import EnsembleSetup
from chaos.errors import InfrastructureError
from chaos.systems.base import System
from tests.cli.command import FAILING, PAUSE, asked, chaos

GOOD, BAD, DEAD = "good", "bad", "dead"
PLAN = PAUSE.replace("within: 5s}", "within: 8s}")


def moody(moods: Sequence[str]) -> dict[str, Callable[[], Driver]]:
    """The simulator: each run that is made takes the next mood, and the last stays."""
    plain, left = DRIVERS["simulated"](), list(moods)

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> System:
        mood = left.pop(0) if len(left) > 1 else left[0]
        if mood == DEAD:
            raise InfrastructureError("no namespace")
        slow = setup.timings if mood == GOOD else replace(setup.timings, finalize_ms=3500)
        return plain.make(replace(setup, timings=slow), seed, folder, network)

    return {**DRIVERS, "simulated": lambda: replace(plain, make=make)}


def request(folder: Path, again: Again, repeat: int | None = None, text: str = PLAN) -> Request:
    return replace(
        asked(folder, text),
        repeat=repeat,
        attempts=again,
        junit=folder / "junit.xml",
        markdown=folder / "summary.md",
    )


STORIES: dict[str, tuple[Again, list[str], int, list[int], int, int]] = {
    # asked, moods, exit code, attempts that were judged, flaky runs, infrastructure retries
    "a failure is a failure": (Again(), [BAD, GOOD], 1, [1], 0, 0),
    "flaky is not green": (Again(reruns=2), [BAD, GOOD], 1, [1, 2], 1, 0),
    "what fails each time fails": (Again(reruns=2), [BAD], 1, [1, 2, 3], 0, 0),
    "the host's failure is no flake": (Again(retries=1), [DEAD, GOOD], 0, [2], 0, 1),
    "a host that fails each time": (Again(retries=1), [DEAD], 4, [], 0, 1),
    "a retry that fails": (Again(retries=1), [DEAD, BAD], 1, [2], 0, 1),
    "reruns are no retries": (Again(reruns=2), [DEAD, GOOD], 4, [], 0, 0),
    "both": (Again(1, 1), [DEAD, BAD, GOOD], 1, [2, 3], 1, 1),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_is_made_again(
    story: tuple[Again, list[str], int, list[int], int, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    again, moods, code, made, flaky, retries = story
    assert run_plans(request(tmp_path, again), moody(moods)) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [one["attempt"] for one in document["runs"]] == made
    assert {one["seed"] for one in document["runs"]} <= {1}
    assert len(document["flaky"]) == flaky
    assert document["retries"] == {"infrastructure": retries, "inconclusive": 0}


def elements(folder: Path) -> list[str]:
    (case,) = Xml.fromstring((folder / "junit.xml").read_bytes()).iter("testcase")
    return [child.tag for child in case if child.tag != "properties"]


def test_a_flaky_cell_is_told_as_such_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_plans(request(tmp_path, Again(reruns=1), repeat=2), moody([BAD, GOOD])) == 1
    told = capsys.readouterr()
    document = json.loads(told.out)
    (flaky,) = document["flaky"]
    assert (flaky["seed"], flaky["attempts"]) == (1, 2)
    assert "≈ flaky: pause-the-leader seed 1 failed, and passed at attempt 2" in told.err
    assert elements(tmp_path) == ["flakyFailure"]
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("## chaos: 1 flaky\n")
    assert "passed after 1 attempt that did not" in summary
    lines = Path(document["campaign"]).read_text(encoding="utf-8").splitlines(keepends=True)
    assert [(one.seed, one.attempt) for one in read_records(lines)] == [(1, 1), (1, 2), (2, 1)]


def test_what_fails_again_is_a_failure_with_its_reruns(tmp_path: Path) -> None:
    assert run_plans(request(tmp_path, Again(reruns=1)), moody([BAD])) == 1
    assert elements(tmp_path) == ["failure", "rerunFailure"]


def test_what_was_retried_is_green_and_says_so(tmp_path: Path) -> None:
    assert run_plans(request(tmp_path, Again(retries=1)), moody([DEAD, GOOD])) == 0
    assert elements(tmp_path) == []
    assert 'name="retries" value="1 infrastructure retry"' in (tmp_path / "junit.xml").read_text()
    assert "1 infrastructure retry" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_a_first_failure_ends_the_runs_when_it_is_sure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PLAN + "repeat: {runs: 3, stop: first_failure}\n"
    code = run_plans(request(tmp_path, Again(reruns=1), text=text), moody([BAD, BAD, GOOD]))
    document = json.loads(capsys.readouterr().out)
    assert (code, [one["attempt"] for one in document["runs"]]) == (1, [1, 2])


def test_a_set_has_the_first_attempt_that_told_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    median = "  - {id: quick, metric: election.total, p50: {max: 1s}}\n"
    asked = request(tmp_path, Again(1, 1), repeat=1, text=PLAN + median)
    run_plans(asked, moody([DEAD, BAD, GOOD]))
    (together,) = json.loads(capsys.readouterr().out)["sets"]
    assert together["runs"] == 1
    (quick,) = [one for one in together["verdicts"] if one["name"] == "quick"]
    assert quick["outcome"] != "holds", "the slow one, not the one that was made until it passed"


def test_what_cannot_tell_is_made_again_only_so_often_as_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PLAN, encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(tmp_path / "p.yaml"), "--retry-inconclusive"])
    assert done.exit_code == 2
    assert "--retries 1" in done.output


def test_runs_at_the_same_time_are_made_again_too(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(FAILING, encoding="utf-8")
    told = ("--system", "simulated", "--seed", "1", "--repeat", "2", "--reruns", "1", "--json")
    done = chaos(tmp_path, "run", "p.yaml", *told, "--parallel", "2")
    assert done.returncode == 1, done.stderr
    made = sorted((one["seed"], one["attempt"]) for one in json.loads(done.stdout)["runs"])
    assert made == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert done.stderr.count("attempt 1 ended with 1; once more") == 2
