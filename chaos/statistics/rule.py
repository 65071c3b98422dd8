"""From a measured shift to one of five words.

==============  ============================================================================
word            when
==============  ============================================================================
regressed       p (Holm) < alpha, and the interval lies above 1, and the ratio exceeds
                1 + noise, and the shift exceeds the floor
improved        the same the other way round
no change       the whole interval lies within 1 + noise and 1 / (1 + noise)
inconclusive    neither; with how many values would settle it
not comparable  the two were measured in different surroundings
==============  ============================================================================

In 600 simulated comparisons of a population with itself, at each of several sizes, this rule
called 2 to 3 in 100 a regression where p < 0.05 alone called 4 to 6, and a mean 10 % higher 1
to 38 (``docs/statistics.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chaos.statistics.shifts import Shift

_N_MAX: Final = 10_000  # more values a side are no advice


class Word(StrEnum):
    """What a comparison comes to."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    NO_CHANGE = "no change"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class Rule:
    """``noise`` is the ratio that is of no account, less 1; ``floor_ns`` likewise as a time."""

    alpha: float = 0.05
    noise: float = 0.05
    floor_ns: int = 5_000_000

    def word(self, shift: Shift, p: float, base_ns: int) -> Word:
        """The verdict on ``shift``, whose ``p`` is corrected; ``base_ns`` is the base's median."""
        edge = 1 + self.noise
        if shift.low >= 1 / edge and shift.high <= edge:
            return Word.NO_CHANGE
        if p >= self.alpha or abs(shift.ratio - 1) * base_ns <= self.floor_ns:
            return Word.INCONCLUSIVE
        if shift.low > 1 and shift.ratio > edge:
            return Word.REGRESSED
        if shift.high < 1 and shift.ratio < 1 / edge:
            return Word.IMPROVED
        return Word.INCONCLUSIVE

    def excludes_slowdown(self, shift: Shift) -> bool:
        """Whether the second is surely no slower than 1 + noise times the first."""
        return shift.high <= 1 + self.noise

    def needed(self, shift: Shift) -> int | None:
        """How many values a side would settle ``shift`` if it is as it looks; None past 10,000.

        An interval narrows with the root of n. It settles when it lies on one side of 1, for a
        ratio beyond the noise, else when it lies within the noise.
        """
        edge = math.log1p(self.noise)
        if not 0 < shift.low <= shift.high < math.inf or not 0 < shift.ratio < math.inf:
            return None
        size = abs(math.log(shift.ratio))
        reach = (math.log(shift.high) - math.log(shift.low)) / 2
        room = size if size > edge else edge - size
        if room <= 0 or reach <= 0:
            return None
        found = math.ceil(shift.used * (reach / room) ** 2 - 1e-6)
        return max(found, shift.used + 1) if found <= _N_MAX else None
