"""Exit codes, and which of several is the most serious.

Source: the plan format's table of exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PASSED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INCONCLUSIVE: Final = 3
INFRASTRUCTURE: Final = 4
NOTHING_RAN: Final = 5
REGRESSED: Final = 6
UNSAFE: Final = 7
RESIDUE: Final = 8
INTERRUPTED: Final = 130  # SIGINT
TERMINATED: Final = 143  # SIGTERM

FAILURES: Final = frozenset({FAILED, REGRESSED, UNSAFE})  # of what is tested

_WORST_FIRST: Final = (
    UNSAFE,
    RESIDUE,
    FAILED,
    REGRESSED,
    INCONCLUSIVE,
    INFRASTRUCTURE,
    NOTHING_RAN,
    PASSED,
)


def worst(codes: Iterable[int]) -> int:
    """The most serious of several runs' codes; nothing ran when there are none."""
    found = list(codes)
    return min(found, key=_WORST_FIRST.index) if found else NOTHING_RAN
