"""Durations and shares as a plan would write them, ranges too."""

from __future__ import annotations

from chaos.plan.ranges import Range

_UNITS = ((60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))


def span(time_ns: int) -> str:
    """A duration as a plan would write it, in the largest unit that keeps it whole."""
    if isinstance(time_ns, Range):
        return f"{span(int(time_ns))} to {span(time_ns.high)}"
    for size, unit in _UNITS:
        if time_ns >= size and time_ns % size == 0:
            return f"{time_ns // size}{unit}"
    return f"{time_ns}ns" if time_ns else "0ms"


def percent(ppm: int) -> str:
    """A share of a million as one of a hundred."""
    if isinstance(ppm, Range):
        return f"{percent(int(ppm))} to {percent(ppm.high)}"
    return f"{ppm / 10_000:g}"


def bandwidth(bytes_per_s: int) -> str:
    """Bytes a second as a plan would write them."""
    if isinstance(bytes_per_s, Range):
        return f"{bandwidth(int(bytes_per_s))} to {bandwidth(bytes_per_s.high)}"
    for size, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if bytes_per_s % size == 0:
            return f"{bytes_per_s // size}{unit}/s"
    return f"{bytes_per_s}B/s"
