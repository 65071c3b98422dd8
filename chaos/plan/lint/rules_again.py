"""Faults on processes that are in no state to bear them when they begin."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.actions import Launch
from chaos.faults.counting import peers_words
from chaos.faults.processes import Kill, Pause, Terminate
from chaos.faults.skews import SkewTimers
from chaos.faults.targets import Between, Sids
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.world import Peers, World
from chaos.plan.model import FaultStep, Step

_Ending = Kill | Terminate


def already_down(context: Context) -> Iterator[Finding]:
    """A process that is to be ended or stopped, and that an earlier step has ended."""
    for step, verb in context.faults:
        if verb.confirm and isinstance(verb.fault, _Ending | Pause):
            found = [_down(context, step, world) for world in context.worlds]
            what = "a target of it is down when it begins"
            yield from _told("already-down", step, what, found)


def twice_at_once(context: Context) -> Iterator[Finding]:
    """Two pauses, or two skews of timers, of one peer: the first that ends would end both."""
    for step, verb in context.faults:
        if isinstance(verb.fault, Pause | SkewTimers):
            found = [_same(context, step, verb, world) for world in context.worlds]
            what = "a target of it is held by another of its kind when it begins"
            yield from _told("twice-at-once", step, what, found)


def no_link(context: Context) -> Iterator[Finding]:
    """What goes from a peer to itself: nobody has such a link."""
    for step, verb in context.faults:
        match verb.target:
            case Between(Sids(one), Sids(other)) if verb.confirm and len({*one, *other}) == 1:
                yield Finding(
                    "no-link", Severity.ERROR, step.where, step.id,
                    f"peer {one[0]} has no link to itself",
                    "nothing goes there that could be met; such a run is inconclusive",
                    "to: all, or another peer",
                )  # fmt: skip
            case _:
                pass


def _told(rule: str, step: Step, what: str, found: list[str]) -> Iterator[Finding]:
    often = sum(map(bool, found))
    if not often:
        return
    always = often == len(found)
    draws = "" if always else f"in {often} of {len(found)} possible draws "
    yield Finding(
        rule, Severity.ERROR if always else Severity.WARNING, step.where, step.id, what,
        f"{draws}{next(filter(None, found))}; such a run is inconclusive",
        "other targets, or a fault before it that has an end, and this after that",
    )  # fmt: skip


def _down(context: Context, step: Step, world: World) -> str:
    """Which step has ended one of the targets of ``step``, if nobody may have started it since."""
    targets = world.deeds[step.id].targets
    if world.random:
        return ""
    for name, verb in _earlier(context, step):
        gone = targets & world.deeds[name].targets
        others = _others(context, gone, world, {name, step.id})
        returns = any(Launch in one.fault.needs for one in others)
        if isinstance(verb.fault, _Ending) and gone and not returns:
            return f"{name} has ended {peers_words(gone)}"
    return ""


def _same(context: Context, step: Step, verb: FaultStep, world: World) -> str:
    """Which step does the same to one of the targets, if nobody may have ended it since."""
    targets = world.deeds[step.id].targets
    for name, other in _earlier(context, step):
        both = targets & world.deeds[name].targets
        if not both or type(other.fault) is not type(verb.fault) or world.random:
            continue
        if not any(isinstance(one.fault, _Ending) for one in _others(context, both, world, set())):
            return f"{name} holds {peers_words(both)} then"
    return ""


def _earlier(context: Context, step: Step) -> Iterator[tuple[str, FaultStep]]:
    """The faults that are surely on when ``step`` begins; in one instant the plan has its order."""
    began = (step.id, "began")
    for other, verb in context.faults:
        if other.id == step.id:
            return
        before = context.times.least((other.id, "done"), began) >= 0
        on = context.times.least(began, (other.id, "ended")) > 0
        if before and on and not context.times.may_be_left_out(other.id, began):
            yield other.id, verb


def _others(context: Context, whom: Peers, world: World, but: set[str]) -> Iterator[FaultStep]:
    """The faults of the plan on any of ``whom``, but those."""
    for step, verb in context.faults:
        if step.id not in but and whom & world.deeds[step.id].targets:
            yield verb
