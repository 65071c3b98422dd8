"""A run's folder: written while running, loaded again afterwards.

While the run goes on, ``history.jsonl`` holds the harness's own lines and each peer's journal
its own, in ``peers/<sid>/journal-<inc>.jsonl``. At the end all are merged into
``history.jsonl``, and ``result.json`` is written last: a folder without it is a run that was
cut short, and what it holds is a readable prefix.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.errors import HistoryError, InfrastructureError
from chaos.history.codec import FORMAT, Reader, Writer
from chaos.history.events import Event, RunBegan
from chaos.history.history import History
from chaos.verify.verdict import Measure, Verdict

if TYPE_CHECKING:
    from pydantic import TypeAdapter

HISTORY = "history.jsonl"
RESULT = "result.json"
PLAN = "plan.yaml"
JOURNALS = "peers/*/journal-*.jsonl"
VERSION = 1  # of a result


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of the plan as it went. Times are relative to time zero of the plan.

    ``sentence`` is the step in words, with what its target resolved to. ``where`` is
    ``file:line:column``. ``planned_ns`` is ``None`` for a step that had no planned time.
    ``depth`` counts the steps that it is inside of.
    """

    step: str
    verb: str
    sentence: str
    where: str
    planned_ns: int | None
    began_ns: int | None
    ended_ns: int | None
    targets: tuple[int, ...]
    outcome: str
    why: str = ""
    evidence: Mapping[str, int | str] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run answers. ``exit_code`` is that of ``docs/plan-format.md``.

    ``cell`` is that of the plan's matrix, if it has one; ``repeat`` counts its runs from 1.
    ``disturbed`` says why the host was too busy to trust times, empty when it was not.
    """

    plan: str
    plan_file: str
    plan_text: str
    seed: int
    system: str
    network: str
    exit_code: int
    headline: str
    reproduce: str
    verdicts: tuple[Verdict, ...] = ()
    measures: tuple[Measure, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    disturbed: str = ""
    version: int = VERSION
    cell: str = ""
    repeat: int = 1
    warmup: bool = False


class RunFolder:
    """The folder of one run that is under way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer()
        self._history = (path / HISTORY).open("a", encoding="utf-8")

    @classmethod
    def create(cls, out: Path, plan: str, seed: int) -> RunFolder:
        """Make ``out/<time>-<plan>-<seed>`` and point ``out/latest`` at it.

        Raises:
            InfrastructureError: the folder cannot be made.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        base = f"{stamp}-{_slug(plan)}-{seed}"
        try:
            out.mkdir(parents=True, exist_ok=True)
            path = _fresh(out, base)
            _point(out / "latest", path.name)
            return cls(path)
        except OSError as error:
            raise InfrastructureError(f"cannot write runs to {out}: {error}") from error

    def append(self, event: Event) -> None:
        """Write one event down."""
        self._history.write(self._writer.lines(event))

    def flush(self) -> None:
        """Hand what was appended to the kernel: from here on our own death loses none of it."""
        self._history.flush()

    def close(self) -> None:
        """Let go of the file; unless it was finished, the run stays a readable prefix."""
        self._history.close()

    def finish(self, history: History, result: RunResult) -> None:
        """Write the whole history and the result; the journals are no longer needed."""
        self.close()
        writer = Writer()
        temporary = self.path / (HISTORY + ".tmp")
        with temporary.open("w", encoding="utf-8") as lines:
            lines.writelines(writer.lines(event) for event in history.events)
        temporary.replace(self.path / HISTORY)
        temporary = self.path / (RESULT + ".tmp")
        temporary.write_bytes(_results().dump_json(result, indent=1))
        temporary.replace(self.path / RESULT)
        for journal in self.path.glob(JOURNALS):
            journal.unlink()


def load(path: Path) -> tuple[RunResult | None, History]:
    """A stored run: its result, ``None`` if it was cut short, and its history.

    Raises:
        HistoryError: ``path`` holds no run, or one that this version cannot read.
    """
    try:
        whole = (path / RESULT).exists()
        journals = [] if whole else sorted(path.glob(JOURNALS))
        history = History.of(_events([path / HISTORY, *journals]))
        text = (path / RESULT).read_bytes() if whole else b""
    except OSError as error:
        raise HistoryError(f"{path} holds no run: {error}") from error
    return (_result(path / RESULT, text) if whole else None), history


def _events(files: list[Path]) -> Iterator[Event]:
    for file in files:
        try:
            with file.open(encoding="utf-8") as lines:
                for event in Reader().events(lines):
                    _readable(event)
                    yield event
        except UnicodeDecodeError as error:
            raise HistoryError(f"{file} is no history: {error}") from error
        except HistoryError as error:
            raise HistoryError(f"{file}: {error}") from error


def _readable(event: Event) -> None:
    """Insist on a format that this version knows."""
    told = event.facts.get("format", FORMAT) if isinstance(event, RunBegan) else FORMAT
    if told != FORMAT:
        raise HistoryError(f"history format {told}; this version of chaos reads format {FORMAT}")


def _result(file: Path, text: bytes) -> RunResult:
    try:
        result = _results().validate_json(text)
    except ValueError as error:  # as pydantic's are
        why = str(error).splitlines()[1:2] or [str(error)]
        raise HistoryError(f"{file} is no result: {why[0].strip()}") from error
    if result.version != VERSION:
        raise HistoryError(
            f"{file} is of version {result.version}; this version of chaos reads {VERSION}"
        )
    return result


def result_json(result: RunResult) -> dict[str, object]:
    """The result as ``result.json`` holds it."""
    found: dict[str, object] = _results().dump_python(result, mode="json")
    return found


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """A verdict as ``result.json`` holds it."""
    found: dict[str, object] = _verdicts().dump_python(verdict, mode="json")
    return found


@cache
def _verdicts() -> TypeAdapter[Verdict]:
    from pydantic import TypeAdapter

    return TypeAdapter(Verdict)


@cache
def _results() -> TypeAdapter[RunResult]:
    from pydantic import TypeAdapter

    return TypeAdapter(RunResult)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "plan"


def _fresh(out: Path, base: str) -> Path:
    """Make a folder called ``base``, or ``base.2`` and so on where runs share a second."""
    number = 1
    while True:
        path = out / (base if number == 1 else f"{base}.{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _point(link: Path, name: str) -> None:
    """Let ``link`` name the newest run; two runs at once do not get in each other's way."""
    temporary = link.with_name(f".latest.{os.getpid()}.{name}")
    temporary.symlink_to(name)
    temporary.replace(link)
