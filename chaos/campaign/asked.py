"""What a plan asks of all its runs together: quantiles, and to be no slower than a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.campaign.baselines import RunSet, matching, open_sets
from chaos.campaign.compare import Compared, Question, compare_values, lacks_scipy
from chaos.campaign.run_set import counting, start_counts
from chaos.errors import HistoryError, PlanError
from chaos.plan.model import Against, Expectation, MetricExpected, Plan, SetTest, WhenUndecided
from chaos.plan.repeats import Repeat, Stop
from chaos.statistics.looks import sure_of
from chaos.statistics.quantiles import Bound
from chaos.statistics.rule import Rule, Word
from chaos.verify.observed import told_of
from chaos.verify.percentiles import QuantileMax, QuantilesExpected
from chaos.verify.verdict import Kind, Outcome, Verdict

Baselines = Mapping[str, tuple[RunSet, ...]]  # by the expectation's id

_UNDECIDED = {
    WhenUndecided.INCONCLUSIVE: Outcome.UNKNOWN,
    WhenUndecided.PASS: Outcome.HOLDS,
    WhenUndecided.FAIL: Outcome.FAILS,
}


def asks_of_sets(plan: Plan) -> bool:
    """Whether something in ``plan`` is asked of all its runs together."""
    return any(isinstance(one, MetricExpected) and one.of_sets for one in plan.expectations)


def baselines_of(plan: Plan, out: Path) -> Baselines:
    """The baselines that ``plan`` names, read before anything runs.

    Raises:
        PlanError: there is no such baseline, or nothing to compare it with.
    """
    found: dict[str, tuple[RunSet, ...]] = {}
    for one in plan.expectations:
        if isinstance(one, MetricExpected) and one.against is not None:
            if lacking := lacks_scipy():
                raise PlanError(f"{one.where}: {lacking}")
            try:
                found[one.id] = open_sets(one.against.baseline, out)
            except HistoryError as error:
                raise PlanError(f"{one.where}: {error}") from error
    return found


def without_baseline(plan: Plan) -> Plan:
    """``plan`` without what it asks of baselines, so that its runs can become one."""
    kept: list[Expectation] = []
    for one in plan.expectations:
        if isinstance(one, MetricExpected) and one.against is not None:
            if one.max is None and not one.quantiles:
                continue
            kept.append(replace(one, against=None))
        else:
            kept.append(one)
    alone = replace(plan, expectations=tuple(kept), repeat=replace(plan.repeat, paired=False))
    if asks_of_sets(alone) or alone.repeat.stop is not Stop.DECIDED:
        return alone
    return replace(alone, repeat=replace(alone.repeat, stop=Stop.NEVER))


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about all runs: of quantiles or, with ``against``, of a baseline."""

    one: MetricExpected
    against: Against | None = None

    def undecided(self) -> Asked:
        """The same where what decides nothing is no answer, whatever it comes to in the end."""
        if self.against is None:
            return self
        return Asked(self.one, replace(self.against, when_undecided=WhenUndecided.INCONCLUSIVE))

    def unknown(self, why: str, n: int) -> Verdict:
        """No answer, after ``n`` runs."""
        kind = Kind.EXPECTATION if self.against is None else Kind.REGRESSION
        return Verdict(self.one.id, kind, Outcome.UNKNOWN, why, (), n, str(self.one.where))


def questions(plan: Plan) -> tuple[Asked, ...]:
    """All that ``plan`` asks of its runs together, in its order."""
    found: list[Asked] = []
    for one in plan.expectations:
        if isinstance(one, MetricExpected):
            found += [Asked(one)] if one.quantiles else []
            found += [Asked(one, one.against)] if one.against is not None else []
    return tuple(found)


def seeds_of(
    plan: Plan, repeat: Repeat, system: str, baselines: Baselines
) -> tuple[int, ...] | None:
    """The seed of each run, where ``pair_with: baseline`` asks for those of the baseline's runs.

    Raises:
        PlanError: the baseline has no run for each of them to be paired with.
    """
    if not repeat.paired:
        return None
    for one in plan.expectations:
        if isinstance(one, MetricExpected) and one.against is not None:
            said = one.against.baseline
            try:
                found = matching(said, baselines[one.id], (plan.name, plan.cell, system))
            except HistoryError as error:
                raise PlanError(f"{one.where}: pair_with: baseline: {error}") from error
            seeds = found[0].seeds
            if len(seeds) < repeat.runs:
                short = f"{said} holds {len(seeds)} runs of {found[0].called} to pair with"
                raise PlanError(
                    f"{one.where}: pair_with: baseline: {short}, and {repeat.runs} are asked for; "
                    f"repeat: {{runs: {len(seeds)}}}, or a larger baseline"
                )
            return seeds[: repeat.runs]
    raise AssertionError("a plan that pairs its runs names a baseline")


