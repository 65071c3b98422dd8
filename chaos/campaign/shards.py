"""Cells divided among the jobs of a continuous integration, so that all end at about one time.

Every job divides for itself and takes its part. That comes to one division because nothing counts
but the cells and their costs: no clock, no lot, and not the order in which plans were named.

Source: R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", SIAM J. Appl. Math. 17 (1969):
the longest first, each to who has least. No part takes more than 4/3 of the best division's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Final

PARTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``number`` of ``of``, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard(text: str) -> Shard:
    """Read ``2/5``.

    Raises:
        ValueError: it is no such part.
    """
    found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
    if found is None:
        raise ValueError(f'"{text}" is no shard; write 2/5 for the second of five')
    number, of = map(int, found.groups())
    if not 1 <= of <= PARTS_MAX:
        raise ValueError(f"{text} is no shard; there are 1 to {PARTS_MAX} of them")
    if not 1 <= number <= of:
        raise ValueError(f"{text} is no shard; they are counted from 1/{of} to {of}/{of}")
    return Shard(number, of)


def divide(cells: Sequence[tuple[str, ...]], costs: Sequence[int | None], parts: int) -> list[int]:
    """The part, from 1 to ``parts``, of each cell.

    ``costs`` are how long each is thought to take, in any unit; ``None`` where nobody knows, which
    counts as the median of the others. Where nothing is known, each part has as many cells as
    any other, or one more.
    """
    assert len(cells) == len(costs)
    known = [cost for cost in costs if cost is not None]
    usual = median_low(known) if known else 1
    weights = [usual if cost is None else cost for cost in costs]
    order = sorted(range(len(cells)), key=lambda at: (-weights[at], cells[at]))
    taken = [(0, 0, part) for part in range(1, parts + 1)]  # cost, cells, the part
    found = [0] * len(cells)
    for at in order:
        cost, many, part = min(taken)
        taken[part - 1] = (cost + weights[at], many + 1, part)
        found[at] = part
    return found
