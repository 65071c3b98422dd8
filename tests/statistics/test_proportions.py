"""Shares of trials."""

from __future__ import annotations

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from chaos.statistics.proportions import Proportion, none_of


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilsons_interval_is_scipys(k: int, more: int, confidence: float) -> None:
    if k + more == 0:
        return
    theirs = scipy.stats.binomtest(k, k + more).proportion_ci(confidence, method="wilson")
    mine = Proportion(k, k + more).wilson(confidence)
    assert mine == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_newcombes_difference_is_the_papers() -> None:  # Newcombe 1998, table II, 56/70 and 48/80
    found = Proportion(48, 80).difference(Proportion(56, 70))
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_share_may_be_the_same_as_itself(k: int, more: int) -> None:
    one = Proportion(k, k + more)
    low, high = one.difference(one)
    assert low <= 0 <= high
    assert one.same_as(one) == pytest.approx(1.0)


def test_the_lady_tasting_tea_is_not_refuted() -> None:
    assert Proportion(1, 4).same_as(Proportion(3, 4)) == pytest.approx(0.4857, abs=5e-5)


@pytest.mark.parametrize(("n", "share"), [(0, 1.0), (1, 0.95), (30, 3 / 30), (300, 3 / 300)])
def test_no_failure_in_n_leaves_about_three_in_n(n: int, share: float) -> None:
    assert none_of(n) == pytest.approx(share, rel=0.05)
