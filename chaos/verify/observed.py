"""What a run measured, apart from its history: the values that sets of runs are made of.

The unit of replication is a fresh cluster. Of several values of one run, such as its peers' or
those of several elections, the median stands for the run: they are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.history.history import History
from chaos.statistics.observations import Observation, Sample
from chaos.verify.verdict import Measure, lasted_ns, start_ns


@dataclass(frozen=True, slots=True)
class Observed:
    """A measure without events to point at; without ``high`` it never ended.

    ``began_ns`` is its start after time zero of the plan. ``unit`` is ``ns`` or ``count``.
    """

    name: str
    of: str
    low: int
    high: int | None
    unit: str = "ns"
    began_ns: int = 0

    @property
    def value(self) -> Observation:
        """The value alone."""
        return Observation(self.low, self.high)


def observed(history: History, measures: Sequence[Measure]) -> tuple[Observed, ...]:
    """The measures of ``history``; what never ended is known to have lasted for some time."""
    return tuple(_observed(history, one) for one in measures)


def _observed(history: History, one: Measure) -> Observed:
    from_ns = start_ns(history, one)
    began_ns = from_ns - history.zero_ns
    if one.value_ns is None:
        return Observed(one.name, one.of, lasted_ns(history, one), None, one.unit, began_ns)
    low, high = max(0, one.value_ns - one.less_ns), one.value_ns + one.more_ns
    return Observed(one.name, one.of, low, high, one.unit, began_ns)


@dataclass(frozen=True, slots=True)
class Clusters:
    """One value for each run that measured any, and what is to be said of the others."""

    sample: Sample
    runs: int
    most: int  # values of one run

    @classmethod
    def of(cls, runs: Sequence[Sequence[Observation]]) -> Clusters:
        """The median of each run's values."""
        medians = tuple(Sample(tuple(values)).median() for values in runs if values)
        return cls(Sample(medians), len(runs), max(map(len, runs), default=0))

    def words(self) -> str:
        """``60 runs``, ``58 of 60 runs, the median of up to 5 values of each``."""
        n = self.sample.n
        many = "1 run" if self.runs == 1 else f"{self.runs} runs"
        found = many if n == self.runs else f"{n} of {many}"
        if self.most > 1:
            found += f", the median of up to {self.most} values of each"
        if self.sample.censored:
            found += f", {self.sample.censored} never ended"
        return found


def told(unit: str, value: float) -> str:
    """A count as it is, a duration with its unit."""
    if unit == "count":
        return f"{value:g}"
    return f"{value / 1e6:.1f} ms" if value < 1e9 else f"{value / 1e9:.3f} s"


def told_of(unit: str, value: Observation) -> str:
    """A value that may lie between two bounds."""
    if value.high is None:
        return f"more than {told(unit, value.low)}"
    low, high = told(unit, value.low), told(unit, value.high)
    return low if low == high else f"{low} to {high}"
