"""How small an effect a comparison can see, and how many values it would take.

Sources: Lehmann 1975 for the 1.02, which is the price of ranks against normal data; Holm 1979;
Tukey 1977.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, quantiles, stdev
from typing import Final, TypeVar

from chaos.statistics.observations import Sample

Key = TypeVar("Key")

_RANKS: Final = 1.02
_QUARTILES: Final = 1.349  # standard deviations between the quartiles of a normal distribution
_N_MAX: Final = 100_000


def spread(sample: Sample) -> float | None:
    """The standard deviation of its logarithms; from the quartiles if some never ended.

    None with fewer than two values, or if a quarter never ended.
    """
    logs = [math.log(max(1, one.low if one.high is None else one.high)) for one in sample.values]
    if sample.n < 2 or sample.censored * 4 >= sample.n:
        return None
    if sample.censored == 0:
        return stdev(logs)
    low, _, high = quantiles(logs, n=4, method="inclusive")
    return (high - low) / _QUARTILES


def detectable(spread_log: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The least slowdown that ``n`` values a side show with ``power``; 0.1 is 10 %."""
    normal = NormalDist()
    reach = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    exponent = reach * spread_log * math.sqrt(2 / n) * _RANKS
    return math.inf if exponent > 700 else math.expm1(exponent)


def needed_for(slowdown: float, spread_log: float, alpha: float = 0.05) -> int:
    """How many values a side show ``slowdown`` with a power of 80 %; at least 4."""
    found = 4
    while found < _N_MAX and detectable(spread_log, found, alpha) > slowdown:
        found += max(1, found // 50)
    return found


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Values of p that may each be held to one alpha, however many there are."""
    adjusted: dict[Key, float] = {}
    largest = 0.0
    ordered = sorted(p_values, key=lambda key: p_values[key])
    for place, key in enumerate(ordered):
        largest = max(largest, min(1.0, p_values[key] * (len(ordered) - place)))
        adjusted[key] = largest
    return adjusted


class Outlier(StrEnum):
    """How far outside the quartiles a value lies; it is kept all the same."""

    MILD = "mild"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class Fences:
    """Tukey's fences: 1.5 and 3 times the distance of the quartiles beyond them."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Fences | None:
        """The quartiles of at least four values."""
        if len(values) < 4:
            return None
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(low, high)

    def outlier(self, value: float) -> Outlier | None:
        """How ``value`` stands to them."""
        reach = self.high - self.low
        beyond = max(self.low - value, value - self.high)
        if beyond > 3 * reach:
            return Outlier.SEVERE
        return Outlier.MILD if beyond > 1.5 * reach else None
