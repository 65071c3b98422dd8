"""Run sets that are kept: gathered from folders of runs, stored under a name, found again.

``chaos baseline save main reports/2026…`` writes ``reports/baselines/main.json``; a plan's
``baseline: main`` finds it. A baseline may also be named by the folder of a run, by a folder of
such folders, or by a file.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chaos.campaign.run_set import SetRun, set_run
from chaos.errors import HistoryError
from chaos.plan.reports import PREVIOUS
from chaos.store import HISTORY, RunResult, load, put_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VERSION: Final = 1
FOLDER: Final = "baselines"
_SAME: Final = ("kernel", "python", "cores")  # facts that two runs on one host share
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True, slots=True)
class RunSet:
    """Runs of one cell of a plan on one system. ``fingerprint`` is what they were measured on.

    ``plan_digest`` is that of the plan's text. ``cell`` is empty for a plan without a matrix.
    """

    plan: str
    plan_digest: str
    system: str
    fingerprint: Mapping[str, str]
    runs: tuple[SetRun, ...]
    cell: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it may be compared with: the same cell of the same plan on the same system."""
        return self.plan, self.cell, self.system

    @property
    def called(self) -> str:
        """``crash size=3 on simulated``."""
        return f"{f'{self.plan} {self.cell}'.rstrip()} on {self.system}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its runs, as the runs were numbered; each once."""
        ordered = sorted(self.runs, key=lambda one: one.repeat)
        return tuple(dict.fromkeys(one.seed for one in ordered))


@dataclass(frozen=True, slots=True)
class Baseline:
    """Run sets under a name. ``chaos`` is the version that stored them."""

    name: str
    chaos: str
    sets: tuple[RunSet, ...]
    version: int = VERSION


def run_sets(runs: Iterable[tuple[RunResult, SetRun]]) -> tuple[RunSet, ...]:
    """One set for each cell, system and surroundings, in the order of their first runs."""
    found: dict[tuple[str, ...], RunSet] = {}
    for result, run in runs:
        digest = sha256(result.plan_text.encode()).hexdigest()[:12]
        marks = fingerprint(result)
        key = (result.plan, result.cell, result.system, digest, *marks.values())
        before = found.get(key)
        kept = () if before is None else before.runs
        grown = (*kept, run)
        found[key] = RunSet(result.plan, digest, result.system, marks, grown, result.cell)
    return tuple(found.values())


def matching(said: str, sets: Sequence[RunSet], key: tuple[str, str, str]) -> tuple[RunSet, ...]:
    """The sets of ``said`` of the very plan, cell and system; never those of another cell.

    Raises:
        HistoryError: there is none; the message says what there is.
    """
    found = tuple(one for one in sets if one.key == key)
    if found:
        return found
    plan, cell, system = key
    wanted = f"{f'{plan} {cell}'.rstrip()} on {system}"
    there = ", ".join(dict.fromkeys(one.called for one in sets)) or "none"
    raise HistoryError(f"{said} holds no runs of {wanted}; there is {there}")


def fingerprint(result: RunResult) -> dict[str, str]:
    """What makes times comparable; nothing of the host for a simulated run, with its own time."""
    if result.system == "simulated":
        return {"network": result.network}
    facts = {key: result.environment[key] for key in _SAME if key in result.environment}
    return {"network": result.network, **facts}


def gather(folders: Iterable[Path]) -> tuple[RunSet, ...]:
    """The run sets of folders of runs, of folders that hold such folders, or of files of sets.

    A run that was cut short was never judged and is left out, as is one that warmed up.

    Raises:
        HistoryError: a folder holds no run, or one that cannot be read; a cell is in two files.
    """
    found: list[tuple[RunResult, SetRun]] = []
    sets: list[RunSet] = []
    for folder in folders:
        if folder.is_file():
            sets += open_sets(str(folder), folder.parent)
            continue
        for path in _runs(folder):
            result, history = load(path)
            if result is not None and not result.warmup:
                found.append((result, set_run(result, history, str(path))))
    sets += run_sets(found)
    if not sets:
        raise HistoryError(f"{', '.join(map(str, folders))}: no run that came to its end")
    each = Counter((one.called, *sorted(one.fingerprint.items())) for one in sets)
    if twice := [called for (called, *_), many in each.items() if many > 1]:
        raise HistoryError(f"{twice[0]} is there twice; name its runs once")
    return tuple(sets)


def _runs(folder: Path) -> list[Path]:
    if (folder / HISTORY).exists():
        return [folder]
    found = sorted(
        path.parent for path in folder.glob(f"*/{HISTORY}") if not path.parent.is_symlink()
    )
    if not found:
        raise HistoryError(f"{folder} holds no run and no folder of a run")
    return found


def open_sets(said: str, out: Path) -> tuple[RunSet, ...]:
    """The run sets that ``said`` names: a stored name, a run's folder or id, or a file.

    Raises:
        HistoryError: it names none, or what it names cannot be read.
    """
    for file in (place(said, out), Path(said)):
        if file.is_file():
            return _read(file).sets
    for folder in (Path(said), out / said):
        if folder.is_dir():
            return gather([folder])
    known = names(out)
    close = get_close_matches(said, known, n=1)
    there = f"; in {place(said, out).parent} there is {', '.join(known) or 'none'}"
    advice = f'; did you mean "{close[0]}"?' if close else there
    if not close and re.fullmatch(_NAME, said):
        advice += f"; chaos baseline save {said} RUN… --out {shlex.quote(str(out))} stores one"
    raise HistoryError(f'no baseline is called "{said}"{advice}')


def save(name: str, chaos: str, sets: tuple[RunSet, ...], out: Path) -> Path:
    """Store ``sets`` under ``name``, in the place of what was there; its file.

    Raises:
        HistoryError: the name would be no file's.
    """
    if not re.fullmatch(_NAME, name):
        raise HistoryError(f'"{name}" is no name; it has letters, digits, ., - and _')
    if name == PREVIOUS:
        raise HistoryError(f'"{name}" is what plans call the set of the command before')
    file = place(name, out)
    write(file, name, chaos, sets)
    return file


def write(file: Path, name: str, chaos: str, sets: tuple[RunSet, ...]) -> None:
    """Store ``sets`` in a file that :func:`open_sets` reads.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    put_text(file, _baselines().dump_json(Baseline(name, chaos, sets), indent=1).decode())


def names(out: Path) -> list[str]:
    """The stored names."""
    return sorted(file.stem for file in (out / FOLDER).glob("*.json"))


def place(name: str, out: Path) -> Path:
    """The file of a name, whether it is there or not."""
    return out / FOLDER / f"{name}.json"


def _read(file: Path) -> Baseline:
    try:
        found = _baselines().validate_json(file.read_bytes())
    except (OSError, ValueError) as error:  # as pydantic's are
        why = str(error).splitlines()[1:2] or [str(error)]
        raise HistoryError(f"{file} is no baseline: {why[0].strip()}") from error
    if found.version != VERSION:
        raise HistoryError(
            f"{file} is of version {found.version}; this version of chaos reads {VERSION}"
        )
    return found


@cache
def _baselines() -> TypeAdapter[Baseline]:
    from pydantic import TypeAdapter

    return TypeAdapter(Baseline)
