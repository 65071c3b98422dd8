"""A run's folder for runs that nobody looks at again: nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chaos.history.events import Event
from chaos.history.history import History
from chaos.store import RunFolder, RunResult


class Nowhere(RunFolder):
    """Takes events and keeps none; ``path`` is for what others write. ``seen`` counts them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen = 0

    def append(self, event: Event) -> None:
        """It is counted."""
        del event
        self.seen += 1

    def flush(self) -> None:
        """Nothing."""

    def progress(self, result: Callable[[], RunResult]) -> None:
        """Nothing; the result is not even made."""
        del result

    def conclude(self, result: RunResult) -> None:
        """Nothing."""
        del result

    def finish(self, history: History, result: RunResult) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
