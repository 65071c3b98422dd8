"""How often a plan is run, and when that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stop(StrEnum):
    """When no further run of a cell begins."""

    NEVER = "never"
    FIRST_FAILURE = "first_failure"
    DECIDED = "decided"  # all that is asked of the runs together is answered


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often a cell is run. ``warmup`` runs come before, and are kept out of its verdict.

    With ``min_valid``, so many runs have to tell something; without it, each of them. ``paired``:
    each run has the seed of a run of the baseline, and is compared with that.
    """

    runs: int = 1
    warmup: int = 0
    parallel: int = 1
    min_valid: int | None = None
    stop: Stop = Stop.NEVER
    paired: bool = False
