"""Every command tells what it is for, what it takes and what it answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos.cli.app import app, main
from chaos.cli.completing import complete_baselines, complete_plans, complete_sets
from tests.cli.command import PAUSE, chaos

COMMANDS = {
    "run": ["--system", "--seed", "--repeat", "--set", "--network", "--out", "--json", "--quiet"],
    "validate": ["--set", "--strict", "--explain", "--json"],
    "explain": ["--sibling", "--json"],
    "show": ["--json"],
    "judge": ["--json"],
    "replay": ["--repeat", "--system", "--network", "--out", "--json", "--quiet"],
    "peer": ["--sid", "--data", "--tick-ms"],
    "doctor": ["--json"],
    "bundle": ["--output"],
    "report": ["--output"],
    "schema": [],
    "zoo": ["--bug", "--seeds", "--plans", "--markdown", "--json"],
    "compare": ["--paired", "--gate", "--alpha", "--noise", "--out", "--json"],
}


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")


def test_help_lists_each_command_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--help")
    assert {command.callback.__name__ for command in app.registered_commands if command.callback} \
        == set(COMMANDS)  # fmt: skip
    assert all(f"│ {name} " in text for name in COMMANDS)
    assert "\x1b" not in text


@pytest.mark.parametrize(("name", "options"), COMMANDS.items(), ids=COMMANDS.keys())
def test_a_command_explains_each_option(
    name: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, name, "--help")
    assert all(option in text for option in options)
    assert said(capsys, name, "-h") == text


def test_run_explains_its_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(said(capsys, "run", "--help").split())
    assert "1 an expectation failed, or a run is flaky; 2 a bad plan or bad usage; 3 inc" in text
    assert "130 and 143" in text


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "Usage" in "".join(capsys.readouterr())


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    name, version = said(capsys, "--version").split()
    assert name == "chaos"
    assert version.count(".") == 2


def test_the_schema_is_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(said(capsys, "schema"))
    assert schema["$schema"].startswith("http://json-schema.org/")
    assert {"version", "ensemble", "steps", "expect"} <= schema["properties"].keys()


# ---- completion


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "plans").mkdir()
    for name in ("top.yaml", "plans/one.yaml", "plans/two.yml", "plans/notes.txt"):
        (tmp_path / name).write_text(PAUSE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


COMPLETED = {
    "": ["plans/one.yaml", "plans/two.yml", "top.yaml"],
    "t": ["top.yaml"],
    "plans": ["plans/one.yaml", "plans/two.yml"],
    "plans/": ["plans/one.yaml", "plans/two.yml"],
    "plans/o": ["plans/one.yaml"],
    "./t": ["./top.yaml"],
    "./plans/t": ["./plans/two.yml"],
    "plans/../t": ["plans/../top.yaml"],
    "nowhere/": [],
}


@pytest.mark.parametrize(("begun", "found"), COMPLETED.items(), ids=COMPLETED.keys())
@pytest.mark.usefixtures("folder")
def test_plan_files_are_completed_as_they_were_begun(begun: str, found: list[str]) -> None:
    assert complete_plans(begun) == found


@pytest.mark.usefixtures("folder")
def test_names_of_baselines_and_cells_are_completed() -> None:
    Path("reports/baselines").mkdir(parents=True)
    for name in ("main", "old"):
        Path(f"reports/baselines/{name}.json").touch()
    assert complete_baselines("m") == ["main"]
    assert complete_sets("") == ["main", "old"]
    varied = PAUSE.replace(
        "{size: 3}", "{size: '${size}'}\nparams: {size: 3}\nmatrix: {size: [3, 5]}"
    )
    Path("top.yaml").write_text(varied, encoding="utf-8")
    asked = {
        "_CHAOS_COMPLETE": "complete_bash",
        "COMP_WORDS": "chaos run top.yaml nowhere.yaml --cell size=5",
        "COMP_CWORD": "5",
    }
    assert chaos(Path(), env=asked).stdout.split() == ["size=5"]


def test_an_absolute_path_is_completed(folder: Path) -> None:
    assert complete_plans(f"{folder}/pl") == [
        f"{folder}/plans/one.yaml",
        f"{folder}/plans/two.yml",
    ]


def test_a_shell_is_given_the_plans(folder: Path) -> None:
    asked = {
        "_CHAOS_COMPLETE": "complete_bash",
        "COMP_WORDS": "chaos run plans/o",
        "COMP_CWORD": "2",
    }
    done = chaos(folder, env=asked)
    assert done.stdout.split() == ["plans/one.yaml"]
