"""A plan says how often it is run, and the command line goes first."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.campaign.record import read_records
from chaos.cli.request import Request
from chaos.cli.running import run_plans
from tests.cli.command import FAILING, LEADERLESS, PAUSE, asked, chaos

MEDIAN = "  - {id: quick, metric: election.total, p50: {max: 20s}}\n"
REPEAT = "repeat: {runs: 3, warmup: 1, min_valid: 2}\n"


def request(folder: Path, text: str, **more: int | bool) -> Request:
    fail_fast = bool(more.get("fail_fast", False))
    return replace(asked(folder, text), repeat=more.get("repeat"), fail_fast=fail_fast)


Story = tuple[str, dict[str, int | bool], int, list[int]]
STORIES: dict[str, Story] = {
    "the plan's own repeats": (PAUSE + REPEAT, {}, 0, [4, 1, 2, 3]),
    "the command line goes first": (PAUSE + REPEAT, {"repeat": 2}, 0, [1, 2]),
    "too few are valid": (LEADERLESS + REPEAT, {}, 3, [4, 1, 2, 3]),
    "the first failure ends the runs": (
        FAILING + "repeat: {runs: 3, stop: first_failure}\n",
        {},
        1,
        [1],
    ),
    "what is answered ends the runs": (
        PAUSE + MEDIAN + "repeat: {runs: 40, stop: decided}\n",
        {},
        0,
        list(range(1, 11)),
    ),
    "the first failure ends the command": (FAILING, {"repeat": 3, "fail_fast": True}, 1, [1]),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_as_often_as_is_asked(
    story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, more, code, seeds = story
    assert run_plans(request(tmp_path, text, **more)) == code
    document = json.loads(capsys.readouterr().out)
    assert [one["seed"] for one in document["runs"]] == seeds
    assert (document["campaign"] is not None) == (len(seeds) > 1)


def test_each_run_is_a_line_that_tells_how_to_run_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_plans(request(tmp_path, PAUSE + REPEAT))
    file = Path(json.loads(capsys.readouterr().out)["campaign"])
    records = read_records(file.read_text(encoding="utf-8").splitlines(keepends=True))
    assert [(one.seed, one.repeat, one.warmup) for one in records] == [
        (4, 1, True),
        (1, 1, False),
        (2, 2, False),
        (3, 3, False),
    ]
    assert all("--repeat 1" in one.reproduce for one in records)
    assert all(one.measures for one in records)
    page = file.with_suffix(".html").read_text(encoding="utf-8")
    pages = [file.parent / href for href in re.findall(r'<a class="o-\w+" href="([^"]+)"', page)]
    assert len(pages) == len(records)
    assert all(one.is_file() for one in pages)


def test_runs_at_the_same_time_are_those_in_turn(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PAUSE, encoding="utf-8")
    told = ("run", "p.yaml", "--system", "simulated", "--seed", "1", "--repeat", "2", "--json")
    found = []
    for more in ((), ("--parallel", "2")):
        done = chaos(tmp_path, *told, *more)
        assert done.returncode == 0, done.stderr
        runs = json.loads(done.stdout)["runs"]
        found.append(sorted((one["seed"], str(one["verdicts"])) for one in runs))
    assert found[0] == found[1]
