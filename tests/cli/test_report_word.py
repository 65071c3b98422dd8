"""``report`` in a plan: which papers there are, which folders stay, what it is shown beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from chaos.campaign.attempts import Tried
from chaos.campaign.baselines import open_sets
from chaos.campaign.record import RunRecord
from chaos.cli.aftermath import removable
from chaos.cli.drivers import DRIVERS, Driver
from chaos.cli.request import Request
from chaos.cli.running import run_plans
from chaos.ensemble import EnsembleSetup
from chaos.plan.reports import Keep
from chaos.runner.stored import open_run
from chaos.store import known_json
from chaos.systems.base import System
from chaos.verify.verdict import KnownMet, Met
from tests.cli.command import FAILING, PAUSE, asked

KILL = """\
version: 1
name: kill-the-leader
ensemble: {size: 3}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}
  - {id: stop, fault: kill, target: leader}
  - {id: next, wait: {outcome: leader}, within: 5s}
"""


def request(folder: Path, *texts: str, repeat: int | None = None) -> Request:
    return replace(asked(folder, *texts), repeat=repeat)


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def folders(out: Path) -> list[Path]:
    return sorted(file.parent for file in out.glob("*/result.json") if not file.parent.is_symlink())


# ---- papers


def test_each_plan_has_the_papers_that_it_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request(
        tmp_path,
        PAUSE + "report: {formats: [json, junit, markdown]}\n",
        FAILING + "report: {formats: [json]}\n",
        KILL,
    )
    assert run_plans(asked) == 1
    document(capsys)
    out = asked.out
    assert {file.name for file in out.iterdir() if file.suffix in (".json", ".xml", ".md")} == {
        "durations.json",
        "pause-the-leader.json",
        "pause-the-leader.junit.xml",
        "pause-the-leader.md",
        "pause-too-short.json",
    }
    told = [json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("pause-the-leader", "pause-too-short")]  # fmt: skip
    assert [one["exit_code"] for one in told] == [0, 1], "each its own"
    assert [[run["plan"] for run in one["runs"]] for one in told] == [
        ["pause-the-leader"],
        ["pause-too-short"],
    ]
    cases = Xml.fromstring((out / "pause-the-leader.junit.xml").read_bytes()).iter("testcase")
    assert [case.get("name") for case in cases] == ["pause-the-leader"]
    assert (out / "pause-the-leader.md").read_text(encoding="utf-8").startswith("## chaos: 1 pass")
    drawn = {
        folder.name.split("-", 2)[2]: (folder / "report.html").exists() for folder in folders(out)
    }
    assert drawn == {
        "pause-the-leader-1": False,
        "pause-too-short-1": False,
        "kill-the-leader-1": True,
    }


def test_plans_of_one_name_do_not_take_each_others_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAUSE + "report: {formats: [json]}\n"
    assert run_plans(request(tmp_path, text, text)) == 0
    document(capsys)
    files = [
        json.loads((tmp_path / "reports" / name).read_text(encoding="utf-8"))["plan_file"]
        for name in ("pause-the-leader.json", "pause-the-leader.2.json")
    ]
    assert files == [str(tmp_path / name) for name in ("0.yaml", "1.yaml")]


def test_a_paper_that_cannot_be_written_changes_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request(tmp_path, PAUSE + "report: {formats: [json]}\n")
    (asked.out / "pause-the-leader.json").mkdir(parents=True)
    assert run_plans(asked) == 0
    assert "pause-the-leader.json could not be written" in document(capsys)["errors"][0]


# ---- folders


def moody(*slow: int) -> Mapping[str, Any]:
    """The simulator; the runs of these seeds are too slow to pass."""
    plain = DRIVERS["simulated"]()

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> System:
        timings = replace(setup.timings, finalize_ms=4000) if seed in slow else setup.timings
        return plain.make(replace(setup, timings=timings), seed, folder, network)

    def driver() -> Driver:
        return replace(plain, make=make)

    return {**DRIVERS, "simulated": driver}


def test_only_what_did_not_pass_keeps_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request(tmp_path, PAUSE + "report: {keep: failures}\n", repeat=3)
    assert run_plans(asked, moody(2)) == 1
    told = document(capsys)
    assert [open_run(folder).began.seed for folder in folders(asked.out)] == [2]
    assert [one["folder"] is None for one in told["runs"]] == [True, False, True]
    (kept,) = open_sets(str(asked.out / "sets" / "pause-the-leader-simulated.json"), asked.out)
    assert kept.seeds == (1, 2, 3), "they were counted before they went"
    assert not (asked.out / "latest").is_symlink(), "it would lead nowhere"


def test_runs_that_are_too_slow_together_all_keep_their_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = KILL + "expect: [{id: q, metric: election.total, of: stop, p50: {max: 1ms}}]\n"
    asked = request(tmp_path, text + "report: {keep: failures}\n", repeat=6)
    assert run_plans(asked) == 1
    assert {one["exit_code"] for one in document(capsys)["runs"]} == {0}
    assert len(folders(asked.out)) == 6


def test_with_none_the_record_of_the_set_is_what_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request(tmp_path, PAUSE + "report: {keep: none}\n", repeat=2)
    assert run_plans(asked, moody(2)) == 1
    document(capsys)
    assert folders(asked.out) == []
    assert list(asked.out.glob("*.tar.gz")) == []
    (kept,) = open_sets(str(asked.out / "sets" / "pause-the-leader-simulated.json"), asked.out)
    assert [one.exit_code for one in kept.runs] == [0, 1]


def test_what_is_replayed_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = request(tmp_path, PAUSE + "report: {keep: none}\n")
    plain = request(tmp_path, PAUSE)
    run_plans(plain)
    (first,) = folders(plain.out)
    again = open_run(first)
    text = replace(again.written, report=replace(again.written.report, keep=Keep.NONE))
    assert run_plans(replace(asked, plans=(), again=replace(again, written=text))) == 0
    capsys.readouterr()
    assert len(folders(asked.out)) == 2


def test_a_set_that_cannot_be_kept_costs_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request(tmp_path, PAUSE + "report: {keep: none}\n")
    asked.out.mkdir()
    (asked.out / "sets").write_text("in the way", encoding="utf-8")
    assert run_plans(asked) == 0
    assert "could not be kept as a set" in document(capsys)["errors"][0]
    assert len(folders(asked.out)) == 1


def record(
    code: int, attempt: int = 1, system: str = "simulated", met: Met | None = None
) -> RunRecord:
    known = () if met is None else (known_json(KnownMet("a@b", "#1", "", met, ("n",))),)
    return RunRecord(
        "p", "", system, 1, 1, False, code, "", "there", "", known=known, attempt=attempt
    )  # fmt: skip


GONE = {
    "passed": ([record(0)], 1, 1),
    "failed": ([record(1)], 0, 1),
    "could not tell": ([record(3)], 0, 1),
    "left something": ([record(8)], 0, 0),
    "cut short": ([record(3, system="")], 0, 0),
    "flaky": ([record(1), record(0, 2)], 0, 2),
    "retried": ([record(3), record(0, 2)], 1, 2),
    "failed as expected": ([record(0, met=Met.SEEN)], 0, 1),
    "did not fail as expected": ([record(0, met=Met.NOT_SEEN)], 1, 1),
}


@pytest.mark.parametrize(("attempts", "of_failures", "of_none"), GONE.values(), ids=GONE.keys())
def test_which_folders_go(attempts: list[RunRecord], of_failures: int, of_none: int) -> None:
    run = Tried(tuple(attempts))
    gone = [len(removable(run, keep)) for keep in (Keep.ALL, Keep.FAILURES, Keep.NONE)]
    assert gone == [0, of_failures, of_none]


# ---- beside others


def test_a_plan_is_shown_beside_the_set_before_and_judged_by_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    word = "report: {formats: [html, json, junit, markdown], compare_to: [main, previous]}\n"
    asked = request(tmp_path, KILL + word, repeat=8)
    out = asked.out
    assert run_plans(asked) == 0
    first = document(capsys)
    assert [(one["with"], bool(one["lacks"])) for one in first["compared"]] == [
        ("main", True),
        ("previous", True),
    ]
    assert first["errors"] == [], "what is missing is no error"
    slower = request(tmp_path, KILL.replace("3}", "3, timings: {finalize_wait: 800ms}}") + word)
    assert run_plans(replace(slower, repeat=8)) == 0, "slower, and no gate"
    second = document(capsys)
    (row,) = [
        row
        for row in second["compared"][1]["rows"]
        if (row["metric"], row["of"]) == ("election.total", "stop")
    ]
    assert row["verdict"] == "regressed"
    said = "compared with previous: election.total stop: regressed"
    page = Path(second["campaign"]).with_suffix(".html")
    for name in ("kill-the-leader.md", "kill-the-leader.junit.xml", page.name):
        text = (out / name).read_text(encoding="utf-8").replace("\\", "")
        assert said in text, name
        assert "not compared with main" in text, name
