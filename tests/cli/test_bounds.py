"""What bounds a command: shards, a budget, the time of a plan. Nothing is green by omission."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.campaign.durations import Lasted, keep, read
from chaos.campaign.shards import Shard
from chaos.cli.drivers import DRIVERS, Driver
from chaos.cli.request import Bounds, Request
from chaos.cli.running import run_plans
from chaos.cli.tasks import repeat_of
from chaos.ensemble import EnsembleSetup
from chaos.plan.load import load_plan
from chaos.systems.base import System
from tests.cli.command import PAUSE, asked

CELLS = "params: {last: 5s}\nmatrix: {last: [2s, 3s, 4s]}\n"
MATRIX = PAUSE.replace("for: 5s", "for: '${last}'") + CELLS
SECOND_NS = 1_000_000_000
START_NS = 2**62  # later than any clock of this host: the run itself is never late


class Clock:
    """A clock by which each run takes a second."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def drivers(self, **changed: Driver) -> dict[str, Callable[[], Driver]]:
        plain = DRIVERS["simulated"]()

        def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> System:
            self.now_ns += SECOND_NS
            return plain.make(setup, seed, folder, network)

        timed = replace(plain, make=make)
        return {**DRIVERS, "simulated": lambda: timed} | {
            name: lambda driver=driver: driver for name, driver in changed.items()
        }


def request(folder: Path, *texts: str, bounds: Bounds, out: str = "reports") -> Request:
    return replace(asked(folder, *texts), bounds=bounds, out=folder / out)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[Request], tuple[int, dict[str, Any]]]:
    """Runs a request by a clock of its own; the exit code and the document."""

    def run(asked: Request, **changed: Driver) -> tuple[int, dict[str, Any]]:
        clock = Clock()
        code = run_plans(asked, clock.drivers(**changed), clock)
        document = json.loads(capsys.readouterr().out)
        assert document["exit_code"] == code
        return code, document

    return run


Told = Callable[..., tuple[int, dict[str, Any]]]


# ---- shards


def test_the_shards_of_a_command_run_each_cell_once(tmp_path: Path, told: Told) -> None:
    ran: list[tuple[str, str]] = []
    for number in (1, 2, 3):
        asked = request(tmp_path, MATRIX, PAUSE, bounds=Bounds(Shard(number, 3)))
        code, document = told(asked)
        assert code == 0
        assert document["shard"]["of_cells"] == 4
        assert document["shard"]["cells"] == len(document["runs"])
        ran += [(one["plan_file"], one["cell"]) for one in document["runs"]]
    assert len(ran) == len(set(ran)) == 4


def test_a_shard_without_a_cell_is_no_failure_as_long_as_another_has_one(
    tmp_path: Path, told: Told
) -> None:
    codes, documents = zip(
        *(told(request(tmp_path, PAUSE, bounds=Bounds(Shard(n, 2)))) for n in (1, 2)), strict=True
    )
    assert codes == (0, 0)
    assert sorted(len(one["runs"]) for one in documents) == [0, 1]


def test_where_no_shard_can_run_anything_each_says_so(tmp_path: Path, told: Told) -> None:
    absent = replace(DRIVERS["simulated"](), absent="no server is installed")
    foreign = PAUSE + "system: mixed\n"
    for number in (1, 2):
        code, document = told(
            request(tmp_path, foreign, bounds=Bounds(Shard(number, 2))), mixed=absent
        )
        assert (code, document["runs"]) == (5, [])


def test_a_shard_that_can_run_nothing_leaves_the_verdict_to_the_others(
    tmp_path: Path, told: Told
) -> None:
    absent = replace(DRIVERS["simulated"](), absent="no server is installed")
    texts = (PAUSE, PAUSE.replace("the-leader", "z") + "system: mixed\n")
    found = [
        told(request(tmp_path, *texts, bounds=Bounds(Shard(number, 2))), mixed=absent)
        for number in (1, 2)
    ]
    assert [code for code, _ in found] == [0, 0]
    assert sorted((len(one["runs"]), len(one["skipped"])) for _, one in found) == [(0, 1), (1, 0)]


def test_shards_are_balanced_by_what_an_earlier_command_kept(tmp_path: Path, told: Told) -> None:
    whole = request(tmp_path, MATRIX, bounds=Bounds())
    assert told(whole)[0] == 0
    kept = tmp_path / "reports" / "durations.json"
    names = ("last=2s", "last=3s", "last=4s")
    assert {(cell, one.runs) for (_, cell, _), one in read([kept]).items()} == {
        (cell, 1) for cell in names
    }
    keep(kept, [Lasted("pause-the-leader", "last=3s", "simulated", 1, 3600 * SECOND_NS)])
    _, document = told(request(tmp_path, MATRIX, bounds=Bounds(Shard(1, 2), (kept,))))
    assert [one["cell"] for one in document["runs"]] == ["last=3s"], "the long one is alone"
    _, document = told(request(tmp_path, MATRIX, bounds=Bounds(Shard(2, 2), (kept,))))
    assert [one["cell"] for one in document["runs"]] == ["last=2s", "last=4s"]


