"""Selectors, and which peers they mean when a step begins.

``minority`` and ``majority`` come from quorum arithmetic on the newest committed
configuration, not from counting heads: weights and groups are respected. What is left to
chance is drawn from a generator that the caller derives from (seed, step id, repeat).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final, NamedTuple

from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.quorum import QuorumMaj, QuorumVerifier
from chaos.ensemble import Runs
from chaos.errors import ChaosError
from chaos.faults.base import Directed, Fault
from chaos.history.view import EnsembleView

_EXACT_MAX: Final = 14  # voters up to which every set is looked at


class NoTarget(ChaosError):  # noqa: N818 - a finding of the run, not a mistake
    """A selector means nobody now; ``skip`` when the plan prefers to go on without."""

    def __init__(self, why: str, *, skip: bool = False) -> None:
        super().__init__(why)
        self.skip = skip


class Word(StrEnum):
    """The sets that have a name of their own."""

    LEADER = "leader"
    FOLLOWERS = "followers"
    VOTERS = "voters"
    OBSERVERS = "observers"
    ALL = "all"
    MINORITY = "minority"  # as many voters as a quorum can spare
    MAJORITY = "majority"  # as few voters as make a quorum
    HALF = "half"  # the smaller half of the voters


class Ambiguity(StrEnum):
    """What to do when there is no leader, or there are two."""

    FAIL = "fail"
    SKIP = "skip"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Group:
    """A set by its word. ``if_ambiguous`` matters to ``leader`` and ``followers``."""

    word: Word
    if_ambiguous: Ambiguity = Ambiguity.FAIL


@dataclass(frozen=True, slots=True)
class Sids:
    """Peers by their ids."""

    sids: tuple[Sid, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """What an earlier step's ``as`` named, written ``$name``; ``name`` is without the ``$``."""

    name: str


@dataclass(frozen=True, slots=True)
class Several:
    """Everybody that any part means."""

    parts: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """``n`` of ``of``, drawn by lot, or all of it when ``n`` is ``None``; never ``but``.

    ``runs`` keeps to those that run this program.
    """

    of: Selector
    n: int | None = None
    but: tuple[Selector, ...] = ()
    runs: Runs | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """The directed links from ``source`` to ``towards``; alone it means its source."""

    source: Selector
    towards: Selector


Selector = Group | Sids | Name | Several | Pick | Between


class Aim(NamedTuple):
    """Whom a fault is done to; ``towards`` is the far side of its links, where it has one."""

    targets: tuple[Sid, ...]
    towards: tuple[Sid, ...] = ()

    def of(self, fault: Fault) -> Fault:
        """``fault``, with its far side chosen."""
        if not self.towards:
            return fault
        assert isinstance(fault, Directed), "the loader lets only faults of links have two sides"
        return fault.facing(self.towards)


