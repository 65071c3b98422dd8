"""Cuts in which not two sides part, but each peer is left with others to hear: ring and bridge.

Both are Jepsen's: its majorities ring and its bridge. Here the ring goes by the sids, and what a
voter is left with is a quorum of the ensemble's verifier instead of a majority of heads.
"""

from __future__ import annotations

from chaos.actions import Cut
from chaos.election.ids import Sid
from chaos.election.quorum import QuorumVerifier
from chaos.faults.base import apart, back


def ring(voters: tuple[Sid, ...], verifier: QuorumVerifier) -> tuple[Cut, ...]:
    """Each voter hears its neighbours only, so many that they make a quorum with it.

    The neighbour before it comes first, then the one behind, and so on. Who is no voter hears
    all, and is heard by all.
    """
    order = sorted(voters)
    cuts: list[Cut] = []
    for place, sid in enumerate(order):
        near = [order[(place + step) % len(order)] for step in _steps(len(order))]
        hears = {sid}
        while near and not verifier.contains_quorum(frozenset(hears)):
            hears.add(near.pop(0))
        cuts += (Cut(other, sid) for other in order if other not in hears)
    return tuple(cuts)


def _steps(size: int) -> list[int]:
    """To all others of a ring, the nearest first: -1, 1, -2, 2, and so on."""
    there_and_back = [step for far in range(1, size // 2 + 1) for step in (-far, far)]
    return there_and_back[: size - 1]


def bridge(middle: Sid, members: tuple[Sid, ...]) -> tuple[Cut, ...]:
    """Two sides that only ``middle`` still joins; around from it, by the sids."""
    around = sorted(members, key=lambda sid: (sid < middle, sid))
    others = tuple(sid for sid in around if sid != middle)
    side = others[: len(others) // 2]
    outward = apart(side, others)
    return outward + back(outward)
