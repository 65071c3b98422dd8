"""What is asked of all runs together, and can be said by none of so few."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.model import MetricExpected
from chaos.plan.repeats import Repeat
from chaos.statistics.quantiles import needed_above


def too_few_runs(context: Context) -> Iterator[Finding]:
    """A quantile that can fail but never hold.

    A plan that does not say how often it is run leaves that to the command line: a hint then.
    """
    repeat = context.plan.repeat
    for one in context.plan.expectations:
        if not isinstance(one, MetricExpected):
            continue
        for quantile in one.quantiles:
            least = needed_above(quantile.share, quantile.confidence)
            if repeat.runs >= least:
                continue
            sure = f"{100 * quantile.confidence:g} %"
            runs = "1 run" if repeat.runs == 1 else f"{repeat.runs} runs"
            yield Finding(
                "too-few-runs",
                Severity.HINT if repeat == Repeat() else Severity.WARNING,
                one.where,
                one.id,
                f"{quantile.name} can never hold in {runs}",
                f"to be {sure} sure of {quantile.name} takes {least}, none of them above its max",
                f"repeat: {{runs: {least}}}, a smaller quantile, or max alone for each value",
            )
