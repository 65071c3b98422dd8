"""What peers tell each other on the election port.

Source: ZooKeeper 3.8 ``FastLeaderElection.Notification``, ``QuorumPeer.ServerState``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from chaos.election.ids import PeerEpoch, Round, Sid, Zxid


class ServerState(IntEnum):
    """The state of a peer, by its number on the wire."""

    LOOKING = 0
    FOLLOWING = 1
    LEADING = 2
    OBSERVING = 3


@dataclass(frozen=True, slots=True)
class Notification:
    """One message of the election port. Its sender is the sid of the link.

    ``state`` may be a number outside 0..3: such a message is parsed and then ignored.
    ``version`` is the format version: 0 for 28- and 40-byte messages, 2 for today's.
    ``config`` is the text of the sender's committed configuration, ``None`` before version 2.
    """

    state: int
    leader: Sid
    zxid: Zxid
    round: Round
    peer_epoch: PeerEpoch
    version: int = 2
    config: str | None = None