REFUSED = {
    "durations of no shard": (None, "reports/durations.json", "say which is run here"),
    "a file that this shard replaces": (
        Shard(1, 2),
        "reports/durations-1-of-2.json",
        "copy it to another place",
    ),
    "no such file": (Shard(1, 2), "nowhere.json", "No such file"),
}


@pytest.mark.parametrize(("shard", "file", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_durations_by_which_jobs_might_divide_otherwise_are_refused(
    shard: Shard | None, file: str, why: str, tmp_path: Path, told: Told
) -> None:
    code, document = told(request(tmp_path, PAUSE, bounds=Bounds(shard, (tmp_path / file,))))
    assert code == 2
    assert why in document["errors"][0]


# ---- time


def test_no_run_begins_once_the_budget_is_used_up(tmp_path: Path, told: Told) -> None:
    texts = (PAUSE + "repeat: {runs: 3, min_valid: 1}\n", MATRIX)
    code, document = told(request(tmp_path, *texts, bounds=Bounds(budget_ns=2 * SECOND_NS)))
    assert code == 3
    assert len(document["runs"]) == 2
    assert [(one["cell"], one["runs"], one["of"]) for one in document["not_run"]] == [
        ("", 1, 3),
        ("last=2s", 1, 1),
        ("last=3s", 1, 1),
        ("last=4s", 1, 1),
    ]
    assert document["not_run"][0]["reason"] == "the budget of 2s is used up"


def test_what_the_budget_left_out_is_an_error_to_a_reader_of_junit(
    tmp_path: Path, told: Told
) -> None:
    file = tmp_path / "junit.xml"
    asked = request(tmp_path, MATRIX, bounds=Bounds(budget_ns=1))
    assert told(replace(asked, junit=file))[0] == 3
    text = file.read_text(encoding="utf-8")
    assert 'tests="3" failures="0" errors="2" skipped="0"' in text
    assert "1 of 1 runs not run: the budget of 1ns is used up" in text


def test_a_failure_is_no_less_one_for_a_budget(tmp_path: Path, told: Told) -> None:
    failing = PAUSE.replace("within: 3s", "within: 10ms") + "repeat: {runs: 2}\n"
    code, document = told(request(tmp_path, failing, bounds=Bounds(budget_ns=1)))
    assert (code, len(document["runs"])) == (1, 1)


LIMIT = "limits: {plan_timeout: 2s}\n"
TIMES = {
    "all of them were asked for": ("repeat: {runs: 3}\n", 3, 2),
    "enough are valid": ("repeat: {runs: 3, min_valid: 2}\n", 0, 2),
    "too few are valid": ("repeat: {runs: 4, min_valid: 3}\n", 3, 2),
    "there was time for all": ("repeat: {runs: 2}\n", 0, 2),
    "a failure ended them before": ("repeat: {runs: 3, stop: first_failure}\n", 1, 1),
}


@pytest.mark.parametrize(("repeat", "code", "runs"), TIMES.values(), ids=TIMES.keys())
def test_runs_that_a_plan_has_no_time_for_are_not_valid(
    repeat: str, code: int, runs: int, tmp_path: Path, told: Told
) -> None:
    text = PAUSE.replace("within: 3s", "within: 10ms") if code == 1 else PAUSE
    found, document = told(request(tmp_path, text + repeat + LIMIT, bounds=Bounds()))
    assert (found, len(document["runs"])) == (code, runs)
    reasons = [one["reason"] for one in document["not_run"]]
    expected = ["limits.plan_timeout of 2s is used up"] if code in (0, 3) else []
    assert reasons == ([] if "runs: 2}" in repeat else expected)


def test_the_time_of_a_plan_is_that_of_all_its_cells(tmp_path: Path, told: Told) -> None:
    code, document = told(request(tmp_path, MATRIX + LIMIT, PAUSE, bounds=Bounds()))
    assert code == 3
    assert [one["cell"] for one in document["runs"]] == ["last=2s", "last=3s", ""]
    assert [one["cell"] for one in document["not_run"]] == ["last=4s"]


def test_no_more_runs_at_once_than_the_command_line_allows(tmp_path: Path) -> None:
    plan = load_plan(PAUSE + "repeat: {runs: 9, parallel: 4}\n", "p.yaml")
    asked = request(tmp_path, PAUSE, bounds=Bounds(parallel_max=2))
    assert repeat_of(plan, asked).parallel == 2
    assert repeat_of(plan, replace(asked, parallel=8)).parallel == 2
    assert repeat_of(plan, replace(asked, bounds=Bounds(parallel_max=9))).parallel == 4
