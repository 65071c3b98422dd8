"""Reads peers' journals while they grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from chaos.history.codec import Reader
from chaos.history.events import Event


@dataclass(slots=True)
class _Journal:
    file: BinaryIO
    reader: Reader = field(default_factory=Reader)
    torn: bytes = b""  # the start of a line whose end is still to come


class Tail:
    """Any number of journals, read to their present ends."""

    def __init__(self) -> None:
        self._journals: list[_Journal] = []

    def add(self, path: Path) -> None:
        """Read this journal too, from its beginning."""
        self._journals.append(_Journal(path.open("rb", buffering=0)))

    def read(self) -> Iterator[Event]:
        """What was appended since the last call, journal by journal.

        Raises:
            HistoryError: a whole line is no event.
        """
        for journal in self._journals:
            data = journal.file.read()
            if not data:
                continue
            *lines, journal.torn = (journal.torn + data).split(b"\n")
            for line in lines:
                event = journal.reader.event(line.decode())
                if event is not None:
                    yield event

    def close(self) -> None:
        """Let go of the files."""
        for journal in self._journals:
            journal.file.close()
        self._journals.clear()
