"""A plan as a numbered tree: what each step does, when, to whom, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from chaos.election.ids import Sid
from chaos.faults.counting import peers_words
from chaos.plan.amount_words import span
from chaos.plan.lint.context import Context
from chaos.plan.lint.forecast import MS, Forecast, first_election, forecasts
from chaos.plan.lint.times import ZERO, Bound, Moment, Times
from chaos.plan.model import (
    After,
    Elapsed,
    Expectation,
    FaultStep,
    LeaderExpected,
    MetricExpected,
    NoLeaderExpected,
    Parallel,
    Plan,
    RoleExpected,
    SameLeaderExpected,
    Step,
    Wait,
)
from chaos.plan.words import moment, sentence, whom

_SETS_MAX = 6  # target sets that are listed


@dataclass(frozen=True, slots=True)
class Branch:
    """One step. ``number`` is its place: 3.1 is the first step inside the third.

    Times are since time zero; ``begins_most_ns`` is ``None`` where nothing bounds it. ``sets``
    holds every set of peers that it may hit, none if they are too many to tell.
    """

    number: str
    depth: int
    step: str
    sentence: str
    why: str
    begins_least_ns: int
    begins_most_ns: int | None
    sets: tuple[tuple[Sid, ...], ...]
    forecast: Forecast | None
    expects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole plan: the first election, the steps, and what hangs on no step of its own."""

    branches: tuple[Branch, ...]
    first: Forecast
    expects: tuple[str, ...]  # those counted from time zero
    least_ns: int  # of the whole run
    likely_ns: int  # the longest if no wait runs out and every election keeps its band
    most_ns: int


def numbers(steps: tuple[Step, ...], before: str = "") -> Iterator[tuple[str, int, Step]]:
    """Every step with its number and depth, in the order of the text."""
    for place, step in enumerate(steps, 1):
        number = f"{before}{place}"
        yield number, before.count("."), step
        yield from numbers(step.nested, f"{number}.")


def numbers_of(depths: Iterable[int]) -> Iterator[str]:
    """The same numbers, of steps of which only the depths are known."""
    counts: list[int] = []
    for depth in depths:
        counts = [*counts[:depth], (counts[depth] if depth < len(counts) else 0) + 1]
        yield ".".join(map(str, counts))


def outline(plan: Plan) -> Outline:
    """What the plan will do, as far as its text decides it."""
    context = Context(plan)
    told = {one.of: one for one in forecasts(context)}
    hanging: dict[str, list[str]] = {}
    for one in plan.expectations:
        hanging.setdefault(_hook(one), []).append(f"{one.id}: {expected(one)}")
    branches = tuple(
        _branch(context, numbered, told, tuple(hanging.get(numbered[2].id, ())))
        for numbered in numbers(plan.steps)
    )
    least, most = _length(plan, context.times)
    likely = _length(plan, Times(_prompt(plan, told)))[1]
    return Outline(
        branches,
        first_election(plan),
        tuple(hanging.get("", ())),
        int(least),
        int(min(likely, plan.run_timeout_ns)),
        int(min(most, plan.run_timeout_ns)),
    )


def _branch(
    context: Context,
    numbered: tuple[str, int, Step],
    told: dict[str, Forecast],
    expects: tuple[str, ...],
) -> Branch:
    number, depth, step = numbered
    began: Moment = (step.id, "began")
    latest = context.times.most(ZERO, began)
    sets: set[tuple[Sid, ...]] = set()
    if isinstance(step.verb, FaultStep):
        sets = {tuple(sorted(one.deeds[step.id].targets)) for one in context.worlds}
    return Branch(
        number,
        depth,
        step.id,
        sentence(step),
        step.why,
        max(0, int(context.times.least(ZERO, began))),
        None if latest == inf else int(latest),
        tuple(sorted(sets)),
        told.get(step.id),
        expects,
    )


def _length(plan: Plan, times: Times) -> tuple[Bound, Bound]:
    """The least and the most that the run can take: its steps, its faults, its expectations."""
    least: Bound = 0
    most: Bound = 0
    for step in plan.every_step:
        least = max(least, times.least(ZERO, (step.id, "done")))
        most = max(most, times.most(ZERO, (step.id, "done")))
        if isinstance(step.verb, FaultStep) and not step.verb.fault.instant:
            least = max(least, times.least(ZERO, (step.id, "ended")))
            most = max(most, times.most(ZERO, (step.id, "ended")))
    for one in plan.expectations:
        if isinstance(one, LeaderExpected | RoleExpected):
            at, plus = times.at(one.after)
            most = max(most, times.most(ZERO, at) + plus + one.within_ns + one.hold_ns)
    return max(least, 0), most


def _prompt(plan: Plan, told: dict[str, Forecast]) -> Plan:
    """The plan with waits that last no longer than an election, and what joining it takes."""
    timings = plan.ensemble.timings
    slowest = max(one.total.most_ns for one in told.values())
    join = (timings.init_ms + timings.sync_ms) * MS
    return replace(
        plan, steps=tuple(_quick(step, slowest + join) for step in plan.steps), expectations=()
    )


def _quick(step: Step, most_ns: int) -> Step:
    verb = step.verb
    if isinstance(verb, Parallel):
        return replace(step, verb=Parallel(tuple(_quick(one, most_ns) for one in verb.steps)))
    if isinstance(verb, Wait) and not isinstance(verb.condition, Elapsed):
        return replace(step, verb=replace(verb, within_ns=min(verb.within_ns, most_ns)))
    return step


def _hook(one: Expectation) -> str:
    """The step that an expectation hangs on; empty for time zero and for whole runs."""
    match one:
        case LeaderExpected(after=After(step=step)) | RoleExpected(after=After(step=step)):
            return step
        case NoLeaderExpected():
            return one.since.step
        case MetricExpected(of=str(of)) if not of.startswith("peer "):
            return of
        case SameLeaderExpected():
            return one.second
        case _:
            return ""


def expected(one: Expectation) -> str:
    """What an expectation asks for, in words."""
    match one:
        case LeaderExpected():
            who = "a leader" if one.among is None else f"a leader among {whom(one.among)}"
            return f"{who}{_within(one)}"
        case RoleExpected():
            return f"{whom(one.of)}: {one.role}{_within(one)}"
        case NoLeaderExpected():
            who = "" if one.among is None else f" among {whom(one.among)}"
            return f"no leader{who} from {moment(one.since)} to {moment(one.until)}"
        case SameLeaderExpected():
            return f"the leader at {one.second} is that at {one.first}"
        case MetricExpected():
            return f"{one.metric} is bounded"
        case _:
            return type(one).__name__


def _within(one: LeaderExpected | RoleExpected) -> str:
    since = "" if one.after is None else f" from {moment(one.after)}"
    hold = f", then for {span(one.hold_ns)} on end" if one.hold_ns else ""
    return f" within {span(one.within_ns)}{since}{hold}"


def hits(sets: tuple[tuple[Sid, ...], ...]) -> str:
    """``peer 1, or peer 2, or 3 more``."""
    if not sets:
        return "decided in the run"
    shown = [peers_words(one) for one in sets[:_SETS_MAX]]
    more = len(sets) - len(shown)
    return " or ".join([*shown, *([f"{more} other sets"] if more else [])])
