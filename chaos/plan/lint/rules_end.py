"""What comes after the run's time is up, or never within it."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from chaos.plan.amount_words import span
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.times import ZERO, Bound
from chaos.plan.model import (
    Expectation,
    LeaderExpected,
    NoLeaderExpected,
    Random,
    RoleExpected,
    Step,
    Wait,
)

_SECOND = 1_000_000_000


def outlives_run(context: Context) -> Iterator[Finding]:
    """What surely comes after the run's time is up."""
    timeout = context.plan.run_timeout_ns
    for step in context.plan.every_step:
        begins = context.times.least(ZERO, (step.id, "began"))
        ends = _ends(context, step)
        late = begins >= timeout
        if not late and not (timeout < ends < inf):
            continue
        after = begins if late else ends
        yield Finding(
            "outlives-run", _severity(context, step), step.where, step.id,
            "the run is over before it begins" if late else "the run is over before it ends",
            f"that is {span(int(after))} after time zero at the earliest, and run_timeout is "
            f"{span(timeout)}",
            f"limits: {{run_timeout: {_with_some_room(after)}}}, or less time",
        )  # fmt: skip


def _ends(context: Context, step: Step) -> Bound:
    """When a step is over at the earliest: a fault when it ends, a wait when it is satisfied."""
    moment = "done" if isinstance(step.verb, Wait) else "ended"
    return context.times.least(ZERO, (step.id, moment))


def _severity(context: Context, step: Step) -> Severity:
    """A warning where the step may be left out."""
    left_out = context.times.may_be_left_out(step.id, ZERO)
    return Severity.WARNING if left_out else Severity.ERROR


def noise_outlives_run(context: Context) -> Iterator[Finding]:
    """Faults by lot that come, or end, after the run's time is up."""
    timeout = context.plan.run_timeout_ns
    for step in context.plan.every_step:
        drawn = step.verb
        if not isinstance(drawn, Random) or drawn.steps:
            continue
        begins = context.times.least(ZERO, (step.id, "began"))
        last = begins + drawn.count * drawn.every_ns
        if begins >= timeout:
            continue  # told of the step itself
        shortest = min(one.verb.for_ns or 0 for one in drawn.choices)
        if last + shortest > timeout:
            yield _late(
                context, step, "the run is over before its last fault is",
                f"{drawn.count} times {span(drawn.every_ns)}, the last for {span(shortest)}: "
                f"{span(int(last + shortest))} after time zero at the earliest",
                last + shortest,
            )  # fmt: skip
            continue
        for one in drawn.choices:
            over = begins + drawn.every_ns + (one.verb.for_ns or 0)
            if over > timeout:
                yield Finding(
                    "outlives-run", Severity.WARNING, one.where, step.id,
                    f"the run is over before this {one.verb.kind} is, if it is drawn",
                    f"it lasts {span(one.verb.for_ns or 0)}, and run_timeout is {span(timeout)}",
                    f"limits: {{run_timeout: {_with_some_room(over)}}}, or a shorter for",
                )  # fmt: skip


def _late(context: Context, step: Step, what: str, why: str, after: Bound) -> Finding:
    why += f", and run_timeout is {span(context.plan.run_timeout_ns)}"
    instead = f"limits: {{run_timeout: {_with_some_room(after)}}}, or less time"
    return Finding(
        "outlives-run", _severity(context, step), step.where, step.id, what, why, instead
    )


def judged_too_late(context: Context) -> Iterator[Finding]:
    """Expectations that no run is long enough for: they are never decided."""
    timeout = context.plan.run_timeout_ns
    for one in context.plan.expectations:
        least = _decided(context, one)
        if not timeout < least < inf:
            continue
        yield Finding(
            "outlives-run", Severity.ERROR, one.where, one.id,
            "the run is over before it can hold",
            f"that is {span(int(least))} after time zero at the earliest, and run_timeout is "
            f"{span(timeout)}",
            f"limits: {{run_timeout: {_with_some_room(least)}}}, or less time",
        )  # fmt: skip


def _decided(context: Context, one: Expectation) -> Bound:
    """The earliest moment at which it can hold."""
    times = context.times
    match one:
        case LeaderExpected() | RoleExpected():
            moment, plus = times.at(one.after)
            return times.least(ZERO, moment) + plus + one.hold_ns
        case NoLeaderExpected():
            moment, plus = times.at(one.until)
            return times.least(ZERO, moment) + plus
        case _:
            return 0


def _with_some_room(after: Bound) -> str:
    """A run's time that is enough: whole seconds, ten of them to spare."""
    return span((-(-int(after) // _SECOND) + 10) * _SECOND)
