"""A run's folder for runs that nobody looks at again: nothing is written."""

from __future__ import annotations

from pathlib import Path

from chaos.history.events import Event
from chaos.history.history import History
from chaos.store import RunFolder, RunResult


class Nowhere(RunFolder):
    """Takes everything and keeps nothing. ``seen`` counts the events it was given."""

    def __init__(self) -> None:
        self.path = Path()
        self.seen = 0

    def append(self, event: Event) -> None:
        """It is counted."""
        del event
        self.seen += 1

    def flush(self) -> None:
        """Nothing."""

    def finish(self, history: History, result: RunResult) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
