"""Samples: what is censored is counted, and stands above all that ended."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.statistics.observations import Observation, Sample, Step

VALUES = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    low = draw(st.integers(0, 100))
    more = draw(st.one_of(st.none(), st.integers(0, 20)))
    return Observation(low, None if more is None else low + more)


@given(VALUES)
def test_the_median_of_exact_values_is_the_usual_one(values: list[int]) -> None:
    median = Sample.of(values).median()
    assert median.low <= statistics.median(values) <= (median.high or 0) <= median.low + 1


@settings(max_examples=30)
@given(st.lists(observations(), min_size=1, max_size=20), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_lies_where_every_reading_of_the_sample_has_it(
    values: list[Observation], share: float
) -> None:
    lowest = Sample.of(one.low for one in values)
    highest = Sample.of(10_000 if one.high is None else one.high for one in values)
    found = Sample(tuple(values)).quantile(share)
    assert found.low == lowest.quantile(share).low
    assert (10_000 if found.high is None else found.high) == highest.quantile(share).high


CENSORED = {
    "under half": ((1, 2, 3), 2, Observation.exactly(3)),
    "half of an even number": ((1, 2), 2, Observation(6, None)),
    "most": ((1,), 2, Observation(10, None)),
}


@pytest.mark.parametrize(("ended", "open_", "median"), CENSORED.values(), ids=CENSORED.keys())
def test_a_median_has_an_upper_end_while_under_half_never_ended(
    ended: tuple[int, ...], open_: int, median: Observation
) -> None:
    sample = Sample((*Sample.of(ended).values, *(Observation(10, None) for _ in range(open_))))
    assert sample.censored == open_
    assert sample.n == len(ended) + open_
    assert sample.median() == median


def test_a_distribution_does_not_reach_one_if_something_never_ended() -> None:
    sample = Sample((Observation.exactly(1), Observation(2, 3), Observation(4, None)))
    assert sample.distribution() == (
        Step(1, 1 / 3, 1 / 3),
        Step(2, 1 / 3, 2 / 3),
        Step(3, 2 / 3, 2 / 3),
        Step(4, 2 / 3, 1.0),
    )


def test_an_empty_sample_has_no_middle() -> None:
    with pytest.raises(ValueError, match="no median"):
        Sample(()).median()
    with pytest.raises(ValueError, match="no quantiles"):
        Sample(()).quantile(0.5)
