"""What a person gets wrong is named, with what would do; nothing runs, nothing is a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos.cli.app import main
from tests.cli.command import PAUSE


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    (tmp_path / "good.yaml").write_text(PAUSE, encoding="utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    assert "Traceback" not in err
    return out, err


PLANS = {
    "unknown key": (PAUSE + "sed: 3\n", "p.yaml:9:1", "did you mean", "seed"),
    "misspelt fault": (PAUSE.replace("fault: pause", "fault: puase"), "p.yaml:6", "pause"),
    "bad duration": (PAUSE.replace("5s}", "5 parsecs}"), "p.yaml:5", "5 parsecs"),
    "bare number": (PAUSE.replace("within: 5s", "within: 5"), "p.yaml:5", "5s"),
    "duplicate key": (PAUSE + "name: again\n", "p.yaml:9:1", "name"),
    "a key of YAML 1.1": (PAUSE + "on: true\n", "p.yaml:9:1", "on"),
    "unknown step": (PAUSE.replace("after: stop-it", "after: stop"), "p.yaml:8", "stop-it"),
    "unknown name": (PAUSE.replace("[$old]", "[$odl]"), "p.yaml:8", "odl", "old"),
    "unknown sid": (PAUSE.replace("target: leader", "target: 9"), "p.yaml:6", "9"),
    "unknown invariant": (PAUSE + "invariants: [epoch_monoton]\n", "p.yaml:9", "epoch_monotone"),
    "a wait without an end": (PAUSE.replace(", within: 5s", ""), "p.yaml:5", "within"),
    "a fault without an end": (PAUSE.replace(", for: 5s", ""), "p.yaml:6", "for: 5s"),
    "no version": (PAUSE.replace("version: 1\n", ""), "p.yaml:1:1", "version"),
    "another version": (PAUSE.replace("version: 1", "version: 2"), "p.yaml:1", "version"),
    "bad YAML": (PAUSE + "expect: [\n", "p.yaml:"),
    "tabs": ("version: 1\n\tname: x\n", "p.yaml:2:1", "tab"),
    "empty file": ("", "p.yaml:1:1", "the file is empty"),
    "a list": ("- version: 1\n", "p.yaml:1:1", "a plan is a mapping"),
    "several documents": (PAUSE + "---\n" + PAUSE, "p.yaml:9"),
}


@pytest.mark.parametrize("command", ["run", "validate"])
@pytest.mark.parametrize("row", PLANS.values(), ids=PLANS.keys())
def test_a_bad_plan_is_refused_where_it_is_wrong(
    command: str, row: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, *words = row
    (here / "p.yaml").write_text(text, encoding="utf-8")
    out, err = said(capsys, command, "p.yaml")
    assert out == ""
    assert all(word in err for word in words), err
    assert not (here / "reports").exists()


@pytest.mark.parametrize("command", ["run", "validate"])
@pytest.mark.parametrize("row", [PLANS["unknown key"], PLANS["tabs"]], ids=["key", "tabs"])
def test_with_json_a_bad_plan_is_told_on_stdout_too(
    command: str, row: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "p.yaml").write_text(row[0], encoding="utf-8")
    out, err = said(capsys, command, "p.yaml", "--json")
    document = json.loads(out)
    assert document["exit_code"] == 2
    (error,) = document["errors"]
    assert row[1] in error
    assert error in err


FILES = {
    "missing": ("nowhere.yaml", "nowhere.yaml: No such file"),
    "a folder": (".", "Is a directory"),
    "below a file": ("good.yaml/x", "Not a directory"),
    "binary": ("binary.yaml", "binary.yaml: a plan is UTF-8 text, not binary"),
}


@pytest.mark.parametrize(("name", "why"), FILES.values(), ids=FILES.keys())
def test_what_is_no_plan_file_is_named(
    name: str, why: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "binary.yaml").write_bytes(bytes(range(256)))
    out, err = said(capsys, "run", name)
    assert out == ""
    assert why in err


USAGE = {
    "no plan": (["run"], "PLAN"),
    "a setting without a value": (["run", "good.yaml", "--set", "seed"], "write KEY=VALUE"),
    "a setting without a key": (["run", "good.yaml", "--set", "=3"], "write KEY=VALUE"),
    "a path that is not there": (["run", "good.yaml", "--set", "ensemble.sice=5"], "sice"),
    "a value that does not fit": (["run", "good.yaml", "--set", "ensemble.size=many"], "many"),
    "no repeats": (["run", "good.yaml", "--repeat", "0"], "--repeat"),
    "a seed that is no number": (["run", "good.yaml", "--seed", "x"], "--seed"),
    "a seed below zero": (["run", "good.yaml", "--seed", "-1"], "--seed"),
    "an unknown system": (["run", "good.yaml", "--system", "raft"], "raft"),
    "an unknown network": (["run", "good.yaml", "--network", "ether"], "ether"),
    "a plan twice": (["run", "good.yaml", "./good.yaml"], "given twice; --repeat"),
    "an unknown command": (["rnu", "good.yaml"], "run"),
    "an unknown option": (["run", "good.yaml", "--sede", "3"], "--seed"),
}


@pytest.mark.parametrize(("arguments", "why"), USAGE.values(), ids=USAGE.keys())
def test_bad_usage_is_refused(
    arguments: list[str], why: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, *arguments)
    assert out == ""
    assert why in err
    assert not (here / "reports").exists()


def test_every_bad_plan_is_named_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (here / f"{name}.yaml").write_text("version: 1\n", encoding="utf-8")
    _, err = said(capsys, "run", "a.yaml", "good.yaml", "b.yaml", "nowhere.yaml")
    assert all(f"{name}.yaml" in err for name in ("a", "b", "nowhere"))


def test_a_good_plan_is_described_beside_a_bad_one(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.yaml").write_text("version: 1\n", encoding="utf-8")
    out, err = said(capsys, "validate", "a.yaml", "good.yaml")
    assert "✓ good.yaml: pause-the-leader, 3 voters, majority quorum" in out
    assert "stop-it: pause the leader for 5s" in out
    assert "a.yaml" in err