def judge_set(plan: Plan, head: RunSet, baselines: Baselines) -> tuple[Verdict, ...]:
    """The verdicts on a set of runs of ``plan``, in the plan's order."""
    return tuple(answer(asked, head, baselines) for asked in questions(plan))


def answer(asked: Asked, head: RunSet, baselines: Baselines, share: float = 1.0) -> Verdict:
    """What a set of runs answers, if no more than ``share`` of the doubt may be spent on it."""
    one, against = asked.one, asked.against
    kept, left_out = counting(head.runs)
    if against is None:
        start = start_counts(kept, one.metric)
        values = [run.values(one.metric, one.of, one.since, start=start) for run in kept]
        return _with(_quantiles(one, share).check(values), left_out)
    spent = replace(against, alpha=against.alpha * share)
    return _with(_compared(one, spent, head, baselines[one.id]), left_out)


def _quantiles(one: MetricExpected, share: float) -> QuantilesExpected:
    bounds = tuple(
        QuantileMax(
            quantile.name,
            Bound(quantile.share, quantile.max, sure_of(quantile.confidence, share)),
        )
        for quantile in one.quantiles
    )
    return QuantilesExpected(one.id, str(one.where), one.metric, one.unit, bounds)


def _compared(
    one: MetricExpected, against: Against, head: RunSet, bases: Sequence[RunSet]
) -> Verdict:
    where = str(one.where)
    try:
        found = matching(against.baseline, bases, head.key)
    except HistoryError as error:
        return Asked(one, against).unknown(str(error), 0)
    base = next((base for base in found if base.fingerprint == head.fingerprint), found[0])
    rule = Rule(against.alpha, against.noise)
    asked = Question(one.metric, one.of, one.since, against.test is SetTest.WILCOXON)
    row = compare_values(base, head, asked, rule)
    outcome = _outcome(row, rule, against.when_undecided)
    why = f"{one.metric} against {against.baseline}: {sentence(row, rule)}"
    if base.plan_digest != head.plan_digest:
        why += "; the plan is not the same text"
    return Verdict(one.id, Kind.REGRESSION, outcome, why, (), row.second.n, where)


def _outcome(row: Compared, rule: Rule, undecided: WhenUndecided) -> Outcome:
    if row.word is Word.REGRESSED:
        return Outcome.FAILS
    if row.word in (Word.IMPROVED, Word.NO_CHANGE):
        return Outcome.HOLDS
    if row.shift is None:
        return Outcome.UNKNOWN
    return Outcome.HOLDS if rule.excludes_slowdown(row.shift) else _UNDECIDED[undecided]


def sentence(row: Compared, rule: Rule) -> str:
    """What a comparison came to, with its figures."""
    word = "shown" if row.word is None else row.word.value
    if row.shift is None:
        return f"{word}: {row.why}"
    shift = row.shift
    if row.word is Word.INCONCLUSIVE and rule.excludes_slowdown(shift):
        word = "no slower"
    medians = f"median {told_of('ns', row.first.median())} → {told_of('ns', row.second.median())}"
    found = (
        f"{word}: ×{shift.ratio:.3g} [{shift.low:.3g}, {shift.high:.3g}], p = {shift.p:.2g}, "
        f"{medians}, n = {row.first.n} + {row.second.n}"
    )
    if row.changed:
        found += f", {len(row.changed)} seeds changed"
    if word == Word.INCONCLUSIVE:
        found += f"; {needs(row)}"
    return found


def needs(row: Compared) -> str:
    """What would settle an open comparison."""
    if row.needed is not None:
        return f"about {row.needed} runs a side would settle it"
    if row.shift is not None and row.shift.low == 0:
        return "too few runs for an interval; 30 a side are a start"
    return "it lies too near the limit for any number of runs to settle"


def _with(verdict: Verdict, left_out: str) -> Verdict:
    if not left_out:
        return verdict
    return replace(verdict, summary=f"{verdict.summary}; {left_out}")
