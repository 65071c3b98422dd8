"""``chaos run --shard K/N``: which cells of a command are run here, and what the others are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaos.campaign import durations
from chaos.campaign.durations import Lasted
from chaos.campaign.shards import Shard, divide
from chaos.cli.papers import Log
from chaos.cli.request import Request
from chaos.cli.sets import PlanRuns
from chaos.cli.tally import Tally
from chaos.errors import HistoryError, PlanError


@dataclass(frozen=True, slots=True)
class Division:
    """The cells that this command runs, and those that other shards run."""

    here: tuple[PlanRuns, ...]
    elsewhere: tuple[PlanRuns, ...] = ()
    shard: Shard | None = None

    def document(self) -> Mapping[str, int] | None:
        """The same as JSON; ``None`` of a command that runs all."""
        if self.shard is None:
            return None
        here, all_ = len(self.here), len(self.here) + len(self.elsewhere)
        return {"number": self.shard.number, "of": self.shard.of, "cells": here, "of_cells": all_}

    def told(self) -> str:
        """``shard 2/5: 3 of 14 cells``."""
        return (
            f"shard {self.shard}: {len(self.here)} of {len(self.here) + len(self.elsewhere)} cells"
        )


def division(sets: Sequence[PlanRuns], request: Request) -> Division:
    """Divide the cells of all plans, by what earlier commands kept of their durations.

    Raises:
        PlanError: these durations cannot be read, or would be replaced while shards need them.
    """
    bounds = request.bounds
    shard = bounds.shard
    if shard is None:
        if bounds.durations:
            raise PlanError("--durations balances shards; say which is run here, as --shard 1/4")
        return Division(tuple(sets))
    written = durations.place(request.out, shard)
    if written.resolve() in {file.resolve() for file in bounds.durations}:
        text = f"--durations {written}: this shard replaces it, and others would divide otherwise"
        raise PlanError(f"{text}; copy it to another place")
    try:
        known = durations.read(bounds.durations)
    except HistoryError as error:
        raise PlanError(f"--durations: {error}") from error
    cells = [(*_key(one), one.plan.file) for one in sets]
    parts = divide(cells, [_cost(one, known) for one in sets], shard.of)
    mine = [part == shard.number for part in parts]
    return Division(
        tuple(one for one, here in zip(sets, mine, strict=True) if here),
        tuple(one for one, here in zip(sets, mine, strict=True) if not here),
        shard,
    )


def keep_durations(log: Log, request: Request, tally: Tally) -> None:
    """Write down how long each cell took that was run; what cannot be written is told."""
    seen = [
        Lasted(*_key(cell.runs), runs=len(cell.records), took_ns=cell.took_ns)
        for cell in log.cells
        if cell.records and all(record.system for record in cell.records)
    ]
    if not seen or request.again:
        return
    file = durations.place(request.out, request.bounds.shard)
    try:
        durations.keep(file, seen)
    except (HistoryError, OSError) as error:
        tally.fail(f"the durations could not be kept: {error}")


def _key(runs: PlanRuns) -> tuple[str, str, str]:
    return runs.plan.name, runs.plan.cell, runs.system


def _cost(runs: PlanRuns, known: Mapping[tuple[str, str, str], Lasted]) -> int | None:
    lasted = known.get(_key(runs))
    repeat = runs.repeat
    return None if lasted is None else lasted.for_runs(repeat.warmup + repeat.runs)
