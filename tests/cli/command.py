"""The command line as its users have it: a program, or the same door without a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from chaos.cli.request import Request
from chaos.sandbox.libc import ended_within

ROOT = Path(__file__).parents[2]
CHAOS = (sys.executable, "-m", "chaos.cli")

PAUSE = """\
version: 1
name: pause-the-leader
ensemble: {size: 3}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop-it, fault: pause, target: leader, as: old, for: 5s}
expect:
  - {id: next, outcome: leader, among: {of: voters, except: [$old]}, after: stop-it, within: 3s}
"""
FAILING = PAUSE.replace("within: 3s", "within: 10ms").replace("the-leader", "too-short")
ENDLESS = """\
version: 1
name: endless
ensemble: {size: 3}
steps:
  - {id: never, wait: {outcome: no_leader, hold_for: 3s}, within: 1s}
"""
LEADERLESS = """\
version: 1
name: leaderless
ensemble: {size: 3}
steps:
  - {id: stop-it, at: 1ms, fault: pause, target: leader, for: 1s}
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a shell without a terminal would have; state goes under ``folder``."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state"), **more}


def chaos(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it in ``folder`` and wait for its end."""
    return subprocess.run(
        [*CHAOS, *arguments],
        cwd=folder,
        env=environment(folder, **(env or {})),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def asked(folder: Path, *texts: str) -> Request:
    """What runs these plans in this process: simulated unless they say where, from seed 1."""
    files = [folder / f"{number}.yaml" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        system = "" if "system: " in text else "system: simulated\n"
        file.write_text(text + system, encoding="utf-8")
    return Request(
        plans=tuple(files),
        system=None,
        seed=1,
        repeat=None,
        settings={},
        network="auto",
        out=folder / "reports",
        as_json=True,
        quiet=True,
    )


def runs(document: str) -> list[dict[str, object]]:
    """The runs that ``--json`` tells of."""
    whole = json.loads(document)
    assert whole["version"] == 1
    found: list[dict[str, object]] = whole["runs"]
    return found


def interrupted_until_ended(process: subprocess.Popen[str], within_s: int) -> tuple[int, str]:
    """Send SIGINT each millisecond until it has ended; its status and last words."""
    watched = os.pidfd_open(process.pid)
    for _ in range(within_s * 1000):
        process.send_signal(signal.SIGINT)
        if ended_within(watched, 1):
            break
    os.close(watched)
    _, err = process.communicate(timeout=within_s)
    return process.returncode, err
