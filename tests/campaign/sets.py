"""Sets of runs that were never run: one measure each."""

from __future__ import annotations

import random
from collections.abc import Iterable

from chaos.campaign.baselines import RunSet
from chaos.campaign.run_set import SetRun
from chaos.verify.observed import Observed

MS = 1_000_000


def run(seed: int, ms: float | None, lacks: str = "") -> SetRun:
    """A run whose leader was killed, and whose next election took so long, or never ended."""
    value = None if ms is None else round(ms * MS)
    low = 5000 * MS if value is None else value
    return SetRun(seed, f"r{seed}", 0, (Observed("election.total", "stop", low, value),), lacks)


def run_set(values: Iterable[float | None], **marks: str) -> RunSet:
    """Runs of seed 1 and so on."""
    runs = tuple(run(seed, ms) for seed, ms in enumerate(values, 1))
    return RunSet("crash", "d1", "processes", {"cores": "2", **marks}, runs)


def spread_ms(n: int, times: float = 1.0, seed: int = 1) -> list[float]:
    """So many times around 250 ms."""
    dice = random.Random(seed)
    return [times * 250 * dice.lognormvariate(0, 0.1) for _ in range(n)]
