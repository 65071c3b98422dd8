"""Every way in which a plan's draws can come out, as far as they are few enough to look at.

Who leads is not known before a run either: each voter that may lead is a way of its own. A
selector that this module does not know, or more than ``_MANY`` ways, leaves a plan undecided:
no finding then rests on who is hit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from typing import Final

from chaos import actions as act
from chaos.actions import Action
from chaos.election.config import Configuration
from chaos.election.ids import Sid
from chaos.election.quorum import QuorumVerifier
from chaos.ensemble import configuration_of
from chaos.faults.base import Directed
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.targets import Between, Group, Name, Pick, Selector, Several, Sids, Word
from chaos.faults.work import Workload
from chaos.history.view import EnsembleView
from chaos.plan.lint.times import Times
from chaos.plan.model import FaultStep, LeaderOutcome, Note, Parallel, Plan, Release, Step, Wait

_MANY: Final = 2500
_KNOWN: Final = (FaultStep, Note, Parallel, Release, Wait)
Peers = frozenset[Sid]


class Undecided(Exception):  # noqa: N818 - no mistake of the plan
    """Who is hit cannot be said before the run."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a fault's step does in one world."""

    targets: Peers
    actions: tuple[Action, ...]

    @property
    def stopped(self) -> Peers:
        """Who is down or paused by it."""
        return frozenset(
            one.sid for one in self.actions if isinstance(one, act.Kill | act.Terminate | act.Pause)
        )

    @property
    def cuts(self) -> frozenset[tuple[Sid, Sid]]:
        """The directed links that it cuts."""
        blocks = (one for one in self.actions if isinstance(one, act.Block))
        return frozenset(
            (cut.source, cut.target)
            for block in blocks
            for cut in block.cuts
            if isinstance(cut, act.Cut)
        )


@dataclass(frozen=True, slots=True)
class World:
    """One way: whom each step hits, which configurations there can be, who leads at its end."""

    configs: tuple[tuple[str, Configuration], ...]  # the step that brings each; "" the first
    deeds: Mapping[str, Deed] = field(default_factory=dict)
    names: Mapping[str, Peers] = field(default_factory=dict)
    leader: Sid | None = None
    hint: Peers | None = None  # who can lead, by the last wait
    on: frozenset[str] = frozenset()  # the faults that are surely in effect
    empty: str = ""  # the step whose target means nobody here

    @property
    def config(self) -> Configuration:
        """The newest configuration."""
        return self.configs[-1][1]


def worlds(plan: Plan, times: Times) -> tuple[World, ...]:
    """All of them.

    Raises:
        Undecided: they are too many, or a selector is not known here.
    """
    first = configuration_of(plan.ensemble, lambda sid: f"peer-{sid}")
    found: tuple[World, ...] = (World((("", first),)),)
    for step in plan.every_step:
        if not isinstance(step.verb, _KNOWN):
            raise Undecided
        after = (one for world in found for one in _after(world, step, plan.ensemble.sids, times))
        found = tuple(islice(after, _MANY + 1))
        if len(found) > _MANY:
            raise Undecided
    return found


def possible(selector: Selector, world: World, members: Peers) -> Iterator[tuple[Peers, World]]:
    """Whom a selector can mean in ``world``, each with what it makes known of it.

    Raises:
        Undecided: this module does not know the selector.
    """
    match selector:
        case Group(word=Word.LEADER | Word.FOLLOWERS):
            yield from _led(selector.word, world)
        case Group():
            for group in _group(selector.word, world.config, members):
                yield group, world
        case Sids():
            yield frozenset(selector.sids), world
        case Name():
            if selector.name not in world.names:
                raise Undecided
            yield world.names[selector.name], world
        case Several():
            yield from _several(selector.parts, world, members)
        case Between():
            yield from possible(selector.source, world, members)
        case Pick():  # whoever runs the program: more ways than there are, never fewer
            yield from _pick(selector, world, members)
        case _:
            raise Undecided


def set_of(selector: Selector | None, world: World, members: Peers) -> Peers:
    """The set that an expectation names.

    Raises:
        Undecided: it is not one.
    """
    if selector is None:
        return members
    found = {peers for peers, _ in possible(selector, world, members)}
    if len(found) != 1:
        raise Undecided
    return found.pop()


def _narrow(pick: Pick) -> bool:
    """Whether it depends on more than who there is, so that its sets are not known here."""
    kept = bool(pick.zone) or pick.group is not None or pick.weight_at_least is not None
    return kept or pick.by is not None or pick.leaves is not None


def _several(
    parts: tuple[Selector, ...], world: World, members: Peers
) -> Iterator[tuple[Peers, World]]:
    if not parts:
        yield frozenset(), world
        return
    for peers, after in possible(parts[0], world, members):
        for more, last in _several(parts[1:], after, members):
            yield peers | more, last


