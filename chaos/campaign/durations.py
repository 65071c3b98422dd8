"""How long cells took: what shards are balanced by.

Each command leaves what it saw in ``durations.json`` of its output folder, shard 2 of 5 in
``durations-2-of-5.json``. Nobody divides by them unless told to, with ``--durations FILE``: a
shard that read what another has just written would divide otherwise, and a cell between the two
would be run twice, or by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from chaos.campaign.shards import Shard
from chaos.documents import object_of
from chaos.errors import HistoryError
from chaos.store import put_text

VERSION: Final = 1
Cell = tuple[str, str, str]  # plan, cell of its matrix, system
Durations = Mapping[Cell, "Lasted"]


@dataclass(frozen=True, slots=True)
class Lasted:
    """How long a cell took for ``runs`` runs, those that warm up and those made again included."""

    plan: str
    cell: str
    system: str
    runs: int
    took_ns: int

    @property
    def key(self) -> Cell:
        """Which cell it is."""
        return self.plan, self.cell, self.system

    def for_runs(self, runs: int) -> int:
        """How long so many runs may take, in nanoseconds."""
        return self.took_ns * runs // self.runs


def place(out: Path, shard: Shard | None) -> Path:
    """Where a command keeps what it saw."""
    part = "" if shard is None else f"-{shard.number}-of-{shard.of}"
    return out / f"durations{part}.json"


def read(files: Iterable[Path]) -> Durations:
    """What several commands kept; of one cell what the last file says.

    Raises:
        HistoryError: a file cannot be read, or holds something else.
    """
    found: dict[Cell, Lasted] = {}
    for file in files:
        try:
            told = object_of(file.read_text(encoding="utf-8"))
            if told["version"] != VERSION:
                text = f"of version {told['version']}; this chaos reads {VERSION}"
                raise HistoryError(f"{file}: durations {text}")
            cells = [_lasted(one) for one in told["cells"]]
        except OSError as error:
            raise HistoryError(f"{file}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise HistoryError(f"{file} holds no durations of chaos: {error!r}") from error
        found |= {one.key: one for one in cells}
    return found


def keep(file: Path, seen: Iterable[Lasted]) -> None:
    """Add to what a file holds, in the place of what it says of the same cells.

    Raises:
        HistoryError: the file is there and holds something else; it stays as it is.
        OSError: it cannot be written.
    """
    before = read([file]) if file.exists() else {}
    whole = {**before, **{one.key: one for one in seen}}
    cells = [asdict(whole[key]) for key in sorted(whole)]
    file.parent.mkdir(parents=True, exist_ok=True)
    put_text(file, json.dumps({"version": VERSION, "cells": cells}, indent=1) + "\n")


def _lasted(told: Mapping[str, object]) -> Lasted:
    plan, cell, system = (_text(told[key]) for key in ("plan", "cell", "system"))
    runs, took_ns = _count(told["runs"], 1), _count(told["took_ns"], 0)
    return Lasted(plan, cell, system, runs, took_ns)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    return value


def _count(value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is no number from {least} on")
    return value
