"""The bounds of an expectation of a metric, in the metric's own unit."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from chaos.plan import model
from chaos.plan.names import METRICS, metric_of
from chaos.plan.problems import Problems
from chaos.plan.tree import Leaf
from chaos.plan.values import duration_ns
from chaos.plan.written_metric import ALPHA, NOISE_PPM, QUANTILES, ExpectMetric

_MILLION: Final = 1_000_000
_EMPTY: Final = "an expectation of a metric needs a bound: max, a quantile such as p95, or baseline"
_WHOLE: Final = 'quantiles of epochs.started are of whole runs; "from" goes with max only'


class Bounds:
    """Reads the bounds of one expectation; what is wrong with them goes to ``problems``."""

    def __init__(self, one: ExpectMetric, problems: Problems) -> None:
        self._one = one
        self._problems = problems
        self.metric = metric_of(one.metric.text)
        self.unit = METRICS[self.metric]
        if one.max is None and not one.quantiles() and one.baseline is None:
            problems.add(one.where, _EMPTY)
        if one.from_ is not None and one.quantiles() and self.metric == "epochs.started":
            problems.add(one.where, _WHOLE)

    def most(self, bound: Leaf | None) -> int | None:
        """A bound in nanoseconds, or as a count."""
        if bound is None:
            return None
        if self.unit == "count":
            if type(bound.value) is int:
                return bound.value
            text = f"{self._one.metric} is a count; write max: 3, not {bound.text}"
            self._problems.add(bound.where, text)
            return 0
        try:
            return duration_ns(bound.text)
        except ValueError as error:
            self._problems.add(bound.where, str(error))
            return 0

    def quantiles(self) -> tuple[model.QuantileMax, ...]:
        """The bounds of quantiles, the lowest quantile first; they may not fall."""
        said = self._one.quantiles()
        found = tuple(
            model.QuantileMax(name, QUANTILES[name], self.most(one.max) or 0, one.confidence)
            for name, one in said.items()
        )
        for low, high in pairwise(found):
            if low.max > high.max:
                text = f"{high.name} is never below {low.name}, so its max is no smaller"
                self._problems.add(said[high.name].max.where, text)
        return found

    def against(self) -> model.Against | None:
        """The baseline and the test, or None."""
        one = self._one
        if one.baseline is None:
            asked = (one.test, one.max_slowdown, one.alpha, one.when_undecided)
            if any(key is not None for key in asked):
                text = "test, max_slowdown, alpha and when_undecided need a baseline to be about"
                self._problems.add(one.where, text)
            return None
        if self.unit == "count":
            text = f"{one.metric} is a count, which has no slowdown; bound it by max or p95"
            self._problems.add(one.baseline.where, text)
        noise = NOISE_PPM if one.max_slowdown is None else one.max_slowdown
        return model.Against(
            one.baseline.text,
            one.test or model.SetTest.MANN_WHITNEY,
            noise / _MILLION,
            ALPHA if one.alpha is None else one.alpha,
            one.when_undecided or model.WhenUndecided.INCONCLUSIVE,
        )
