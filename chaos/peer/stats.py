"""What a peer costs: memory, processor, descriptors."""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

from chaos.history.codec import Json

_ROLLUP: Final = "/proc/self/smaps_rollup"
_FDS: Final = "/dev/fd"


def costs() -> dict[str, Json]:
    """The numbers of this very process. ``pss_bytes`` is left out where the kernel has none."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, which is the peak
    found: dict[str, Json] = {
        "rss_peak_bytes": usage.ru_maxrss * unit,
        "cpu_ns": int((usage.ru_utime + usage.ru_stime) * 1e9),
        "fds": len(os.listdir(_FDS)) - 1,  # its own descriptor is the one less
    }
    return found | memory()


def memory() -> dict[str, Json]:
    """Resident and proportional memory in bytes; empty where the kernel does not say."""
    try:
        with open(_ROLLUP, encoding="ascii") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    names = {"Rss:": "rss_bytes", "Pss:": "pss_bytes"}
    found: dict[str, Json] = {}
    for line in lines:
        key, *rest = line.split()
        if key in names:
            found[names[key]] = int(rest[0]) * 1024
    return found
