"""Every way in which a plan's draws can come out, as far as they are few enough to look at.

Who leads is not known before a run either: each voter that may lead is a way of its own. A
selector that this module does not know, or more than ``_MANY`` ways, leaves a plan undecided:
no finding then rests on who is hit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from chaos.election.ids import Sid
from chaos.ensemble import configuration_of
from chaos.faults.base import Directed
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.processes import Kill, Restart, Terminate
from chaos.faults.targets import Between, OneLink
from chaos.faults.work import Workload
from chaos.history.view import EnsembleView
from chaos.plan.lint.meanings import links, possible, set_of
from chaos.plan.lint.times import Times
from chaos.plan.lint.world import Deed, Peers, Undecided, World
from chaos.plan.model import (
    Change,
    Choice,
    FaultStep,
    LeaderOutcome,
    Plan,
    Random,
    Step,
    Wait,
)

_MANY: Final = 2500


def worlds(plan: Plan, times: Times) -> tuple[World, ...]:
    """All of them.

    Raises:
        Undecided: they are too many, or a selector is not known here.
    """
    first = configuration_of(plan.ensemble, lambda sid: f"peer-{sid}")
    zones = {one.sid: one.zone for one in plan.ensemble.peers if one.zone}
    everybody = replace(
        plan.ensemble, peers=tuple(replace(peer, member=True) for peer in plan.ensemble.peers)
    )
    places = configuration_of(everybody, lambda sid: f"peer-{sid}").members
    found: tuple[World, ...] = (World((("", first),), zones=zones, places=places),)
    for step in plan.every_step:
        after = (one for world in found for one in _after(world, step, plan.ensemble.sids, times))
        found = tuple(islice(after, _MANY + 1))
        if len(found) > _MANY:
            raise Undecided
    return found


# ---- one step


def _after(world: World, step: Step, sids: tuple[Sid, ...], times: Times) -> Iterator[World]:
    if world.empty:
        yield world
        return
    members = frozenset(sids)
    world = _active(world, step, times)
    for now in _bound(world, step, members):
        if now.empty:
            yield now
            continue
        match step.verb:
            case Wait() as wait:
                yield _waited(now, wait, members)
            case FaultStep() as fault:
                yield from _hit(now, step, fault, members)
            case Change() as change:
                yield _configured(now, step.id, change.fault)
            case Random(choices=choices, steps=()):
                yield _drawn(now, choices)
            case _:  # a probe asks, a note tells; what is drawn already comes as steps of its own
                yield now


def _configured(world: World, name: str, fault: BumpConfigVersion) -> World:
    """One more configuration; who led may not do so by it."""
    places = {**world.places, **world.config.members}
    configs = (*world.configs, (name, fault.changed(world.config, places)))
    return replace(world, configs=configs, leader=None, hint=None)


def _drawn(world: World, choices: tuple[Choice, ...]) -> World:
    """Faults that are not known before the run: they take away, and give nothing back.

    Raises:
        Undecided: one of them may start a peer that another step ended, or reconfigure.
    """
    for choice in choices:
        match choice.verb.fault:
            case Kill(restart=Restart.AFTER) | Terminate(restart=Restart.AFTER):
                raise Undecided
            case BumpConfigVersion():
                raise Undecided
            case _:
                pass
    return replace(world, random=True, leader=None, hint=None)


def _active(world: World, step: Step, times: Times) -> World:
    """Know which faults are surely on when ``step`` begins, and which may be."""
    began = (step.id, "began")
    on = frozenset(name for name in world.deeds if times.least(began, (name, "ended")) > 0)
    perhaps = frozenset(name for name in world.deeds if times.most(began, (name, "ended")) > 0)
    return replace(world, on=on, perhaps=perhaps - on)


def _bound(world: World, step: Step, members: Peers) -> Iterator[World]:
    """Whoever comes to an event of the protocol: any one of those who may."""
    if step.when is None:
        yield world
        return
    try:
        ways = list(possible(step.when.by, world, members))
    except Undecided:
        if step.when.bind is not None:
            raise
        ways = [(members, world)]
    if not any(peers for peers, _ in ways):
        yield replace(world, empty=step.id)
    elif step.when.bind is None:
        yield world
    else:
        for peers, after in ways:
            for sid in sorted(peers):
                names = {**after.names, step.when.bind: frozenset({sid})}
                yield replace(after, names=names)


def _waited(world: World, wait: Wait, members: Peers) -> World:
    if not isinstance(wait.condition, LeaderOutcome) or wait.condition.among is None:
        return world
    try:
        return replace(world, hint=set_of(wait.condition.among, world, members))
    except Undecided:
        return world


def _hit(world: World, step: Step, fault: FaultStep, members: Peers) -> Iterator[World]:
    if isinstance(fault.target, Between | OneLink):
        ways = list(links(fault.target, world, members))
        if not ways:
            yield replace(world, empty=step.id)
        for sources, towards, after in ways:
            yield _done(after, step.id, fault, sources, towards)
        return
    for targets, after in possible(fault.target, world, members):
        if targets:
            yield _done(after, step.id, fault, targets, frozenset())
        else:
            yield replace(after, empty=step.id)


def _done(world: World, name: str, step: FaultStep, targets: Peers, towards: Peers) -> World:
    fault = step.fault
    if towards and isinstance(fault, Directed):
        fault = fault.facing(tuple(sorted(towards)))
    view = EnsembleView(tuple(sorted(world.places)), world.config, known=dict(world.places))
    actions = tuple(fault.begin(tuple(sorted(targets)), view))
    deed = Deed(targets, actions)
    names = dict(world.names)
    if step.bind is not None:
        names[step.bind] = targets
    harmed = targets if not isinstance(fault, Workload) else frozenset[Sid]()
    shaken = world.leader in harmed or bool(deed.cuts)
    if isinstance(fault, BumpConfigVersion):
        world = _configured(world, name, fault)
        shaken = True
    return replace(
        world,
        deeds={**world.deeds, name: deed},
        names=names,
        leader=None if shaken else world.leader,
        hint=None if shaken or deed.stopped else world.hint,
    )
