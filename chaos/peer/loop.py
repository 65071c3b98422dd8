"""The loop of one peer: sockets, deadlines, and the only clock.

The clock is read when a wait ends, and again behind each read of a socket: what arrived with
that read was written before, so no receiver's time comes before its sender's.
"""

from __future__ import annotations

import heapq
import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE


class HasFileno(Protocol):
    """What the loop can watch."""

    def fileno(self) -> int:
        """The descriptor."""
        ...


class Deadline:
    """A call that is due at some time, until it is cancelled."""

    __slots__ = ("_call", "due_ns")

    def __init__(self, due_ns: int, call: Callable[[], None]) -> None:
        self.due_ns = due_ns
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """It will not be called."""
        self._call = None

    def fire(self) -> None:
        """Call it, at most once."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Loop:
    """Waits for sockets and deadlines, and calls who asked for them.

    ``now_ns`` is CLOCK_MONOTONIC as it was last read.
    """

    def __init__(self) -> None:
        self.now_ns = time.monotonic_ns()
        self._selector = selectors.DefaultSelector()
        self._masks: dict[int, int] = {}
        self._urgent: set[int] = set()
        self._deadlines: list[tuple[int, int, Deadline]] = []
        self._soon: deque[Callable[[], None]] = deque()
        self._count = 0

    def read_clock(self) -> int:
        """Bring ``now_ns`` up to date."""
        self.now_ns = time.monotonic_ns()
        return self.now_ns

    def watch(
        self, sock: HasFileno, mask: int, ready: Callable[[int], None], *, urgent: bool = False
    ) -> None:
        """Call ``ready`` with what ``sock`` is ready for; a ``mask`` of 0 stops watching.

        Of sockets that are ready at once, the ``urgent`` go first.
        A socket is to be watched no more before it is closed.
        """
        fd = sock.fileno()
        before = self._masks.get(fd, 0)
        if not mask:
            self.forget(sock)
        elif not before:
            self._selector.register(fd, mask, ready)
            if urgent:
                self._urgent.add(fd)
            self._masks[fd] = mask
        elif mask != before:
            self._selector.modify(fd, mask, ready)
            self._masks[fd] = mask

    def forget(self, sock: HasFileno) -> None:
        """Watch ``sock`` no more, if it was."""
        fd = sock.fileno()
        self._urgent.discard(fd)
        if self._masks.pop(fd, 0):
            self._selector.unregister(fd)

    def call_at(self, due_ns: int, call: Callable[[], None]) -> Deadline:
        """Call ``call`` once, at ``due_ns`` or as soon after as can be."""
        deadline = Deadline(due_ns, call)
        self._count += 1
        heapq.heappush(self._deadlines, (due_ns, self._count, deadline))
        return deadline

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call ``call`` before the next wait, but not from within this call."""
        self._soon.append(call)

    def turn(self, next_ns: int | None) -> None:
        """Wait until ``next_ns`` (for ever if ``None``) or something earlier, and handle it.

        What can be read goes before what is due: a message that was there when a timer ran
        out was there in time.
        """
        ready = self._selector.select(self._patience(next_ns))
        if self._urgent and len(ready) > 1:
            ready.sort(key=lambda one: one[0].fd not in self._urgent)
        for key, mask in ready:
            key.data(mask)
        now = self.read_clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            heapq.heappop(self._deadlines)[2].fire()
        self.settle()

    def settle(self) -> None:
        """Make the calls that were to come soon, and those that they ask for."""
        while self._soon:
            self._soon.popleft()()

    def close(self) -> None:
        """Let go of the selector."""
        self._selector.close()

    def _patience(self, next_ns: int | None) -> float | None:
        if self._soon:
            return 0
        if self._deadlines and (next_ns is None or self._deadlines[0][0] < next_ns):
            next_ns = self._deadlines[0][0]
        if next_ns is None:
            return None
        return max(0, next_ns - time.monotonic_ns()) / 1e9
