"""What is wrong with a peer's disk by order of the tester: nothing, until it is told.

Source: ENOSPC of ``write`` and ``fsync``, and ``fsync`` on a disk that has other work.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from chaos.peer.disk import DiskError


@dataclass(slots=True)
class _Spoil:
    """``lag_ns`` of each write; 0: it fails."""

    lag_ns: int
    delayed: int = 0
    late_ns: int = 0  # measured
    over: bool = False

    def ended(self) -> bool:
        """Whether it was taken away."""
        return self.over


class Spoils:
    """The disk faults of one peer. ``wait`` lets so many nanoseconds pass, or fewer."""

    def __init__(self, wait: Callable[[Callable[[], bool], int], None]) -> None:
        self._spoils: dict[str, _Spoil] = {}
        self._wait = wait

    def add(self, name: str, lag_ns: int) -> None:
        """Put a fault in place."""
        self._spoils[name] = _Spoil(lag_ns)

    def remove(self, name: str) -> dict[str, int]:
        """Take it away; how many writes lagged, and how late all of them were together."""
        found = self._spoils.pop(name, None)
        if found is None:
            return {}
        found.over = True
        return {"delayed": found.delayed, "late_us": found.late_ns // 1000}

    def before_write(self, what: str) -> None:
        """``what`` is to be written.

        Raises:
            DiskError: there is no room.
        """
        for spoil in list(self._spoils.values()):
            if not spoil.lag_ns:
                why = os.strerror(errno.ENOSPC)
                raise DiskError(f"cannot write {what}: {why}, by order of the tester")
            since = time.monotonic_ns()
            self._wait(spoil.ended, since + spoil.lag_ns)
            spoil.delayed += 1
            spoil.late_ns += time.monotonic_ns() - since
