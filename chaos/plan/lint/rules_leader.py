"""Who leads at two moments of a plan, and what a fault has surely made of it between them."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.actions import Launch
from chaos.faults.processes import Kill, Restart, Terminate
from chaos.faults.targets import Ambiguity, Group, Word
from chaos.faults.work import Workload
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.times import Moment
from chaos.plan.model import (
    Change,
    FaultStep,
    LeaderExpected,
    LeaderOutcome,
    NoLeaderOutcome,
    Otherwise,
    RoleExpected,
    SameLeaderExpected,
    Step,
    Wait,
)

Instant = tuple[Moment, int, int]  # from when, and how much later at the least and at the most


def never_same(context: Context) -> Iterator[Finding]:
    """The same leader before and after a fault that ends its process for good."""
    for one in context.plan.expectations:
        if not isinstance(one, SameLeaderExpected):
            continue
        first, second = _instant(context, one.first), _instant(context, one.second)
        if first is None or second is None:
            continue
        orders = ((one.first, first, second), (one.second, second, first))
        ends = (
            _ends(context, step, verb, order) for order in orders for step, verb in context.faults
        )
        for step in ends:
            if step is None:
                continue
            yield Finding(
                "never-same", Severity.ERROR, one.where, one.id,
                f"who leads at {one.first} never leads at {one.second}",
                f"{step.id} ends the leader's process between them, and nothing starts it again "
                "before the later one",
                f"restart: after and a short for at {step.id}, or expect a leader among others",
            )  # fmt: skip
            break


def _instant(context: Context, name: str) -> Instant | None:
    """When a step is done, or an expectation met; nothing of what is met at no one moment."""
    if name in context.steps:
        return (name, "done"), 0, 0
    other = next(one for one in context.plan.expectations if one.id == name)
    if not isinstance(other, LeaderExpected | RoleExpected):
        return None
    moment, plus = context.times.at(other.after)
    return moment, plus, plus + other.within_ns


def _ends(
    context: Context, step: Step, verb: FaultStep, order: tuple[str, Instant, Instant]
) -> Step | None:
    """The step, if by it who led at the earlier moment is surely down at the later one."""
    name, (first, least, most), (second, soonest, latest) = order
    times, began, done = context.times, (step.id, "began"), (step.id, "done")
    if name == step.id or not _of_leader(step, verb):
        return None
    if times.least(first, began) < most or times.least(done, second) + soonest < 0:
        return None
    if times.least(second, began) >= latest:
        return None  # at once or before: the later moment may be that at which it begins
    if context.times.may_be_left_out(step.id, second):
        return None
    back = isinstance(verb.fault, Kill | Terminate) and verb.fault.restart is Restart.AFTER
    if back and times.least(second, (step.id, "ended")) < latest:
        return None
    before, after = ((first, least), (began, 0)), ((done, 0), (second, latest))
    touched = any(
        times.perhaps(other, *before)
        for other, that in context.plan.faults
        if other != step.id and not isinstance(that.fault, Workload)
    )
    started = any(
        times.perhaps(other, *after)
        for other, that in context.plan.faults
        if other != step.id and Launch in that.fault.needs
    )
    changed = any(isinstance(other.verb, Change) for other in context.plan.every_step)
    return None if touched or started or changed else step


def _of_leader(step: Step, verb: FaultStep) -> bool:
    """Whether it ends the process of the one leader there is when its turn comes."""
    fault, target = verb.fault, Group(Word.LEADER, Ambiguity.FAIL)
    return isinstance(fault, Kill | Terminate) and verb.target == target and step.when is None


def never_leaderless(context: Context) -> Iterator[Finding]:
    """A wait until nobody leads, where nothing disturbs whom a wait before it has found leading."""
    for step in context.plan.every_step:
        verb = step.verb
        if not isinstance(verb, Wait) or step.when is not None:
            continue
        if verb.condition != NoLeaderOutcome() or verb.otherwise is not Otherwise.FAIL:
            continue
        leads = _found_leading(context, step)
        end = ((step.id, "began"), verb.within_ns)
        if leads is None or _disturbed(context, leads, end):
            continue
        yield Finding(
            "never-leaderless", Severity.WARNING, step.where, step.id,
            "somebody leads all the while",
            f"{leads.id} is done when a leader serves, and no fault comes between the two",
            "first a fault that takes the leader, or its quorum, away",
        )  # fmt: skip


def _found_leading(context: Context, step: Step) -> Step | None:
    """The last wait before a step that is done only if somebody leads."""
    times, found = context.times, None
    for other in context.plan.every_step:
        verb = other.verb
        if not isinstance(verb, Wait) or not isinstance(verb.condition, LeaderOutcome):
            continue
        if verb.otherwise is not Otherwise.FAIL or other.when is not None:
            continue
        if times.least((other.id, "done"), (step.id, "began")) >= 0:
            found = other
    return found


def _disturbed(context: Context, leads: Step, end: tuple[Moment, int]) -> bool:
    """Whether anything may end a leadership between a wait for it and a later moment."""
    times, done = context.times, (leads.id, "done")
    if any(isinstance(one.verb, Change) for one in context.plan.every_step):
        return True
    for name, verb in context.plan.faults:
        if isinstance(verb.fault, Workload) or not times.perhaps(name, (done, 0), end):
            continue
        dead = isinstance(verb.fault, Kill | Terminate) and verb.fault.instant
        if not dead or times.least((name, "done"), (leads.id, "began")) < 0:
            return True
    return False
