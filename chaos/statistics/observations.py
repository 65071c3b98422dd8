"""Samples of values that are known exactly, between two bounds, or only from below.

An election that had not ended when its run did is *right-censored*: it took at least so long. It
is counted in n and stands above all that ended, so a median stays valid while under half are
censored; a mean does not, and there is none here. Values are nanoseconds or counts.

Source: Kaplan and Meier 1958 for what censoring leaves to say; without a value censored below an
ended one, their estimate is the one here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Observation:
    """A value from ``low`` to ``high``, both included; without ``high`` it never ended."""

    low: int
    high: int | None

    @classmethod
    def exactly(cls, value: int) -> Observation:
        """A value that is known."""
        return cls(value, value)

    @property
    def censored(self) -> bool:
        """Whether only a lower bound of it is known."""
        return self.high is None

    def surely_above(self, bound: int) -> bool:
        """Whether it lies above ``bound`` wherever it lies."""
        return self.low > bound

    def perhaps_above(self, bound: int) -> bool:
        """Whether it may lie above ``bound``."""
        return self.high is None or self.high > bound


@dataclass(frozen=True, slots=True)
class Step:
    """Of an empirical distribution: so large a share lies at or below ``value``."""

    value: int
    share_min: float
    share_max: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Observations in the order in which they were made."""

    values: tuple[Observation, ...]

    @classmethod
    def of(cls, values: Iterable[int]) -> Sample:
        """A sample of values that are all known."""
        return cls(tuple(Observation.exactly(value) for value in values))

    @property
    def n(self) -> int:
        """How many there are, censored ones included."""
        return len(self.values)

    @property
    def censored(self) -> int:
        """How many never ended."""
        return sum(one.censored for one in self.values)

    def lows(self) -> tuple[int, ...]:
        """The least that each may be, smallest first."""
        return tuple(sorted(one.low for one in self.values))

    def highs(self) -> tuple[int | None, ...]:
        """The most that each may be, smallest first; what never ended comes last."""
        ended = sorted(one.high for one in self.values if one.high is not None)
        return (*ended, *(None for _ in range(self.censored)))

    def ranked(self, rank: int) -> Observation:
        """Between what the value of ``rank`` lies, counted from 1, the smallest."""
        return Observation(self.lows()[rank - 1], self.highs()[rank - 1])

    def quantile(self, share: float) -> Observation:
        """The sample's own quantile: the least value with so large a share at or below it.

        Raises:
            ValueError: the sample is empty.
        """
        if not self.values:
            raise ValueError("a sample without values has no quantiles")
        return self.ranked(max(1, math.ceil(share * self.n - 1e-9)))

    def median(self) -> Observation:
        """Its middle; of an even number the middle of the two.

        Raises:
            ValueError: the sample is empty.
        """
        if not self.values:
            raise ValueError("a sample without values has no median")
        one, other = self.ranked((self.n + 1) // 2), self.ranked(self.n // 2 + 1)
        low = (one.low + other.low) // 2
        if one.high is None or other.high is None:
            return Observation(low, None)
        return Observation(low, (one.high + other.high + 1) // 2)

    def distribution(self) -> tuple[Step, ...]:
        """The empirical distribution function at each bound of a value, smallest first.

        It never reaches 1 if something never ended.
        """
        bounds = {one.low for one in self.values} | {
            one.high for one in self.values if one.high is not None
        }
        return tuple(
            Step(
                bound,
                sum(not one.perhaps_above(bound) for one in self.values) / self.n,
                sum(not one.surely_above(bound) for one in self.values) / self.n,
            )
            for bound in sorted(bounds)
        )
