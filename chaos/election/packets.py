"""The packets of the quorum port, as the rules see them.

Source: ZooKeeper 3.8 ``Leader``, ``LearnerHandler``, ``Learner``, ``LearnerInfo``.
``chaos.wire.quorum`` turns them into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.ids import PeerEpoch, Sid, Zxid

PROTOCOL_VERSION = 0x10000


@dataclass(frozen=True, slots=True)
class LearnerHello:
    """FOLLOWERINFO (11), or OBSERVERINFO (16) when ``observer``.

    ``sid`` is ``None`` when the packet carried no LearnerInfo.
    """

    sid: Sid | None
    accepted_epoch: PeerEpoch
    config_version: int = 0
    protocol: int = PROTOCOL_VERSION
    observer: bool = False


@dataclass(frozen=True, slots=True)
class LeaderInfo:
    """LEADERINFO (17): the epoch that the leader proposes."""

    epoch: PeerEpoch
    protocol: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class AckEpoch:
    """ACKEPOCH (18): ``current_epoch`` is -1 when the learner had accepted that epoch before."""

    zxid: Zxid
    current_epoch: PeerEpoch


@dataclass(frozen=True, slots=True)
class Diff:
    """DIFF (13): the learner is, or will be, at ``zxid``."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class Trunc:
    """TRUNC (14): the learner drops what it has beyond ``zxid``."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class NewLeader:
    """NEWLEADER (10): ``zxid`` is the new epoch shifted left by 32."""

    zxid: Zxid
    config: str | None


@dataclass(frozen=True, slots=True)
class Ack:
    """ACK (3)."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class UpToDate:
    """UPTODATE (12): the learner may serve."""


@dataclass(frozen=True, slots=True)
class Ping:
    """PING (5). A learner's answer has data, if only empty; a leader's has none."""

    zxid: Zxid
    answer: bool = False


@dataclass(frozen=True, slots=True)
class OtherPacket:
    """A packet type that this version knows by number only."""

    kind: int
    zxid: Zxid
    data: bytes | None = None


Packet = (
    LearnerHello
    | LeaderInfo
    | AckEpoch
    | Diff
    | Trunc
    | NewLeader
    | Ack
    | UpToDate
    | Ping
    | OtherPacket
)
