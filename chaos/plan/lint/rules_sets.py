"""What is asked of all runs together, and can be said by none of so few."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.model import MetricExpected, QuantileMax, SetTest
from chaos.plan.repeats import Repeat, Stop
from chaos.statistics.looks import looks, sure_of
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
            least = _least(quantile, repeat)
            if repeat.runs >= least:
                continue
            sure = f"{100 * quantile.confidence:g} %"
            runs = "1 run" if repeat.runs == 1 else f"{repeat.runs} runs"
            looked = " at several looks" if repeat.stop is Stop.DECIDED else ""
            yield Finding(
                "too-few-runs",
                Severity.HINT if repeat == Repeat() else Severity.WARNING,
                one.where,
                one.id,
                f"{quantile.name} can never hold in {runs}",
                f"to be {sure} sure of {quantile.name}{looked} takes {least}, "
                "none of them above its max",
                f"repeat: {{runs: {least}}}, a smaller quantile, or max alone for each value",
            )


def _least(quantile: QuantileMax, repeat: Repeat) -> int:
    """The least number of runs in which the quantile can hold; more if it is asked several times.

    Who asks several times has less doubt to spend each time, of which the last look, at all
    of the runs, has the most.
    """
    least = needed_above(quantile.share, quantile.confidence)
    if repeat.stop is not Stop.DECIDED:
        return least
    while True:
        at = looks(least, repeat.min_valid or 1)
        wanted = [needed_above(quantile.share, sure_of(quantile.confidence, x.share)) for x in at]
        if any(n <= look.n for n, look in zip(wanted, at, strict=True)):
            return least
        least += 1


def pairs_unused(context: Context) -> Iterator[Finding]:
    """Runs in pairs, and a test that knows none."""
    if not context.plan.repeat.paired:
        return
    for one in context.plan.expectations:
        against = one.against if isinstance(one, MetricExpected) else None
        if against is None or against.test is not SetTest.MANN_WHITNEY:
            continue
        yield Finding(
            "pairs-unused", Severity.HINT, one.where, one.id,
            "mann_whitney makes nothing of the pairs",
            "pair_with: baseline gives each run the draws of one of the baseline's; a test of "
            "pairs finds a smaller slowdown in as many runs",
            "test: wilcoxon, or no test:",
        )  # fmt: skip
