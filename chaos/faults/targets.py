"""Selectors, and which peers they mean when a step begins.

The named sets of voters come from quorum arithmetic on the newest committed configuration
(:mod:`chaos.faults.voters`), not from counting heads. What is left to chance is drawn from a
generator that the caller derives from (seed, step id, repeat).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.quorum import QuorumVerifier
from chaos.ensemble import Runs
from chaos.errors import ChaosError
from chaos.faults.base import Directed, Fault
from chaos.faults.survivors import Leaves, Survivors, sets_of, why_not
from chaos.faults.voters import majority, minority, minority_third, quorum_breaker
from chaos.history.view import EnsembleView


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
    MINORITY_THIRD = "minority_third"  # as many voters as weigh less than a third
    QUORUM_BREAKER = "quorum_breaker"  # as few voters as no quorum can do without


class By(StrEnum):
    """Who comes first where a pick is not by lot; ties are."""

    HIGHEST_SID = "highest_sid"
    LOWEST_SID = "lowest_sid"
    HIGHEST_ZXID = "highest_zxid"
    LOWEST_ZXID = "lowest_zxid"
    HEAVIEST = "heaviest"
    LIGHTEST = "lightest"
    BEST_VOTE = "best_vote"  # epoch, then zxid, then sid: who would be elected
    WORST_VOTE = "worst_vote"


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

    ``runs`` keeps to those that run this program, ``zone`` to a zone of the plan, ``group`` and
    ``weight_at_least`` to what the newest configuration says of a voter. ``by`` takes the first
    in an order instead of a lot. ``leaves`` keeps to sets after whose loss this remains, all of
    them equally likely.
    """

    of: Selector
    n: int | None = None
    but: tuple[Selector, ...] = ()
    runs: Runs | None = None
    zone: str = ""
    group: int | None = None
    weight_at_least: int | None = None
    by: By | None = None
    leaves: Leaves | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """The directed links from ``source`` to ``towards``; alone it means its source."""

    source: Selector
    towards: Selector


@dataclass(frozen=True, slots=True)
class OneLink:
    """One directed link of ``among``, drawn by lot; alone it means its source."""

    among: Between


Selector = Group | Sids | Name | Several | Pick | Between | OneLink

EVERY_LINK: Final = Between(Group(Word.ALL), Group(Word.ALL))


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
    if isinstance(selector, OneLink):
        source, target = _one_link(selector.among, view, names, rng)
        return Aim((source,), (target,))
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
        case Between() | OneLink():
            return _source(selector, view, names, rng)
        case Pick():
            return _pick(selector, view, names, rng)


def _source(
    link: Between | OneLink,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> frozenset[Sid]:
    if isinstance(link, Between):
        return _mean(link.source, view, names, rng)
    return frozenset({_one_link(link.among, view, names, rng)[0]})


def _one_link(
    among: Between,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> tuple[Sid, Sid]:
    sources = sorted(_mean(among.source, view, names, rng))
    targets = sorted(_mean(among.towards, view, names, rng))
    links = [(one, other) for one in sources for other in targets if one != other]
    if not links:
        raise NoTarget(f"no link leads from {sources or 'nobody'} to {targets or 'nobody'}")
    return rng.choice(links)


def _pick(
    pick: Pick,
    view: EnsembleView,
    names: Mapping[str, tuple[Sid, ...]],
    rng: random.Random,
) -> frozenset[Sid]:
    found = _mean(pick.of, view, names, rng)
    for part in pick.but:
        found -= _mean(part, view, names, rng)
    found = frozenset(sid for sid in found if _qualifies(pick, sid, view))
    if len(found) < (pick.n or 0):
        raise NoTarget(f"{pick.n} peers were to be picked, only {len(found)} qualify")
    if pick.leaves is not None and found:
        return _leaving(pick, pick.leaves, found, view, rng)
    if pick.n is None:
        return found
    if pick.by is not None:
        return frozenset(_ranked(pick.by, found, view, rng)[: pick.n])
    return frozenset(rng.sample(sorted(found), pick.n))


def _qualifies(pick: Pick, sid: Sid, view: EnsembleView) -> bool:
    config = view.newest
    return (
        (pick.runs is None or sid in view.running(pick.runs))
        and (not pick.zone or view.zones.get(sid) == pick.zone)
        and (pick.group is None or sid in config.groups.get(pick.group, ()))
        and (
            pick.weight_at_least is None
            or (sid in config.voters and config.verifier.weight(sid) >= pick.weight_at_least)
        )
    )


def _leaving(
    pick: Pick, leaves: Leaves, found: frozenset[Sid], view: EnsembleView, rng: random.Random
) -> frozenset[Sid]:
    """The sets of which this remains: the first by order, or one by lot."""
    survivors = Survivors(view)
    peers = sorted(found) if pick.by is None else _ranked(pick.by, found, view, rng)
    sets = list(sets_of(peers, pick.n, rng if pick.by is None else None))
    fit = [one for one in sets if survivors.fits(leaves, one)]
    if not fit:
        raise NoTarget(why_not(survivors, leaves, sets))
    return fit[0] if pick.by is not None else rng.choice(fit)


def _ranked(by: By, peers: frozenset[Sid], view: EnsembleView, rng: random.Random) -> list[Sid]:
    """``peers``, the first of the order first; equal ones by lot."""
    weight = view.newest.verifier.weight

    def rank(sid: Sid) -> tuple[int, ...]:
        peer = view.peers[sid]
        match by:
            case By.HIGHEST_SID | By.LOWEST_SID:
                return (sid,)
            case By.HIGHEST_ZXID | By.LOWEST_ZXID:
                return (peer.zxid,)
            case By.HEAVIEST | By.LIGHTEST:
                return (weight(sid),)
            case By.BEST_VOTE | By.WORST_VOTE:
                return (peer.current_epoch, peer.zxid, sid)

    most = by in (By.HIGHEST_SID, By.HIGHEST_ZXID, By.HEAVIEST, By.BEST_VOTE)
    return sorted(rng.sample(sorted(peers), len(peers)), key=rank, reverse=most)


def _group(group: Group, view: EnsembleView, rng: random.Random) -> frozenset[Sid]:
    config = view.newest
    match group.word:
        case Word.LEADER:
            return _leaders(group, view)
        case Word.FOLLOWERS:
            return _followers(_leaders(group, view), view)
        case Word.VOTERS:
            return config.voters
        case Word.OBSERVERS:
            return config.observers
        case Word.ALL:
            return frozenset(view.members)
        case _:
            return _DRAWN[group.word](config.verifier, rng)


def _half(verifier: QuorumVerifier, rng: random.Random) -> frozenset[Sid]:
    return frozenset(rng.sample(sorted(verifier.voters), len(verifier.voters) // 2))


_DRAWN: Final[dict[Word, Callable[[QuorumVerifier, random.Random], frozenset[Sid]]]] = {
    Word.HALF: _half,
    Word.MINORITY: minority,
    Word.MAJORITY: majority,
    Word.MINORITY_THIRD: minority_third,
    Word.QUORUM_BREAKER: quorum_breaker,
}


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
