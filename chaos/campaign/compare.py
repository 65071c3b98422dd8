"""Two sets of runs, metric by metric.

The unit is a run: a fresh cluster. Runs are paired by their seeds when that is asked for; every
other comparison is unpaired. Only gated metrics are judged, with Holm over all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

from chaos.campaign.baselines import RunSet, matching
from chaos.campaign.run_set import SetRun, counting, start_counts
from chaos.errors import HistoryError
from chaos.plan.model import After
from chaos.statistics.effects import Fences, Outlier, detectable, holm, spread
from chaos.statistics.observations import Observation, Sample
from chaos.statistics.rule import Rule, Word
from chaos.statistics.shifts import Shift, paired, unpaired

GATED: Final = ("election.total", "election.leaderless")
SCIPY: Final = (
    "pip install 'quorum-chaos[compare]' brings it, pip install -e '.[compare]' in a clone"
)
_LEFT_OUT: Final = ("election.peer",)  # of each peer: the table would drown


def lacks_scipy() -> str:
    """Why nothing can be compared here, and what brings it; empty if it can."""
    if find_spec("scipy") is not None:
        return ""
    return f"sets of runs are compared by SciPy, which is not here; {SCIPY}"


@dataclass(frozen=True, slots=True)
class Outlying:
    """A run whose value, ``least_ns`` at least, lies outside Tukey's fences. It is kept."""

    seed: int
    folder: str
    outlier: Outlier
    least_ns: int


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of two sets. ``word`` is None for a metric that is only shown.

    ``p`` is corrected for all gated rows. ``detectable`` is the least slowdown that so many
    runs show. ``changed`` has the seeds whose value is another, where runs are paired.
    """

    plan: str
    system: str
    metric: str
    of: str
    first: Sample
    second: Sample
    shift: Shift | None
    p: float | None
    word: Word | None
    why: str = ""
    cell: str = ""
    needed: int | None = None
    detectable: float | None = None
    changed: tuple[int, ...] = ()
    outliers: tuple[tuple[Outlying, ...], tuple[Outlying, ...]] = ((), ())  # of each set


@dataclass(frozen=True, slots=True)
class Question:
    """Which values are compared, and how."""

    metric: str
    of: str | None = None
    since: After | None = None
    pairs: bool = False
    start: bool = True  # whether the election after the start counts where ``of`` names none


def compare_values(base: RunSet, head: RunSet, asked: Question, rule: Rule) -> Compared:
    """Compare one metric, its p uncorrected."""
    before, _ = counting(base.runs)
    after, _ = counting(head.runs)
    asked = replace(asked, start=start_counts((*before, *after), asked.metric))
    first, second = _sample(before, asked), _sample(after, asked)
    row = Compared(
        head.plan, head.system, asked.metric, asked.of or "", first, second, None, None, None
    )
    row = replace(row, cell=head.cell, outliers=(_outliers(before, asked), _outliers(after, asked)))
    if differs := [
        key for key, value in head.fingerprint.items() if base.fingerprint.get(key, value) != value
    ]:
        words = (
            f"{key} {base.fingerprint[key]} there, {head.fingerprint[key]} here" for key in differs
        )
        return replace(row, word=Word.NOT_COMPARABLE, why="; ".join(words))
    if not first.values or not second.values:
        return replace(row, word=Word.INCONCLUSIVE, why=_missing(first, asked.metric))
    changed: tuple[int, ...] = ()
    if asked.pairs:
        pairs = _pairs(before, after, asked)
        if not pairs:
            why = "no run has the seed of a run of the baseline; paired tests need the same seeds"
            return replace(row, word=Word.INCONCLUSIVE, why=why)
        shift = paired([(one, other) for _, one, other in pairs], rule.alpha)
        changed = tuple(sorted(seed for seed, one, other in pairs if one != other))
    else:
        shift = unpaired(first, second, rule.alpha)
    noise = spread(first)
    n = min(first.n, second.n)
    return replace(
        row,
        shift=shift,
        p=shift.p,
        word=rule.word(shift, shift.p, first.median().low),
        needed=rule.needed(shift),
        detectable=None if noise is None else detectable(noise, n, rule.alpha),
        changed=changed,
    )


def compare_sets(
    bases: Sequence[RunSet],
    heads: Sequence[RunSet],
    rule: Rule,
    gated: Iterable[str] = GATED,
    *,
    pairs: bool = False,
) -> tuple[Compared, ...]:
    """Every duration that both sides measured, cell by cell; p and words after Holm.

    A cell that the first has no runs of is a row that says so; there is none if they share none.
    """
    rows: list[Compared] = []
    alone: list[Compared] = []
    for head in heads:
        try:
            found = matching("the first", bases, head.key)
        except HistoryError as error:
            alone.append(_alone(head, str(error)))
            continue
        for base in found:
            rows += [
                compare_values(base, head, Question(metric, of, pairs=pairs), rule)
                for metric, of in _metrics(base, head)
            ]
    return _corrected([*rows, *alone], frozenset(gated), rule) if rows else ()


def _alone(head: RunSet, why: str) -> Compared:
    """A set that there is nothing to compare with."""
    none = Sample(())
    word = Word.NOT_COMPARABLE
    return Compared(
        head.plan, head.system, "", "", none, none, None, None, word, why, cell=head.cell
    )


def _corrected(rows: list[Compared], gated: frozenset[str], rule: Rule) -> tuple[Compared, ...]:
    ps = {
        place: row.p for place, row in enumerate(rows) if row.metric in gated and row.p is not None
    }
    adjusted = holm(ps)
    found: list[Compared] = []
    for place, row in enumerate(rows):
        if row.metric not in gated:
            found.append(row if row.shift is None else replace(row, word=None, needed=None))
        elif row.shift is None or place not in adjusted:
            found.append(row)
        else:
            p = adjusted[place]
            word = rule.word(row.shift, p, row.first.median().low)
            found.append(replace(row, p=p, word=word))
    return tuple(found)


def _metrics(base: RunSet, head: RunSet) -> list[tuple[str, str]]:
    """The durations that both sides have, in the order in which they were measured."""
    there = {(one.name, one.of) for run in base.runs for one in run.observed}
    return list(
        dict.fromkeys(
            (one.name, one.of)
            for run in head.runs
            for one in run.observed
            if one.unit == "ns" and one.name not in _LEFT_OUT and (one.name, one.of) in there
        )
    )


def _sample(runs: Sequence[SetRun], asked: Question) -> Sample:
    return Sample(tuple(value for run in runs if (value := _value(run, asked)) is not None))


def _outliers(runs: Sequence[SetRun], asked: Question) -> tuple[Outlying, ...]:
    """The runs whose values lie outside the fences of all, in their order."""
    values = [(run, value.low) for run in runs if (value := _value(run, asked)) is not None]
    fences = Fences.of([value for _, value in values])
    if fences is None:
        return ()
    return tuple(
        Outlying(run.seed, run.folder, outlier, value)
        for run, value in values
        if (outlier := fences.outlier(value)) is not None
    )


def _value(run: SetRun, asked: Question) -> Observation | None:
    values = run.values(asked.metric, asked.of, asked.since, start=asked.start)
    return Sample(values).median() if values else None


def _pairs(
    before: Sequence[SetRun], after: Sequence[SetRun], asked: Question
) -> list[tuple[int, Observation, Observation]]:
    first, second = _by_seed(before, asked), _by_seed(after, asked)
    return [(seed, first[seed], value) for seed, value in second.items() if seed in first]


def _by_seed(runs: Sequence[SetRun], asked: Question) -> dict[int, Observation]:
    """The value of each seed; of several runs of one the first, which were else pairs of one."""
    found: dict[int, Observation] = {}
    for run in runs:
        value = _value(run, asked)
        if value is not None:
            found.setdefault(run.seed, value)
    return found


def _missing(first: Sample, metric: str) -> str:
    where = "these runs" if first.values else "the baseline"
    return f"{metric} was never measured in {where}"
