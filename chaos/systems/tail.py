"""Reads peers' journals while they grow.

A large ensemble writes tens of thousands of lines in a second, and the harness shares the
cores with it. So only the lines that tell of a role are decoded while the run goes on; the
others are read when it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from chaos.history.codec import Reader
from chaos.history.events import Event

_TEXT: Final = b'{"k":"text"'
_HEADS: Final = (b'{"k":"Began"', b'{"k":"Left"', b'{"k":"Held"')
_NOTABLE_EFFECTS: Final = (
    b'"Entered"',
    b'"Decided"',
    b'"Serving"',
    b'"SteppedDown"',
    b'"PersistConfig"',
    b'"Persist"',
    b'"Append"',
    b'"Truncate"',
    b'"Restore"',
)
_PROPOSED: Final = b'"Proposed"'  # for the eye alone


@dataclass(slots=True)
class _Journal:
    path: Path
    file: BinaryIO
    reader: Reader = field(default_factory=Reader)
    torn: bytes = b""  # the start of a line whose end is still to come


class Tail:
    """Any number of journals, read to their present ends.

    ``proposals``: steps that only change a proposal are read at once too; ``everything``: so
    is any other line.
    """

    def __init__(self, *, proposals: bool, everything: bool = False) -> None:
        self._journals: list[_Journal] = []
        self._everything = everything
        self._effects = (*_NOTABLE_EFFECTS, _PROPOSED) if proposals else _NOTABLE_EFFECTS

    def add(self, path: Path) -> None:
        """Read this journal too, from its beginning."""
        self._journals.append(_Journal(path, path.open("rb", buffering=0)))

    def read(self) -> Iterator[Event]:
        """The notable ones of what was appended since the last call, journal by journal.

        Raises:
            HistoryError: a whole line is no event.
        """
        for journal in self._journals:
            data = journal.file.read()
            if not data:
                continue
            *lines, journal.torn = (journal.torn + data).split(b"\n")
            for line in lines:
                if line.startswith(_TEXT) or self._notable(line):
                    event = journal.reader.event(line.decode())
                    if event is not None:
                        yield event

    def rest(self) -> Iterator[Event]:
        """Everything that :meth:`read` left out, a torn last line excepted."""
        for journal in self._journals:
            reader = Reader()
            with journal.path.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n") or self._notable(line):
                        continue
                    event = reader.event(line.decode())
                    if event is not None:
                        yield event

    def close(self) -> None:
        """Let go of the files."""
        for journal in self._journals:
            journal.file.close()

    def _notable(self, line: bytes) -> bool:
        if self._everything:
            return True
        if line.startswith(b'{"k":"Stepped"'):
            return any(name in line for name in self._effects)
        return line.startswith(_HEADS)
