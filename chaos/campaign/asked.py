"""What a plan asks of all its runs together: quantiles, and to be no slower than a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chaos.campaign.run_set import SetRun, counting
from chaos.plan.model import MetricExpected, Plan
from chaos.statistics.quantiles import Bound
from chaos.verify.percentiles import QuantileMax, QuantilesExpected
from chaos.verify.verdict import Verdict


def asks_of_sets(plan: Plan) -> bool:
    """Whether something in ``plan`` is asked of all its runs together."""
    return any(isinstance(one, MetricExpected) and one.of_sets for one in plan.expectations)


def judge_set(plan: Plan, runs: Sequence[SetRun]) -> tuple[Verdict, ...]:
    """The verdicts on a set of runs of ``plan``, in the plan's order."""
    return tuple(_verdicts(plan, runs))


def _verdicts(plan: Plan, runs: Sequence[SetRun]) -> Iterator[Verdict]:
    kept, left_out = counting(runs)
    for one in plan.expectations:
        if isinstance(one, MetricExpected) and one.quantiles:
            verdict = _quantiles(one).check(
                [run.values(one.metric, one.of, one.since) for run in kept]
            )
            yield _with(verdict, left_out)


def _quantiles(one: MetricExpected) -> QuantilesExpected:
    bounds = tuple(
        QuantileMax(quantile.name, Bound(quantile.share, quantile.max, quantile.confidence))
        for quantile in one.quantiles
    )
    return QuantilesExpected(one.id, str(one.where), one.metric, one.unit, bounds)


def _with(verdict: Verdict, left_out: str) -> Verdict:
    if not left_out:
        return verdict
    return replace(verdict, summary=f"{verdict.summary}; {left_out}")
