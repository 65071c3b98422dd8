"""What a sample says of a quantile of where it comes from: order statistics, no assumptions.

A value is at or below the quantile q with probability q, so how many of n are is binomial.
Everything here is a sum of binomial terms. So few values bound a quantile at all:

==========  ==================  ================
quantile    from above, 95 %    two-sided, 95 %
==========  ==================  ================
p50         5                   6
p90         29                  36
p95         59                  72
p99         299                 368
p99.9       2,995               3,688
==========  ==================  ================

The sums are our own because every run needs them and SciPy takes longer to import than a
simulated run takes; a test holds them to ``scipy.stats.binom``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chaos.statistics.observations import Observation, Sample

_N_MAX: Final = 10_000_000  # nobody makes more runs than that
_EPSILON: Final = 1e-12  # of a sum of terms, in favour of the claim


class Standing(StrEnum):
    """Where a quantile lies, as far as the sample tells."""

    BELOW = "at or below"
    ABOVE = "above"
    OPEN = "not decided"


@dataclass(frozen=True, slots=True)
class Bound:
    """Whether the quantile ``share`` is at most ``maximum``, with ``confidence``."""

    share: float
    maximum: int
    confidence: float

    def standing(self, sample: Sample) -> Standing:
        """BELOW or ABOVE only where the other is refuted with ``confidence``.

        Values that may lie on either side count against both.
        """
        if not sample.values:
            return Standing.OPEN
        n, rest, doubt = sample.n, 1 - self.share, 1 - self.confidence + _EPSILON
        perhaps = sum(one.perhaps_above(self.maximum) for one in sample.values)
        surely = sum(one.surely_above(self.maximum) for one in sample.values)
        if at_most(perhaps, n, rest) <= doubt:
            return Standing.BELOW
        if 1 - at_most(surely - 1, n, rest) <= doubt:
            return Standing.ABOVE
        return Standing.OPEN

    def needed(self, sample: Sample) -> int:
        """Of how many values no more may exceed the maximum than do now, for BELOW."""
        above = sum(one.perhaps_above(self.maximum) for one in sample.values)
        return needed_above(self.share, self.confidence, above)


def at_most(k: int, n: int, share: float) -> float:
    """The probability that of ``n`` independent trials no more than ``k`` succeed."""
    if k < 0:
        return 0.0
    if k >= n or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    log, log_not = math.log(share), math.log1p(-share)
    whole = math.lgamma(n + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(
                whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log + (n - i) * log_not
            )
            for i in range(k + 1)
        ),
    )


def rank_above(n: int, share: float, confidence: float) -> int | None:
    """The smallest rank, from 1, whose value is at or above the quantile with ``confidence``.

    None if not even the largest of ``n`` is.
    """
    wanted = confidence - _EPSILON
    if n == 0 or at_most(n - 1, n, share) < wanted:
        return None
    return _least(lambda rank: at_most(rank - 1, n, share) >= wanted, 1, n)


def rank_below(n: int, share: float, confidence: float) -> int | None:
    """The largest rank, from 1, whose value is at or below the quantile with ``confidence``.

    None if not even the smallest of ``n`` is.
    """
    mirrored = rank_above(n, 1 - share, confidence)
    return None if mirrored is None else n + 1 - mirrored


def interval(sample: Sample, share: float, confidence: float) -> Observation | None:
    """The two-sided interval of a quantile; None if the sample is too small for one.

    Without an upper end what never ended reaches into it.
    """
    side = (1 + confidence) / 2
    low, high = rank_below(sample.n, share, side), rank_above(sample.n, share, side)
    if low is None or high is None:
        return None
    return Observation(sample.ranked(low).low, sample.ranked(high).high)


def needed_above(share: float, confidence: float, above: int = 0) -> int:
    """How many values bound a quantile from above, if ``above`` of them exceed the bound."""
    doubt = 1 - confidence + _EPSILON
    return _least(lambda n: at_most(above, n, 1 - share) <= doubt, above + 1, _N_MAX)


def needed_between(share: float, confidence: float) -> int:
    """How many values a two-sided interval of a quantile takes."""
    side = (1 + confidence) / 2
    return max(needed_above(share, side), needed_above(1 - share, side))


def _least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least number from ``low`` to ``high`` that ``holds``, which once true stays so."""
    step = 1
    while low + step < high and not holds(low + step):
        low, step = low + step, 2 * step
    high = min(high, low + step)
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
