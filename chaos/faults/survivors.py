"""Who could still lead once some peers are gone: the arithmetic of ``leaves``.

A quorum is left when some voter can have one behind it, by every configuration in force, of
peers that run, that are not among those who go, and whose links to it are whole. What is half
cut (one direction, or a single port) is in doubt: it does not count as whole, and not as gone.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import combinations, islice
from math import comb
from typing import Final

from chaos.actions import Cut
from chaos.election.ids import Sid
from chaos.faults.counting import count_words, peers_words
from chaos.history.view import EnsembleView

_SETS_MAX: Final = 5000  # sets up to which all are looked at
_TRIES: Final = 2000  # sets that are drawn where there are more


class Leaves(StrEnum):
    """What has to remain when the targets are gone."""

    QUORUM = "quorum"
    NO_QUORUM = "no_quorum"


class Survivors:
    """The living voters of one moment, and the links between them."""

    def __init__(self, view: EnsembleView) -> None:
        self._verifiers = tuple(config.verifier for config in view.in_force)
        self._alive = frozenset(sid for sid, peer in view.peers.items() if peer.alive)
        cuts = [cut for block in view.blocks.values() for cut in block]
        self._cuts = frozenset((c.source, c.target) for c in cuts if isinstance(c, Cut))
        self._shut = frozenset(cut.owner for cut in cuts if not isinstance(cut, Cut))

    def fits(self, leaves: Leaves, gone: frozenset[Sid]) -> bool:
        """Whether this is surely left once ``gone`` are gone."""
        if leaves is Leaves.QUORUM:
            return self._led(gone, sure=True)
        return not self._led(gone, sure=False)

    def words(self, gone: frozenset[Sid]) -> str:
        """What is left without ``gone``, by each configuration in force."""
        left = self._alive - gone
        counted = " and by the proposed configuration ".join(
            count_words(one, self._most(left & one.voters)) for one in self._verifiers
        )
        return f"without {peers_words(gone)} there remain {counted}"

    def weight(self, gone: frozenset[Sid]) -> int:
        """The weight of the living voters that remain."""
        first = self._verifiers[0]
        return sum(map(first.weight, (self._alive & first.voters) - gone))

    def _led(self, gone: frozenset[Sid], *, sure: bool) -> bool:
        left = self._alive - gone
        return any(self._backed(leader, left, sure=sure) for leader in left)

    def _backed(self, leader: Sid, left: frozenset[Sid], *, sure: bool) -> bool:
        behind = self._behind(leader, left, sure=sure)
        return all(
            leader in one.voters and one.weight(leader) > 0 and one.contains_quorum(behind)
            for one in self._verifiers
        )

    def _behind(self, leader: Sid, left: frozenset[Sid], *, sure: bool) -> frozenset[Sid]:
        return frozenset(sid for sid in left if self._joined(leader, sid, sure=sure))

    def _joined(self, one: Sid, other: Sid, *, sure: bool) -> bool:
        if one == other:
            return True
        cut = [(one, other) in self._cuts, (other, one) in self._cuts]
        if sure:
            return not (any(cut) or {one, other} & self._shut)
        return not all(cut)

    def _most(self, left: frozenset[Sid]) -> frozenset[Sid]:
        """As many of ``left`` as one of them can have behind it."""
        sets = [self._behind(leader, left, sure=True) for leader in sorted(left)]
        return max(sets, key=len, default=left)


def sets_of(peers: list[Sid], n: int | None, rng: random.Random | None) -> Iterator[frozenset[Sid]]:
    """Every set of ``n`` of ``peers``, in their order; without ``n`` there is one, of them all.

    Where they are too many they are drawn, or, without ``rng``, are the first ones.
    """
    if n is None or n >= len(peers):
        yield frozenset(peers)
    elif rng is None or comb(len(peers), n) <= _SETS_MAX:
        yield from map(frozenset, islice(combinations(peers, n), _SETS_MAX))
    else:
        yield from (frozenset(rng.sample(peers, n)) for _ in range(_TRIES))


def why_not(survivors: Survivors, leaves: Leaves, sets: Iterable[frozenset[Sid]]) -> str:
    """Why none of ``sets`` fits, by the one that comes closest."""
    tried = list(islice(sets, _SETS_MAX))
    closest = max if leaves is Leaves.QUORUM else min
    best = closest(tried, key=survivors.weight)
    what = "a quorum" if leaves is Leaves.QUORUM else "no quorum"
    many = "the target does not leave" if len(tried) == 1 else f"of {len(tried)} sets none leaves"
    return f"{many} {what}: {survivors.words(best)}"
