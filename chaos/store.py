"""A run's folder: written while running, loaded again afterwards.

While the run goes on, ``history.jsonl`` holds the harness's own lines and each peer's journal
its own, in ``peers/<sid>/journal-<inc>.jsonl``. At the end all are merged into
``history.jsonl``. ``result.json`` is there from the beginning, and is replaced as a whole
whenever a step gets on: whoever reads it meets a whole document, whose ``state`` says whether the
run is over. One that is not done is a run that goes on or was cut short, and its folder is a
readable prefix.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from chaos.documents import document_of
from chaos.errors import HistoryError, InfrastructureError
from chaos.history.codec import FORMAT, Reader, Writer
from chaos.history.events import Event, RunBegan
from chaos.history.history import History
from chaos.verify.verdict import KnownMet, Measure, Met, Verdict

if TYPE_CHECKING:
    from pydantic import TypeAdapter

HISTORY = "history.jsonl"
RESULT = "result.json"
PLAN = "plan.yaml"
JOURNALS = "peers/*/journal-*.jsonl"
SCHEMA: Final = "chaos-result/1"
_LARGE: Final = 1 << 16
_SPARE: Final = 20  # at most a twentieth of a run's time goes into saying how far it has come


class State(StrEnum):
    """How far a run has come."""

    RUNNING = "running"  # or cut short by the death of the tool
    BROKEN = "broken"  # the host failed it, or it was interrupted: no verdicts
    DONE = "done"


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
    ``disturbed`` says why the host was too busy to trust times, empty when it was not. Until it
    is done, the exit code is that of a host that failed: what a run comes to that nobody ends.
    """

    schema: Literal["chaos-result/1"] = field(default=SCHEMA, kw_only=True)
    state: State = field(default=State.DONE, kw_only=True)
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
    cell: str = ""
    repeat: int = 1
    warmup: bool = False
    known_issues: tuple[KnownMet, ...] = ()


class RunFolder:
    """The folder of one run that is under way.

    How far it has come is a whole document, which takes the longer to write the more steps there
    are. One of more than :data:`_LARGE` characters is written again once :data:`_SPARE` times as
    long has passed as it took, so that no step waits for the account of all others. What the
    history holds is never late.
    """

    def __init__(self, path: Path, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """``now_ns`` is CLOCK_MONOTONIC."""
        self.path = path
        self._now_ns = now_ns
        self._behind: Callable[[], RunResult] | None = None  # what is to be told, and is not yet
        self._due_ns = 0
        self._large = False
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
        if self._behind is not None:
            self._catch_up()

    def flush(self) -> None:
        """Hand what was appended to the kernel: from here on our own death loses none of it."""
        self._history.flush()

    def progress(self, result: Callable[[], RunResult]) -> None:
        """Say how far the run has come, in place of what was said before; soon, if not now."""
        self._behind = result
        self._catch_up()

    def conclude(self, result: RunResult) -> None:
        """Say what came of the run, at once."""
        self._behind = None
        text = result_text(result)
        put_text(self.path / RESULT, text)
        self._large = len(text) > _LARGE

    def _catch_up(self) -> None:
        began_ns = self._now_ns()
        if self._behind is None or began_ns < self._due_ns:
            return
        self.conclude(self._behind())
        ended_ns = self._now_ns()
        self._due_ns = ended_ns + _SPARE * (ended_ns - began_ns) if self._large else 0

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
        self.conclude(result)
        for journal in self.path.glob(JOURNALS):
            journal.unlink()


def load(path: Path) -> tuple[RunResult | None, History]:
    """A stored run: its result, ``None`` if it is not done, and its history.

    Raises:
        HistoryError: ``path`` holds no run, or one that this version cannot read.
    """
    try:
        result = stored_result(path)
        if result is not None and result.state is not State.DONE:
            result = None
        journals = [] if result is not None else sorted(path.glob(JOURNALS))
        history = History.of(_events([path / HISTORY, *journals]))
    except OSError as error:
        raise HistoryError(f"{path} holds no run: {error}") from error
    return result, history


def stored_result(path: Path) -> RunResult | None:
    """What the run in ``path`` has answered so far; ``None`` if it never began to.

    Raises:
        HistoryError: this version cannot read it.
        OSError: nor can anybody.
    """
    file = path / RESULT
    return _result(file, plain(file).read_bytes()) if file.exists() else None


def plain(file: Path) -> Path:
    """The file itself, which a stored run may have from anybody: a pipe would never end.

    Raises:
        OSError: it is no plain file, or not there.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(f"{file} is no plain file")
    return file


def _events(files: list[Path]) -> Iterator[Event]:
    for file in files:
        try:
            with plain(file).open(encoding="utf-8") as lines:
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
        told = document_of(text)
        schema = told.get("schema", SCHEMA) if isinstance(told, dict) else SCHEMA
        if schema != SCHEMA:
            raise HistoryError(f"{file} is {schema}; this version of chaos reads {SCHEMA}")
        return _results().validate_python(told)
    except json.JSONDecodeError as error:
        raise HistoryError(f"{file} is no result: Invalid JSON: {error}") from error
    except ValueError as error:  # as pydantic's are
        why = str(error).splitlines()[1:2] or [str(error)]
        raise HistoryError(f"{file} is no result: {why[0].strip()}") from error


def result_json(result: RunResult) -> dict[str, object]:
    """The result as ``result.json`` holds it."""
    return _record(result)


def result_text(result: RunResult) -> str:
    """The whole text of ``result.json``."""
    return json.dumps(result_json(result), indent=1) + "\n"


def result_schema() -> dict[str, object]:
    """The JSON Schema of a result, made from the very record that is written and read."""
    found: dict[str, object] = _results().json_schema(mode="serialization")
    return {**found, "$id": "result-v1.json", "title": f"A chaos result, {SCHEMA}"}


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """A verdict as ``result.json`` holds it."""
    return _record(verdict)


def known_json(known: KnownMet) -> dict[str, object]:
    """What became of a known issue, as ``result.json`` holds it."""
    return _record(known)


def known_from(told: object) -> KnownMet:
    """What :func:`known_json` made ``told`` of."""
    assert isinstance(told, dict)
    names = tuple(map(str, told["names"]))
    return KnownMet(told["signature"], told["issue"], told["until"], Met(told["met"]), names)


def _record(record: object) -> dict[str, object]:
    assert is_dataclass(record)
    return {one.name: _json(getattr(record, one.name)) for one in fields(record)}


def _json(value: object) -> object:
    """Records, mappings and tuples as JSON has them; a run does not wait for pydantic."""
    match value:
        case StrEnum():
            return value.value
        case Mapping():
            return {str(key): _json(one) for key, one in value.items()}
        case tuple():
            return [_json(one) for one in value]
        case None | str() | int():
            return value
        case _:
            return _record(value)


@cache
def _results() -> TypeAdapter[RunResult]:
    from pydantic import TypeAdapter

    return TypeAdapter(RunResult)


def put_text(file: Path, text: str) -> None:
    """Put it there as a whole, so that no reader meets half of it.

    A link is followed. What is no regular file, such as a pipe or a device, is written to and
    stays what it is.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    file = file.resolve()
    if file.exists() and not file.is_file():
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        return
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


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
