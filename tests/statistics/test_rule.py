"""From a shift to a word, and what it would take to settle it."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.statistics.effects import Fences, Outlier, detectable, holm, needed_for, spread
from chaos.statistics.observations import Observation, Sample
from chaos.statistics.rule import Rule, Word
from chaos.statistics.shifts import Shift, unpaired

BASE_NS = 200_000_000
RULE = Rule()

WORDS = {  # p, ratio, low, high
    "slower beyond the noise": (0.001, 1.2, 1.1, 1.3, Word.REGRESSED),
    "faster beyond the noise": (0.001, 0.8, 0.7, 0.9, Word.IMPROVED),
    "inside the noise": (0.4, 1.01, 0.97, 1.04, Word.NO_CHANGE),
    "inside the noise, however sure": (0.001, 1.03, 1.02, 1.04, Word.NO_CHANGE),
    "sure and too small": (0.001, 1.04, 1.01, 1.07, Word.INCONCLUSIVE),
    "large and unsure": (0.2, 1.2, 0.9, 1.5, Word.INCONCLUSIVE),
    "large, and not sure enough after Holm": (0.06, 1.2, 1.1, 1.3, Word.INCONCLUSIVE),
    "the interval reaches 1": (0.04, 1.2, 1.0, 1.4, Word.INCONCLUSIVE),
    "endlessly slower": (0.001, math.inf, math.inf, math.inf, Word.REGRESSED),
    "no bounds": (0.3, 2.0, 0.0, math.inf, Word.INCONCLUSIVE),
}


@pytest.mark.parametrize(("p", "ratio", "low", "high", "word"), WORDS.values(), ids=WORDS.keys())
def test_a_word_needs_p_interval_and_size(
    p: float, ratio: float, low: float, high: float, word: Word
) -> None:
    assert RULE.word(Shift(p, ratio, low, high, 0.5, 30), p, BASE_NS) is word


def test_a_shift_under_the_floor_is_none() -> None:
    shift = Shift(0.001, 1.2, 1.1, 1.3, 0.9, 30)
    assert RULE.word(shift, 0.001, 25_000_000) is Word.INCONCLUSIVE  # 5 ms, no more
    assert RULE.word(shift, 0.001, 26_000_000) is Word.REGRESSED


@given(st.floats(0.5, 2), st.floats(1.001, 1.5), st.floats(0, 1))
def test_the_other_way_round_a_regression_is_an_improvement(
    ratio: float, reach: float, p: float
) -> None:
    there = Shift(p, ratio, ratio / reach, ratio * reach, 0.5, 30)
    back = Shift(p, 1 / ratio, 1 / there.high, 1 / there.low, 0.5, 30)
    mirrored = {Word.REGRESSED: Word.IMPROVED, Word.IMPROVED: Word.REGRESSED}
    word = Rule(floor_ns=0).word(there, p, BASE_NS)
    assert Rule(floor_ns=0).word(back, p, BASE_NS) is mirrored.get(word, word)


NEEDED = {  # ratio, low, high, n: of 30
    "half as wide settles a regression": (1.2, 1 / 1.2, 1.2**3, 120),
    "a little more": (1.2, 1.0, 1.44, 31),
    "equality takes an interval within the noise": (1.0, 1 / 1.05**2, 1.05**2, 120),
    "at the edge of the noise nothing does": (1.0499, 0.9, 1.2, None),
    "no bounds yet": (1.2, 0.0, math.inf, None),
}


@pytest.mark.parametrize(("ratio", "low", "high", "n"), NEEDED.values(), ids=NEEDED.keys())
def test_what_is_open_says_how_many_values_would_settle_it(
    ratio: float, low: float, high: float, n: int | None
) -> None:
    assert RULE.needed(Shift(0.3, ratio, low, high, 0.5, 30)) == n


def test_identical_populations_are_called_a_regression_as_rarely_as_said() -> None:
    dice = random.Random(7)
    words = []
    for _ in range(20):
        a, b = (
            Sample.of(round(BASE_NS * dice.lognormvariate(0, 0.3)) for _ in range(20))
            for _ in range(2)
        )
        shift = unpaired(a, b, 0.05)
        words.append(RULE.word(shift, shift.p, BASE_NS))
    assert words.count(Word.REGRESSED) <= 2


# ---- effects


@given(st.dictionaries(st.integers(), st.floats(0, 1), max_size=8))
def test_holm_is_no_stricter_than_bonferroni_and_keeps_the_order(ps: dict[int, float]) -> None:
    adjusted = holm(ps)
    assert adjusted.keys() == ps.keys()
    for key, p in ps.items():
        assert p <= adjusted[key] <= min(1, p * len(ps)) + 1e-12
    ordered = sorted(ps, key=lambda key: ps[key])
    assert [adjusted[key] for key in ordered] == sorted(adjusted.values())


def test_holm_is_the_papers() -> None:  # Holm 1979: 0.01, 0.02, 0.03, 0.04 of four
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


def test_a_detectable_effect_is_the_formulas() -> None:
    by_hand = math.exp(2.8 * 0.18 * math.sqrt(2 / 30) * 1.02) - 1
    assert detectable(0.18, 30) == pytest.approx(by_hand, rel=0.005)
    assert detectable(1.0, 1_000_000) < 0.01


@given(st.floats(0.05, 1), st.floats(0.05, 1))
def test_so_many_values_detect_what_they_are_for(slowdown: float, spread_log: float) -> None:
    n = needed_for(slowdown, spread_log)
    assert detectable(spread_log, n) <= slowdown


def test_the_spread_of_logs_does_not_mind_a_few_that_never_ended() -> None:
    dice = random.Random(1)
    ended = [round(BASE_NS * dice.lognormvariate(0, 0.3)) for _ in range(200)]
    whole = spread(Sample.of(ended))
    open_ = tuple(Observation(BASE_NS * 10, None) for _ in range(10))
    cut = spread(Sample((*Sample.of(ended).values, *open_)))
    assert whole == pytest.approx(statistics.stdev(map(math.log, ended)))
    assert cut == pytest.approx(0.3, rel=0.35)
    assert spread(Sample((*Sample.of(ended[:20]).values, *open_))) is None
    assert spread(Sample.of([1])) is None


FENCES = {"inside": (9.0, None), "mild": (17.0, Outlier.MILD), "severe": (-40.0, Outlier.SEVERE)}


@pytest.mark.parametrize(("value", "outlier"), FENCES.values(), ids=FENCES.keys())
def test_tukeys_fences_class_what_lies_outside(value: float, outlier: Outlier | None) -> None:
    fences = Fences.of([float(one) for one in range(1, 10)])  # quartiles 3 and 7
    assert fences is not None
    assert fences.outlier(value) is outlier


def test_three_values_have_no_fences() -> None:
    assert Fences.of([1.0, 2.0, 3.0]) is None
