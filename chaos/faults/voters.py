"""Sets of voters that have a name, by quorum arithmetic: weights and groups count.

What is left to chance is drawn from a generator that the caller derives from (seed, step id,
repeat). Up to ``_EXACT_MAX`` voters every set is looked at, so the sizes are exact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Final

from chaos.election.ids import Sid
from chaos.election.quorum import QuorumMaj, QuorumVerifier

_EXACT_MAX: Final = 14  # voters up to which every set is looked at


def smallest_quorums(verifier: QuorumVerifier) -> tuple[frozenset[Sid], ...]:
    """Every quorum of the fewest voters; none if the voters are too many to look at each set."""
    return _every(lambda count: range(1, count + 1), verifier, verifier.contains_quorum)


def largest_thirds(verifier: QuorumVerifier) -> tuple[frozenset[Sid], ...]:
    """Every set that :func:`minority_third` may draw; none if the voters are too many."""
    total = sum(map(verifier.weight, verifier.voters))

    def light(some: frozenset[Sid]) -> bool:
        return 3 * sum(map(verifier.weight, some)) < total

    return _every(lambda count: range(count, -1, -1), verifier, light)


def smallest_breakers(verifier: QuorumVerifier) -> tuple[frozenset[Sid], ...]:
    """Every set that :func:`quorum_breaker` may draw; none if the voters are too many."""

    def breaks(some: frozenset[Sid]) -> bool:
        return not verifier.contains_quorum(verifier.voters - some)

    return _every(lambda count: range(count + 1), verifier, breaks)


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


def minority_third(verifier: QuorumVerifier, rng: random.Random) -> frozenset[Sid]:
    """As many voters as weigh less than a third of the whole; of these sets one by lot.

    Source: Jepsen's ``minority-third``, which counts heads: 0 of 3, 1 of 4, 2 of 7.
    """
    voters = sorted(verifier.voters)
    if isinstance(verifier, QuorumMaj):
        return frozenset(rng.sample(voters, (len(voters) - 1) // 3))
    total = sum(map(verifier.weight, voters))

    def light(some: Iterable[Sid]) -> bool:
        return 3 * sum(map(verifier.weight, some)) < total

    if len(voters) <= _EXACT_MAX:
        return _first(range(len(voters), -1, -1), voters, light, rng) or frozenset()
    found: frozenset[Sid] = frozenset()
    for sid in sorted(rng.sample(voters, len(voters)), key=verifier.weight):
        if not light(found | {sid}):
            break
        found |= {sid}
    return found


def quorum_breaker(verifier: QuorumVerifier, rng: random.Random) -> frozenset[Sid]:
    """A smallest set of voters whose loss leaves no quorum; one of them, by lot.

    Beyond ``_EXACT_MAX`` voters of unequal weight it is a set from which nobody can be spared.
    """
    voters = sorted(verifier.voters)
    if isinstance(verifier, QuorumMaj):
        return frozenset(rng.sample(voters, len(voters) - len(voters) // 2))

    def breaks(some: frozenset[Sid]) -> bool:
        return not verifier.contains_quorum(verifier.voters - some)

    if len(voters) <= _EXACT_MAX:
        return _first(range(len(voters) + 1), voters, breaks, rng) or frozenset()
    found = frozenset(voters)
    for sid in sorted(rng.sample(voters, len(voters)), key=verifier.weight):
        if breaks(found - {sid}):
            found -= {sid}
    return found


def _smallest(
    verifier: QuorumVerifier, voters: list[Sid], rng: random.Random
) -> frozenset[Sid] | None:
    if len(voters) > _EXACT_MAX:
        return _thinned(verifier, voters, rng)
    return _first(range(1, len(voters) + 1), voters, verifier.contains_quorum, rng)


def _first(
    sizes: range, voters: list[Sid], fits: Callable[[frozenset[Sid]], bool], rng: random.Random
) -> frozenset[Sid] | None:
    """Of the first size of which any set fits, one by lot."""
    found = _fitting(sizes, voters, fits)
    return rng.choice(found) if found else None


def _fitting(
    sizes: range, voters: list[Sid], fits: Callable[[frozenset[Sid]], bool]
) -> list[frozenset[Sid]]:
    """All sets that fit, of the first size of which any does."""
    for size in sizes:
        found = [one for one in map(frozenset, combinations(voters, size)) if fits(one)]
        if found:
            return found
    return []


def _every(
    sizes: Callable[[int], range],
    verifier: QuorumVerifier,
    fits: Callable[[frozenset[Sid]], bool],
) -> tuple[frozenset[Sid], ...]:
    voters = sorted(verifier.voters)
    if len(voters) > _EXACT_MAX:
        return ()
    return tuple(_fitting(sizes(len(voters)), voters, fits))


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
