"""Everything that is wrong with a plan, told in one go: place, source line, caret, advice."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from chaos.errors import PlanError
from chaos.plan.model import Where
from chaos.texts import visible

_SHOWN: Final = 160  # characters of a source line
_BEGIN, _END = 600, 400  # characters of a message that are told, whatever a plan has in it
_TOLD: Final = 20  # problems


class Problems:
    """Collects problems, each at its place."""

    def __init__(self) -> None:
        self._sources: dict[str, list[str]] = {}
        self._found: dict[tuple[Where, str], None] = {}

    def source(self, file: str, text: str) -> None:
        """Know the lines of ``file``, to show them."""
        self._sources[file] = text.splitlines()

    def add(self, where: Where, message: str) -> None:
        """Something is wrong at ``where``; the same again is told once."""
        self._found.setdefault((where, message))

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def stop(self) -> None:
        """Go on only if nothing was wrong.

        Raises:
            PlanError: everything that was, in the order of the text.
        """
        if not self._found:
            return
        found = sorted(self._found)
        told = [self._told(where, message) for where, message in found[:_TOLD]]
        if len(found) > _TOLD:
            told.append(f"and {len(found) - _TOLD} more")
        raise PlanError("\n".join(told))

    def _told(self, where: Where, message: str) -> str:
        message = _clipped(visible(" ".join(message.split("\n"))))
        lines = self._sources.get(where.file, [])
        if not 1 <= where.line <= len(lines):
            return f"{where}: {message}"
        number = f"{where.line:>5}"
        line = lines[where.line - 1].replace("\t", " ")
        start = max(0, where.column - _SHOWN)
        caret = " " * (where.column - 1 - start) + "^"
        shown = line[start : start + _SHOWN]
        return f"{where}: {message}\n{number} | {visible(shown)}\n{' ' * 5} | {caret}"


def _clipped(message: str) -> str:
    """Its begin, which says what is wrong, and its end, which says what would do."""
    if len(message) <= _BEGIN + _END:
        return message
    left_out = len(message) - _BEGIN - _END
    return f"{message[:_BEGIN]} … {left_out} characters … {message[-_END:]}"


def meant(word: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` if one of ``known`` is close, else what there is to choose from."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; there is {', '.join(names)}" if names else ""
