"""Messages that a fault delays, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from chaos.peer.loop import Loop

T = TypeVar("T")

LATE_MAX: Final = 1000  # messages on their way in one direction; a kernel's buffer ends too


class LateLine(Generic[T]):
    """What one link is to write later: first in, first out. ``due`` says when to look."""

    __slots__ = ("_due", "_line", "_loop")

    def __init__(self, loop: Loop, due: Callable[[], None]) -> None:
        self._loop = loop
        self._line: deque[tuple[int, T]] = deque()
        self._due = due

    def __len__(self) -> int:
        return len(self._line)

    @property
    def full(self) -> bool:
        """Whether it takes no more for now."""
        return len(self._line) >= LATE_MAX

    def add(self, due_ns: int, item: T) -> None:
        """Hold ``item`` until ``due_ns``, and until all before it have gone."""
        self._line.append((due_ns, item))
        self._loop.call_at(due_ns, self._due)

    def pop(self) -> T | None:
        """The first item if it is due."""
        if self._line and self._line[0][0] <= self._loop.now_ns:
            return self._line.popleft()[1]
        return None

    def drop(self) -> list[T]:
        """Everything that will not be written any more."""
        items = [item for _, item in self._line]
        self._line.clear()
        return items
