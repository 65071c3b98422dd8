"""How busy the host is while a run goes on, so that its times can be trusted or not.

A thread wakes every 20 ms, as an injector of faults would, and notes how late it was. Each
tenth of a second becomes one :class:`~chaos.history.events.Sampled`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from chaos.history.events import Sampled

_WAKE_NS: Final = 20_000_000
_WAKES_PER_SAMPLE: Final = 5
_STAT: Final = Path("/proc/stat")
_PRESSURE: Final = Path("/proc/pressure/cpu")
# of the "cpu" line of proc_stat(5), after its name: user, nice, system, idle, iowait, irq, softirq,
_IDLE_FIELD: Final = 3
_IOWAIT_FIELD: Final = 4
_STEAL_FIELD: Final = 7
_LAST_FIELD: Final = 9


class Canary:
    """Samples the host between :meth:`start` and :meth:`stop`.

    ``emit`` is called from the canary's own thread. Steal and pressure are totals since the
    host booted: a stretch of time is disturbed by their difference.
    """

    def __init__(self, emit: Callable[[Sampled], None]) -> None:
        self._emit = emit
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="canary", daemon=True)

    def start(self) -> None:
        """Begin to sample. A canary sings once: make another one to start again."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was seen since the last sample is emitted before this returns.

        Safe to call twice, and without a start.
        """
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        files = _Files()
        try:
            due = time.monotonic_ns()
            while not self._ended.is_set():
                due = self._sample(files, due)
        finally:
            files.close()

    def _sample(self, files: _Files, due: int) -> int:
        """Wake a few times from ``due`` on and emit the worst; when to wake next."""
        worst = 0
        for _ in range(_WAKES_PER_SAMPLE):
            due += _WAKE_NS
            if self._ended.wait(max(0, due - time.monotonic_ns()) / 1e9):
                break
            now = time.monotonic_ns()
            worst = max(worst, now - due)
            due = max(due, now - _WAKE_NS)  # a stall counts once, not as a row of late wakes
        ticks = files.ticks()
        self._emit(
            Sampled(
                time.monotonic_ns(),
                ticks.steal,
                files.pressure_us(),
                worst,
                ticks.busy,
                ticks.all,
            )
        )
        return due


class _Ticks(NamedTuple):
    """What all CPUs of the host did since it booted, in ticks of the kernel's clock."""

    steal: int = 0
    busy: int = 0
    all: int = 0


class _Files:
    """The kernel's two files, opened once: a sample costs two reads."""

    def __init__(self) -> None:
        self._stat = _opened(_STAT)
        self._pressure = _opened(_PRESSURE)

    def close(self) -> None:
        for descriptor in (self._stat, self._pressure):
            if descriptor is not None:
                os.close(descriptor)

    def ticks(self) -> _Ticks:
        """The first line of ``/proc/stat``; guests are counted in user time already."""
        if self._stat is None:
            return _Ticks()
        line = os.pread(self._stat, 256, 0).partition(b"\n")[0]
        fields = [int(field) for field in line.split()[1:_LAST_FIELD]]
        if len(fields) < _LAST_FIELD - 1:
            return _Ticks()
        idle = fields[_IDLE_FIELD] + fields[_IOWAIT_FIELD]
        return _Ticks(fields[_STEAL_FIELD], sum(fields) - idle, sum(fields))

    def pressure_us(self) -> int:
        """Time in which some task waited for a CPU, since boot."""
        if self._pressure is None:
            return 0
        try:
            line = os.pread(self._pressure, 256, 0).partition(b"\n")[0]
        except OSError:  # PSI is compiled in, but off: EOPNOTSUPP
            return 0
        return int(line.rpartition(b"total=")[2])


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no PSI, or no Linux: both count as nothing seen
        return None
