"""Each outcome of ``chaos run`` has its exit code, and the worst of several counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.actions import Action
from chaos.cli.drivers import DRIVERS, Driver
from chaos.cli.request import Request
from chaos.cli.running import run_plans
from chaos.ensemble import EnsembleSetup
from chaos.history.events import Event
from tests.cli.command import ENDLESS, FAILING, LEADERLESS, PAUSE, chaos, runs
from tests.runner.stage import Puppet, worse


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    stories = {"good": PAUSE, "failing": FAILING, "endless": ENDLESS, "leaderless": LEADERLESS}
    for name, text in stories.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("version: 1\nname: bad\n", encoding="utf-8")
    return tmp_path


ONE = {
    "all held": (["good.yaml"], 0, "verdicts hold"),
    "an expectation fails": (["failing.yaml"], 1, "✗ next: "),
    "a wait runs out": (["endless.yaml"], 1, "✗ never: not so within 1s"),
    "a bad plan": (["bad.yaml"], 2, "bad.yaml:1:1"),
    "bad usage": (["good.yaml", "--sede", "3"], 2, "--sede"),
    "nobody to pause": (["leaderless.yaml"], 3, "inconclusive: stop-it: no peer leads now"),
    "a file for a folder": (["good.yaml", "--out", "bad.yaml"], 4, "cannot write runs to bad.yaml"),
    "failed beats inconclusive": (["leaderless.yaml", "endless.yaml", "good.yaml"], 1, "never"),
    "inconclusive beats held": (["good.yaml", "leaderless.yaml"], 3, "verdicts hold"),
    "a cell without a matrix": (["good.yaml", "--cell", "size=5"], 2, "the plan has no matrix"),
    "a bad plan stops all": (["good.yaml", "bad.yaml"], 2, "bad.yaml:1:1"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), ONE.values(), ids=ONE.keys())
def test_an_outcome_has_its_exit_code(
    arguments: list[str], code: int, said: str, plans: Path
) -> None:
    done = chaos(plans, "run", "--system", "simulated", "--seed", "1", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if code == 2:
        assert not (plans / "reports").exists(), "nothing has run"


# ---- what no plan brings about by itself, with drivers that do


def request(plans: Path, *names: str, repeat: int = 1) -> Request:
    return Request(
        plans=tuple(plans / f"{name}.yaml" for name in names),
        system="simulated",
        seed=1,
        repeat=repeat,
        settings={},
        network="auto",
        out=plans / "reports",
        as_json=True,
        quiet=False,
    )


@dataclass
class Document:
    """What ``--json`` says."""

    version: int
    exit_code: int
    campaign: str | None
    runs: list[dict[str, object]]
    sets: list[dict[str, object]]
    skipped: list[dict[str, str]]
    not_run: list[dict[str, object]]
    flaky: list[dict[str, object]]
    retries: dict[str, int]
    compared: list[dict[str, object]]
    shard: dict[str, int] | None
    errors: list[str]


def told(capsys: pytest.CaptureFixture[str]) -> Document:
    return Document(**json.loads(capsys.readouterr().out))


def puppets(
    doubt: frozenset[type[Action]] = frozenset(),
    breaks: frozenset[type[Action]] = frozenset(),
    residue: str = "",
) -> Driver:
    """The simulator, whose systems disappoint as asked."""

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> Puppet:
        assert folder.is_dir()
        assert network == "auto"
        return Puppet(setup, seed, doubt, breaks, residue)

    return replace(DRIVERS["simulated"](), make=make)


def test_a_plan_that_needs_more_than_the_system_can_do_is_skipped_with_its_reason(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = DRIVERS["simulated"]()
    poor = replace(real, supports=real.supports - {act.Pause, act.Resume})
    code = run_plans(request(plans, "good"), {"simulated": lambda: poor})
    assert code == 5, "nothing ran"
    (skipped,) = told(capsys).skipped
    assert skipped["plan"] == "pause-the-leader"
    assert skipped["reason"] == "simulated cannot do step stop-it (pause)"
    assert not (plans / "reports").exists()


def test_a_skipped_plan_leaves_the_others_their_codes(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = DRIVERS["simulated"]()
    poor = replace(real, supports=real.supports - {act.Pause})
    code = run_plans(request(plans, "good", "endless"), {"simulated": lambda: poor})
    document = told(capsys)
    assert code == 1
    assert [run["plan"] for run in document.runs] == ["endless"]
    assert [one["plan"] for one in document.skipped] == ["pause-the-leader"]


def test_a_fault_that_cannot_be_confirmed_is_inconclusive(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = puppets(doubt=frozenset({act.Pause}))
    assert run_plans(request(plans, "good"), {"simulated": lambda: driver}) == 3
    assert "the fault could not be confirmed" in str(told(capsys).runs[0]["headline"])


def test_a_host_that_fails_one_run_leaves_the_others_their_turn(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = puppets(breaks=frozenset({act.Pause}))
    code = run_plans(request(plans, "good", "endless", repeat=2), {"simulated": lambda: driver})
    document = told(capsys)
    assert code == 1, "a failed expectation is more serious than a failed host"
    assert [run["exit_code"] for run in document.runs] == [1, 1]
    assert document.errors == [
        "pause-the-leader seed 1: the host is on fire",
        "pause-the-leader seed 2: the host is on fire",
    ]


class Forger(Puppet):
    """A system whose peers are said to have voted for a log that nobody has."""

    def advance(self, until_ns: int) -> Iterator[Event]:
        """What happened, every proposal made worse."""
        for event in super().advance(until_ns):
            yield worse(event)


def test_a_broken_safety_property_is_the_worst_of_all(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forger = replace(DRIVERS["simulated"](), make=lambda setup, seed, *_: Forger(setup, seed))
    code = run_plans(request(plans, "failing", "endless"), {"simulated": lambda: forger})
    document = told(capsys)
    assert code == document.exit_code == 7
    assert [run["exit_code"] for run in document.runs] == [7, 7]
    assert "vote_order_respected" in str(document.runs[0]["verdicts"])


def test_residue_is_worse_than_a_failure(plans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    driver = puppets(residue="left behind: process 7")
    code = run_plans(request(plans, "failing"), {"simulated": lambda: driver})
    assert code == 8
    assert told(capsys).runs[0]["headline"] == "left behind: process 7"


def test_a_broken_run_that_leaves_something_behind_stops_everything(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = puppets(residue="left behind: process 7", breaks=frozenset({act.Pause}))
    code = run_plans(request(plans, "good", "endless"), {"simulated": lambda: driver})
    document = told(capsys)
    assert code == 8
    assert document.runs == []
    assert document.errors == ["the host is on fire; then left behind: process 7"]


def test_what_broke_before_something_was_left_behind_still_counts(plans: Path) -> None:
    residue, breaks = "left behind: process 7", frozenset({act.Pause})

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> Puppet:
        del folder, network
        return Forger(setup, seed) if seed == 1 else Puppet(setup, seed, breaks, breaks, residue)

    driver = replace(DRIVERS["simulated"](), make=make)
    assert run_plans(request(plans, "good", repeat=2), {"simulated": lambda: driver}) == 7


def test_the_document_holds_every_run_and_the_exit_code(plans: Path) -> None:
    done = chaos(plans, "run", "good.yaml", "failing.yaml", "--system", "simulated", "--json")
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 1
    assert [run["exit_code"] for run in runs(done.stdout)] == [0, 1]
    assert all((plans / str(run["folder"]) / "report.html").is_file() for run in runs(done.stdout))