def aim(
    selector: Selector,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> Aim:
    """Whom a fault with this target is done to now.

    Raises:
        NoTarget: the selector means nobody now.
    """
    targets = resolve(selector, view, names, rng)
    if isinstance(selector, Between):
        return Aim(targets, resolve(selector.towards, view, names, rng))
    return Aim(targets)


def resolve(
    selector: Selector,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> tuple[Sid, ...]:
    """The peers that ``selector`` means now, ascending.

    Raises:
        NoTarget: it means nobody.
    """
    found = _mean(selector, view, names, rng)
    if not found:
        raise NoTarget("the target means no peer now")
    return tuple(sorted(found))


def _mean(
    selector: Selector,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> frozenset[Sid]:
    match selector:
        case Group():
            return _group(selector, view, rng)
        case Sids():
            return frozenset(selector.sids)
        case Name():
            if selector.name not in names:
                raise NoTarget(f"${selector.name} was never bound: its step did not happen")
            return frozenset(names[selector.name])
        case Several():
            return frozenset[Sid]().union(
                *(_mean(part, view, names, rng) for part in selector.parts)
            )
        case Between():
            return _mean(selector.source, view, names, rng)
        case Pick():
            return _pick(selector, view, names, rng)


def _pick(
    pick: Pick,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> frozenset[Sid]:
    found = _mean(pick.of, view, names, rng)
    for part in pick.but:
        found -= _mean(part, view, names, rng)
    if pick.runs is not None:
        found &= view.running(pick.runs)
    if pick.n is None:
        return found
    if len(found) < pick.n:
        raise NoTarget(f"{pick.n} peers were to be picked, only {len(found)} qualify")
    return frozenset(rng.sample(sorted(found), pick.n))


def _group(group: Group, view: EnsembleView, rng: random.Random) -> frozenset[Sid]:
    config = view.newest
    match group.word:
        case Word.LEADER:
            return _leaders(group, view)
        case Word.FOLLOWERS:
            return _followers(_leaders(group, view), view)
        case Word.MINORITY | Word.MAJORITY | Word.HALF:
            return _drawn(group.word, config.verifier, rng)
        case Word.VOTERS:
            return config.voters
        case Word.OBSERVERS:
            return config.observers
        case Word.ALL:
            return frozenset(view.members)


def _drawn(word: Word, verifier: QuorumVerifier, rng: random.Random) -> frozenset[Sid]:
    if word is Word.HALF:
        return frozenset(rng.sample(sorted(verifier.voters), len(verifier.voters) // 2))
    return minority(verifier, rng) if word is Word.MINORITY else majority(verifier, rng)


def _leaders(group: Group, view: EnsembleView) -> frozenset[Sid]:
    found = view.leaders()
    if len(found) == 1 or (found and group.if_ambiguous is Ambiguity.ALL):
        return frozenset(found)
    why = "no peer leads now" if not found else f"peers {sorted(found)} all lead now"
    raise NoTarget(why, skip=group.if_ambiguous is Ambiguity.SKIP)


def _followers(leaders: frozenset[Sid], view: EnsembleView) -> frozenset[Sid]:
    return frozenset(
        sid
        for leader in leaders
        for sid in view.followers_of(leader) - {leader}
        if view.peers[sid].state is ServerState.FOLLOWING
    )


def minority(verifier: QuorumVerifier, rng: random.Random) -> frozenset[Sid]:
    """A largest set of voters that a quorum can spare; one of them, by lot."""
    voters = sorted(verifier.voters)
    if isinstance(verifier, QuorumMaj):
        return frozenset(rng.sample(voters, (len(voters) - 1) // 2))
    quorum = _smallest(verifier, voters, rng)
    return frozenset() if quorum is None else verifier.voters - quorum


def majority(verifier: QuorumVerifier, rng: random.Random) -> frozenset[Sid]:
    """A smallest quorum; one of them, by lot."""
    voters = sorted(verifier.voters)
    if isinstance(verifier, QuorumMaj):
        return frozenset(rng.sample(voters, len(voters) // 2 + 1))
    return _smallest(verifier, voters, rng) or frozenset()


def _smallest(
    verifier: QuorumVerifier, voters: list[Sid], rng: random.Random
) -> frozenset[Sid] | None:
    if len(voters) > _EXACT_MAX:
        return _thinned(verifier, voters, rng)
    for size in range(1, len(voters) + 1):
        sets = map(frozenset, combinations(voters, size))
        found = [one for one in sets if verifier.contains_quorum(one)]
        if found:
            return rng.choice(found)
    return None


def _thinned(
    verifier: QuorumVerifier, voters: list[Sid], rng: random.Random
) -> frozenset[Sid] | None:
    """A quorum from which nobody can be spared, the lightest voters left out first."""
    quorum = frozenset(voters)
    if not verifier.contains_quorum(quorum):
        return None
    for sid in sorted(rng.sample(voters, len(voters)), key=verifier.weight):
        if verifier.contains_quorum(quorum - {sid}):
            quorum -= {sid}
    return quorum