def _pick(pick: Pick, world: World, members: Peers) -> Iterator[tuple[Peers, World]]:
    if _narrow(pick):
        raise Undecided
    for peers, after in possible(pick.of, world, members):
        for but, last in _several(pick.but, after, members):
            left = sorted(peers - but)
            if pick.n is None or len(left) < pick.n:
                yield frozenset(left if pick.n is None else ()), last
            else:
                for drawn in combinations(left, pick.n):
                    yield frozenset(drawn), last


def _led(word: Word, world: World) -> Iterator[tuple[Peers, World]]:
    for leader in sorted(_leaders(world)):
        after = replace(world, leader=leader)
        if word is Word.LEADER:
            yield frozenset({leader}), after
        else:
            yield world.config.voters - {leader} - _stopped(world), after


def _leaders(world: World) -> Peers:
    if world.leader is not None:
        return frozenset({world.leader})
    verifier = world.config.verifier
    able = frozenset(sid for sid in verifier.voters if verifier.weight(sid) > 0) - _stopped(world)
    return able if world.hint is None else able & world.hint


def _stopped(world: World) -> Peers:
    return frozenset[Sid]().union(*(world.deeds[name].stopped for name in world.on))


def _group(word: Word, config: Configuration, members: Peers) -> Iterator[Peers]:
    match word:
        case Word.VOTERS:
            yield config.voters
        case Word.OBSERVERS:
            yield config.observers
        case Word.ALL:
            yield members
        case Word.HALF:
            yield from _sets(config.voters, len(config.voters) // 2)
        case Word.MAJORITY:
            yield from _smallest(config.verifier)
        case Word.MINORITY:
            for quorum in _smallest(config.verifier):
                yield config.voters - quorum
        case _:
            raise Undecided


def _sets(peers: Peers, size: int) -> Iterator[Peers]:
    return map(frozenset, combinations(sorted(peers), size))


def _smallest(verifier: QuorumVerifier) -> tuple[Peers, ...]:
    """The quorums of the fewest voters."""
    if len(verifier.voters) > 14:
        raise Undecided
    for size in range(1, len(verifier.voters) + 1):
        found = tuple(one for one in _sets(verifier.voters, size) if verifier.contains_quorum(one))
        if found:
            return found
    return ()


# ---- one step


def _after(world: World, step: Step, sids: tuple[Sid, ...], times: Times) -> Iterator[World]:
    if world.empty:
        yield world
        return
    members = frozenset(sids)
    world = _active(world, step, times)
    for now in _bound(world, step, members):
        if isinstance(step.verb, Wait):
            yield _waited(now, step.verb, members)
        elif isinstance(step.verb, FaultStep):
            yield from _hit(now, step, step.verb, members)
        else:
            yield now


def _active(world: World, step: Step, times: Times) -> World:
    """Know which faults are surely on when ``step`` begins."""
    began = (step.id, "began")
    on = frozenset(name for name in world.deeds if times.least(began, (name, "ended")) > 0)
    return replace(world, on=on)


def _bound(world: World, step: Step, members: Peers) -> Iterator[World]:
    """Whoever comes to an event of the protocol: any one of those who may."""
    if step.when is None or step.when.bind is None:
        yield world
        return
    for peers, after in possible(step.when.by, world, members):
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
    for targets, after in possible(fault.target, world, members):
        if not targets:
            yield replace(after, empty=step.id)
            continue
        if isinstance(fault.target, Between):
            ways = [(t, w) for t, w in possible(fault.target.towards, after, members) if t]
        else:
            ways = [(frozenset[Sid](), after)]
        for towards, last in ways:
            yield _done(last, step.id, fault, targets, towards)
        if not ways:
            yield replace(after, empty=step.id)


def _done(world: World, name: str, step: FaultStep, targets: Peers, towards: Peers) -> World:
    fault = step.fault
    if towards and isinstance(fault, Directed):
        fault = fault.facing(tuple(sorted(towards)))
    first = world.configs[0][1].members
    view = EnsembleView(tuple(sorted(first)), world.config, known=dict(first))
    actions = tuple(fault.begin(tuple(sorted(targets)), view))
    deed = Deed(targets, actions)
    names = dict(world.names)
    if step.bind is not None:
        names[step.bind] = targets
    harmed = targets if not isinstance(fault, Workload) else frozenset[Sid]()
    shaken = world.leader in harmed or bool(deed.cuts)
    configs = world.configs
    if isinstance(fault, BumpConfigVersion):
        places = {**world.configs[0][1].members, **world.config.members}
        configs = (*configs, (name, fault.changed(world.config, places)))
        shaken = True
    return replace(
        world,
        configs=configs,
        deeds={**world.deeds, name: deed},
        names=names,
        leader=None if shaken else world.leader,
        hint=None if shaken or deed.stopped else world.hint,
    )
