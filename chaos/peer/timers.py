"""A peer's timers, on a clock that a fault may run fast, slow, or shift.

Only timers know this clock: the journal and the sockets keep true time.
"""

from __future__ import annotations

import heapq
from typing import Final

from chaos.election.effects import Timer

TRUE_PPM: Final = 1_000_000
_MS: Final = 1_000_000


class Timers:
    """Running timers. ``now_ns`` is true time everywhere; the skewed clock stays inside."""

    def __init__(self, now_ns: int) -> None:
        self.rate_ppm = TRUE_PPM
        self._true_ns = self._own_ns = now_ns  # the same moment on both clocks
        self._due: dict[Timer, int] = {}  # by the peer's own clock
        # One entry a running timer: re-armed for later, the old entry finds that out itself.
        self._heap: list[tuple[int, int, Timer]] = []
        self._queued: dict[Timer, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._due)

    def arm(self, timer: Timer, delay_ms: int, now_ns: int) -> None:
        """Let ``timer`` expire once, ``delay_ms`` from now; what it was set to is forgotten."""
        due = self._own(now_ns) + delay_ms * _MS
        self._due[timer] = due
        queued = self._queued.get(timer)
        if queued is None or queued > due:
            self._push(timer, due)

    def disarm(self, timer: Timer) -> None:
        """Stop ``timer`` if it runs."""
        self._due.pop(timer, None)

    def pop(self, now_ns: int) -> Timer | None:
        """The timer that is due longest, which runs no more."""
        own = self._own(now_ns)
        while self._heap and self._heap[0][0] <= own:
            queued, _, timer = heapq.heappop(self._heap)
            if self._queued.get(timer) != queued:
                continue  # an earlier entry took its place
            del self._queued[timer]
            due = self._due.get(timer)
            if due is None:
                continue
            if due > own:
                self._push(timer, due)
                continue
            del self._due[timer]
            return timer
        return None

    def next_ns(self) -> int | None:
        """True time at which :meth:`pop` is worth a look; may be early, is never late."""
        if not self._heap:
            return None
        left = self._heap[0][0] - self._own_ns
        return self._true_ns + -(-left * TRUE_PPM // self.rate_ppm)

    def skew(self, rate_ppm: int, offset_ns: int, now_ns: int) -> None:
        """Run at ``rate_ppm`` of true speed from now on, after one jump of ``offset_ns``."""
        assert rate_ppm > 0, "timers that stand still never expire"
        self._own_ns = self._own(now_ns) + offset_ns
        self._true_ns = now_ns
        self.rate_ppm = rate_ppm

    # ----

    def _own(self, now_ns: int) -> int:
        return self._own_ns + (now_ns - self._true_ns) * self.rate_ppm // TRUE_PPM

    def _push(self, timer: Timer, due: int) -> None:
        self._count += 1
        self._queued[timer] = due
        heapq.heappush(self._heap, (due, self._count, timer))
