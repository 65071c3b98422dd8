"""Which sets of voters are a quorum, and tallies over several verifiers.

Source: ZooKeeper 3.8 ``QuorumMaj``, ``QuorumHierarchical``, ``SyncedLearnerTracker``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from chaos.election.ids import Sid


@dataclass(frozen=True, slots=True)
class QuorumMaj:
    """More than half of the voters."""

    voters: frozenset[Sid]

    def contains_quorum(self, acks: Set[Sid]) -> bool:
        """Whether the voters among ``acks`` are a quorum."""
        return len(self.voters & acks) > len(self.voters) // 2

    def weight(self, sid: Sid) -> int:  # noqa: ARG002 - the same door as the hierarchical one
        """One for any id, as in ZooKeeper: majority has no weights."""
        return 1


@dataclass(frozen=True, slots=True)
class QuorumHierarchical:
    """More than half of the weight in more than half of the groups that have weight.

    ``groups`` maps group id to members; ``weights`` holds each voter's weight.
    """

    voters: frozenset[Sid]
    groups: Mapping[int, frozenset[Sid]]
    weights: Mapping[Sid, int]

    def contains_quorum(self, acks: Set[Sid]) -> bool:
        """Whether the voters among ``acks`` are a quorum."""
        with_weight = 0
        won = 0
        for members in self.groups.values():
            total = sum(self.weight(sid) for sid in members)
            if total == 0:
                continue
            with_weight += 1
            if 2 * sum(self.weight(sid) for sid in members & acks) > total:
                won += 1
        return won > with_weight // 2

    def weight(self, sid: Sid) -> int:
        """The weight of ``sid``; 0 for ids without one, where ZooKeeper throws."""
        return self.weights.get(sid, 0)


QuorumVerifier = QuorumMaj | QuorumHierarchical


@dataclass(slots=True)
class SyncedLearnerTracker:
    """Acks counted by several verifiers at once."""

    verifiers: tuple[QuorumVerifier, ...]
    acks: set[Sid] = field(default_factory=set)

    def add_ack(self, sid: Sid) -> bool:
        """Count ``sid`` where it is a voter; whether it is one anywhere."""
        if any(sid in verifier.voters for verifier in self.verifiers):
            self.acks.add(sid)
            return True
        return False

    def has_all_quorums(self) -> bool:
        """Whether each verifier has a quorum among the acks."""
        return all(verifier.contains_quorum(self.acks) for verifier in self.verifiers)

    def has_sid(self, sid: Sid) -> bool:
        """Whether ``sid`` is a voter of every verifier (not: whether it acked)."""
        return all(sid in verifier.voters for verifier in self.verifiers)


def tracker_of(
    verifiers: tuple[QuorumVerifier, ...], acks: Iterable[Sid] = ()
) -> SyncedLearnerTracker:
    """A tracker that has already counted ``acks``."""
    tracker = SyncedLearnerTracker(verifiers)
    for sid in acks:
        tracker.add_ack(sid)
    return tracker
