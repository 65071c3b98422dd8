"""The kernel says who was kept waiting for a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.sandbox.scheduling import waited_ns

SPIN = "import os\nos.sched_setaffinity(0, {%d})\nwhile True: pass"
MS = 1_000_000


@pytest.fixture
def rivals() -> Iterator[list[int]]:
    """Two processes that both want one core all the time."""
    core = min(os.sched_getaffinity(0))
    spun = [subprocess.Popen([sys.executable, "-c", SPIN % core]) for _ in range(2)]
    yield [one.pid for one in spun]
    for one in spun:
        one.kill()
        one.wait()


@pytest.mark.live
def test_two_on_one_core_wait_for_each_other(rivals: list[int]) -> None:
    deadline = time.monotonic() + 30
    while min(map(waited_ns, rivals)) < 50 * MS:
        assert time.monotonic() < deadline, [waited_ns(pid) for pid in rivals]


def test_who_is_gone_waits_for_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert waited_ns(gone.pid) == 0
