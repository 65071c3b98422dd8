"""``handshake_followed``: what a peer says while it comes to lead or to follow is what was due.

Each step is held against :mod:`chaos.verify.handshake`: who waits for a quorum goes on with it,
nobody before it, and whoever is out of turn, or knows a newer configuration, is sent away. What
is due of the broadcast, and when a leader steps down, other laws say.

Source: as :mod:`chaos.verify.handshake`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from chaos.election import packets as pk
from chaos.election.effects import (
    CloseConnection,
    Committed,
    ConnectionLost,
    Effect,
    Entered,
    Expire,
    LeaderConnected,
    LeaderRefused,
    LearnerConnected,
    PacketRead,
    Persist,
    Phase,
    SendPacket,
    Serving,
    SteppedDown,
    TimerKind,
)
from chaos.election.ids import counter_of
from chaos.election.notification import ServerState
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.handshake import Held, LeaderSide, LearnerSide, Trail, What, Word, is_transaction
from chaos.verify.laws.watcher import SKEWS
from chaos.verify.standing import Standing

_ENDS: Final = (TimerKind.CONNECT_BUDGET, TimerKind.LEADER_READ)


class Handshake:
    """The stays of one incarnation as leader or learner."""

    def __init__(self, began: Began, docket: Docket) -> None:
        self._sid = began.sid
        self._docket = docket
        self._attempts_max = began.spec.timings.leader_connect_attempts
        self._trail = Trail(began.spec)
        self._role: LeaderSide | LearnerSide | None = None
        self._cannot_cut = False

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        if isinstance(event.happened, SKEWS):
            self._role = None  # what it goes by is the tester's from here on
        due = self._due(event, standing)
        loose = self._loose(event)
        disk = dict(standing.disk.values)  # as this step changes it
        done: list[Effect] = []
        for effect in event.effects:
            if isinstance(effect, Entered) and effect.phase in (Phase.ELECTION, Phase.DISCOVERY):
                self._judge(index, due, done, loose=loose)
                self._role, due, done, loose = None, [], [], False
                if effect.phase is Phase.DISCOVERY:
                    due = self._begins(effect.state, standing, disk)
            done.append(effect)
            if isinstance(effect, Persist):
                disk[effect.name] = effect.value
        self._judge(index, due, done, loose=loose)
        self._follow(event)

    def _begins(self, state: ServerState, standing: Standing, disk: dict[str, int]) -> list[Word]:
        if state is not ServerState.LEADING:
            self._role = LearnerSide(self._attempts_max, self._trail, self._cannot_cut)
            return []
        held = (disk["acceptedEpoch"], disk["currentEpoch"], standing.zxid)
        self._role = LeaderSide(self._sid, standing.electorate, held, self._trail)
        return self._role.begin()

    # ---- what is due

    def _due(self, event: Stepped, standing: Standing) -> list[Word]:
        match self._role:
            case LeaderSide():
                return self._of_leader(self._role, event, standing)
            case LearnerSide():
                return self._of_learner(self._role, event, standing)
            case None:
                return []

    def _of_leader(self, role: LeaderSide, event: Stepped, standing: Standing) -> list[Word]:
        match event.happened:
            case LearnerConnected(conn=conn):
                role.connected(conn)
            case ConnectionLost(conn=conn):
                role.lost(conn)
            case PacketRead(conn=conn, packet=packet):
                return role.hear(conn, packet, standing.electorate.committed.version)
            case Expire(timer=timer) if timer.kind is TimerKind.LEARNER_READ:
                return role.silent(timer.conn)
            case Expire(timer=timer) if timer.kind is TimerKind.WAIT:
                return role.waited()
            case _:
                pass
        return []

    def _of_learner(self, role: LearnerSide, event: Stepped, standing: Standing) -> list[Word]:
        words: list[Word] = []
        match event.happened:
            case LeaderConnected(conn=conn):
                words = role.connected(conn, _held(standing))
            case LeaderRefused():
                words = role.not_connected()
            case ConnectionLost(conn=conn):
                words = role.lost(conn)
            case PacketRead(conn=conn, packet=packet):
                words = role.hear(conn, packet, _held(standing))
            case Expire(timer=timer) if timer.kind is TimerKind.CONNECT:
                words = role.again()
            case Expire(timer=timer) if timer.kind in _ENDS:
                words = role.waited()
            case _:
                pass
        return words

    def _loose(self, event: Stepped) -> bool:
        """Whether it may send somebody away, or leave, for reasons that lie elsewhere."""
        match event.happened:
            case PacketRead(packet=pk.UpToDate()):
                return True  # the configuration that takes force may give it another role
            case PacketRead(packet=packet):
                serves = isinstance(self._role, LeaderSide) and self._role.serving
                return serves or is_transaction(packet)
            case LearnerConnected() | ConnectionLost() | LeaderConnected() | LeaderRefused():
                return False
            case Expire(timer=timer):
                return timer.kind in (TimerKind.TICK, TimerKind.WORK)
            case _:
                return True

    # ---- judging

    def _judge(self, index: int, due: list[Word], done: list[Effect], *, loose: bool) -> None:
        if self._role is None:
            return
        said = [word for word in _said(done) if not _aside(word)]
        due = [word for word in due if not _aside(word)]
        left = any(word.what is What.LEAVES for word in said)
        if left and (loose or any(word.what is What.LEAVES for word in due)):
            self._docket.held(Law.HANDSHAKE)
            self._role = None
            return
        if not said and not due:
            return
        extra, missing = Counter(said) - Counter(due), Counter(due) - Counter(said)
        if loose:
            extra = Counter(word for word in extra.elements() if word.what is not What.CLOSES)
        wrong = ""
        if extra or missing:
            wrong = f"peer {self._sid}: {_words(extra)}; what it heard calls for {_words(missing)}"
            self._role = None  # one mistake is told once
        self._docket.case(Law.HANDSHAKE, wrong, index)

    # ---- going on

    def _follow(self, event: Stepped) -> None:
        role = self._role
        for effect in event.effects:
            self._trail.take(effect)
            match effect:
                case CloseConnection(conn=conn) if isinstance(role, LeaderSide):
                    role.lost(conn)
                case Committed(zxid=zxid) if isinstance(role, LeaderSide):
                    role.processed = max(role.processed, zxid)
                case _:
                    pass
        if isinstance(role, LearnerSide):
            self._cannot_cut = role.cannot_cut


def _held(standing: Standing) -> Held:
    values, electorate = standing.disk.values, standing.electorate
    return Held(
        values["acceptedEpoch"],
        values["currentEpoch"],
        standing.zxid,
        electorate.committed.version,
        standing.sid in electorate.committed.observers,
    )


def _said(done: list[Effect]) -> Iterator[Word]:
    """What is part of a handshake; DIFF and SNAP with the proposals up to NEWLEADER."""
    bringing: dict[int, Word] = {}
    for effect in done:
        match effect:
            case SendPacket(conn=conn, packet=pk.Diff(zxid=zxid)):
                bringing[conn] = Word(What.DIFF, conn, zxid)
            case SendPacket(conn=conn, packet=pk.Snap(zxid=zxid)):
                bringing[conn] = Word(What.SNAP, conn, zxid)
            case SendPacket(conn=conn, packet=pk.Proposal(txn=txn)) if conn in bringing:
                base = bringing[conn]
                bringing[conn] = base._replace(more=(*base.more, txn.zxid))
            case SendPacket(conn=conn, packet=packet):
                if isinstance(packet, pk.NewLeader) and conn in bringing:
                    yield bringing.pop(conn)
                yield from _word(conn, packet)
            case _:
                yield from _deed(effect)
    yield from bringing.values()


def _deed(effect: Effect) -> Iterator[Word]:
    match effect:
        case Persist(name="acceptedEpoch", value=epoch):
            yield Word(What.PROMISES, 0, epoch)
        case Persist(name="currentEpoch", value=epoch):
            yield Word(What.ENTERS, 0, epoch)
        case Serving(epoch=epoch):
            yield Word(What.SERVES, 0, epoch)
        case CloseConnection(conn=conn):
            yield Word(What.CLOSES, conn)
        case SteppedDown():
            yield Word(What.LEAVES)
        case _:
            pass


def _word(conn: int, packet: pk.Packet) -> Iterator[Word]:
    match packet:
        case pk.LearnerHello(accepted_epoch=epoch, config_version=version, observer=observes):
            yield Word(What.HELLO, conn, epoch, (version, int(observes)))
        case pk.LeaderInfo(epoch=epoch):
            yield Word(What.LEADERINFO, conn, epoch)
        case pk.AckEpoch(zxid=zxid, current_epoch=current):
            yield Word(What.ACKEPOCH, conn, zxid, (current,))
        case pk.NewLeader(zxid=zxid):
            yield Word(What.NEWLEADER, conn, zxid)
        case pk.Ack(zxid=zxid):
            yield Word(What.ACK, conn, zxid)
        case pk.UpToDate():
            yield Word(What.UPTODATE, conn)
        case pk.Ping(zxid=zxid, answer=True):
            yield Word(What.PING, conn, zxid)
        case _:
            pass


def _aside(word: Word) -> bool:
    """An ACK of a transaction, which is no part of the handshake."""
    return word.what is What.ACK and counter_of(word.number) != 0


def _words(words: Counter[Word]) -> str:
    return ", ".join(map(str, words)) or "nothing"
