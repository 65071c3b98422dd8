"""FOLLOWING and OBSERVING: a learner's side of the quorum port.

Deliberately better than ZooKeeper: a learner that refuses its leader's epoch, or is refused
before it hears of one, waits a moment before it looks again. ZooKeeper's goes round without
a pause, hundreds of times a second.

Source: ZooKeeper 3.8 ``Learner``, ``Follower``, ``Observer``; protocol steps of Zab 1.0.
"""

from __future__ import annotations

from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import (
    Arm,
    CloseConnection,
    ConnectionLost,
    ConnectLeader,
    Disarm,
    Effect,
    Entered,
    Expire,
    Ignored,
    Input,
    LeaderConnected,
    LeaderRefused,
    PacketRead,
    Phase,
    SendPacket,
    Serving,
    Timer,
    TimerKind,
)
from chaos.election.ids import PeerEpoch, Sid, Zxid, epoch_of, zxid_of
from chaos.election.packets import (
    Ack,
    AckEpoch,
    Diff,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    Packet,
    Ping,
    Trunc,
    UpToDate,
)
from chaos.election.standing import Standing
from chaos.errors import ConfigError

CONNECT = Timer(TimerKind.CONNECT)
BUDGET = Timer(TimerKind.CONNECT_BUDGET)
READ = Timer(TimerKind.LEADER_READ)


class Learning:
    """One stay under one leader. ``over`` says why it ended, empty while it lasts.

    ``activated`` is the configuration that UPTODATE put in force, for the peer to adopt.
    """

    def __init__(self, standing: Standing, leader: Sid) -> None:
        self.over = ""
        self.activated: Configuration | None = None
        self._standing = standing
        self._leader = leader
        self._conn = 0
        self._attempts = 0
        self._epoch: PeerEpoch | None = None
        self._synced_to: Zxid | None = None  # what DIFF or TRUNC said
        self._acked = False  # NEWLEADER was read
        self._serving = False
        self._refusal = ""  # why it will leave, after a pause
        self._config: Configuration | None = None

    def begin(self) -> list[Effect]:
        """Connect to the leader."""
        return [Arm(BUDGET, self._standing.timings.init_ms), *self._connect()]

    def end(self) -> list[Effect]:
        """Let go of the leader."""
        closing = CloseConnection(self._conn, self.over or "the learner ends")
        return [Disarm(CONNECT), Disarm(BUDGET), Disarm(READ), closing]

    def step(self, happened: Input) -> list[Effect]:  # noqa: PLR0911 - one return for each kind of input
        """Handle what concerns the quorum connection."""
        match happened:
            case Expire(timer=Timer(kind=TimerKind.CONNECT)):
                return self._end(self._refusal) if self._refusal else self._connect()
            case Expire(timer=Timer(kind=TimerKind.CONNECT_BUDGET)):
                return self._end("the leader could not be reached within initLimit")
            case Expire(timer=Timer(kind=TimerKind.LEADER_READ)):
                return self._end("the leader is silent")
            case LeaderRefused():
                return self._refused(happened.why)
            case LeaderConnected():
                return self._connected(happened.conn)
            case ConnectionLost() if happened.conn == self._conn and not self._refusal:
                return self._lost(happened.why)
            case PacketRead() if happened.conn == self._conn and not self._refusal:
                return [*self._packet(happened.packet), *self._listen()]
            case _:
                return []

    # ----

    def _end(self, why: str) -> list[Effect]:
        self.over = why
        return []

    def _lost(self, why: str) -> list[Effect]:
        if self._epoch is None:
            return self._pause(f"the leader closed the connection before its epoch: {why}")
        return self._end(f"the connection to the leader ended: {why}")

    def _pause(self, why: str) -> list[Effect]:
        """Leave, but not at once: the same leader would be found and refused again and again."""
        self._refusal = why
        delay_ms = self._standing.timings.leader_connect_retry_ms
        return [Disarm(READ), CloseConnection(self._conn, why), Arm(CONNECT, delay_ms)]

    def _listen(self) -> list[Effect]:
        if self.over or self._refusal:
            return []
        timings = self._standing.timings
        return [Arm(READ, timings.sync_ms if self._acked else timings.init_ms)]

    def _connect(self) -> list[Effect]:
        self._attempts += 1
        return [ConnectLeader(self._leader, self._standing.timings.init_ms)]

    def _refused(self, why: str) -> list[Effect]:
        timings = self._standing.timings
        if self._attempts >= timings.leader_connect_attempts:
            return self._end(f"the leader refused {self._attempts} connections: {why}")
        return [Arm(CONNECT, timings.leader_connect_retry_ms)]

    def _connected(self, conn: int) -> list[Effect]:
        self._conn = conn
        standing = self._standing
        hello = LearnerHello(
            standing.sid,
            standing.accepted_epoch,
            standing.views.committed.version,
            observer=not standing.participates,
        )
        return [Disarm(BUDGET), SendPacket(conn, hello), *self._listen()]

    def _packet(self, packet: Packet) -> list[Effect]:  # noqa: PLR0911 - one for each packet
        match packet:
            case LeaderInfo() if self._epoch is None:
                return self._leader_info(packet.epoch)
            case Diff() | Trunc() if self._epoch is not None and not self._acked:
                self._synced_to = packet.zxid
                return []
            case NewLeader() if self._synced_to is not None and not self._acked:
                return self._new_leader(packet)
            case UpToDate() if self._acked and not self._serving:
                return self._up_to_date()
            case Ping():
                answer = SendPacket(self._conn, Ping(packet.zxid, answer=True))
                return [answer] if self._serving else []
            case _ if self._serving:
                return [Ignored(self._leader, f"{type(packet).__name__} while serving")]
            case _:
                return self._end(f"{type(packet).__name__} out of turn")

    def _leader_info(self, epoch: PeerEpoch) -> list[Effect]:
        standing = self._standing
        if epoch < standing.accepted_epoch:
            return self._pause(
                f"the leader's epoch {epoch} is less than my accepted {standing.accepted_epoch}"
            )
        again = epoch == standing.accepted_epoch
        current = PeerEpoch(-1) if again else standing.current_epoch
        self._epoch = epoch
        return [
            *([] if again else standing.accept_epoch(epoch)),
            SendPacket(self._conn, AckEpoch(standing.zxid, current)),
            Entered(standing.learner_state, Phase.SYNCHRONIZATION),
        ]

    def _new_leader(self, packet: NewLeader) -> list[Effect]:
        epoch = epoch_of(packet.zxid)
        if epoch != self._epoch:
            return self._end(f"NEWLEADER of epoch {epoch} after LEADERINFO of {self._epoch}")
        assert self._synced_to is not None
        self._acked = True
        # The epoch first: a log must never be ahead of the epoch that it belongs to.
        effects = self._standing.enter_epoch(epoch)
        effects += self._standing.log_to(self._synced_to)
        if packet.config:
            try:
                self._config = parse_configuration(packet.config)
                effects += self._standing.see(self._config)
            except ConfigError as error:
                effects.append(Ignored(self._leader, f"NEWLEADER's configuration: {error}"))
        return [*effects, SendPacket(self._conn, Ack(packet.zxid))]

    def _up_to_date(self) -> list[Effect]:
        standing = self._standing
        assert self._epoch is not None
        self._serving = True
        self.activated = self._config
        standing.establish(self._epoch)
        return [
            SendPacket(self._conn, Ack(Zxid(zxid_of(self._epoch)))),
            Serving(self._epoch),
            Entered(standing.learner_state, Phase.BROADCAST),
        ]
