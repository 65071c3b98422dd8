"""What ``make bench-zookeeper`` prints: our peers and Apache ZooKeeper at the same tasks.

One job, in turns (A B B A), with the same timings and the same plan; ratios matter, absolute
figures are this machine's. A fail-over or a start ends when a leader and a quorum with it serve.
Times of ZooKeeper are from its log, to a millisecond, and count at their upper end. Its servers
start as it is shipped; with a class archive, as runs have it, they start sooner: that is told
as well, without a bar.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, PeerSetup, configuration_of
from chaos.errors import UnsupportedError
from chaos.history.events import Exited
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.store import load
from chaos.systems.base import System
from chaos.systems.mixed import Mixed, Troupe
from chaos.systems.processes import Processes
from chaos.zookeeper.installation import Installation, find
from tests.bench.bench import KILL, Row, run_plan, table

OURS: Final = "processes"
THEIRS: Final = "zookeeper"
KILLS: Final = 20
STARTS: Final = 7
_SETUP: Final = EnsembleSetup(tuple(PeerSetup(Sid(sid)) for sid in range(1, 6)))
_KILL: Final = KILL.replace(
    "expect:", "  - {id: settled, wait: {outcome: leader, hold_for: 500ms}, within: 10s}\nexpect:"
)
_SERVED_NS: Final = 30_000_000_000


@dataclass(slots=True)
class Both:
    """What was measured of each."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def of(self, system: str) -> list[float]:
        """The figures of one system."""
        return self.ours if system == OURS else self.theirs

    def row(self, what: str, bar: float, figure: Callable[[Sequence[float]], float]) -> Row:
        """One figure of both, and their ratio against its bar."""
        good = figure(self.ours) / figure(self.theirs) <= bar
        return what, self.told(figure), f"≤ {bar:.2f}", good

    def told(self, figure: Callable[[Sequence[float]], float]) -> str:
        """One figure of both, and their ratio."""
        mine, other = figure(self.ours), figure(self.theirs)
        return f"{mine:.0f} / {other:.0f} = {mine / other:.2f}"


def turns(count: int) -> list[str]:
    """Each system ``count`` times, in the order A B B A."""
    order = cycle((OURS, THEIRS, THEIRS, OURS))
    return [next(order) for _ in range(2 * count)]


def fresh_view() -> EnsembleView:
    """Five peers of which nothing is known yet."""
    return EnsembleView(_SETUP.sids, configuration_of(_SETUP, lambda sid: f"peer-{sid}"))


def serves(view: EnsembleView) -> bool:
    """Whether a leader and, with it, a quorum have begun to serve its epoch."""
    leader = view.leader
    if leader is None:
        return False
    epoch = view.peers[leader].epoch
    served = {sid for sid in view.followers_of(leader) if view.peers[sid].epoch == epoch}
    return view.config.verifier.contains_quorum(served)


def served_ns(history: History, after_ns: int) -> int:
    """When a leader served with a serving quorum, after ``after_ns``."""
    view = fresh_view()
    for event in history.events:
        view.observe(event)
        if event.at_ns > after_ns and serves(view):
            return event.at_ns
    raise SystemExit("bench: nobody served after the kill")


def kills() -> Both:
    """Milliseconds from the end of a killed leader to the next that serves."""
    found = Both()
    for number, system in enumerate(turns(KILLS)):
        for _, folder in run_plan(_KILL, "--system", system, "--seed", str(number // 2 + 1)):
            _, history = load(folder)
            gone = next(event.at_ns for _, event in history.every(Exited))
            found.of(system).append((served_ns(history, gone) - gone) / 1e6)
    return found


def starts(installation: Installation, *, archived: bool) -> tuple[Both, Both]:
    """Milliseconds from nothing to a serving leader, and MiB of resident memory of a server."""
    times, sizes = Both(), Both()
    for number, system in enumerate(turns(STARTS)):
        with tempfile.TemporaryDirectory() as folder:
            theirs = Troupe(THEIRS, _SETUP, installation, archived)
            made = _make(system, theirs, number, Path(folder))
            try:
                took_ms, mib = _start(made)
            finally:
                list(made.close())
        times.of(system).append(took_ms)
        sizes.of(system).append(mib)
    return times, sizes


def _make(system: str, theirs: Troupe, seed: int, folder: Path) -> System:
    if system == OURS:
        return Processes(_SETUP, seed, folder, "auto")
    return Mixed(theirs, seed, folder, "auto")


def _start(system: System) -> tuple[float, float]:
    view = fresh_view()
    began = time.monotonic_ns()
    system.prepare()
    system.go()
    for event in system.advance(began + _SERVED_NS):
        view.observe(event)
        if serves(view):
            break
    else:
        raise SystemExit("bench: nobody served after the start")
    took_ms = (event.at_ns - began) / 1e6
    servers = [pid for pid, what in system.pids().items() if what[-1].isdigit()]
    return took_ms, statistics.median(
        psutil.Process(pid).memory_info().rss for pid in servers
    ) / 2**20


def p95(found: Sequence[float]) -> float:
    """The inclusive 95th percentile."""
    return statistics.quantiles(found, n=20, method="inclusive")[-1]


def main() -> None:
    """Measure everything and print the table."""
    try:
        installation = find()
    except UnsupportedError as error:
        sys.exit(f"bench: {error}")
    killed = kills()
    started, sizes = starts(installation, archived=False)
    sooner, _ = starts(installation, archived=True)
    what = f"kill of the leader → next one serves, ms, {KILLS} + {KILLS} runs"
    rows = [
        killed.row(f"{what}, p50", 0.65, statistics.median),
        killed.row("… p95", 0.80, p95),
        started.row(f"start of 5 → one serves, ms, median of {STARTS}", 0.25, statistics.median),
        ("… ZooKeeper's with a class archive", sooner.told(statistics.median), "", True),
        sizes.row("memory of one server (RSS), MiB, median", 0.30, statistics.median),
    ]
    versions = f"ours / ZooKeeper {installation.version}, Java {installation.java_version}"
    Console(width=110).print(table(rows, versions))


if __name__ == "__main__":
    main()
