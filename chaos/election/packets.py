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
    """PING (5). A learner's answer has data, if only empty; a leader's has none.

    ``sessions`` are the (id, timeout in ms) of the learner's clients that were heard.
    """

    zxid: Zxid
    answer: bool = False
    sessions: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Snap:
    """SNAP (15): the whole tree as of ``zxid``.

    ``tree`` is the raw stream that follows the packet, from the sessions to the signature.
    """

    zxid: Zxid
    tree: bytes


@dataclass(frozen=True, slots=True)
class Txn:
    """A transaction: a TxnHeader, and the bytes of its record (and digest, if it has one).

    ``time_ms`` is milliseconds since 1970, ``kind`` an operation code of ``ZooDefs.OpCode``.
    """

    zxid: Zxid
    session: int
    cxid: int
    time_ms: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """PROPOSAL (2): log ``txn``, and say so with an ACK of its zxid."""

    txn: Txn


@dataclass(frozen=True, slots=True)
class Commit:
    """COMMIT (4): a quorum has logged the oldest proposal that is not committed yet."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class CommitAndActivate:
    """COMMITANDACTIVATE (9): a COMMIT of a reconfiguration; ``leader`` is the next leader."""

    zxid: Zxid
    leader: Sid


@dataclass(frozen=True, slots=True)
class Inform:
    """INFORM (8): what an observer gets in place of PROPOSAL and COMMIT."""

    txn: Txn


@dataclass(frozen=True, slots=True)
class InformAndActivate:
    """INFORMANDACTIVATE (19): the same for a reconfiguration."""

    txn: Txn
    leader: Sid


@dataclass(frozen=True, slots=True)
class Request:
    """REQUEST (1): a learner's client wants ``kind`` done; ``body`` is the request's record."""

    session: int
    cxid: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Revalidate:
    """REVALIDATE (6), from a learner: does this session, moved to me, still live?"""

    session: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Revalidated:
    """REVALIDATE (6), from the leader."""

    session: int
    valid: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """SYNC (7), from the leader: what was committed before your request has been sent to you."""


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
    | Snap
    | Proposal
    | Commit
    | CommitAndActivate
    | Inform
    | InformAndActivate
    | Request
    | Revalidate
    | Revalidated
    | Sync
    | OtherPacket
)
