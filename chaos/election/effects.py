"""What can happen to a peer, and what it then wants done.

``QuorumPeer.step(Input) -> list[Effect]``; the effects are performed in their order.
Both are plain data: a journal holds them, and the same inputs give the same effects again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import Packet, Txn
from chaos.election.vote import Vote


class TimerKind(StrEnum):
    """The clocks that a peer waits for."""

    RESEND = "resend"  # notification back-off while LOOKING
    FINALIZE = "finalize"  # the silence required after a quorum
    TICK = "tick"  # half a tick of a leader
    WAIT = "wait"  # a leader's epoch, ACKEPOCH or NEWLEADER wait
    LEARNER_READ = "learner_read"  # silence of one learner, keyed by connection
    LEADER_READ = "leader_read"  # silence of the leader
    CONNECT = "connect"  # the next attempt to reach the leader
    CONNECT_BUDGET = "connect_budget"  # all attempts together
    WORK = "work"  # the next transaction of a workload
    DISLOYAL = "disloyal"  # from when on a voter that changed its mind ends a leadership


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer of a peer; arming it again replaces it."""

    kind: TimerKind
    conn: int = 0


class Phase(StrEnum):
    """Zab's phase of a peer, as in ``zk_peer_state``."""

    ELECTION = "election"
    DISCOVERY = "discovery"
    SYNCHRONIZATION = "synchronization"
    BROADCAST = "broadcast"


class Exit(StrEnum):
    """By which way ``lookForLeader`` ended."""

    FINALIZED = "finalized"  # silence after a quorum of LOOKING votes
    SAME_ROUND = "same_round"  # a quorum of settled peers in my round
    OUT_OF_ELECTION = "out_of_election"  # a quorum of settled peers, any round
    DESIGNATED = "designated"  # none was held: a reconfiguration named the leader


# ---- inputs


@dataclass(frozen=True, slots=True)
class Start:
    """The peer comes up and looks for a leader."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """A notification of ``sender`` was read: frame number ``frame`` (from 0) of ``link``."""

    sender: Sid
    notification: Notification
    link: str = ""
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Expire:
    """``timer`` ran out. ``have_delivered``: at least one send queue is empty."""

    timer: Timer
    have_delivered: bool = False


@dataclass(frozen=True, slots=True)
class LearnerConnected:
    """Somebody connected to my quorum port while I lead."""

    conn: int


@dataclass(frozen=True, slots=True)
class LeaderConnected:
    """My connection to the leader's quorum port stands."""

    conn: int


@dataclass(frozen=True, slots=True)
class LeaderRefused:
    """My attempt to connect to the leader's quorum port failed."""

    why: str


@dataclass(frozen=True, slots=True)
class PacketRead:
    """A quorum packet was read on ``conn``."""

    conn: int
    packet: Packet


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """Quorum connection ``conn`` ended: end of file, reset, or bytes that are no packet."""

    conn: int
    why: str


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """A configuration is given to the peer; ``activate`` commits it, else it is proposed."""

    config: str
    activate: bool = True


@dataclass(frozen=True, slots=True)
class SkewRound:
    """The logical clock moves ``by`` or ``to`` (just one of them is set)."""

    by: int | None = None
    to: int | None = None


@dataclass(frozen=True, slots=True)
class SkewZxid:
    """The last logged zxid becomes ``zxid``."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class SkewEpochs:
    """The stored epochs change; ``None`` leaves one alone."""

    accepted: PeerEpoch | None = None
    current: PeerEpoch | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """While it leads, the peer proposes ``per_s`` transactions a second; 0 ends it.

    Each creates a node of ``payload`` bytes. Until then every peer is told, whoever leads.
    """

    per_s: int
    payload: int = 0


Input = (
    Start
    | Deliver
    | Expire
    | LearnerConnected
    | LeaderConnected
    | LeaderRefused
    | PacketRead
    | ConnectionLost
    | Reconfigure
    | SkewRound
    | SkewZxid
    | SkewEpochs
    | Work
)

# ---- effects


@dataclass(frozen=True, slots=True)
class Send:
    """Offer ``notification`` to the send queue of each of ``to`` (never to oneself)."""

    to: tuple[Sid, ...]
    notification: Notification


@dataclass(frozen=True, slots=True)
class ConnectAll:
    """Dial every peer that has a send queue and no link."""


@dataclass(frozen=True, slots=True)
class RestartElectionLayer:
    """Close all election links, forget queues and last messages, and use ``config``'s addresses."""

    config: str


