"""What a run put on the host is written down first, and ended by whoever survives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.errors import InfrastructureError
from chaos.ledger import Identity, Ledger, ledger_folder, recover
from chaos.sandbox.libc import ended_within

DYING = """
import sys
from pathlib import Path
from chaos.ledger import Ledger
folder, scratch, child = sys.argv[1:]
ledger = Ledger.open("run-1", Path(folder))
ledger.scratch(Path(scratch))
(Path(scratch) / "left").write_text("behind")
ledger.process(int(child), "a sleeper")
print("written", flush=True)
sys.stdin.read()
"""


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its stdin ends, or someone ends it."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


def _killed_run(folder: Path, scratch: Path, child: int) -> None:
    """A run that writes its ledger and is then killed."""
    command = [sys.executable, "-c", DYING, str(folder), str(scratch), str(child)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"written\n"
        run.kill()


def test_a_run_that_ends_cleanly_leaves_no_ledger(tmp_path: Path) -> None:
    ledger = Ledger.open("run", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.ledger"]
    ledger.close()
    ledger.close()
    assert list(tmp_path.iterdir()) == []


def test_a_line_is_in_the_file_when_the_call_returns(tmp_path: Path) -> None:
    ledger = Ledger.open("run", tmp_path)
    ledger.process(os.getpid(), "me")
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [line.get("owner", line.get("process")) for line in lines] == [os.getpid()] * 2
    ledger.close()


def test_what_a_living_run_has_is_left_alone(tmp_path: Path) -> None:
    ledger = Ledger.open("run", tmp_path)
    ledger.scratch(tmp_path / "scratch")
    assert recover(tmp_path) == []
    assert (tmp_path / "scratch").is_dir()
    assert ledger.path.exists()
    ledger.close()


def test_what_a_killed_run_left_is_ended_and_told(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    with sleeper() as process:
        _killed_run(tmp_path, scratch, process.pid)
        said = recover(tmp_path)
        assert process.wait(5) == -9
    assert not scratch.exists()
    assert said == [
        f"ended process {process.pid} (a sleeper)",
        f"removed folder {scratch}",
        "run-1.ledger: its run was cut off; nothing of it is left",
    ]
    assert recover(tmp_path) == []


def test_a_pid_that_was_used_again_is_spared(tmp_path: Path) -> None:
    with sleeper() as process:
        _killed_run(tmp_path, tmp_path / "scratch", process.pid)
        path = tmp_path / "run-1.ledger"
        started = Identity.of(process.pid)
        assert started is not None
        text = path.read_text()
        was = f'"process": {process.pid}, "start": {started.start_ticks}'
        assert was in text
        path.write_text(text.replace(was, f'"process": {process.pid}, "start": 1'))
        said = recover(tmp_path)
        pidfd = os.pidfd_open(process.pid)
        assert not ended_within(pidfd, 0)
        os.close(pidfd)
        process.communicate()
    assert not any("ended process" in line for line in said)


def test_processes_of_another_boot_are_spared(tmp_path: Path) -> None:
    with sleeper() as process:
        _killed_run(tmp_path, tmp_path / "scratch", process.pid)
        path = tmp_path / "run-1.ledger"
        first, _, rest = path.read_text().partition("\n")
        path.write_text(json.dumps({**json.loads(first), "boot": "another"}) + "\n" + rest)
        assert not any("ended process" in line for line in recover(tmp_path))
        assert process.poll() is None
        process.communicate()


def test_a_folder_without_the_mark_of_the_run_is_spared(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    _killed_run(tmp_path, scratch, 1 << 22)
    (scratch / ".quorum-chaos-scratch").write_text("another.ledger")
    recover(tmp_path)
    assert (scratch / "left").read_text() == "behind"


def test_a_torn_last_line_is_told_and_the_rest_is_recovered(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    _killed_run(tmp_path, scratch, 1 << 22)
    with (tmp_path / "run-1.ledger").open("a") as file:
        file.write('{"process": 12')
    said = recover(tmp_path)
    assert said[0] == "run-1.ledger: line 3 was cut short"
    assert not scratch.exists()


def test_two_runs_of_one_name_do_not_share_a_ledger(tmp_path: Path) -> None:
    first = Ledger.open("run", tmp_path)
    with pytest.raises(InfrastructureError, match="cannot begin the ledger"):
        Ledger.open("run", tmp_path)
    first.close()
    assert list(tmp_path.iterdir()) == []


def test_ledgers_lie_where_xdg_says(tmp_path: Path) -> None:
    found = ledger_folder({"XDG_STATE_HOME": str(tmp_path)})
    assert found.is_relative_to(tmp_path)
    assert found.stat().st_mode & 0o077 == 0
