"""stdout is data and stderr is talk; what a pipe gets has no colours and no edge to wrap at."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import CHAOS, ENDLESS, FAILING, PAUSE, chaos, environment, runs

SIMULATED = ("--system", "simulated")
ESCAPE = "\x1b"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(PAUSE, encoding="utf-8")
    (tmp_path / "failing.yaml").write_text(FAILING, encoding="utf-8")
    (tmp_path / "endless.yaml").write_text(ENDLESS, encoding="utf-8")
    return tmp_path


def test_off_a_terminal_a_run_is_plain_lines_of_any_length(folder: Path) -> None:
    done = chaos(folder, "run", "good.yaml", *SIMULATED, "--seed", "4", env={"COLUMNS": "40"})
    lines = done.stdout.splitlines()
    assert ESCAPE not in done.stdout
    assert lines[0] == "pause-the-leader: simulated, virtual network, seed 4"
    assert any(line.startswith("  0.") and "stop-it: pause the leader" in line for line in lines)
    (found,) = [line for line in lines if line.startswith("✓  next")]
    assert "a leader among" in found
    assert len(found) > 60, "it is not wrapped"
    assert [line for line in lines if line != line.rstrip()] == []
    assert re.fullmatch(r"✓ all \d+ verdicts hold", lines[-3])
    assert lines[-2].startswith("report: reports/")
    assert lines[-1] == "reproduce: chaos run good.yaml --system simulated --seed 4"
    assert done.stderr == ""


def test_a_verdict_that_does_not_hold_says_where_the_plan_asks(folder: Path) -> None:
    done = chaos(folder, "run", "failing.yaml", *SIMULATED)
    (found,) = [line for line in done.stdout.splitlines() if line.startswith("✗  next")]
    assert found.endswith("  failing.yaml:8:5  election.timeout@next")


def test_with_json_stdout_is_one_document(folder: Path) -> None:
    done = chaos(folder, "run", "good.yaml", "endless.yaml", *SIMULATED, "--json")
    assert [run["plan"] for run in runs(done.stdout)] == ["pause-the-leader", "endless"]
    assert "stop-it: pause the leader" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("reproduce: chaos run endless.yaml")


def test_with_json_and_quiet_there_is_the_document_and_nothing_else(folder: Path) -> None:
    done = chaos(folder, "run", "endless.yaml", *SIMULATED, "--json", "--quiet")
    assert [run["exit_code"] for run in runs(done.stdout)] == [1]
    assert done.stderr == ""


def test_quiet_says_one_line_a_run(folder: Path) -> None:
    done = chaos(folder, "run", "good.yaml", "failing.yaml", *SIMULATED, "--seed", "3", "-q")
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"✓ pause-the-leader seed 3: all \d+ verdicts hold", first)
    assert second.startswith("✗ pause-too-short seed 3: next: ")


def test_repeats_count_their_seeds_up_and_each_can_be_repeated_alone(folder: Path) -> None:
    done = chaos(folder, "run", "good.yaml", *SIMULATED, "--seed", "7", "--repeat", "3")
    ends = [line for line in done.stdout.splitlines() if line.startswith("reproduce: ")]
    assert [line.rsplit(" ", 1)[1] for line in ends] == ["7", "8", "9"]


def test_a_seed_that_nobody_gave_is_drawn_and_told(folder: Path) -> None:
    done = chaos(folder, "run", "good.yaml", "endless.yaml", *SIMULATED, "--json")
    first, second = (run["seed"] for run in runs(done.stdout))
    assert first != second


def test_the_command_of_the_last_line_repeats_the_run_byte_for_byte(folder: Path) -> None:
    settings = ("--set", "ensemble.size=5")
    before = chaos(folder, "run", "good.yaml", *SIMULATED, *settings, env={"PYTHONHASHSEED": "0"})
    command = before.stdout.splitlines()[-1].removeprefix("reproduce: chaos ").split()
    histories = {_history(folder)}
    for salt in ("1", "random"):
        again = chaos(folder, *command, env={"PYTHONHASHSEED": salt})
        assert again.returncode == before.returncode == 0, again.stderr
        histories.add(_history(folder))
        assert _verdicts(again.stdout) == _verdicts(before.stdout)
    assert len(list((folder / "reports").glob("2*"))) == 3
    assert len(histories) == 1


def test_another_seed_is_another_run(folder: Path) -> None:
    chaos(folder, "run", "good.yaml", *SIMULATED, "--repeat", "3", "-q")
    found = {path.read_bytes() for path in folder.glob("reports/2*/history.jsonl")}
    assert len(found) == 3


def _history(folder: Path) -> bytes:
    return (folder / "reports" / "latest" / "history.jsonl").read_bytes()


def _verdicts(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith(("✓", "✗", "?"))]


# ---- readers that leave, and terminals of all kinds


LEAVING = {"lines": ("good.yaml", [], 0), "a document": ("failing.yaml", ["--json", "-q"], 1)}


@pytest.mark.parametrize(("name", "more", "code"), LEAVING.values(), ids=LEAVING.keys())
def test_a_reader_that_leaves_does_not_change_the_outcome(
    name: str, more: list[str], code: int, folder: Path
) -> None:
    gone, end = os.pipe()
    os.close(gone)
    with os.fdopen(end, "wb") as deaf:
        done = subprocess.run(
            [*CHAOS, "run", name, *SIMULATED, *more],
            cwd=folder,
            env=environment(folder),
            stdout=deaf,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (code, "")
    assert (folder / "reports" / "latest" / "result.json").is_file()


def test_a_locale_without_our_signs_is_no_reason_to_fail(folder: Path) -> None:
    done = chaos(folder, "run", "good.yaml", *SIMULATED, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert re.search(r"\\u2713 all \d+ verdicts hold", done.stdout)


def test_a_report_that_cannot_be_written_is_told_and_changes_no_verdict(folder: Path) -> None:
    program = (
        "import sys, chaos.report.page as page\n"
        "def broken(*_, **__): raise RuntimeError('no ink')\n"
        "page.render = broken\n"
        "from chaos.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [CHAOS[0], "-c", program, "run", "good.yaml", *SIMULATED],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "the report could not be drawn: RuntimeError('no ink')" in done.stderr
    assert "report:" not in done.stdout


def test_a_mistake_of_ours_does_not_look_like_a_verdict(folder: Path) -> None:
    program = (
        "import sys, chaos.cli.cell_runs as cell_runs\n"
        "def broken(*_, **__): raise ZeroDivisionError('ours')\n"
        "cell_runs.run_one = broken\n"
        "from chaos.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [CHAOS[0], "-c", program, "run", "good.yaml", *SIMULATED],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert "Traceback" in done.stderr, "it is needed to mend it"
    last = done.stderr.splitlines()[-1]
    assert last == "chaos: this is a mistake in chaos, not in your plan: ZeroDivisionError('ours')"


def test_json_is_valid_even_for_a_plan_that_is_not(folder: Path) -> None:
    (folder / "bad.yaml").write_text("version: 1\n", encoding="utf-8")
    done = chaos(folder, "run", "bad.yaml", "--json")
    document = json.loads(done.stdout)
    assert (document["exit_code"], document["runs"]) == (2, [])
    assert "bad.yaml" in document["errors"][0]
