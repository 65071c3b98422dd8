"""Looks at a sample that grows: together they answer falsely no more often than one may."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chaos.statistics.looks import Look, looks, sure_of
from chaos.statistics.observations import Sample
from chaos.statistics.quantiles import Bound, Standing

MAX = 100


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_the_looks_grow_end_with_all_runs_and_spend_the_whole_doubt(runs: int, least: int) -> None:
    found = looks(runs, least)
    assert [one.n for one in found] == sorted({one.n for one in found})
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert found[-1].n == runs
    assert all(one.n >= least for one in found[:-1])
    assert sum(one.share for one in found) == pytest.approx(1)


def test_each_look_spends_what_the_runs_since_the_last_one_allow() -> None:
    assert looks(200) == (
        Look(1, 25, 0.125),
        Look(2, 50, 0.125),
        Look(3, 100, 0.25),
        Look(4, 200, 0.5),
    )
    assert looks(200, 60) == (Look(1, 100, 0.5), Look(2, 200, 0.5))
    assert looks(1) == (Look(1, 1, 1.0),)


def answers(
    at: tuple[Look, ...], share: float, below: float, confidence: float
) -> dict[Standing, float]:
    """How likely each first answer is, exactly, where a value is at most MAX with ``below``."""
    found = dict.fromkeys(Standing, 0.0)
    living, before = {0: 1.0}, 0  # how likely so many are above, with no answer yet
    for look in at:
        for _ in range(look.n - before):
            grown: dict[int, float] = {}
            for above, chance in living.items():
                grown[above] = grown.get(above, 0.0) + chance * below
                grown[above + 1] = grown.get(above + 1, 0.0) + chance * (1 - below)
            living = grown
        before = look.n
        bound = Bound(share, MAX, sure_of(confidence, look.share))
        open_: dict[int, float] = {}
        for above, chance in living.items():
            sample = Sample.of([MAX] * (look.n - above) + [MAX + 1] * above)
            standing = bound.standing(sample)
            if standing is Standing.OPEN:
                open_[above] = chance
            else:
                found[standing] += chance
        living = open_
    found[Standing.OPEN] = sum(living.values())
    return found


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 70),
    st.sampled_from([0.5, 0.9, 0.95]),
    st.sampled_from([0.8, 0.95]),
    st.integers(1, 40),
)
@example(runs=70, share=0.5, confidence=0.95, least=1)
def test_a_quantile_is_answered_falsely_no_more_often_than_its_doubt(
    runs: int, share: float, confidence: float, least: int
) -> None:
    at = looks(runs, least)
    doubt = 1 - confidence + 1e-9
    # Exactly as many at or below as the quantile says: it is not above. A hair fewer: it is.
    found = answers(at, share, share, confidence)
    assert found[Standing.ABOVE] <= doubt
    assert answers(at, share, share - 1e-9, confidence)[Standing.BELOW] <= doubt
    assert sum(found.values()) == pytest.approx(1)


def test_looking_again_with_the_whole_doubt_each_time_answers_falsely_more_often() -> None:
    naive = tuple(Look(one.number, one.n, 1.0) for one in looks(200))
    assert answers(naive, 0.5, 0.5, 0.95)[Standing.BELOW] > 0.08
    assert answers(looks(200), 0.5, 0.5, 0.95)[Standing.BELOW] < 0.05


def test_what_is_far_from_its_bound_is_answered_at_an_early_look() -> None:
    assert answers(looks(200)[:2], 0.5, 0.95, 0.95)[Standing.BELOW] > 0.99
    assert answers(looks(200)[:1], 0.95, 0.5, 0.95)[Standing.ABOVE] > 0.99
