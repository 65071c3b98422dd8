"""Waits and probes that ask of peers what they cannot be while they are asked."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.actions import Launch
from chaos.faults.counting import peers_words
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.targets import Name, Selector, Several, Sids
from chaos.faults.work import Workload
from chaos.plan.lint.context import Context, Window
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.meanings import set_of
from chaos.plan.lint.quorums import held
from chaos.plan.lint.world import Undecided, World
from chaos.plan.model import (
    Change,
    FaultStep,
    MetricExpected,
    Otherwise,
    Probe,
    RoleOutcome,
    Step,
    Wait,
)
from chaos.plan.ranges import highest

_OF_OBSERVERS = ("observing", "OBSERVERINFO")
_OF_THE_STOPPED = ("down", "paused")
_OF_RUNS = ("leader.absent", "leader.overlap", "epochs.started")


def asked_of_the_absent(context: Context) -> Iterator[Finding]:
    """A role, or an answer, of peers that are down or paused as long as it is asked for."""
    for step in context.plan.every_step:
        asked = _asked(step)
        if asked is None or not context.worlds:
            continue
        of, what = asked
        window = _window(step)
        if not _fixed(of) or _may_return(context, window):
            continue
        found = [_stopped(context, of, world, window) for world in context.worlds]
        if all(found):
            yield Finding(
                "role-of-the-absent", Severity.ERROR, step.where, step.id,
                f"they can never be {what}", found[0],
                "ask after the fault is over, or for what they are meanwhile",
            )  # fmt: skip


def _asked(step: Step) -> tuple[Selector, str] | None:
    """Whom a step needs to be something that nobody is who is stopped, and what."""
    if step.when is not None:
        return None
    match step.verb:
        case Wait(condition=RoleOutcome(role=role, of=of), otherwise=Otherwise.FAIL):
            return None if role in _OF_THE_STOPPED else (of, role)
        case Probe(question=None, otherwise=Otherwise.FAIL, of=of, role=role, reachable=reachable):
            if role in _OF_THE_STOPPED or (role is None and not reachable):
                return None
            return of, role or "reachable"
        case _:
            return None


def _window(step: Step) -> Window:
    assert isinstance(step.verb, Wait | Probe)
    hold = step.verb.hold_ns if isinstance(step.verb, Wait) else 0
    began = (step.id, "began")
    return (began, 0), (began, max(0, step.verb.within_ns - hold))


def _fixed(of: Selector) -> bool:
    """Whether it means the same peers at every moment of the run."""
    match of:
        case Sids() | Name():
            return True
        case Several(parts=parts):
            return all(_fixed(part) for part in parts)
        case _:
            return False


def _may_return(context: Context, window: Window) -> bool:
    """Whether some fault may start a peer until then, that another has ended."""
    return any(
        Launch in verb.fault.needs and context.times.perhaps(step.id, *window)
        for step, verb in context.faults
    ) or any(world.random for world in context.worlds)


def _stopped(
    context: Context, of: Selector, world: World, window: Window, *, every: bool = False
) -> str:
    """Which faults stop some or ``every`` one of them all the while; empty if none is known to."""
    try:
        asked = set_of(of, world, context.members)
    except Undecided:
        return ""
    now = held(context.plan, context.times, world, *window)
    gone = asked & now.stopped
    if every and gone != asked:
        return ""
    return f"{', '.join(now.faults)} stops {peers_words(gone)} during all of it" if gone else ""


def waits_for_the_absent(context: Context) -> Iterator[Finding]:
    """An event that only peers can come to who are stopped as long as it is waited for."""
    for step in context.plan.every_step:
        when = step.when
        if when is None or when.otherwise is not Otherwise.FAIL or not _fixed(when.by):
            continue
        turn = (step.id, "turn")
        window: Window = ((turn, 0), (turn, highest(when.within_ns)))
        if not context.worlds or _may_return(context, window):
            continue
        found = [_stopped(context, when.by, world, window, every=True) for world in context.worlds]
        if all(found):
            yield Finding(
                "never-comes", Severity.ERROR, step.where, step.id,
                "what it waits for never comes",
                found[0], "by: whoever is up, or a fault before it that ends meanwhile",
            )  # fmt: skip


def no_epoch_at_all(context: Context) -> Iterator[Finding]:
    """No epoch allowed where a leader has to serve, who needs one."""
    verbs = (step.verb for step in context.plan.every_step)
    if any(isinstance(v, Wait | Probe) and v.otherwise is Otherwise.SKIP for v in verbs):
        return  # perhaps nobody comes to ask for a leader
    hope = next(context.hopes, None)
    for one in context.plan.expectations:
        if hope is None or not isinstance(one, MetricExpected):
            continue
        if (one.metric, one.max, one.of, one.since) == ("epochs.started", 0, None, None):
            yield Finding(
                "too-few", Severity.ERROR, one.where, one.id,
                "no run keeps to 0 epochs",
                f"{hope.name} asks for a leader, and each leader starts an epoch",
                "max: 1, which the first leader needs",
            )  # fmt: skip


def never_measured(context: Context) -> Iterator[Finding]:
    """A metric of what it is never measured of."""
    for one in context.plan.expectations:
        if not isinstance(one, MetricExpected) or one.of is None:
            continue
        step = context.steps.get(one.of)
        of_peer = one.metric == "election.peer" or one.metric.startswith("activation.")
        of_fault = one.metric.startswith("election.") or one.metric == "rounds"
        if one.metric in _OF_RUNS:
            why, instead = "it is of the whole run", "no of, or from: the fault"
        elif of_peer and step is not None:
            why, instead = "it is of a peer", "of: its sid"
        elif of_fault and not of_peer and (step is None or not _has_election(step)):
            why, instead = "it is of the fault that an election came of", "of: a fault's step"
        else:
            continue
        yield Finding(
            "never-measured", Severity.ERROR, one.where, one.id,
            f"{one.metric} is never measured of {one.of}", why, instead,
        )  # fmt: skip


def _has_election(step: Step) -> bool:
    return isinstance(step.verb, FaultStep) and not isinstance(step.verb.fault, Workload)


def nobody_observes(context: Context) -> Iterator[Finding]:
    """An event of observers that a step waits for where there are none."""
    plan = context.plan
    changes = any(isinstance(one.verb, Change) for one in plan.every_step) or any(
        isinstance(verb.fault, BumpConfigVersion) for _, verb in plan.faults
    )
    if changes or not all(peer.votes and peer.member for peer in plan.ensemble.peers):
        return
    for step in plan.every_step:
        when = step.when
        if when is None or when.otherwise is not Otherwise.FAIL:
            continue
        if when.what in _OF_OBSERVERS:
            yield Finding(
                "never-comes", Severity.ERROR, step.where, step.id,
                "what it waits for never comes",
                f"{when.what} is of observers, and every peer votes",
                "a peer with role: observer, or another event",
            )  # fmt: skip
