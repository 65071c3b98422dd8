"""Runs at the same time: each in a world of its own, and none outlives the tool."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from chaos.history.events import StepBegan
from chaos.sandbox.libc import ended_within
from chaos.store import load
from tests.cli.command import CHAOS, chaos, environment, interrupted_until_ended

pytestmark = pytest.mark.live

LONG = """\
version: 1
name: long-pause
ensemble: {size: 3, timings: {tick: 100ms}}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 20s}
  - {id: stop-it, fault: pause, target: leader, for: 2m}
  - {id: reached, wait: {time: 1m}, why: to be ended by the test}
limits: {run_timeout: 5m}
repeat: {runs: 2, parallel: 2}
"""
QUICK = """\
version: 1
name: quick
ensemble: {size: 3, timings: {tick: 100ms}}
steps:
  - {id: up, wait: {outcome: leader}, within: 20s}
repeat: {runs: 3, warmup: 1, parallel: 2}
"""
WITHIN_S = 20
PEERS = 3


def test_each_run_has_a_line_and_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    done = chaos(tmp_path, "run", "quick.yaml", "--seed", "1", "--json")
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert sorted(one["seed"] for one in runs) == [1, 2, 3, 4]
    for folder in (tmp_path / "reports").glob("*-quick-*"):
        result, history = load(folder)
        assert result is not None
        assert result.exit_code == 0
        assert len(history.sids) == PEERS


class Front:
    """``chaos run`` of two long runs at once, both in their last step."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        watched = os.pidfd_open(process.pid)
        while len(self._reached()) < 2:
            assert not ended_within(watched, 50), self.process.communicate()
        os.close(watched)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2 * PEERS
        self.watched = [os.pidfd_open(one.pid) for one in family]

    def _reached(self) -> list[Path]:
        """The runs that are in their last step, each once: ``latest`` is one of them."""
        found = (one.parent for one in self.folder.glob("reports/*/history.jsonl"))
        folders = [one for one in found if not one.is_symlink()]
        return [
            one
            for one in folders
            if "reached" in [event.step for _, event in load(one)[1].every(StepBegan)]
        ]

    def leaves_nothing(self) -> None:
        ended = [ended_within(one, WITHIN_S * 1000) for one in self.watched]
        assert ended == [True] * len(self.watched)
        assert [path for path in self.folder.rglob("*") if path.is_socket()] == []

    def forget(self) -> None:
        for one in self.watched:
            os.close(one)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    (tmp_path / "long.yaml").write_text(LONG, encoding="utf-8")
    with ExitStack() as stack:
        process = subprocess.Popen(
            [*CHAOS, "run", "long.yaml"],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        front = Front(tmp_path, process)
        stack.callback(front.forget)
        yield front


def interrupted_once(process: subprocess.Popen[str], within_s: int) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=within_s)
    return process.returncode, err


@pytest.mark.parametrize(
    "interrupt", [interrupted_once, interrupted_until_ended], ids=["once", "until it has ended"]
)
def test_however_often_it_is_interrupted_it_cleans_up(
    interrupt: Callable[[subprocess.Popen[str], int], tuple[int, str]], front: Front
) -> None:
    status, err = interrupt(front.process, WITHIN_S)
    assert status == 130, err
    assert "chaos: interrupted; every peer is ended" in err
    assert "Traceback" not in err
    front.leaves_nothing()
    assert list(front.folder.glob("state/**/*.ledger")) == []


def test_when_the_tool_is_killed_its_runs_are_and_the_next_command_forgets_them(
    front: Front,
) -> None:
    front.process.kill()
    front.process.communicate(timeout=WITHIN_S)
    front.leaves_nothing()
    assert len(list(front.folder.glob("state/**/*.ledger"))) == 2
    done = chaos(front.folder, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["swept"]) == 2