@dataclass(frozen=True, slots=True)
class Arm:
    """Start ``timer`` anew; it expires once, after ``delay_ms``."""

    timer: Timer
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Disarm:
    """Stop ``timer`` if it runs."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Persist:
    """Write ``acceptedEpoch``, ``currentEpoch`` or ``zxid`` to disk before going on.

    A ``zxid`` is where the log now begins and ends: it has no transactions any more.
    """

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Append:
    """Put ``txns`` behind the log, synced, before going on."""

    txns: tuple[Txn, ...]


@dataclass(frozen=True, slots=True)
class Truncate:
    """Drop every transaction of the log beyond ``zxid``, synced, before going on."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class Restore:
    """Forget log and tree: they are ``tree`` (a SNAP's stream) as of ``zxid``, then ``txns``.

    Synced, and in one: a crash leaves the old ones whole or the new ones.
    """

    zxid: Zxid
    tree: bytes
    txns: tuple[Txn, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """Everything up to ``zxid`` is committed, as far as the peer knows. Nothing to perform."""

    zxid: Zxid


@dataclass(frozen=True, slots=True)
class PersistConfig:
    """Write a configuration to disk; ``active`` when it is committed.

    Its members' addresses are good for dialing from now on.
    """

    config: str
    active: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """The peer is now in ``state`` and ``phase``. Nothing to perform."""

    state: ServerState
    phase: Phase


@dataclass(frozen=True, slots=True)
class Proposed:
    """The peer's proposal, round included, is now ``vote``. Nothing to perform."""

    vote: Vote


@dataclass(frozen=True, slots=True)
class QuorumSeen:
    """``support`` is a quorum for ``vote``: the finalize wait begins. Nothing to perform."""

    vote: Vote
    support: tuple[Sid, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """``lookForLeader`` ended with ``vote``, supported by ``support``. Nothing to perform."""

    vote: Vote
    state: ServerState
    support: tuple[Sid, ...]
    how: Exit


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message from ``sender`` changed nothing, because of ``why``. Nothing to perform."""

    sender: Sid
    why: str


@dataclass(frozen=True, slots=True)
class Serving:
    """The peer's part of ``epoch`` is established. Nothing to perform."""

    epoch: PeerEpoch


@dataclass(frozen=True, slots=True)
class SteppedDown:
    """The peer leaves LEADING, FOLLOWING or OBSERVING. Nothing to perform."""

    why: str


@dataclass(frozen=True, slots=True)
class OpenLeaderPort:
    """Listen for learners."""


@dataclass(frozen=True, slots=True)
class CloseLeaderPort:
    """Stop listening for learners and close every learner's connection."""


@dataclass(frozen=True, slots=True)
class ConnectLeader:
    """Connect to the quorum port of ``leader``; answer LeaderConnected or LeaderRefused."""

    leader: Sid
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class SendPacket:
    """Write ``packet`` on quorum connection ``conn``."""

    conn: int
    packet: Packet


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close quorum connection ``conn`` (0: also a connect under way); no input follows."""

    conn: int
    why: str


Effect = (
    Send
    | ConnectAll
    | RestartElectionLayer
    | Arm
    | Disarm
    | Persist
    | Append
    | Truncate
    | Restore
    | Committed
    | PersistConfig
    | Entered
    | Proposed
    | QuorumSeen
    | Decided
    | Ignored
    | Serving
    | SteppedDown
    | OpenLeaderPort
    | CloseLeaderPort
    | ConnectLeader
    | SendPacket
    | CloseConnection
)
