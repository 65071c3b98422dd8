"""What is left of a run is found, whoever should have ended it, and how long that took is held."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from chaos.errors import PlanError
from chaos.history.events import Event
from chaos.plan.load import load_plan
from chaos.runner.rejudge import rejudge
from tests.runner.stage import HEAD, SECOND, Puppet, lead, plan

STORY = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
cleanup: {deadline: %s, verify: %s}
"""
PARENT = ["sh", "-c", "sleep 60 & echo $!; wait"]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process with a child of its own."""
    with subprocess.Popen(PARENT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        below = psutil.Process(int(parent.stdout.readline()))
        yield parent
        for one in (below, parent):
            if psutil.pid_exists(one.pid):
                one.kill()
        below.wait()


class OnHost(Puppet):
    """A system that has a process, and ends less of it than there is."""

    child: subprocess.Popen[str] | None = None
    ends: tuple[int, ...] = ()  # pids
    late_ns = 0
    _closed_late = False

    def pids(self) -> Mapping[int, str]:
        return {} if self.child is None else {self.child.pid: "peer 1"}

    @property
    def now_ns(self) -> int:
        return super().now_ns + (self.late_ns if self._closed_late else 0)

    def close(self) -> Iterator[Event]:
        yield from super().close()
        self._closed_late = True
        for pid in self.ends:
            psutil.Process(pid).kill()


def on_host(child: subprocess.Popen[str] | None, verify: str = "true") -> tuple[OnHost, str]:
    text = STORY % ("100ms", verify)
    system = OnHost(plan(text).ensemble)
    system.child = child
    return system, text


def everybody(child: subprocess.Popen[str]) -> tuple[int, ...]:
    return (*(one.pid for one in psutil.Process(child.pid).children()), child.pid)


def test_a_process_that_is_left_is_named(child: subprocess.Popen[str], tmp_path: Path) -> None:
    system, text = on_host(child)
    led = lead(plan(text), tmp_path, system=system)
    assert led.result.exit_code == 8
    assert f"process {child.pid} (peer 1) is not ended" in led.result.headline
    assert f"process {child.pid}" in led.result.environment["clean-up"]
    assert rejudge(led.folder).exit_code == 8


def test_one_that_is_stopped_is_named_so(child: subprocess.Popen[str], tmp_path: Path) -> None:
    child.send_signal(signal.SIGSTOP)
    while psutil.Process(child.pid).status() != psutil.STATUS_STOPPED:
        pass
    system, text = on_host(child)
    led = lead(plan(text), tmp_path, system=system)
    assert f"process {child.pid} (peer 1) is stopped" in led.result.headline


def test_an_orphan_is_found(child: subprocess.Popen[str], tmp_path: Path) -> None:
    system, text = on_host(child)
    orphan, parent = everybody(child)
    system.ends = (parent,)
    led = lead(plan(text), tmp_path, system=system)
    assert led.result.exit_code == 8
    assert led.result.headline == f"process {orphan} (below peer 1) is not ended"


def test_where_all_have_ended_that_is_told(child: subprocess.Popen[str], tmp_path: Path) -> None:
    system, text = on_host(child)
    system.ends = everybody(child)
    led = lead(plan(text), tmp_path, system=system)
    assert led.result.exit_code == 0, led.result.headline
    assert led.result.environment["clean-up"].startswith("2 processes ended within")


def test_nobody_looks_unless_it_is_to_be_verified(
    child: subprocess.Popen[str], tmp_path: Path
) -> None:
    system, text = on_host(child, verify="false")
    led = lead(plan(text), tmp_path, system=system)
    assert led.result.exit_code == 0
    assert "clean-up" not in led.result.environment


@pytest.mark.parametrize(("late_ns", "code"), [(SECOND // 20, 0), (SECOND, 8)])
def test_a_clean_up_has_its_time(late_ns: int, code: int, tmp_path: Path) -> None:
    system, text = on_host(None)
    system.late_ns = late_ns
    led = lead(plan(text), tmp_path, system=system)
    assert led.result.exit_code == code
    late = "nothing is left, but clean-up took 1.000 s, and had 0.1 s"
    assert (late in led.result.headline) is (code == 8)


@pytest.mark.parametrize(
    ("cleanup", "message"),
    [
        ("{deadline: 5}", "has no unit"),
        ("{deadline: 0s}", "nothing ends in no time"),
        ("{verify: 1}", "true or false is needed"),
        ("{verfy: true}", 'did you mean "verify"?'),
    ],
)
def test_what_is_wrong_is_told(cleanup: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(f"{HEAD}steps: []\ncleanup: {cleanup}\n", "story.yaml")
    assert message in str(caught.value)
