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
from chaos.election.ids import PeerEpoch, Sid, Zxid, epoch_of, hex64, zxid_of
from chaos.election.intake import Intake, OutOfOrderError
from chaos.election.packets import (
    Ack,
    AckEpoch,
    Commit,
    CommitAndActivate,
    Diff,
    Inform,
    InformAndActivate,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    Packet,
    Ping,
    Proposal,
    Snap,
    Trunc,
    Txn,
    UpToDate,
)
from chaos.election.records import RECONFIG, read_config
from chaos.election.standing import Standing
from chaos.errors import ConfigError

CONNECT = Timer(TimerKind.CONNECT)
BUDGET = Timer(TimerKind.CONNECT_BUDGET)
READ = Timer(TimerKind.LEADER_READ)


class Learning:
    """One stay under one leader. ``over`` says why it ended, empty while it lasts.

    ``activated`` is the configuration that UPTODATE or a commit put in force, for the peer to
    adopt; ``designated`` is who leads under it, where a commit said so.
    """

    def __init__(self, standing: Standing, leader: Sid) -> None:
        self.over = ""
        self.activated: Configuration | None = None
        self.designated: Sid | None = None
        self._standing = standing
        self._leader = leader
        self._conn = 0
        self._attempts = 0
        self._epoch: PeerEpoch | None = None
        self._intake: Intake | None = None  # from DIFF, TRUNC or SNAP on
        self._acked = False  # NEWLEADER was read
        self._serving = False
        self._refusal = ""  # why it will leave, after a pause
        self._config: Configuration | None = None
        self._reconfigs: dict[Zxid, Configuration] = {}  # proposed, not committed yet
        self._disowned = False  # I said that my log is empty

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
        return [Arm(CONNECT, timings.leader_connect_delay_ms(self._attempts))]

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
            case Diff() | Trunc() | Snap() if self._epoch is not None and self._intake is None:
                return self._synchronise(packet, self._epoch)
            case NewLeader() if self._intake is not None and not self._acked:
                return self._new_leader(packet, self._intake)
            case UpToDate() if self._intake is not None and self._acked and not self._serving:
                return self._up_to_date(self._intake)
            case Ping():
                answer = SendPacket(self._conn, Ping(packet.zxid, answer=True))
                return [answer] if self._serving else []
            case Proposal() | Commit() | CommitAndActivate() | Inform() | InformAndActivate() if (
                self._intake is not None
            ):
                return self._transaction(packet, self._intake)
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
        # Only a learner that counts for nothing in this epoch may say less than it has.
        self._disowned = again and standing.cannot_cut
        standing.cannot_cut = False
        self._epoch = epoch
        return [
            *([] if again else standing.accept_epoch(epoch)),
            SendPacket(self._conn, AckEpoch(self._logged, current)),
            Entered(standing.learner_state, Phase.SYNCHRONIZATION),
        ]

    @property
    def _logged(self) -> Zxid:
        return Zxid(0) if self._disowned else self._standing.zxid

    def _synchronise(self, packet: Diff | Trunc | Snap, epoch: PeerEpoch) -> list[Effect]:
        """The leader says how my log becomes its own."""
        standing = self._standing
        if self._disowned and isinstance(packet, Diff):
            packet = Snap(Zxid(0), b"")  # what follows begins at the empty log
        elif isinstance(packet, Trunc) and packet.zxid < standing.log.begins:
            standing.cannot_cut = True
            return self._pause(
                f"TRUNC to {hex64(packet.zxid)}: my log begins at {hex64(standing.log.begins)}"
            )
        self._intake = Intake(standing, packet, epoch)
        return []

    def _new_leader(self, packet: NewLeader, intake: Intake) -> list[Effect]:
        epoch = epoch_of(packet.zxid)
        if epoch != self._epoch:
            return self._end(f"NEWLEADER of epoch {epoch} after LEADERINFO of {self._epoch}")
        self._acked = True
        # The log first: who says to be of an epoch has to have what that epoch began with.
        effects = intake.settle()
        effects += self._standing.enter_epoch(epoch)
        if packet.config:
            try:
                self._config = parse_configuration(packet.config)
                effects += self._standing.see(self._config)
            except ConfigError as error:
                effects.append(Ignored(self._leader, f"NEWLEADER's configuration: {error}"))
        acks = [packet.zxid, *(intake.pending if self._standing.participates else ())]
        return [*effects, *(SendPacket(self._conn, Ack(zxid)) for zxid in acks)]

    def _up_to_date(self, intake: Intake) -> list[Effect]:
        standing = self._standing
        assert self._epoch is not None
        self._serving = True
        self.activated = self._config
        standing.establish(self._epoch)
        return [
            SendPacket(self._conn, Ack(Zxid(zxid_of(self._epoch)))),
            Serving(self._epoch),
            Entered(standing.learner_state, Phase.BROADCAST),
            *intake.serve(),
        ]

    # ---- transactions

    def _transaction(
        self,
        packet: Proposal | Commit | CommitAndActivate | Inform | InformAndActivate,
        intake: Intake,
    ) -> list[Effect]:
        try:
            match packet:
                case Proposal(txn=txn):
                    return self._propose(txn, intake)
                case Commit(zxid=zxid):
                    return self._commit(zxid, intake, None)
                case CommitAndActivate(zxid=zxid, leader=leader):
                    return self._commit(zxid, intake, leader)
                case Inform(txn=txn):
                    return self._inform(txn, intake, None)
                case InformAndActivate(txn=txn, leader=leader):
                    return self._inform(txn, intake, leader)
        except OutOfOrderError as error:
            return self._end(str(error))

    def _propose(self, txn: Txn, intake: Intake) -> list[Effect]:
        effects = [*intake.propose(txn), *self._foresee(txn)]
        if self._acked and self._standing.participates:
            effects.append(SendPacket(self._conn, Ack(txn.zxid)))
        return effects

    def _inform(self, txn: Txn, intake: Intake, leader: Sid | None) -> list[Effect]:
        effects = [*intake.propose(txn), *self._foresee(txn)]
        return effects + self._commit(txn.zxid, intake, leader)

    def _commit(self, zxid: Zxid, intake: Intake, leader: Sid | None) -> list[Effect]:
        effects = intake.commit(zxid)
        config = self._reconfigs.pop(zxid, None)
        if leader is not None and config is not None:
            self.activated, self.designated = config, leader
        return effects

    def _foresee(self, txn: Txn) -> list[Effect]:
        """A reconfiguration that is proposed counts beside the one in force."""
        text = read_config(txn.body) if txn.kind == RECONFIG else None
        if text is None:
            return []
        try:
            config = parse_configuration(text)
        except ConfigError as error:
            return [Ignored(self._leader, f"{hex64(txn.zxid)}'s configuration: {error}")]
        self._reconfigs[txn.zxid] = config
        views = self._standing.views
        newest = views.last_seen or views.committed
        return self._standing.see(config) if config.version > newest.version else []
