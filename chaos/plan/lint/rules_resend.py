"""Too little time after a silent cut: who looks speaks ever more seldom meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.actions import Block, How
from chaos.faults.targets import Selector
from chaos.plan.amount_words import span
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.forecast import MS, silent
from chaos.plan.lint.meanings import set_of
from chaos.plan.lint.quorums import Held
from chaos.plan.lint.rules_time import half_seconds
from chaos.plan.lint.world import Peers, Undecided, World
from chaos.plan.model import (
    FaultStep,
    LeaderExpected,
    LeaderOutcome,
    Otherwise,
    RoleExpected,
    RoleOutcome,
    Step,
    Wait,
    Where,
)


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked for, and how much time it has once the fault is over."""

    where: Where
    about: str
    rest_ns: int
    fault: str
    silence_ns: int


def resend_trap(context: Context) -> Iterator[Finding]:
    """Expectations and waits with less time than may go by before somebody speaks again."""
    timings = context.plan.ensemble.timings
    for ask in (*_expected(context), *_awaited(context)):
        longest = min(timings.notification_ms_max * MS, ask.silence_ns)
        if ask.rest_ns >= longest:
            continue
        yield Finding(
            "resend-trap", Severity.WARNING, ask.where, ask.about,
            f"{span(ask.rest_ns)} may be too short after a silent cut",
            f"peers that look double the time between their notifications from "
            f"{timings.notification_ms_min}ms up to {timings.notification_ms_max}ms; after "
            f"{span(ask.silence_ns)} of silence the next may be {span(longest)} away",
            f"within: {half_seconds(longest + 2_000_000_000)}, or timings: {{notification: "
            "{first: 200ms, max: 1s}}",
        )  # fmt: skip


def _expected(context: Context) -> Iterator[_Ask]:
    for one in context.plan.expectations:
        if not isinstance(one, LeaderExpected | RoleExpected) or one.after is None:
            continue
        step = context.steps[one.after.step]
        verb = step.verb
        moment, plus = context.times.at(one.after)
        if not isinstance(verb, FaultStep) or moment != (step.id, "ended") or plus:
            continue
        if verb.for_ns is not None and _silent(context, step.id):
            yield _Ask(one.where, one.id, one.within_ns + one.hold_ns, step.id, verb.for_ns)


def _awaited(context: Context) -> Iterator[_Ask]:
    """Waits that begin when the cut has been noticed, and not after its end."""
    for step in context.plan.every_step:
        wait = step.verb
        if not isinstance(wait, Wait) or step.when is not None:
            continue
        if wait.otherwise is not Otherwise.FAIL:
            continue
        for fault, verb in context.faults:
            if verb.for_ns is None or not _noticed(context, fault, step):
                continue
            gap = context.times.most((fault.id, "ended"), (step.id, "began"))
            rest = wait.within_ns + gap
            if gap > 0 or rest <= 0 or not _silent(context, fault.id):
                continue
            if all(_cut_off(context, world, fault.id, wait) for world in context.worlds):
                yield _Ask(step.where, step.id, int(rest), fault.id, verb.for_ns)


def _noticed(context: Context, fault: Step, wait: Step) -> bool:
    """Whether who is cut off surely looks when the wait begins."""
    apart = context.times.least((fault.id, "done"), (wait.id, "began"))
    sure = not context.times.may_be_left_out(fault.id, (wait.id, "began"))
    return sure and apart >= silent(context.plan).most_ns


def _cut_off(context: Context, world: World, fault: str, wait: Wait) -> bool:
    """Whether the fault keeps some whom the wait needs from all who may lead.

    Where nobody can lead all look, and any of them that speaks is heard by the others.
    """
    if len(world.configs) > 1 or world.random:
        return False
    deed, voters = world.deeds[fault], world.config.voters
    now = Held(deed.stopped, deed.cuts, ((world.config.verifier,),), (fault,))
    able = now.able(voters)
    if not able:
        return False
    apart = frozenset(
        sid for sid in world.config.members if sid not in now.stopped
        and not now.reach(sid, able | {sid}) & able
    )  # fmt: skip
    match wait.condition:
        case LeaderOutcome(seen_by=seen_by):
            return seen_by == "all" and bool(apart)
        case RoleOutcome(role="leader" | "follower" | "observer", of=of):
            return bool(_meant(context, of, world) & apart)
        case _:
            return False


def _meant(context: Context, of: Selector, world: World) -> Peers:
    try:
        return set_of(of, world, context.members)
    except Undecided:
        return frozenset()


def _silent(context: Context, name: str) -> bool:
    """Whether the fault drops packets so that nobody is told."""
    return bool(context.worlds) and all(
        any(isinstance(one, Block) and one.how is How.SILENT for one in world.deeds[name].actions)
        and bool(world.deeds[name].cuts)
        for world in context.worlds
    )
