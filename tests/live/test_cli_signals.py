"""However the tool is ended in the middle of a fault, nothing of its run stays on the host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from chaos.history.events import Acted, RunBegan, RunEnded, StepBegan
from chaos.sandbox.libc import ended_within
from chaos.store import load
from tests.cli.command import CHAOS, chaos, environment, interrupted_until_ended
from tests.sandbox.worlds import why_no_namespaces

pytestmark = pytest.mark.live

PLAN = """\
version: 1
name: long-pause
ensemble: {size: 3, timings: {tick: 100ms}}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 20s}
  - {id: knock, fault: half_open, target: all, with: {port: election}, for: 2m}
  - {id: stop-it, fault: pause, target: leader, for: 2m}
  - {id: reached, wait: {time: 1m}, why: to be ended by the test}
limits: {run_timeout: 5m}
"""
QUICK = """\
version: 1
name: quick
ensemble: {size: 3, timings: {tick: 100ms}}
steps:
  - {id: up, wait: {outcome: leader}, within: 20s}
"""
WITHIN_S = 20


@pytest.fixture(params=["kernel", "in-process"])
def network(request: pytest.FixtureRequest) -> str:
    wanted: str = request.param
    if wanted == "kernel" and (why := why_no_namespaces()):
        pytest.skip(why)
    return wanted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "long.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "quick.yaml").write_text(QUICK, encoding="utf-8")
    return tmp_path


class Tool:
    """``chaos run`` in the middle of a paused leader."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        self.watched: list[int] = []

    def until_paused(self) -> None:
        """Wait for the step after the pause, then watch every process of the run."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "reached:" in line:
                break
        else:
            raise AssertionError(f"the run ended: {self.process.communicate()}")
        family = psutil.Process(self.process.pid).children(recursive=True)
        assert len(family) >= 5, "three peers, an outsider and what they live in"
        assert psutil.STATUS_STOPPED in {one.status() for one in family}
        self.watched = [os.pidfd_open(one.pid) for one in family]

    def forget(self) -> None:
        for one in self.watched:
            os.close(one)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal to its process group, as a terminal does; its status and last words."""
        os.killpg(self.process.pid, number)
        _, err = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, err

    def leaves_nothing(self) -> None:
        """No process, no socket."""
        assert [ended_within(one, WITHIN_S * 1000) for one in self.watched] == [True] * len(
            self.watched
        )
        assert [path for path in self.folder.rglob("*") if path.is_socket()] == []

    def leaves_a_readable_prefix(self) -> None:
        result, history = load((self.folder / "reports" / "latest").resolve())
        assert result is None
        assert isinstance(history.events[0], RunBegan)
        assert not isinstance(history.events[-1], RunEnded)
        begun = [event.step for _, event in history.every(StepBegan)]
        assert begun == ["up", "knock", "stop-it", "reached"]
        assert {event.step for _, event in history.every(Acted)} == {"knock", "stop-it"}
        assert len(history.sids) == 3

    def ledgers(self) -> list[Path]:
        return list((self.folder / "state").rglob("*.ledger"))


@pytest.fixture
def tool(folder: Path, network: str) -> Iterator[Tool]:
    with ExitStack() as stack:
        process = subprocess.Popen(
            [*CHAOS, "run", "long.yaml", "--network", network],
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        tool = Tool(folder, process)
        stack.callback(tool.forget)
        tool.until_paused()
        yield tool


ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize(("number", "code"), ENDS.items(), ids=[one.name for one in ENDS])
def test_a_run_that_is_interrupted_cleans_up_and_says_so(
    number: signal.Signals, code: int, tool: Tool
) -> None:
    status, err = tool.end(number)
    assert status == code, err
    assert err.startswith("chaos: interrupted; every peer is ended")
    assert "Traceback" not in err
    tool.leaves_nothing()
    tool.leaves_a_readable_prefix()
    assert tool.ledgers() == []


def test_a_run_that_is_interrupted_again_and_again_cleans_up_all_the_same(tool: Tool) -> None:
    status, err = interrupted_until_ended(tool.process, WITHIN_S)
    assert status == 130, err
    assert "chaos: interrupted; every peer is ended" in err
    assert "Traceback" not in err
    tool.leaves_nothing()
    tool.leaves_a_readable_prefix()
    assert tool.ledgers() == []


SWEEPERS: dict[str, Sequence[str]] = {
    "doctor": ("doctor", "--json"),
    "run": ("run", "quick.yaml", "--network", "in-process", "-q"),
}


@pytest.mark.parametrize("sweeper", SWEEPERS.values(), ids=SWEEPERS.keys())
def test_a_run_that_is_killed_leaves_a_ledger_that_the_next_command_sweeps(
    sweeper: Sequence[str], tool: Tool
) -> None:
    status, _ = tool.end(signal.SIGKILL)
    assert status == -signal.SIGKILL
    tool.leaves_nothing()
    tool.leaves_a_readable_prefix()
    (ledger,) = tool.ledgers()
    done = chaos(tool.folder, *sweeper)
    assert done.returncode == 0, done.stderr
    swept = f"{ledger.name}: its run was cut off; nothing of it is left"
    if sweeper[0] == "doctor":
        assert swept in json.loads(done.stdout)["swept"]
    else:
        assert f"chaos: {swept}\n" in done.stderr
    assert tool.ledgers() == []


def test_with_json_an_interrupted_run_still_ends_in_a_document(folder: Path) -> None:
    process = subprocess.Popen(
        [*CHAOS, "run", "quick.yaml", "long.yaml", "--network", "in-process", "--json"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        watched = os.pidfd_open(process.pid)
        while not list(folder.glob("reports/*long-pause*/peers/1/journal-0.jsonl")):
            assert not ended_within(watched, 20), "it ended by itself"
        os.close(watched)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=WITHIN_S)
    document = json.loads(out)
    assert process.returncode == document["exit_code"] == 143
    assert [run["plan"] for run in document["runs"]] == ["quick"]
    assert document["errors"][0].startswith("interrupted")


def test_a_kernel_network_where_there_can_be_none_is_the_hosts_failure(folder: Path) -> None:
    if why := why_no_namespaces():
        pytest.skip(why)
    forbid = "for one in user net mnt pid; do echo 0 > /proc/sys/user/max_${one}_namespaces; done"
    command = " ".join([*CHAOS, "run", "quick.yaml", "--network"])
    ends: dict[str, subprocess.CompletedProcess[str]] = {}
    for network in ("kernel", "auto"):
        ends[network] = subprocess.run(
            ["unshare", "--user", "--map-root-user", "sh", "-c", f"{forbid}; {command} {network}"],
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ends["kernel"].returncode == 4, ends["kernel"]
    assert "chaos: quick seed " in ends["kernel"].stderr
    assert "Traceback" not in ends["kernel"].stderr
    assert ends["auto"].returncode == 0, ends["auto"].stderr
    assert "in-process network" in ends["auto"].stdout
