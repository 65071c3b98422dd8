"""``chaos run`` leaves what continuous integration asks for; the exit code is that of the runs."""

from __future__ import annotations

import errno
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml
from typer.testing import CliRunner

from chaos.cli.app import app
from chaos.cli.drivers import DRIVERS
from chaos.cli.request import Request
from chaos.cli.running import run_plans
from chaos.cli.tally import Tally
from tests.cli.command import FAILING, PAUSE, ROOT, asked

OPEN = ("error", "failure", "skipped")
CELLS = "params: {last: 5s}\nmatrix: {last: [4s, 5s]}\n"


def request(
    folder: Path, *texts: str, junit: Path | None = None, markdown: Path | None = None
) -> Request:
    return replace(asked(folder, *texts), junit=junit, markdown=markdown)


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def elements(file: Path) -> Mapping[str, list[str]]:
    return {
        str(case.get("name")): [child.tag for child in case if child.tag != "properties"]
        for case in Xml.fromstring(file.read_bytes()).iter("testcase")
    }


def test_every_cell_of_every_plan_is_a_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("what another command said\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    asked = request(
        tmp_path,
        FAILING,
        PAUSE.replace("for: 5s", "for: '${last}'") + CELLS,
        PAUSE.replace("pause-the-leader", "other") + "system: mixed\n",
        junit=tmp_path / "new" / "junit.xml",
        markdown=tmp_path / "own.md",
    )
    absent = replace(DRIVERS["simulated"](), absent="no server is installed")
    assert run_plans(asked, {**DRIVERS, "mixed": lambda: absent}) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["errors"] == [], "stdout stays one document"
    assert elements(tmp_path / "new" / "junit.xml") == {
        "pause-too-short": ["failure"],
        "pause-the-leader[last=4s]": [],
        "pause-the-leader[last=5s]": [],
        "other": ["skipped"],
    }
    own = (tmp_path / "own.md").read_text(encoding="utf-8")
    assert own.startswith("## chaos: 1 failed, 1 skipped, 2 passed")
    assert summary.read_text(encoding="utf-8") == f"what another command said\n{own}"
    assert "::error file=0.yaml,line=8,col=5,title=pause-too-short%3A next::" in told.err


def test_a_bad_plan_is_an_error_in_place_of_what_was_there_before(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text("<testsuites/>", encoding="utf-8")
    assert run_plans(request(tmp_path, "version: 1\n", junit=file)) == 2
    assert elements(file) == {"plans": ["error"]}


def test_a_paper_that_cannot_be_written_is_told_and_changes_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    asked = request(tmp_path, PAUSE, junit=tmp_path / "dir", markdown=tmp_path / "file" / "x.md")
    assert run_plans(asked) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document["exit_code"] == 0
    assert [error.split(" could not")[0] for error in document["errors"]] == [
        f"the JUnit file {tmp_path / 'dir'}",
        f"the summary {tmp_path / 'file' / 'x.md'}",
    ]
    assert "could not be written" in told.err
    assert not list(tmp_path.glob(".dir*")), "nothing half-written stays"


def test_what_cannot_be_written_down_ends_the_runs_and_papers_elsewhere_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is full, of which the papers need nothing."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Tally, "written", full)
    asked = request(tmp_path, PAUSE, PAUSE, junit=tmp_path / "junit.xml")
    assert run_plans(asked) == 4
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document["exit_code"] == 4
    (error,) = document["errors"]
    assert error.startswith(f"what came of a run cannot be written to {tmp_path / 'reports'}")
    first, second = Xml.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    assert [part.tag for part in first if part.tag in OPEN] == ["error"], "it ran, and is not told"
    assert [part.tag for part in second if part.tag in OPEN] == ["skipped"]


def test_two_papers_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PAUSE, encoding="utf-8")
    said = ["--junit", str(tmp_path / "x"), "--markdown", str(tmp_path / "." / "x")]
    done = CliRunner().invoke(app, ["run", str(tmp_path / "p.yaml"), *said])
    assert done.exit_code == 2
    assert "a file of its own for each" in done.output
    assert not (tmp_path / "x").exists()


def workflows() -> list[str]:
    text = (ROOT / "docs" / "plan-format.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(r"```yaml\n(# \.github/.*?)```", text, re.DOTALL)
    return found


@pytest.mark.parametrize("workflow", workflows(), ids=["all of it", "shards"])
def test_a_workflow_of_the_documents_runs(
    workflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = yaml.safe_load(workflow)["jobs"]["elections"]["steps"]
    (command,) = [step["run"] for step in steps if "chaos run" in step.get("run", "")]
    command = command.replace("${{ matrix.shard }}", "1")
    (tmp_path / "p.yaml").write_text(PAUSE + "system: simulated\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command.replace("plans/*.yaml", "p.yaml"))
    done = CliRunner().invoke(app, arguments[1:])
    assert done.exit_code == 0, done.output
    kept = steps[-1]["with"]["path"].split()
    assert elements(tmp_path / kept[0]) == {"pause-the-leader": []}
