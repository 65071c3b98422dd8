"""Virtual time: what is due next happens next, and nothing happens in between."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

Call = Callable[[], object]

START_NS: Final = 1_000_000_000  # so that no time of a run is zero or negative


class Clock:
    """A heap of calls. Those due at one instant happen in the order they were asked for."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._heap: list[tuple[int, int, Call]] = []
        self._asked = 0

    def at(self, due_ns: int, call: Call) -> None:
        """Let ``call`` happen at ``due_ns``, which must not lie in the past."""
        self._asked += 1
        heappush(self._heap, (due_ns, self._asked, call))

    def turn(self, until_ns: int) -> bool:
        """Let the next thing happen, if it is due by ``until_ns``.

        Otherwise it is ``until_ns`` afterwards, and the answer is false.
        """
        heap = self._heap
        if heap and heap[0][0] <= until_ns:
            self.now_ns, _, call = heappop(heap)
            call()
            return True
        self.now_ns = max(self.now_ns, until_ns)
        return False
