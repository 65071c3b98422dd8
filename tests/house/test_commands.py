"""The make targets, the search for an interpreter, and the number of test workers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = [
    *("help", "setup", "run", "test", "check", "live"),
    *("bench", "bench-zookeeper", "plans", "plans-zookeeper", "sweep", "sweep-processes", "clean"),
]


def _run(*command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_each_target_with_a_line() -> None:
    lines = [
        line.split() for line in _run("make", "--no-print-directory", "help").stdout.splitlines()
    ]
    assert [line[1] for line in lines] == TARGETS
    assert all(len(line) > 3 for line in lines)


def _fake(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def _find_python(folder: Path) -> subprocess.CompletedProcess[str]:
    return _run("/bin/sh", ".ci/find-python", env={"PATH": str(folder)})


def test_no_interpreter_is_said_with_what_would_do(tmp_path: Path) -> None:
    done = _find_python(tmp_path)
    assert done.returncode == 1
    assert "No Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_an_old_interpreter_is_named(tmp_path: Path) -> None:
    _fake(tmp_path, "python3", 'case "$2" in *print*) echo 3.9;; *) exit 1;; esac')
    done = _find_python(tmp_path)
    assert done.returncode == 1
    assert "python3=3.9" in done.stderr


def test_an_interpreter_without_venv_names_the_package(tmp_path: Path) -> None:
    _fake(
        tmp_path,
        "python3",
        'case "$2" in *print*) echo 3.12;; *ensurepip*) exit 1;; *) exit 0;; esac',
    )
    done = _find_python(tmp_path)
    assert done.returncode == 3
    assert "python3.12-venv" in done.stderr


def test_the_first_good_interpreter_is_taken(tmp_path: Path) -> None:
    _fake(tmp_path, "python3", 'case "$2" in *print*) echo 3.9;; *) exit 1;; esac')
    (tmp_path / "python3.11").symlink_to(sys.executable)
    assert _find_python(tmp_path).stdout.strip() == str(tmp_path / "python3.11")


def test_no_more_than_three_workers_for_two_processors_of_this_process(
    pytestconfig: pytest.Config,
) -> None:
    workers = pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= workers <= (allowed or 1) * 3 // 2
