"""What a driver sees of its servers and of the host, in order, while time passes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from chaos.history.events import Event, Sampled
from chaos.history.order import order
from chaos.sandbox.canary import Canary

_LOOK_NS: Final = 2_000_000  # between two looks at journals and logs


class Lookout:
    """Looks again and again, by ``look``, which yields what is new; samples the host meanwhile."""

    def __init__(self, look: Callable[[], Iterable[Event]]) -> None:
        self._look = look
        self._pending: deque[Event] = deque()
        self._samples: deque[Sampled] = deque()
        self._canary = Canary(self._samples.append)

    def start(self) -> None:
        """Begin to sample the host."""
        self._canary.start()

    def stop(self) -> None:
        """Sample the host no more. Safe to call twice, and before the start."""
        self._canary.stop()

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Yield what is seen until ``until_ns`` (CLOCK_MONOTONIC), as soon as it is."""
        while True:
            now = time.monotonic_ns()
            self.look()
            yield from self.told()
            if now >= until_ns:
                return
            left = until_ns - time.monotonic_ns()
            if left > 0:
                time.sleep(min(left, _LOOK_NS) / 1e9)

    def look(self, more: Iterable[Event] = ()) -> None:
        """Take in what is new, and ``more``."""
        found = [*more, *self._look()]
        while self._samples:
            found.append(self._samples.popleft())
        self._pending.extend(sorted(found, key=order))

    def told(self) -> Iterator[Event]:
        """What was taken in and not told yet."""
        while self._pending:
            yield self._pending.popleft()
