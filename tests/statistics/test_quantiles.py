"""Bounds of quantiles: exact binomial, and so many values as they take."""

from __future__ import annotations

import random

import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.statistics.observations import Observation, Sample
from chaos.statistics.quantiles import (
    Bound,
    Standing,
    at_most,
    interval,
    needed_above,
    needed_between,
    rank_above,
    rank_below,
)

NEEDED = {0.5: (5, 6), 0.9: (29, 36), 0.95: (59, 72), 0.99: (299, 368), 0.999: (2995, 3688)}


@pytest.mark.parametrize(("share", "needed"), NEEDED.items(), ids=map(str, NEEDED))
def test_so_many_values_bound_a_quantile(share: float, needed: tuple[int, int]) -> None:
    assert (needed_above(share, 0.95), needed_between(share, 0.95)) == needed


@pytest.mark.parametrize("share", NEEDED, ids=str)
def test_one_value_fewer_bounds_nothing(share: float) -> None:
    needed = needed_above(share, 0.95)
    assert rank_above(needed, share, 0.95) == needed
    assert rank_above(needed - 1, share, 0.95) is None


@given(st.integers(0, 300), st.integers(1, 300), st.sampled_from([0.01, 0.05, 0.1, 0.5, 0.95]))
def test_sums_of_binomial_terms_are_scipys(k: int, n: int, share: float) -> None:
    assert at_most(k, n, share) == pytest.approx(float(scipy.stats.binom.cdf(k, n, share)))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 90), st.sampled_from([0.5, 0.9, 0.95]), st.sampled_from([0.5, 0.9, 0.99]))
def test_the_ranks_are_the_tightest_that_keep_the_confidence(
    n: int, share: float, confidence: float
) -> None:
    cdf = scipy.stats.binom.cdf
    above = [r for r in range(1, n + 1) if cdf(r - 1, n, share) >= confidence - 1e-9]
    below = [r for r in range(1, n + 1) if 1 - cdf(r - 1, n, share) >= confidence - 1e-9]
    assert rank_above(n, share, confidence) == min(above, default=None)
    assert rank_below(n, share, confidence) == max(below, default=None)


def test_intervals_cover_the_median_as_often_as_they_say() -> None:
    dice = random.Random(20_260_820)
    true = 1000
    covered = 0
    for _ in range(400):
        sample = Sample.of(int(true * dice.lognormvariate(0, 0.7)) for _ in range(20))
        found = interval(sample, 0.5, 0.95)
        assert found is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert 375 <= covered <= 397  # 95.9 % with 20 values, 383 of 400


STANDINGS = {  # p95 at most 100, 95 %
    "58 below are too few": (58, 0, 0, Standing.OPEN),
    "59 below do": (59, 0, 0, Standing.BELOW),
    "one above takes 93": (92, 1, 0, Standing.BELOW),
    "one above and too few": (91, 1, 0, Standing.OPEN),
    "one that never ended counts as above": (91, 0, 1, Standing.OPEN),
    "7 of 59 above": (52, 7, 0, Standing.ABOVE),
    "6 of 59 above are not sure": (53, 6, 0, Standing.OPEN),
    "what may yet be below is not surely above": (52, 6, 1, Standing.OPEN),
    "nothing": (0, 0, 0, Standing.OPEN),
}


@pytest.mark.parametrize(
    ("below", "above", "open_", "standing"), STANDINGS.values(), ids=STANDINGS.keys()
)
def test_a_quantile_is_judged_only_when_the_other_is_refuted(
    below: int, above: int, open_: int, standing: Standing
) -> None:
    ended = Sample.of([50] * below + [150] * above).values
    sample = Sample((*ended, *(Observation(50, None) for _ in range(open_))))
    assert Bound(0.95, 100, 0.95).standing(sample) is standing


@given(st.lists(st.integers(0, 200), min_size=1, max_size=80), st.sampled_from([0.5, 0.9, 0.95]))
def test_a_standing_is_what_the_order_statistic_says(values: list[int], share: float) -> None:
    sample = Sample.of(values)
    rank = rank_above(sample.n, share, 0.95)
    below = rank is not None and sample.ranked(rank).low <= 100
    assert (Bound(share, 100, 0.95).standing(sample) is Standing.BELOW) == below
    least = rank_below(sample.n, share, 0.95)
    above = least is not None and sample.ranked(least).low > 100
    assert (Bound(share, 100, 0.95).standing(sample) is Standing.ABOVE) == above


@pytest.mark.parametrize(("above", "needed"), [(0, 59), (1, 93), (2, 124)])
def test_what_it_would_take_counts_what_is_above_already(above: int, needed: int) -> None:
    sample = Sample.of([50] * 3 + [150] * above)
    assert Bound(0.95, 100, 0.95).needed(sample) == needed


def test_an_interval_ends_nowhere_if_what_never_ended_reaches_into_it() -> None:
    sample = Sample((*Sample.of(range(5)).values, Observation(9, None)))
    assert interval(sample, 0.5, 0.95) == Observation(0, None)
    assert interval(Sample.of(range(5)), 0.5, 0.95) is None
