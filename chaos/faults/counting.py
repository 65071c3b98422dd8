"""Quorum arithmetic in words."""

from __future__ import annotations

from collections.abc import Iterable

from chaos.election.ids import Sid
from chaos.election.quorum import QuorumMaj, QuorumVerifier


def count_words(verifier: QuorumVerifier, peers: Iterable[Sid]) -> str:
    """``peers 1 and 2, weight 2 of 7, where a quorum needs 4``."""
    there = frozenset(peers)
    who = peers_words(there)
    if isinstance(verifier, QuorumMaj):
        voters = len(verifier.voters)
        some = len(there & verifier.voters)
        return f"{who}: {some} of {voters} voters, where a quorum needs {voters // 2 + 1}"
    told = []
    for group, members in sorted(verifier.groups.items()):
        total = sum(verifier.weight(sid) for sid in members)
        if total:
            weight = sum(verifier.weight(sid) for sid in members & there)
            name = f" of group {group}" if len(verifier.groups) > 1 else ""
            told.append(f"weight {weight} of {total}{name}, where {total // 2 + 1} are needed")
    more = ""
    if len(told) > 1:
        more = f"; a quorum needs {len(told) // 2 + 1} of {len(told)} groups"
    return f"{who}: {', '.join(told)}{more}"


def peers_words(peers: Iterable[Sid]) -> str:
    """``peer 3``, ``peers 1, 2 and 3`` or ``nobody``."""
    names = [str(sid) for sid in sorted(peers)]
    if not names:
        return "nobody"
    if len(names) == 1:
        return f"peer {names[0]}"
    return f"peers {', '.join(names[:-1])} and {names[-1]}"
