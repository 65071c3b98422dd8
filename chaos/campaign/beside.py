"""What a set of runs is shown beside: baselines, or the set of the last command.

It is told, and judges nothing: an expectation with ``baseline:`` is what gates. What is not there,
or cannot be compared, is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.campaign.asked import sentence
from chaos.campaign.baselines import RunSet, matching, open_sets, write
from chaos.campaign.compare import Compared, compare_sets, lacks_scipy
from chaos.errors import HistoryError
from chaos.plan.reports import PREVIOUS
from chaos.statistics.rule import Rule

FOLDER: Final = "sets"
_RULE: Final = Rule(0.05, 0.05)  # as ``chaos compare`` has it if nothing else is said


@dataclass(frozen=True, slots=True)
class Beside:
    """What a plan wants to be compared with. ``lacks`` says why it cannot be, empty if it can."""

    name: str
    sets: tuple[RunSet, ...] = ()
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A set beside another: a row for each duration of elections that both measured.

    ``other_text``: the plan was not the same then.
    """

    name: str
    rows: tuple[Compared, ...] = ()
    lacks: str = ""
    other_text: bool = False

    def lines(self) -> tuple[str, ...]:
        """In words, a line for each row."""
        if self.lacks:
            return (f"not compared with {self.name}: {self.lacks}",)
        end = "; the plan is not the same text" if self.other_text else ""
        told = [f"{row.metric} {row.of}".strip() + f": {sentence(row, _RULE)}" for row in self.rows]
        return tuple(f"compared with {self.name}: {one}{end}" for one in told)


def place(out: Path, plan: str, system: str) -> Path:
    """Where the last set of a plan on a system is kept, cell by cell."""
    return out / FOLDER / f"{plan}-{system}.json"


def wanted(names: Iterable[str], key: tuple[str, str, str], out: Path) -> tuple[Beside, ...]:
    """What is there of ``names``, read before anything runs.

    ``key`` is the plan, the cell and the system that will be compared.
    """
    return tuple(_wanted(name, key, out) for name in names)


def _wanted(name: str, key: tuple[str, str, str], out: Path) -> Beside:
    if lacking := lacks_scipy():
        return Beside(name, lacks=lacking)
    plan, _, system = key
    file = place(out, plan, system)
    if name == PREVIOUS and not file.is_file():
        return Beside(name, lacks="no earlier command kept a set of it")
    said = str(file) if name == PREVIOUS else name
    try:
        return Beside(name, matching(said, open_sets(said, out), key))
    except HistoryError as error:
        return Beside(name, lacks=str(error))


def compared(
    beside: Iterable[Beside], heads: Sequence[RunSet], *, pairs: bool
) -> tuple[Shown, ...]:
    """A cell's runs beside each of them."""
    return tuple(_compared(one, heads, pairs=pairs) for one in beside)


def _compared(one: Beside, heads: Sequence[RunSet], *, pairs: bool) -> Shown:
    if one.lacks or not heads:
        return Shown(one.name, lacks=one.lacks or "no run came to its end")
    rows = compare_sets(one.sets, heads, _RULE, pairs=pairs)
    gated = tuple(row for row in rows if row.word is not None)
    texts = {each.plan_digest for each in (*one.sets, *heads)}
    lacks = "" if gated else "they have no election in common"
    return Shown(one.name, gated, lacks, other_text=len(texts) > 1)


def remember(chaos: str, heads: Sequence[RunSet], out: Path) -> Path:
    """Keep a cell's runs as its last set, beside those of other cells; the file.

    ``chaos`` is the version that does so.

    Raises:
        HistoryError: what is there already is no set of runs.
        OSError: it cannot be written.
    """
    plan, cell, system = heads[0].key
    file = place(out, plan, system)
    others = [one for one in _kept(file) if one.key != (plan, cell, system)]
    write(file, f"{plan}-{system}", chaos, (*others, *heads))
    return file


def _kept(file: Path) -> Sequence[RunSet]:
    return open_sets(str(file), file.parent) if file.is_file() else ()
