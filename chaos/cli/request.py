"""What the command line asks of ``chaos run`` and ``chaos replay``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos.campaign.attempts import Again
from chaos.campaign.shards import Shard
from chaos.runner.stored import StoredRun


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of what was asked for is run, by this very command.

    ``durations`` are files by which shards are balanced. ``parallel_max`` bounds what plans and
    ``parallel`` ask for.
    """

    shard: Shard | None = None
    durations: tuple[Path, ...] = ()
    budget_ns: int | None = None
    parallel_max: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    plans: tuple[Path, ...]
    system: str | None
    seed: int | None
    repeat: int | None  # None: as the plan says
    settings: Mapping[str, str]
    network: str
    out: Path
    as_json: bool
    quiet: bool
    zookeeper_home: Path | None = None
    cell: str = ""
    parallel: int | None = None  # None: as the plan says
    fail_fast: bool = False
    without_baseline: bool = False
    junit: Path | None = None  # a file for JUnit XML
    markdown: Path | None = None  # a file for a summary
    bounds: Bounds = Bounds()
    attempts: Again = field(default_factory=Again)
    again: StoredRun | None = None  # to be run again, in the place of ``plans``
