"""How many times slower one sample is than another: Hodges–Lehmann ratio, interval and test.

Two samples are compared by their logarithms, so a shift is a ratio. The interval is the set of
ratios that the test does not refute, found by asking the same test: test and interval cannot
contradict one another.

- Unpaired: Mann–Whitney U, two-sided, with the correction for ties. Beside it the probability
  that the second is slower, U/(mn), ties as one half.
- Paired: Wilcoxon's signed ranks of the log ratios. Pairs in which neither ended say nothing of
  an order and are left out of the ranks; :attr:`Shift.used` says how many were not.

What never ended is slower than all that did. Where that is not certain, because it was cut off
earlier than another took, or because a value is known between bounds only, both ends are tried,
and the answer is the widest interval and the largest p of them.

Sources: Mann and Whitney 1947; Wilcoxon 1945; Hodges and Lehmann 1963; Vargha and Delaney 2000.
SciPy does the tests; it is imported when one is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from statistics import median
from typing import Final

from chaos.statistics.observations import Observation, Sample

_EXACT_UNPAIRED: Final = 8  # values of the smaller side, as SciPy chooses
_EXACT_PAIRED: Final = 50
_GRID: Final = 2.0**40  # logarithms in whole parts of this: what is equal stays equal


@dataclass(frozen=True, slots=True)
class Shift:
    """The second sample is ``ratio`` times the first, between ``low`` and ``high``.

    ``p`` is of a ratio of 1. ``slower`` is the probability that one of the second is slower
    than one of the first. ``low`` 0 or ``high`` infinite: too few values for a bound. ``used``
    counts the values, or pairs, that said something.
    """

    p: float
    ratio: float
    low: float
    high: float
    slower: float
    used: int


def unpaired(first: Sample, second: Sample, alpha: float) -> Shift:
    """Compare two samples that have nothing in common.

    Raises:
        ValueError: one of them is empty.
    """
    if not first.values or not second.values:
        raise ValueError("a sample without values cannot be compared")
    top = _top((*first.values, *second.values))
    readings = {
        (
            tuple(_read(first.values, top, latest=one)),
            tuple(_read(second.values, top, latest=other)),
        )
        for one, other in product((False, True), repeat=2)
    }
    return _widest([_mann_whitney(a, b, alpha) for a, b in sorted(readings)])


def paired(pairs: Sequence[tuple[Observation, Observation]], alpha: float) -> Shift:
    """Compare each second with its own first.

    Raises:
        ValueError: there is no pair.
    """
    if not pairs:
        raise ValueError("without pairs there is nothing to compare")
    top = _top([one for pair in pairs for one in pair])
    firsts, seconds = [one for one, _ in pairs], [other for _, other in pairs]
    readings = {
        tuple(
            b - a
            for a, b in zip(
                _read(firsts, top, latest=one), _read(seconds, top, latest=other), strict=True
            )
            if math.isfinite(a) or math.isfinite(b)
        )
        for one, other in product((False, True), repeat=2)
    }
    return _widest([_wilcoxon(d, alpha) for d in sorted(readings)])


# ---- values


def _top(values: Iterable[Observation]) -> int:
    """The largest value that ended."""
    return max((one.high for one in values if one.high is not None), default=0)


def _read(values: Iterable[Observation], top: int, *, latest: bool) -> list[float]:
    """Logarithms, each value at its earliest or latest; at infinity what outlasts ``top``."""
    found: list[float] = []
    for one in values:
        endless = one.high is None and (latest or one.low >= top)
        value = one.high if latest and one.high is not None else one.low
        found.append(math.inf if endless else round(math.log(max(1, value)) * _GRID))
    return found


def _widest(shifts: Sequence[Shift]) -> Shift:
    """All readings in one, each part as its least favourable reading has it."""
    if len(shifts) == 1:
        return shifts[0]
    return Shift(
        max(one.p for one in shifts),
        median(one.ratio for one in shifts),
        min(one.low for one in shifts),
        max(one.high for one in shifts),
        median(one.slower for one in shifts),
        min(one.used for one in shifts),
    )


# ---- tests


def _mann_whitney(a: Sequence[float], b: Sequence[float], alpha: float) -> Shift:
    from scipy.stats import mannwhitneyu

    few = min(len(a), len(b)) <= _EXACT_UNPAIRED
    method = "exact" if few and len({*a, *b}) == len(a) + len(b) else "asymptotic"

    def p_of(shift: float) -> float:
        moved = [value - shift for value in b]
        return _sure(mannwhitneyu(a, moved, alternative="two-sided", method=method).pvalue)

    differences = sorted(y - x for x in a for y in b if math.isfinite(x) or math.isfinite(y))
    wins = sum(difference > 0 for difference in differences)
    ties = len(a) * len(b) - wins - sum(difference < 0 for difference in differences)
    slower = (wins + ties / 2) / (len(a) * len(b))
    test = _Test(p_of, alpha, method == "asymptotic")
    return test.inverted(differences, slower, min(len(a), len(b)))


def _wilcoxon(differences: Sequence[float], alpha: float) -> Shift:
    from scipy.stats import wilcoxon

    n = len(differences)
    sizes = {abs(one) for one in differences}
    distinct = len(sizes) == n and 0.0 not in sizes
    method = "exact" if n <= _EXACT_PAIRED and distinct else "asymptotic"

    def p_of(shift: float) -> float:
        moved = [one - shift for one in differences]
        if not any(moved):
            return 1.0
        return _sure(wilcoxon(moved, method=method).pvalue)

    averages = sorted(_walsh(differences))
    wins = sum(one > 0 for one in differences) + sum(one == 0 for one in differences) / 2
    test = _Test(p_of, alpha, method == "asymptotic")
    return test.inverted(averages, wins / n if n else 0.5, n)


def _walsh(differences: Sequence[float]) -> Iterable[float]:
    """The middle of each two differences, each with itself too; of two infinities there is none."""
    for place, one in enumerate(differences):
        for other in differences[place:]:
            if not (math.isinf(one) and one == -other):
                yield (one + other) / 2


def _sure(p: float) -> float:
    """A p value; 1 where all values are equal and the test has no answer."""
    return 1.0 if math.isnan(p) else float(p)


@dataclass(frozen=True, slots=True)
class _Test:
    """A test whose p of any shift can be asked for. ``tied``: it knows what to do with ties."""

    p_of: Callable[[float], float]
    alpha: float
    tied: bool

    def inverted(self, shifts: Sequence[float], slower: float, used: int) -> Shift:
        """The shifts that the test does not refute, from one of the sorted ``shifts`` to another.

        Between two neighbours of ``shifts`` no rank changes: p is asked for once in each gap,
        and at a neighbour itself, where values are equal, if the test can tell.
        """
        middle = median(shifts) if shifts else 0.0
        ends = sorted({one for one in shifts if math.isfinite(one)})
        if not ends:
            return self._endless(middle, slower, used)
        gaps = [
            ends[0] - _GRID,
            *((one + other) / 2 for one, other in pairwise(ends)),
            ends[-1] + _GRID,
        ]
        tried = sorted([*gaps, *ends]) if self.tied else gaps
        centre = min(max(middle, gaps[0]), gaps[-1])
        top = min(range(len(tried)), key=lambda place: abs(tried[place] - centre))
        first = _edge(lambda place: self.p_of(tried[place]) >= self.alpha, top, 0)
        last = _edge(lambda place: self.p_of(tried[place]) >= self.alpha, top, len(tried) - 1)
        low = max((one for one in ends if one <= tried[first]), default=-math.inf)
        high = min((one for one in ends if one >= tried[last]), default=math.inf)
        return Shift(self.p_of(0.0), _ratio(middle), _ratio(low), _ratio(high), slower, used)

    def _endless(self, middle: float, slower: float, used: int) -> Shift:
        """Of two of which none, or one alone, ever ended: no finite ratio is likelier."""
        p, ratio = self.p_of(0.0), _ratio(middle)
        low, high = (ratio, ratio) if p < self.alpha else (0.0, math.inf)
        return Shift(p, ratio, low, high, slower, used)


def _ratio(shift: float) -> float:
    """The ratio behind a difference of logarithms."""
    return math.inf if shift == math.inf else math.exp(shift / _GRID)


def _edge(kept: Callable[[int], bool], inside: int, outside: int) -> int:
    """The gap farthest from ``inside`` towards ``outside`` that is still kept."""
    if kept(outside):
        return outside
    while abs(outside - inside) > 1:
        between = (inside + outside) // 2
        if kept(between):
            inside = between
        else:
            outside = between
    return inside
