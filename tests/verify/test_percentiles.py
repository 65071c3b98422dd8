"""Quantiles over the runs of a plan: decided only with enough of them."""

from __future__ import annotations

import pytest

from chaos.statistics.observations import Observation
from chaos.statistics.quantiles import Bound
from chaos.verify.observed import Clusters, told, told_of
from chaos.verify.percentiles import QuantileMax, QuantilesExpected
from chaos.verify.verdict import Kind, Outcome

MS = 1_000_000
FAST, SLOW = Observation.exactly(300 * MS), Observation.exactly(1200 * MS)
NEVER = Observation(500 * MS, None)


def expected(**bounds: tuple[float, int]) -> QuantilesExpected:
    found = tuple(
        QuantileMax(name, Bound(share, maximum, 0.95)) for name, (share, maximum) in bounds.items()
    )
    return QuantilesExpected("quick", "p.yaml:9:5", "election.total", "ns", found)


P95 = {"p95": (0.95, 1000 * MS)}
JUDGED = {
    "enough below": (
        P95,
        [FAST] * 59,
        Outcome.HOLDS,
        "p95 is at most 1.000 s (95 % sure; seen 300.0",
    ),
    "one too few": (
        P95,
        [FAST] * 58,
        Outcome.UNKNOWN,
        "of 58 runs: p95 needs 59 runs to be 95 % sure, and there are 58",
    ),
    "some above": (
        P95,
        [FAST] * 70 + [SLOW] * 2,
        Outcome.UNKNOWN,
        "2 may be above; 124 runs with no more than that would do",
    ),
    "many above": (
        P95,
        [FAST] * 20 + [SLOW] * 5,
        Outcome.FAILS,
        "above 1.000 s (95 % sure; seen 1.2",
    ),
    "never ended, and none is known to be above": (
        P95,
        [FAST] * 20 + [NEVER] * 5,
        Outcome.UNKNOWN,
        "of 25 runs, 5 never ended: p95 is not 95 % sure",
    ),
    "a median with some that never ended": (
        {"p50": (0.5, 1000 * MS)},
        [FAST] * 12 + [NEVER] * 2,
        Outcome.HOLDS,
        "p50 is at most 1.000 s (95 % sure; seen 300.0 ms)",
    ),
    "one quantile holds and one is open": (
        {"p50": (0.5, 1000 * MS), **P95},
        [FAST] * 20,
        Outcome.UNKNOWN,
        "p50 is at most 1.000 s (95 % sure; seen 300.0 ms); p95 needs 59",
    ),
    "failing beats open": (
        {"p50": (0.5, 200 * MS), "p99": (0.99, 1000 * MS)},
        [FAST] * 20,
        Outcome.FAILS,
        "p99 needs 299",
    ),
    "nothing": (P95, [], Outcome.UNKNOWN, "never measured"),
}


@pytest.mark.parametrize(
    ("bounds", "values", "outcome", "words"), JUDGED.values(), ids=JUDGED.keys()
)
def test_a_quantile_is_judged_over_runs(
    bounds: dict[str, tuple[float, int]],
    values: list[Observation],
    outcome: Outcome,
    words: str,
) -> None:
    verdict = expected(**bounds).check([[value] for value in values])
    assert verdict.outcome is outcome, verdict.summary
    assert words in verdict.summary
    assert (verdict.kind, verdict.name, verdict.where) == (
        Kind.EXPECTATION,
        "quick",
        "p.yaml:9:5",
    )
    assert verdict.judged == len(values)


def test_a_run_is_one_value_however_many_elections_it_has() -> None:
    clusters = Clusters.of([[FAST, SLOW, SLOW], [FAST], []])
    assert clusters.sample.values == (SLOW, FAST)
    assert clusters.words() == "2 of 3 runs, the median of up to 3 values of each"
    verdict = expected(**P95).check([[FAST] * 60])
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.judged == 1


TOLD = {
    "count": ("count", 3, "3"),
    "short": ("ns", 12_300_000, "12.3 ms"),
    "long": ("ns", 1_234_000_000, "1.234 s"),
}


@pytest.mark.parametrize(("unit", "value", "words"), TOLD.values(), ids=TOLD.keys())
def test_a_value_has_its_unit(unit: str, value: int, words: str) -> None:
    assert told(unit, value) == words
    assert told_of(unit, Observation.exactly(value)) == words
    assert told_of(unit, Observation(value, None)) == f"more than {words}"
    assert told_of(unit, Observation(value, value + 5 * value)).startswith(f"{words} to ")
