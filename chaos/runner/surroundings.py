"""The host and the tool that a run happened on, and whether the host kept still."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import psutil

from chaos.election.timings import Timings
from chaos.history.events import Sampled
from chaos.history.history import History
from chaos.plan.model import Plan
from chaos.verify.aborts import unseen
from chaos.verify.punctuality import LATE_PERCENT, limit_ns

_MS: Final = 1_000_000


def environment() -> dict[str, str]:
    """What identifies the host and the tool, for the report."""
    return {
        "chaos": tool_version(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().available >> 20} MiB free",
        "load": ", ".join(f"{load:.2f}" for load in psutil.getloadavg()),
        "clock": "CLOCK_MONOTONIC, ns",
    }


def today() -> str:
    """The day in UTC, as ISO 8601 has it."""
    return datetime.now(UTC).date().isoformat()


def tool_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("quorum-chaos")
    except PackageNotFoundError:
        return "unknown (not installed)"


def disturbance(history: History, timings: Timings) -> str:
    """Why the host was too busy for timings to mean much; empty when it was not."""
    most_ns = limit_ns(timings)
    worst = max((event for _, event in history.every(Sampled)), key=_late, default=None)
    if worst is None or worst.late_ns <= most_ns:
        return ""
    return (
        f"a canary woke {worst.late_ns / _MS:.0f} ms late at "
        f"{(worst.at_ns - history.zero_ns) / 1e9:.2f} s; past {most_ns / _MS:.0f} ms "
        f"({LATE_PERCENT} % of a tick) times say little about the election"
    )


def health(history: History) -> dict[str, str]:
    """Steal, CPU pressure and the canary's lateness over the whole run."""
    samples = [event for _, event in history.every(Sampled)]
    if len(samples) < 2:
        return {}
    first, last = samples[0], samples[-1]
    span_us = max(1, (last.at_ns - first.at_ns) // 1000)
    share = 100 * (last.pressure_us - first.pressure_us) / span_us
    return {
        "steal": f"{last.steal_ticks - first.steal_ticks} ticks",
        "cpu pressure": f"{share:.0f} % of the run",
        "canary, latest": f"{max(map(_late, samples)) / _MS:.1f} ms late",
    }


def unguarded(history: History, plan: Plan) -> dict[str, str]:
    """The metrics of ``abort_when`` that nobody could sample: they ended no run."""
    found = unseen(history, plan.abort_when)
    return {"abort_when": f"{' and '.join(found)}: not sampled here"} if found else {}


def _late(sample: Sampled) -> int:
    return sample.late_ns
