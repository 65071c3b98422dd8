"""Two samples: the interval is the test's own, and a reading of what is not exact."""

from __future__ import annotations

import math
import random
from functools import cache
from itertools import product

import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.statistics.observations import Observation, Sample
from chaos.statistics.shifts import paired, unpaired

ALPHA = 0.05
MS = 1_000_000
DISTINCT = st.lists(st.integers(1, 10_000), min_size=8, max_size=16, unique=True)


def _ns(*logs: float) -> Sample:
    """Values whose logarithms differ as ``logs`` do."""
    return Sample.of(round(1e15 * math.exp(one)) for one in logs)


# Hollander and Wolfe 1973, p. 69, permeability: U = 15, p = 0.2544 two-sided.
TERM = (0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
WEEKS = (1.15, 0.88, 0.90, 0.74, 1.21)
# The same, p. 29, depression: V = 40, p = 0.03906 two-sided, estimate 0.46.
BEFORE = (1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
AFTER = (0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)


def test_the_unpaired_test_is_the_textbooks() -> None:
    found = unpaired(_ns(*TERM), _ns(*WEEKS), ALPHA)
    assert found.p == pytest.approx(0.2544, abs=5e-5)
    assert found.slower == 15 / 50
    assert math.log(found.ratio) == pytest.approx(-0.305, abs=5e-7)


def test_the_paired_test_is_the_textbooks() -> None:
    pairs = list(zip(_ns(*AFTER).values, _ns(*BEFORE).values, strict=True))
    found = paired(pairs, ALPHA)
    assert found.p == pytest.approx(0.03906, abs=5e-6)
    assert math.log(found.ratio) == pytest.approx(0.46, abs=5e-7)
    assert math.log(found.low) == pytest.approx(0.010, abs=5e-7)  # R: 0.010, 0.786
    assert math.log(found.high) == pytest.approx(0.786, abs=5e-7)


@cache
def _arrangements(m: int, n: int, u: int) -> int:
    """In how many orders of m and n values so many pairs are won."""
    if u < 0:
        return 0
    if m == 0 or n == 0:
        return u == 0
    return _arrangements(m - 1, n, u - n) + _arrangements(m, n - 1, u)


@pytest.mark.parametrize(("m", "n"), [(5, 5), (6, 8), (8, 7)])
def test_a_small_interval_is_bauers_order_statistics(m: int, n: int) -> None:
    dice = random.Random(m * 10 + n)
    a, b = ([dice.gauss(0, 1) for _ in range(size)] for size in (m, n))
    total, below, rank = math.comb(m + n, m), 0, 0
    while (below := below + _arrangements(m, n, rank)) / total < ALPHA / 2:
        rank += 1
    differences = sorted(y - x for x, y in product(a, b))
    found = unpaired(_ns(*a), _ns(*b), ALPHA)
    assert math.log(found.low) == pytest.approx(differences[rank - 1], abs=1e-6)
    assert math.log(found.high) == pytest.approx(differences[-rank], abs=1e-6)


@given(DISTINCT, DISTINCT)
@settings(deadline=None, max_examples=15)
def test_a_test_and_its_interval_never_contradict_one_another(a: list[int], b: list[int]) -> None:
    odd, even = [2 * x + 1 for x in a], [2 * x for x in b]  # no value on both sides
    found = unpaired(Sample.of(odd), Sample.of(even), ALPHA)
    assert (found.p < ALPHA) == (not found.low <= 1 <= found.high)
    assert found.low <= found.ratio <= found.high


@given(st.lists(st.integers(1, 9), min_size=2, max_size=12), st.integers(2, 5))
@settings(deadline=None, max_examples=15)
def test_ties_are_corrected_for_as_scipy_does(a: list[int], times: int) -> None:
    b = [times * x for x in a]
    found = unpaired(Sample.of(a), Sample.of(b), ALPHA)
    if len(set(a + b)) == 1:
        assert found.p == 1.0
        return
    theirs = scipy.stats.mannwhitneyu(a, b, alternative="two-sided", method="asymptotic")
    if len(a) > 8 or len({*a, *b}) < len(a) + len(b):
        assert found.p == pytest.approx(float(theirs.pvalue))
    assert found.slower == pytest.approx(1 - float(theirs.statistic) / len(a) ** 2)


@given(DISTINCT, DISTINCT)
@settings(deadline=None, max_examples=10)
def test_the_other_way_round_the_ratio_is_the_inverse(a: list[int], b: list[int]) -> None:
    there, back = (unpaired(*two, ALPHA) for two in _both(Sample.of(a), Sample.of(b)))
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.low == pytest.approx(1 / back.high)
    assert there.slower == pytest.approx(1 - back.slower)
    assert there.p == pytest.approx(back.p)


def _both(a: Sample, b: Sample) -> tuple[tuple[Sample, Sample], tuple[Sample, Sample]]:
    return (a, b), (b, a)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    dice = random.Random(4)
    covered = 0
    for _ in range(25):
        a = [round(200 * MS * dice.lognormvariate(0, 0.3)) for _ in range(15)]
        b = [round(240 * MS * dice.lognormvariate(0, 0.3)) for _ in range(15)]
        found = unpaired(Sample.of(a), Sample.of(b), ALPHA)
        covered += found.low <= 1.2 <= found.high
    assert covered >= 22


# ---- what is not exact

ENDED = [100, 110, 120, 130, 140, 150, 160, 170, 180, 190]


def test_what_never_ended_is_slower_than_all_that_did() -> None:
    late = Sample((*Sample.of(ENDED[:5]).values, *(Observation(500, None) for _ in range(5))))
    found = unpaired(Sample.of(ENDED), late, ALPHA)
    as_if = unpaired(Sample.of(ENDED), Sample.of([*ENDED[:5], *[10**9] * 5]), ALPHA)
    assert found.p == pytest.approx(as_if.p)
    assert found.slower == as_if.slower
    assert found.high == math.inf


ENDLESS = {  # the interval when of ten of the second so many ended
    "none": (0, (math.inf, math.inf)),
    "one": (1, (10.0, math.inf)),
}


@pytest.mark.parametrize(("ended", "interval"), ENDLESS.values(), ids=ENDLESS.keys())
def test_where_most_never_ended_there_is_a_lower_end_only(
    ended: int, interval: tuple[float, float]
) -> None:
    open_ = tuple(Observation(1900, None) for _ in range(10 - ended))
    late = Sample((*Sample.of([1000] * ended).values, *open_))
    found = unpaired(Sample.of(ENDED), late, ALPHA)
    assert found.p < 0.001
    assert found.ratio == math.inf
    assert (found.low, found.high) == pytest.approx(interval)


@pytest.mark.parametrize("n", [1, 2])
def test_few_that_never_ended_bound_nothing(n: int) -> None:
    late = Sample(tuple(Observation(500, None) for _ in range(n)))
    found = unpaired(Sample.of(ENDED[:3]), late, ALPHA)
    assert (found.ratio, found.low, found.high) == (math.inf, 0.0, math.inf)


def test_two_that_never_ended_are_no_slower_than_one_another() -> None:
    late = Sample(tuple(Observation(500, None) for _ in range(10)))
    found = unpaired(late, late, ALPHA)
    assert (found.p, found.ratio, found.slower) == (1.0, 1.0, 0.5)


def test_what_is_cut_off_early_is_read_both_ways() -> None:
    cut = Sample((*Sample.of(ENDED[:8]).values, *(Observation(101, None) for _ in range(2))))
    found = unpaired(Sample.of(ENDED), cut, ALPHA)
    soon = unpaired(Sample.of(ENDED), Sample.of([*ENDED[:8], 101, 101]), ALPHA)
    never = unpaired(Sample.of(ENDED), Sample.of([*ENDED[:8], 10**9, 10**9]), ALPHA)
    assert found.p == max(soon.p, never.p)
    assert found.low == min(soon.low, never.low)
    assert found.high == max(soon.high, never.high)


def test_wide_observations_make_a_wide_interval() -> None:
    a, b = Sample.of(ENDED), Sample.of(2 * one for one in ENDED)
    wide = Sample(tuple(Observation(one.low - 60, (one.high or 0) + 60) for one in b.values))
    sharp, blurred = unpaired(a, b, ALPHA), unpaired(a, wide, ALPHA)
    assert blurred.low < sharp.low < sharp.high < blurred.high
    assert blurred.p > sharp.p


def test_pairs_in_which_neither_ended_are_counted_out() -> None:
    pairs = [
        (Observation.exactly(one), Observation.exactly(2 * one + place))
        for place, one in enumerate(ENDED)
    ]
    open_ = (Observation(500, None), Observation(500, None))
    with_open = paired([*pairs, open_], ALPHA)
    assert with_open == paired(pairs, ALPHA)
    assert with_open.used == 10


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_values_bound_nothing(n: int) -> None:
    found = unpaired(Sample.of(ENDED[:n]), Sample.of(10 * one for one in ENDED[:n]), ALPHA)
    assert (found.low, found.high) == (0.0, math.inf)
    assert found.ratio == pytest.approx(10, rel=0.2)


def test_equal_values_leave_nothing_open() -> None:
    found = unpaired(Sample.of([100] * 10), Sample.of([130] * 10), ALPHA)
    assert found.p < 0.001
    assert (found.low, found.ratio, found.high) == pytest.approx((1.3, 1.3, 1.3))


@given(st.lists(st.integers(1, 6), min_size=9, max_size=14), st.integers(0, 4))
@settings(deadline=None, max_examples=15)
def test_with_ties_too_a_test_and_its_interval_agree(a: list[int], more: int) -> None:
    found = unpaired(Sample.of(a), Sample.of([one + more for one in a]), ALPHA)
    if found.p < ALPHA:
        assert not found.low < 1 < found.high
    else:
        assert found.low <= 1 <= found.high


def test_equal_pairs_are_no_change() -> None:
    pairs = [(Observation.exactly(one), Observation.exactly(one)) for one in ENDED]
    found = paired(pairs, ALPHA)
    assert (found.p, found.slower) == (1.0, 0.5)
    assert (found.low, found.ratio, found.high) == (1.0, 1.0, 1.0)


def test_nothing_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        unpaired(Sample(()), Sample.of([1]), ALPHA)
    with pytest.raises(ValueError, match="without pairs"):
        paired([], ALPHA)
