"""What ``make bench`` prints: each figure of the product beside its bar, with the machine.

Times come from the journals of the runs (CLOCK_MONOTONIC, one clock for the host), never from
this script's own loop, but for whole commands, which are timed from their start.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from chaos.election.effects import Decided
from chaos.election.ids import Sid
from chaos.history.events import Exited, Stepped
from chaos.history.history import History
from chaos.sim.bench import elections_per_second
from chaos.store import load
from tests.bench import gates

ROOT = Path(__file__).parents[2]
CHAOS = [sys.executable, "-m", "chaos.cli"]
FLOOR_MS = 200.0  # the silence that ends an election

KILL = """
version: 1
name: bench-leader-kill
ensemble: {size: 5}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 10s}
  - {id: kill-it, fault: kill, target: leader, as: old}
expect:
  - {id: next, outcome: leader, among: {of: voters, except: [$old]}, after: kill-it, within: 5s}
"""

FIRST = """
version: 1
name: bench-first-election
ensemble: {size: SIZE}
steps:
  - {id: up, wait: {outcome: leader}, within: 30s}
"""

Row = tuple[str, str, str, bool]


def decided_by_quorum_ns(history: History, after_ns: int) -> int | None:
    """When a quorum of voters had decided for one leader, after ``after_ns``."""
    votes: dict[Sid, Sid] = {}
    majority = len(history.sids) // 2 + 1
    for event in history.events:
        if isinstance(event, Exited):
            votes.pop(event.sid, None)
        if not isinstance(event, Stepped) or event.at_ns < after_ns:
            continue
        for effect in event.effects:
            if isinstance(effect, Decided):
                votes[event.sid] = effect.vote.leader
                leader = effect.vote.leader
                agreeing = sum(1 for vote in votes.values() if vote == leader)
                if agreeing >= majority and votes.get(leader) == leader:
                    return event.at_ns
    return None


def run_plan(text: str, *options: str) -> Iterator[tuple[int, Path]]:
    """Run a plan by the command line; when it was started, and its folders."""
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.yaml"
        plan.write_text(text, encoding="utf-8")
        began = time.monotonic_ns()
        done = subprocess.run(
            [*CHAOS, "run", str(plan), "--out", folder, "--json", *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode not in (0, 3):
            raise SystemExit(f"bench: a run ended with {done.returncode}:\n{done.stderr}")
        for one in json.loads(done.stdout)["runs"]:
            yield began, Path(one["folder"])


def kill_row() -> list[Row]:
    """Kill of the leader until a quorum has decided for the next."""
    found: list[float] = []
    for _, folder in run_plan(KILL, "--repeat", "30", "--seed", "1"):
        _, history = load(folder)
        gone = next(event.at_ns for _, event in history.every(Exited))
        after = decided_by_quorum_ns(history, gone - 5_000_000)
        assert after is not None, f"no leader after the kill in {folder}"
        found.append((after - gone) / 1e6)
    p50 = statistics.median(found)
    p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
    return [
        (
            f"kill of the leader → quorum decided, 5 peers, {len(found)} runs, p50",
            f"{p50:.0f} ms = {p50 / FLOOR_MS:.2f} × floor",
            "≤ 1.10 ×",
            p50 <= 1.10 * FLOOR_MS,
        ),
        (
            f"… p95 (largest: {max(found):.0f} ms)",
            f"{p95:.0f} ms = {p95 / FLOOR_MS:.2f} × floor",
            "≤ 1.30 ×",
            p95 <= 1.30 * FLOOR_MS,
        ),
    ]


def start_row(size: int, bar_s: float, runs: int) -> Row:
    """From the start of the command until a quorum has decided; the median of some runs."""
    found: list[float] = []
    for _ in range(runs):
        for began, folder in run_plan(FIRST.replace("SIZE", str(size)), "--seed", "1"):
            _, history = load(folder)
            decided = decided_by_quorum_ns(history, 0)
            assert decided is not None, f"no leader in {folder}"
            found.append((decided - began) / 1e9)
    median = statistics.median(found)
    return (
        f"chaos run → first leader decided, {size} peers, median of {runs}",
        f"{median:.2f} s",
        f"≤ {bar_s:g} s",
        median <= bar_s,
    )


def memory_row() -> Row:
    """Proportional set size of each of five peers that have elected a leader."""
    text = FIRST.replace("SIZE", "5") + "  - {id: rest, wait: {time: 4s}, why: measured}\n"
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.yaml"
        plan.write_text(text, encoding="utf-8")
        run = subprocess.Popen(
            [*CHAOS, "run", str(plan), "--out", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        assert run.stdout is not None
        for line in run.stdout:
            if " rest: " in line:  # they have elected a leader, and stay as they are
                break
        family = psutil.Process(run.pid).children(recursive=True)
        peers = [one for one in family if not one.children()][-5:]
        sizes = [one.memory_full_info().pss for one in peers]
        run.stdout.read()
        run.wait()
    worst = max(sizes) / 2**20
    return ("memory of a peer (PSS), the largest of 5", f"{worst:.1f} MiB", "≤ 6 MiB", worst <= 6)


def gate_rows(runs: int = 20, each: int = 500) -> list[Row]:
    """Cuts that are put in place while a peer holds at the moment before it speaks."""
    count = gates.Count()
    for _, folder in run_plan(gates.plan(each), "--repeat", str(runs), "--seed", "1"):
        count.add(load(folder)[1], each)
    held, whole = (statistics.quantiles(one, n=20) for one in (count.hold_ms, count.whole_ms))
    exact = count.held == count.wanted and count.missed == count.late == 0
    return [
        (
            f"{count.wanted} gated cuts of processes: held / missed / late",
            f"{count.held} / {count.missed} / {count.late}",
            "all / 0 / 0",
            exact,
        ),
        (
            f"… the peer is held, p50, p95 (longest: {max(count.hold_ms):.1f} ms)",
            f"{statistics.median(count.hold_ms):.1f} ms, {held[-1]:.1f} ms",
            "≤ 10 ms",
            held[-1] <= 10,
        ),
        (
            "… from one arming to the next, p50, p95",
            f"{statistics.median(count.whole_ms):.1f} ms, {whole[-1]:.1f} ms",
            "≤ 20 ms",
            whole[-1] <= 20,
        ),
    ]


def simulated_row() -> Row:
    """Whole five-peer elections of the simulator, in a second of one core."""
    rate = elections_per_second(5, 3.0)
    return ("simulated elections of 5 peers per second", f"{rate:.0f}", "≥ 150", rate >= 150)


def version_row() -> Row:
    """``chaos --version``, the median of eleven."""
    found: list[float] = []
    for _ in range(11):
        began = time.monotonic()
        subprocess.run([*CHAOS, "--version"], check=True, capture_output=True, cwd=ROOT)
        found.append(time.monotonic() - began)
    median = statistics.median(found)
    return ("chaos --version, median of 11", f"{median:.2f} s", "≤ 0.35 s", median <= 0.35)


def table(rows: list[Row], about: str) -> Table:
    """The rows with the machine that they were measured on."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}"
    load_now = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    made = Table(title=f"{about}; {machine}, load {load_now}, Python {platform.python_version()}")
    for title in ("what", "measured", "bar", ""):
        made.add_column(title, overflow="fold")
    for what, measured, bar, good in rows:
        made.add_row(what, measured, bar, "✓" if good else "✗")
    return made


def main() -> None:
    """Measure everything, or only the gates where that is asked for, and print the table."""
    rows: list[Row] = []
    if sys.argv[1:] != ["gates"]:
        rows += kill_row()
        rows += [start_row(5, 0.9, 7), start_row(25, 1.5, 5), start_row(101, 4, 3)]
        rows += [memory_row(), simulated_row(), version_row()]
    rows += gate_rows()
    Console(width=110).print(table(rows, "our peers"))


if __name__ == "__main__":
    main()
