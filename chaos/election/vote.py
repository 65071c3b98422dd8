"""Votes, which of two a peer prefers, and when two count as the same.

Source: ZooKeeper 3.8 ``Vote`` and ``FastLeaderElection.totalOrderPredicate``;
ZOOKEEPER-1732, ZOOKEEPER-1808 and ZOOKEEPER-1818 for the equality.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import ServerState


@dataclass(frozen=True, slots=True)
class Vote:
    """A proposal to follow ``leader``, whose log ends at ``zxid``, made in ``round``.

    ``state`` and ``version`` are those of the sender, and matter for equality only.
    """

    leader: Sid
    zxid: Zxid
    round: Round
    peer_epoch: PeerEpoch
    state: int = ServerState.LOOKING
    version: int = 0

    @property
    def rank(self) -> tuple[PeerEpoch, Zxid, Sid]:
        """What votes are ordered by: peer epoch, then zxid, then sid."""
        return (self.peer_epoch, self.zxid, self.leader)

    def agrees_with(self, other: Vote) -> bool:
        """Whether a tally counts both votes as one (``Vote.equals``).

        LOOKING votes agree in all four numbers. Votes of settled peers agree in leader
        and peer epoch, or in the leader alone when just one of them has a format version.
        """
        if ServerState.LOOKING in (self.state, other.state):
            return (
                self.leader == other.leader
                and self.zxid == other.zxid
                and self.round == other.round
                and self.peer_epoch == other.peer_epoch
            )
        if (self.version > 0) != (other.version > 0):
            return self.leader == other.leader
        return self.leader == other.leader and self.peer_epoch == other.peer_epoch
