"""Annotations for GitHub: lines of a job's log that are shown at a line of a plan.

A step shows ten of a kind and drops the others in silence; the tenth here says how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from chaos.report.cases import Case, Status, findings

EACH_MAX: Final = 10
_KINDS: Final = {
    Status.FAILED: "error",
    Status.ERROR: "error",
    Status.INCONCLUSIVE: "warning",
    Status.FLAKY: "warning",
    Status.EXPECTED: "notice",
    Status.SKIPPED: "notice",
}


@dataclass(frozen=True, slots=True)
class _Note:
    kind: str
    file: str
    place: tuple[str, str] | None  # line and column
    title: str
    message: str


def workflow_commands(cases: Sequence[Case], here: str, workspace: str) -> tuple[str, ...]:
    """The lines to print, without their ends.

    Plans are named from ``here``, the directory of the command; GitHub wants them from
    ``workspace``, that of the repository.
    """
    notes = [note for case in cases for note in _notes(case)]
    lines: list[str] = []
    for kind in dict.fromkeys(_KINDS.values()):
        found = [one for one in notes if one.kind == kind]
        shown = found if len(found) <= EACH_MAX else found[: EACH_MAX - 1]
        lines += [_line(one, here, workspace) for one in shown]
        if len(found) > len(shown):
            lines.append(
                f"::{kind} title=chaos::and {len(found) - len(shown)} more, in the summary"
            )
    return tuple(lines)


def _notes(case: Case) -> Iterator[_Note]:
    kind = _KINDS.get(case.status)
    if kind is None:
        return
    found = findings(case)
    for one in found:
        file, place = _place(one.where)
        message = f"{one.outcome}: {one.summary}"
        yield _Note(kind, file or case.file, place, f"{case.name}: {one.name}", message)
    if not found:
        message = case.earlier[0].headline if case.status is Status.FLAKY else case.message
        yield _Note(kind, case.file, None, f"{case.name}: {case.status.value}", message)


def _place(where: str) -> tuple[str, tuple[str, str] | None]:
    """File, line and column of ``file:line:column``."""
    parts = where.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
        return parts[0], (parts[1], parts[2])
    return "", None


def _line(note: _Note, here: str, workspace: str) -> str:
    said = {"file": _from(note.file, here, workspace)}
    if note.place is not None:
        said |= {"line": note.place[0], "col": note.place[1]}
    said["title"] = note.title
    told = ",".join(f"{key}={_value(value)}" for key, value in said.items() if value)
    return f"::{note.kind} {told}::{_data(note.message)}"


def _from(file: str, here: str, workspace: str) -> str:
    whole = PurePath(here) / file
    if file and workspace and whole.is_relative_to(workspace):
        return str(whole.relative_to(workspace))
    return file


def _data(text: str) -> str:
    return _swapped(text, (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")))


def _value(text: str) -> str:
    return _swapped(_data(text), ((":", "%3A"), (",", "%2C")))


def _swapped(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text
