"""Bounds of quantiles, judged over all runs of a plan.

HOLDS and FAILS only where the other is refuted with the confidence that was asked for; UNKNOWN
says how many runs would do. Source: the exact binomial test of ``chaos.statistics.quantiles``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.statistics.observations import Observation
from chaos.statistics.quantiles import Bound, Standing, needed_above
from chaos.verify.observed import Clusters, told, told_of
from chaos.verify.verdict import Kind, Outcome, Verdict

_OUTCOMES = {
    Standing.BELOW: Outcome.HOLDS,
    Standing.ABOVE: Outcome.FAILS,
}
_WORST = (Outcome.FAILS, Outcome.UNKNOWN, Outcome.HOLDS)


@dataclass(frozen=True, slots=True)
class QuantileMax:
    """A quantile by its name, such as ``p95``, and what it is to be."""

    name: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class QuantilesExpected:
    """No quantile of ``metric``, over all runs, is above its bound."""

    id: str
    where: str
    metric: str
    unit: str
    quantiles: tuple[QuantileMax, ...]

    @property
    def name(self) -> str:
        """The plan's name for it."""
        return self.id

    def check(self, runs: Sequence[Sequence[Observation]]) -> Verdict:
        """Judge the values of all runs; ``runs`` has those of each."""
        clusters = Clusters.of(runs)
        if not clusters.sample.values:
            why = f"{self.metric} was never measured in {clusters.words()}"
            return Verdict(self.id, Kind.EXPECTATION, Outcome.UNKNOWN, why, (), 0, self.where)
        found = [self._one(quantile, clusters) for quantile in self.quantiles]
        outcome = min((one for one, _ in found), key=_WORST.index)
        why = f"{self.metric} of {clusters.words()}: {'; '.join(words for _, words in found)}"
        n = clusters.sample.n
        return Verdict(self.id, Kind.EXPECTATION, outcome, why, (), n, self.where)

    def _one(self, quantile: QuantileMax, clusters: Clusters) -> tuple[Outcome, str]:
        sample, bound = clusters.sample, quantile.bound
        standing = bound.standing(sample)
        maximum = told(self.unit, bound.maximum)
        sure = f"{100 * bound.confidence:g} %"
        seen = told_of(self.unit, sample.quantile(bound.share))
        above = sum(one.perhaps_above(bound.maximum) for one in sample.values)
        if standing is Standing.OPEN:
            return Outcome.UNKNOWN, self._open(quantile, sample.n, above)
        side = "at most" if standing is Standing.BELOW else "above"
        words = f"{quantile.name} is {side} {maximum} ({sure} sure; seen {seen})"
        return _OUTCOMES[standing], words

    def _open(self, quantile: QuantileMax, n: int, above: int) -> str:
        bound = quantile.bound
        sure = f"{100 * bound.confidence:g} %"
        least = needed_above(bound.share, bound.confidence)
        if above == 0:
            return f"{quantile.name} needs {least} runs to be {sure} sure, and there are {n}"
        maximum = told(self.unit, bound.maximum)
        more = needed_above(bound.share, bound.confidence, above)
        return (
            f"{quantile.name} is not {sure} sure to be at most {maximum}: {above} may be above; "
            f"{more} runs with no more than that would do"
        )
