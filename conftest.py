"""What every test run shares: how many workers ``-n auto`` starts, and Hypothesis' settings.

With psutil installed xdist counts physical cores, which is one on a machine of two
hyperthreads, and neither count sees affinity or a container's quota.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # "200000 100000" or "max 100000"

# A shared machine makes single examples late; the blob reproduces a failure elsewhere.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for every two processors that this process may use: live tests mostly wait."""
    return max(1, min(_allowed(), _quota()) * 3 // 2)


def _allowed() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    """Whole processors of the container's quota, or plenty where there is none."""
    if not _CPU_MAX.is_file():
        return 1024
    quota, period = _CPU_MAX.read_text(encoding="ascii").split()
    return 1024 if quota == "max" else int(quota) // int(period)
