"""Who votes, and which votes are enough: the committed and the last-seen configuration.

Source: ZooKeeper 3.8 ``FastLeaderElection.getVoteTracker``, ``validVoter`` and
``totalOrderPredicate``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.election.config import Configuration
from chaos.election.ids import Sid
from chaos.election.quorum import QuorumVerifier, SyncedLearnerTracker
from chaos.election.vote import Vote


@dataclass(frozen=True, slots=True)
class Views:
    """The configuration in force and, if one was proposed, the last one seen."""

    committed: Configuration
    last_seen: Configuration | None = None
    voters: tuple[Sid, ...] = field(init=False)  # of either, ascending
    verifiers: tuple[QuorumVerifier, ...] = field(init=False)
    text: str = field(init=False)  # of the committed one, as notifications carry it

    def __post_init__(self) -> None:
        seen = self.last_seen
        voters = self.committed.voters | (seen.voters if seen is not None else frozenset())
        verifiers: tuple[QuorumVerifier, ...] = (self.committed.verifier,)
        if seen is not None and seen.version > self.committed.version:
            verifiers += (seen.verifier,)
        object.__setattr__(self, "voters", tuple(sorted(voters)))
        object.__setattr__(self, "verifiers", verifiers)
        object.__setattr__(self, "text", self.committed.text())

    def valid(self, sid: Sid) -> bool:
        """Whether ``sid`` votes in either configuration."""
        return sid in self.voters

    def beats(self, new: Vote, current: Vote) -> bool:
        """``totalOrderPredicate``: whether ``new`` is preferred. Weight 0 is never."""
        return self.committed.verifier.weight(new.leader) != 0 and new.rank > current.rank

    def tally(self, votes: Mapping[Sid, Vote], vote: Vote) -> SyncedLearnerTracker:
        """Who of ``votes`` agrees with ``vote``, counted by each verifier in force."""
        tracker = SyncedLearnerTracker(self.verifiers)
        for sid, cast in votes.items():
            if vote.agrees_with(cast):
                tracker.add_ack(sid)
        return tracker
