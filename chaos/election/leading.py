"""LEADING: a leader's side of the quorum port, from its epoch to its stepping down.

Source: ZooKeeper 3.8 ``Leader`` and ``LearnerHandler``; protocol steps of Zab 1.0.

Deliberately better than ZooKeeper: a learner counts as synced only once it has acked
NEWLEADER, where ZooKeeper counts connections that are still shaking hands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from chaos.election.broadcast import Broadcast
from chaos.election.config import Configuration
from chaos.election.effects import (
    Arm,
    CloseConnection,
    CloseLeaderPort,
    ConnectionLost,
    Disarm,
    Effect,
    Entered,
    Expire,
    Ignored,
    Input,
    LearnerConnected,
    OpenLeaderPort,
    PacketRead,
    Phase,
    SendPacket,
    Serving,
    Timer,
    TimerKind,
    Work,
)
from chaos.election.ids import NO_ZXID, PeerEpoch, Sid, Zxid, counter_of, epoch_of, zxid_of
from chaos.election.notification import ServerState
from chaos.election.packets import (
    Ack,
    AckEpoch,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    Packet,
    Ping,
    Request,
    Revalidate,
    UpToDate,
)
from chaos.election.quorum import SyncedLearnerTracker, tracker_of
from chaos.election.standing import Standing

TICK = Timer(TimerKind.TICK)
WAIT = Timer(TimerKind.WAIT)
WORK = Timer(TimerKind.WORK)
DISLOYAL = Timer(TimerKind.DISLOYAL)


class Stage(IntEnum):
    """How far one learner, or the leadership as a whole, has come."""

    HELLO = 0  # waiting for FOLLOWERINFO / for a quorum of them
    ACK_EPOCH = 1
    NEW_LEADER = 2  # waiting for the ACK of NEWLEADER / for a quorum of them
    SERVING = 3


@dataclass(slots=True)
class Learner:
    """One connection at the quorum port. ``stage`` is the packet that is due from it."""

    conn: int
    sid: Sid = Sid(0)
    observer: bool = False
    stage: Stage = Stage.HELLO
    zxid: Zxid = Zxid(0)
    heard: bool = False  # it said what ``stage`` asks for, and waits for the quorum
    deadline: int = 0  # the last tick at which it still counts as synced


class Leading:
    """One leadership. ``over`` says why it ended, empty while it lasts.

    ``support`` is the vote set that elected it. ``activated`` is the configuration that
    takes force when it begins to serve, for the peer to adopt.
    """

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        self.over = ""
        self.activated: Configuration | None = None
        self._standing = standing
        self._support = tracker_of(standing.views.verifiers, support)
        self._stage = Stage.HELLO
        self._learners: dict[int, Learner] = {}
        self._strangers = 0
        # Its own log counts too: a tester may have put it ahead of what the peer accepted.
        self._epoch = PeerEpoch(max(standing.accepted_epoch, epoch_of(standing.log.last)) + 1)
        self._before = (standing.current_epoch, standing.zxid)
        # The epoch counts in the committed configuration only, as in ZooKeeper.
        committed = (standing.views.committed.verifier,)
        self._connecting = tracker_of(committed, [standing.sid])
        self._electing = SyncedLearnerTracker(committed)
        self._acks = SyncedLearnerTracker(standing.views.verifiers)
        self._broadcast: Broadcast | None = None  # from the quorum of ACKEPOCH on
        self._half = False
        self._impatient = False

    @property
    def conns(self) -> dict[int, Sid]:
        """The learners that said who they are, by connection."""
        return {
            conn: learner.sid
            for conn, learner in self._learners.items()
            if learner.heard or learner.stage is not Stage.HELLO
        }

    def begin(self) -> list[Effect]:
        """Listen for learners, and propose an epoch when a quorum has come."""
        timings = self._standing.timings
        effects: list[Effect] = [OpenLeaderPort(), Arm(WAIT, timings.init_ms)]
        if timings.epoch_wait_ms >= 0:
            effects.append(Arm(DISLOYAL, timings.epoch_wait_ms))
        return effects + self._epoch_quorum()

    def end(self) -> list[Effect]:
        """Let go of the learners."""
        reads: list[Effect] = [Disarm(_read(conn)) for conn in sorted(self._learners)]
        self._learners.clear()
        work: list[Effect] = [Disarm(WORK)] if self._standing.work.per_s else []
        return [*reads, Disarm(TICK), *work, Disarm(WAIT), Disarm(DISLOYAL), CloseLeaderPort()]

    def step(self, happened: Input) -> list[Effect]:
        """Handle what concerns the quorum port."""
        match happened:
            case Expire():
                effects = self._expired(happened.timer)
            case LearnerConnected():
                effects = self._connected(happened.conn)
            case ConnectionLost():
                effects = self._gone(happened.conn)
            case PacketRead() if happened.conn in self._learners:
                effects = self._packet(self._learners[happened.conn], happened.packet)
            case Work() if self._stage is Stage.SERVING:
                effects = self._arm_work() or [Disarm(WORK)]
            case _:
                return []
        if self._broadcast is not None:
            self.over = self.over or self._broadcast.over
        return effects

    def _expired(self, timer: Timer) -> list[Effect]:
        match timer.kind:
            case TimerKind.TICK:
                return self._tick()
            case TimerKind.WAIT:
                waits = ("FOLLOWERINFO", "ACKEPOCH", "an ACK of NEWLEADER")
                return self._end(f"no quorum sent {waits[self._stage]} within initLimit")
            case TimerKind.LEARNER_READ:
                return self._close(timer.conn, "the learner is silent")
            case TimerKind.WORK if self._broadcast is not None:
                return [*self._broadcast.work(), *self._arm_work()]
            case TimerKind.DISLOYAL:
                self._impatient = True
        return []

    def report_looking(self, sid: Sid) -> None:
        """``reportLookingSid``: a voter of mine looks again (ZOOKEEPER-3109)."""
        if self._stage is Stage.HELLO and self._impatient and self._support.has_sid(sid):
            self.over = "quit leading: a voter changed its mind"

    # ---- the stages

    def _epoch_quorum(self) -> list[Effect]:
        if self._stage is not Stage.HELLO or not self._connecting.has_all_quorums():
            return []
        standing = self._standing
        self._stage = Stage.ACK_EPOCH
        self._electing.add_ack(standing.sid)
        effects = standing.accept_epoch(self._epoch)
        effects.append(Arm(WAIT, standing.timings.init_ms))
        for learner in self._waiting(Stage.HELLO):
            effects += self._propose_epoch(learner)
        return effects + self._ack_epoch_quorum()

    def _propose_epoch(self, learner: Learner) -> list[Effect]:
        learner.stage, learner.heard = Stage.ACK_EPOCH, False
        return [SendPacket(learner.conn, LeaderInfo(self._epoch))]

    def _ack_epoch_quorum(self) -> list[Effect]:
        if self._stage is not Stage.ACK_EPOCH or not self._electing.has_all_quorums():
            return []
        standing = self._standing
        self._stage = Stage.NEW_LEADER
        self._broadcast = Broadcast(standing, self._epoch)
        self._acks.add_ack(standing.sid)
        effects = [*standing.enter_epoch(self._epoch), *self._upgrade()]
        effects.append(Entered(ServerState.LEADING, Phase.SYNCHRONIZATION))
        effects.append(Arm(WAIT, standing.timings.init_ms))
        for learner in self._waiting(Stage.ACK_EPOCH):
            effects += self._synchronise(learner)
        return effects + self._new_leader_quorum()

    def _upgrade(self) -> list[Effect]:
        """A configuration of version 0 gets the new epoch's first zxid as its version."""
        views = self._standing.views
        seen = views.last_seen
        if views.committed.version != 0 or (seen is not None and seen.version != 0):
            return []
        effects = self._standing.see(views.committed.with_version(zxid_of(self._epoch)))
        self._acks = tracker_of(self._standing.views.verifiers, self._acks.acks)
        return effects

    def _synchronise(self, learner: Learner) -> list[Effect]:
        """Bring it to my log; from here on it hears of all that I propose."""
        assert self._broadcast is not None
        learner.stage, learner.heard = Stage.NEW_LEADER, False
        packets = self._broadcast.synchronise(
            learner.conn, learner.sid, learner.zxid, observer=learner.observer
        )
        views = self._standing.views
        text = (views.last_seen or views.committed).text()
        packets.append(NewLeader(zxid_of(self._epoch), text))
        return [SendPacket(learner.conn, packet) for packet in packets]

    def _new_leader_quorum(self) -> list[Effect]:
        if self._stage is not Stage.NEW_LEADER or not self._acks.has_all_quorums():
            return []
        assert self._broadcast is not None
        standing = self._standing
        self._stage = Stage.SERVING
        standing.zxid = zxid_of(self._epoch)  # in memory only, as in ZooKeeper
        standing.establish(self._epoch)
        self.activated = standing.views.last_seen
        effects: list[Effect] = [
            Disarm(WAIT),
            Disarm(DISLOYAL),
            Serving(self._epoch),
            Entered(ServerState.LEADING, Phase.BROADCAST),
            *self._broadcast.begin(),
            Arm(TICK, self._half_tick()),
            *self._arm_work(),
        ]
        for learner in self._waiting(Stage.NEW_LEADER):
            effects += self._up_to_date(learner)
        return effects

    def _up_to_date(self, learner: Learner) -> list[Effect]:
        assert self._broadcast is not None
        learner.stage, learner.heard = Stage.SERVING, False
        learner.deadline = self._broadcast.ticks + self._standing.timings.sync_limit
        self._broadcast.synced(learner.conn)
        return [SendPacket(learner.conn, UpToDate())]

    def _waiting(self, stage: Stage) -> list[Learner]:
        found = sorted(self._learners)
        learners = [self._learners[conn] for conn in found]
        return [learner for learner in learners if learner.stage is stage and learner.heard]

    # ---- one learner

    def _connected(self, conn: int) -> list[Effect]:
        self._learners[conn] = Learner(conn)
        return [Arm(_read(conn), self._standing.timings.init_ms)]

    def _gone(self, conn: int) -> list[Effect]:
        # Who was counted stays counted: ZooKeeper's sets never shrink either.
        known = self._learners.pop(conn, None)
        if self._broadcast is not None:
            self._broadcast.forget(conn)
        return [] if known is None else [Disarm(_read(conn))]

    def _close(self, conn: int, why: str) -> list[Effect]:
        return [*self._gone(conn), CloseConnection(conn, why)]

    def _packet(self, learner: Learner, packet: Packet) -> list[Effect]:
        match packet:
            case LearnerHello() if learner.stage is Stage.HELLO and not learner.heard:
                effects = self._hello(learner, packet)
            case AckEpoch() if learner.stage is Stage.ACK_EPOCH and not learner.heard:
                effects = self._ack_epoch(learner, packet)
            case Ack() if learner.stage is Stage.NEW_LEADER and not learner.heard:
                effects = self._ack(learner, packet)
            case Ack() | Ping(answer=True) | Request() | Revalidate() if (
                learner.stage is Stage.SERVING
            ):
                effects = self._spoken(learner, packet)
            case _ if learner.stage is Stage.SERVING and not isinstance(packet, Ping):
                effects = [Ignored(learner.sid, f"{type(packet).__name__} while serving")]
            case _:
                return self._close(learner.conn, f"{type(packet).__name__} out of turn")
        if self.over or learner.conn not in self._learners:
            return effects
        timings = self._standing.timings
        synced = learner.stage is Stage.SERVING
        limit = timings.sync_ms if synced else timings.init_ms
        return [*effects, Arm(_read(learner.conn), limit)]

    def _hello(self, learner: Learner, hello: LearnerHello) -> list[Effect]:
        if hello.config_version > self._standing.views.committed.version:
            return self._close(learner.conn, "the learner's configuration is newer than mine")
        if hello.sid is None:
            self._strangers -= 1
            learner.sid = Sid(self._strangers)
        else:
            learner.sid = hello.sid
        learner.heard, learner.observer = True, hello.observer
        if self._stage is not Stage.HELLO:
            return self._propose_epoch(learner)
        self._epoch = max(self._epoch, PeerEpoch(hello.accepted_epoch + 1))
        self._connecting.add_ack(learner.sid)
        return self._epoch_quorum()

    def _ack_epoch(self, learner: Learner, ack: AckEpoch) -> list[Effect]:
        learner.zxid, learner.heard = ack.zxid, True
        if self._stage is not Stage.ACK_EPOCH:
            return self._synchronise(learner)
        if ack.current_epoch != -1:
            if (ack.current_epoch, ack.zxid) > self._before:
                return self._end(f"follower {learner.sid} is ahead of the leader")
            if ack.zxid != NO_ZXID:
                self._electing.add_ack(learner.sid)
        return self._ack_epoch_quorum()

    def _ack(self, learner: Learner, ack: Ack) -> list[Effect]:
        assert self._broadcast is not None
        if counter_of(ack.zxid) and self._stage is Stage.SERVING:
            # A transaction's ACK that overtook NEWLEADER's (ZOOKEEPER-4685).
            return self._broadcast.acked(learner.conn, ack.zxid)
        learner.heard = True
        if self._stage is Stage.SERVING:
            return self._up_to_date(learner)
        if ack.zxid != zxid_of(self._epoch):
            return [Ignored(learner.sid, "its ACK is of another epoch")]
        self._acks.add_ack(learner.sid)
        return self._new_leader_quorum()

    # ---- while serving

    def _spoken(self, learner: Learner, packet: Ack | Ping | Request | Revalidate) -> list[Effect]:
        broadcast = self._broadcast
        assert broadcast is not None
        learner.deadline = broadcast.ticks + self._standing.timings.sync_limit
        match packet:
            case Ack(zxid=zxid):  # one without a counter is of NEWLEADER or UPTODATE
                return broadcast.acked(learner.conn, zxid) if counter_of(zxid) else []
            case Request():
                return broadcast.requested(learner.conn, packet)
            case Revalidate():
                return broadcast.revalidated(learner.conn, packet)
            case Ping(sessions=sessions):
                broadcast.heard(sessions)
                return []

    def _half_tick(self) -> int:
        return max(1, self._standing.timings.tick_ms // 2)

    def _arm_work(self) -> list[Effect]:
        """Wait for the next portion of the workload, if there is one."""
        assert self._broadcast is not None
        return [Arm(WORK, self._broadcast.work_ms())] if self._standing.work.per_s > 0 else []

    def _tick(self) -> list[Effect]:
        """Every half tick: ping; every whole one: do enough learners still answer?"""
        broadcast = self._broadcast
        if broadcast is None:
            return []
        self._half = not self._half
        effects: list[Effect] = []
        if not self._half:
            effects += broadcast.tick()
            synced = [
                learner.sid
                for learner in self._learners.values()
                if learner.stage is Stage.SERVING and broadcast.ticks <= learner.deadline
            ]
            tracker = tracker_of(self._standing.views.verifiers, [self._standing.sid, *synced])
            if not tracker.has_all_quorums():
                why = f"not enough followers synced, only {sorted(tracker.acks)}"
                return effects + self._end(why)
        for conn in sorted(self._learners):
            effects += self._ping(self._learners[conn], broadcast)
        return [*effects, Arm(TICK, self._half_tick())]

    def _ping(self, learner: Learner, broadcast: Broadcast) -> list[Effect]:
        if learner.stage is Stage.SERVING and broadcast.late(learner.conn):
            return self._close(learner.conn, "the learner owes an ACK for more than syncLimit")
        if learner.stage < Stage.NEW_LEADER:
            return []
        return [SendPacket(learner.conn, Ping(broadcast.last))]

    def _end(self, why: str) -> list[Effect]:
        self.over = why
        return []


def _read(conn: int) -> Timer:
    return Timer(TimerKind.LEARNER_READ, conn)
