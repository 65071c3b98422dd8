"""Every set of peers that a selector can mean in one world: what the run draws one of.

Who has the best vote is not known before a run, nor what is left of a quorum while a fault may
or may not be over: such a selector leaves the plan undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Final

from chaos.actions import Block
from chaos.election.config import Configuration
from chaos.election.ids import Sid
from chaos.election.quorum import QuorumVerifier
from chaos.faults.survivors import Leaves, Survivors, sets_of
from chaos.faults.targets import (
    Between,
    By,
    Group,
    Name,
    OneLink,
    Pick,
    Selector,
    Several,
    Sids,
    Word,
)
from chaos.faults.voters import largest_thirds, smallest_breakers, smallest_quorums
from chaos.history.view import EnsembleView, PeerView
from chaos.plan.lint.world import Peers, Undecided, World

Meaning = tuple[Peers, World]


def possible(selector: Selector, world: World, members: Peers) -> Iterator[Meaning]:
    """Whom a selector can mean in ``world``, each with what it makes known of it.

    Raises:
        Undecided: this cannot be said before the run.
    """
    match selector:
        case Group():
            yield from _group(selector.word, world, members)
        case Sids():
            yield frozenset(selector.sids), world
        case Name():
            if selector.name not in world.names:
                raise Undecided
            yield world.names[selector.name], world
        case Several():
            yield from _several(selector.parts, world, members)
        case Between() | OneLink():
            yield from ((source, after) for source, _, after in links(selector, world, members))
        case Pick():  # whoever runs the program: more ways than there are, never fewer
            yield from _pick(selector, world, members)


def links(
    selector: Between | OneLink, world: World, members: Peers
) -> Iterator[tuple[Peers, Peers, World]]:
    """Both sides of the links that it can mean; nothing if there is none in ``world``."""
    pair = selector.among if isinstance(selector, OneLink) else selector
    for sources, between in possible(pair.source, world, members):
        for targets, after in possible(pair.towards, between, members):
            if isinstance(selector, Between):
                if sources and targets:
                    yield sources, targets, after
                continue
            for one in sorted(sources):
                for other in sorted(targets - {one}):
                    yield frozenset({one}), frozenset({other}), after


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


def _several(parts: tuple[Selector, ...], world: World, members: Peers) -> Iterator[Meaning]:
    if not parts:
        yield frozenset(), world
        return
    for peers, after in possible(parts[0], world, members):
        for more, last in _several(parts[1:], after, members):
            yield peers | more, last


def _pick(pick: Pick, world: World, members: Peers) -> Iterator[Meaning]:
    for peers, after in possible(pick.of, world, members):
        for but, last in _several(pick.but, after, members):
            left = [sid for sid in sorted(peers - but) if _qualifies(pick, sid, last)]
            if len(left) < (pick.n or 0):
                yield frozenset(), last
            else:
                yield from ((one, last) for one in _sets(pick, left, last))


def _qualifies(pick: Pick, sid: Sid, world: World) -> bool:
    config = world.config
    if pick.group is not None and sid not in config.groups.get(pick.group, ()):
        return False
    if pick.zone and world.zones.get(sid) != pick.zone:
        return False
    least = pick.weight_at_least
    return least is None or (sid in config.voters and config.verifier.weight(sid) >= least)


def _sets(pick: Pick, left: list[Sid], world: World) -> Iterator[Peers]:
    """The sets that ``pick`` may take of those that qualify; an empty one if none fits."""
    sets = list(sets_of(left, pick.n, None) if pick.by is None else _ranked(pick, left, world))
    if pick.leaves is not None and left:
        fit = [one for one in sets if _fits(pick.leaves, one, world)]
        if pick.by is not None and len(fit) < len(sets):
            raise Undecided  # the next in the order is taken then
        sets = fit or [frozenset()]
    yield from sets


def _ranked(pick: Pick, left: list[Sid], world: World) -> Iterator[Peers]:
    """The first in an order; of those that are equal, each set of as many as are needed."""
    weight = world.config.verifier.weight
    orders: dict[By, Callable[[Sid], int]] = {
        By.HIGHEST_SID: lambda sid: -sid,
        By.LOWEST_SID: lambda sid: sid,
        By.HEAVIEST: lambda sid: -weight(sid),
        By.LIGHTEST: weight,
    }
    if pick.by not in orders:
        raise Undecided
    order, wanted = orders[pick.by], len(left) if pick.n is None else pick.n
    last = sorted(map(order, left))[wanted - 1 : wanted]
    sure = frozenset(sid for sid in left if last and order(sid) < last[0])
    equal = [sid for sid in left if last and order(sid) == last[0]]
    for some in combinations(equal, wanted - len(sure)):
        yield sure | frozenset(some)


def _fits(leaves: Leaves, gone: Peers, world: World) -> bool:
    """Whether a quorum, or none, is left by the faults that are on now."""
    if world.random or len(world.configs) > 1 or any(_harms(world, one) for one in world.perhaps):
        raise Undecided
    stopped, members = _stopped(world), world.config.members
    view = EnsembleView(tuple(sorted(members)), world.config)
    for sid in members:
        view.peers[sid] = PeerView(sid, up=sid not in stopped)
    view.blocks.update(
        (name, tuple(cut for one in world.deeds[name].actions if isinstance(one, Block)
                     for cut in one.cuts))
        for name in world.on
    )  # fmt: skip
    return Survivors(view).fits(leaves, gone)


def _harms(world: World, name: str) -> bool:
    deed = world.deeds[name]
    return bool(deed.stopped) or any(isinstance(one, Block) for one in deed.actions)


def _led(word: Word, world: World) -> Iterator[Meaning]:
    for leader in sorted(_leaders(world)):
        after = world if world.random else replace(world, leader=leader)
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


def _group(word: Word, world: World, members: Peers) -> Iterator[Meaning]:
    if word in (Word.LEADER, Word.FOLLOWERS):
        yield from _led(word, world)
    else:
        yield from ((group, world) for group in _voters(word, world.config, members))


def _voters(word: Word, config: Configuration, members: Peers) -> Iterable[Peers]:
    match word:
        case Word.VOTERS:
            return [config.voters]
        case Word.OBSERVERS:
            return [config.observers]
        case Word.ALL:
            return [members]
        case Word.HALF:
            half = len(config.voters) // 2
            return map(frozenset, combinations(sorted(config.voters), half))
        case Word.MINORITY:
            return [config.voters - quorum for quorum in _known(smallest_quorums, config)]
        case _:
            return _known(_DRAWN[word], config)


_DRAWN: Final[dict[Word, Callable[[QuorumVerifier], tuple[Peers, ...]]]] = {
    Word.MAJORITY: smallest_quorums,
    Word.MINORITY_THIRD: largest_thirds,
    Word.QUORUM_BREAKER: smallest_breakers,
}


def _known(
    every: Callable[[QuorumVerifier], tuple[Peers, ...]], config: Configuration
) -> tuple[Peers, ...]:
    found = every(config.verifier)
    if not found:
        raise Undecided  # too many voters to look at each set
    return found
