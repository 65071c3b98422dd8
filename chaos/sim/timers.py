"""The timers of one simulated process, on a clock of its own that may run fast or slow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from chaos.election.effects import Timer
from chaos.sim.clock import Call, Clock

TRUE_PPM: Final = 1_000_000
_MS: Final = 1_000_000


class Timers:
    """Timers that wait in virtual time.

    An election arms the same timer anew with each message. So a timer that moves later
    keeps the call that was asked of the clock for earlier; when that comes it asks again.
    """

    def __init__(
        self, clock: Clock, gate: Callable[[Call], object], expired: Callable[[Timer], object]
    ) -> None:
        self._clock = clock
        self._gate = gate
        self._expired = expired
        self._rate_ppm = TRUE_PPM
        self._due: dict[Timer, int] = {}
        self._asked: dict[Timer, int] = {}

    def arm(self, timer: Timer, delay_ms: int) -> None:
        """Start ``timer`` anew."""
        delay = delay_ms * _MS
        if self._rate_ppm != TRUE_PPM:
            delay = _true_ns(delay, self._rate_ppm)
        self._set(timer, self._clock.now_ns + delay)

    def disarm(self, timer: Timer) -> None:
        """Stop ``timer`` if it runs."""
        self._due.pop(timer, None)

    def clear(self) -> None:
        """Stop all timers: the process is gone."""
        self._due.clear()

    def skew(self, rate_ppm: int, offset_ns: int) -> int:
        """Run at ``rate_ppm`` and jump ahead by ``offset_ns``; how many timers that moved."""
        now = self._clock.now_ns
        before, self._rate_ppm = self._rate_ppm, rate_ppm
        for timer, due in list(self._due.items()):
            left = (due - now) * before // TRUE_PPM - offset_ns
            self._set(timer, now + max(0, _true_ns(left, rate_ppm)))
        return len(self._due)

    def _set(self, timer: Timer, due_ns: int) -> None:
        self._due[timer] = due_ns
        asked = self._asked.get(timer)
        if asked is None or due_ns < asked:
            self._asked[timer] = due_ns
            self._clock.at(due_ns, partial(self._ring, timer, due_ns))

    def _ring(self, timer: Timer, asked_ns: int) -> None:
        if self._asked.get(timer) != asked_ns:
            return  # it moved earlier and has rung already
        del self._asked[timer]
        due = self._due.get(timer)
        if due is None:
            return
        if due > self._clock.now_ns:
            self._set(timer, due)
        else:
            self._gate(partial(self._fire, timer, due))

    def _fire(self, timer: Timer, due_ns: int) -> None:
        # A process that was stopped may have armed it anew before it comes to this.
        if self._due.get(timer) == due_ns:
            del self._due[timer]
            self._expired(timer)


def _true_ns(local_ns: int, rate_ppm: int) -> int:
    return -(-local_ns * TRUE_PPM // rate_ppm)
