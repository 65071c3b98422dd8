"""What happened inside elections: finalize waits, marks, packets of the quorum port.

Quorum connections have no common name at both ends. A leader learns who called from
LearnerHello, and each connection keeps its order, so the n-th packet sent is the n-th read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chaos.election.effects import (
    Arm,
    ConnectLeader,
    Decided,
    Disarm,
    Expire,
    PacketRead,
    QuorumSeen,
    SendPacket,
    Serving,
    SteppedDown,
    TimerKind,
)
from chaos.election.ids import Sid, hex64
from chaos.election.packets import (
    Ack,
    AckEpoch,
    Diff,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    OtherPacket,
    Packet,
    Ping,
    Trunc,
    UpToDate,
)
from chaos.history.events import Exited, Left, Stepped
from chaos.history.history import History
from chaos.report import words


class Sign(Enum):
    """A mark on a lane: sign, word."""

    QUORUM = ("◇", "quorum seen")
    DECIDED = ("◆", "decided")
    SERVING = ("▲", "serving")
    DOWN = ("▽", "stepped down")


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a peer noted about itself."""

    sid: Sid
    at_ns: int
    sign: Sign
    text: str
    index: int


@dataclass(frozen=True, slots=True)
class Wait:
    """A finalize wait: a quorum was seen, and nothing better may come. ``done``: nothing did."""

    sid: Sid
    from_ns: int
    to_ns: int
    done: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """A packet of the quorum port; ``read_ns`` is ``None`` if nobody is known to have read it."""

    source: Sid
    target: Sid
    sent_ns: int
    read_ns: int | None
    kind: str
    text: str


def marks(history: History) -> tuple[Mark, ...]:
    """All marks, by time."""
    return tuple(
        Mark(step.sid, step.at_ns, *told, index)
        for index, step in history.every(Stepped)
        for effect in step.effects
        if (told := _mark(effect)) is not None
    )


def _mark(effect: object) -> tuple[Sign, str] | None:
    match effect:
        case QuorumSeen():
            vote = words.vote(effect.vote.leader, effect.vote.zxid, effect.vote.round)
            return Sign.QUORUM, f"a quorum for {vote}: {words.sids(effect.support)}"
        case Decided():
            how = effect.how.value.replace("_", " ")
            role = effect.state.name
            return Sign.DECIDED, f"decided on {effect.vote.leader}, now {role} ({how})"
        case Serving():
            return Sign.SERVING, f"its part of epoch {effect.epoch} is established"
        case SteppedDown():
            return Sign.DOWN, f"steps down: {effect.why}"
        case _:
            return None


def waits(history: History) -> tuple[Wait, ...]:
    """All finalize waits, by their end."""
    return tuple(_waits(history))


def _waits(history: History) -> Iterator[Wait]:
    since: dict[Sid, int] = {}
    for event in history.events:
        match event:
            case Stepped():
                yield from _waited(event, since)
            case Exited() | Left():
                from_ns = since.pop(event.sid, None)
                if from_ns is not None:
                    yield Wait(event.sid, from_ns, event.at_ns, done=False)
            case _:
                pass
    for sid, from_ns in since.items():
        yield Wait(sid, from_ns, history.end_ns, done=False)


def _waited(step: Stepped, since: dict[Sid, int]) -> Iterator[Wait]:
    happened = step.happened
    if isinstance(happened, Expire) and happened.timer.kind is TimerKind.FINALIZE:
        from_ns = since.pop(step.sid, None)
        if from_ns is not None:
            yield Wait(step.sid, from_ns, step.at_ns, done=True)
    for effect in step.effects:
        match effect:
            case Arm(timer=timer) | Disarm(timer=timer) if timer.kind is TimerKind.FINALIZE:
                from_ns = since.pop(step.sid, None)
                if from_ns is not None:
                    yield Wait(step.sid, from_ns, step.at_ns, done=False)
                if isinstance(effect, Arm):
                    since[step.sid] = step.at_ns
            case _:
                pass


# ---- the quorum port

_Conn = tuple[Sid, int, int]  # peer, incarnation, connection


class _Desk:
    """Who is at the other end of each connection, and what went over it in each direction."""

    def __init__(self, history: History) -> None:
        self.sent: dict[_Conn, list[tuple[int, Packet]]] = defaultdict(list)
        self.read: dict[_Conn, list[int]] = defaultdict(list)
        self.peer: dict[_Conn, Sid] = {}
        self.calls: dict[tuple[Sid, Sid], list[_Conn]] = defaultdict(list)  # learner, leader
        self.answers: dict[tuple[Sid, Sid], list[_Conn]] = defaultdict(list)  # leader, learner
        leader: dict[Sid, Sid] = {}
        for _, step in history.every(Stepped):
            if isinstance(step.happened, PacketRead):
                self._heard(step, step.happened)
            for effect in step.effects:
                match effect:
                    case ConnectLeader():
                        leader[step.sid] = effect.leader
                    case SendPacket():
                        self._said(step, effect, leader)
                    case _:
                        pass

    def _heard(self, step: Stepped, happened: PacketRead) -> None:
        conn = (step.sid, step.inc, happened.conn)
        self.read[conn].append(step.at_ns)
        hello = happened.packet
        if isinstance(hello, LearnerHello) and hello.sid is not None:
            self.peer[conn] = hello.sid
            self.answers[step.sid, hello.sid].append(conn)

    def _said(self, step: Stepped, effect: SendPacket, leader: dict[Sid, Sid]) -> None:
        conn = (step.sid, step.inc, effect.conn)
        self.sent[conn].append((step.at_ns, effect.packet))
        if isinstance(effect.packet, LearnerHello) and step.sid in leader:
            self.peer[conn] = leader[step.sid]
            self.calls[step.sid, leader[step.sid]].append(conn)

    def other_end(self, conn: _Conn) -> _Conn | None:
        """The same connection as its other end calls it."""
        for table, back in ((self.calls, self.answers), (self.answers, self.calls)):
            mine = table.get((conn[0], self.peer[conn]), [])
            if conn not in mine:
                continue
            return self._partner(conn, mine, back.get((self.peer[conn], conn[0]), []))
        return None

    def _partner(self, conn: _Conn, mine: list[_Conn], theirs: list[_Conn]) -> _Conn | None:
        """A hello is read after it was sent, and before the next one was."""
        calling = bool(self.sent[conn]) and isinstance(self.sent[conn][0][1], LearnerHello)
        callers, hosts = (mine, theirs) if calling else (theirs, mine)
        for place, caller in enumerate(callers):
            later = callers[place + 1] if place + 1 < len(callers) else None
            from_ns = self.sent[caller][0][0]
            to_ns = self.sent[later][0][0] if later is not None else None
            for host in hosts:
                at_ns = self.read[host][0]
                if from_ns <= at_ns and (to_ns is None or at_ns < to_ns):
                    if conn == caller:
                        return host
                    if conn == host:
                        return caller
        return None


def parcels(history: History) -> tuple[Parcel, ...]:
    """The packets of all handshakes by the time they were sent; pings are left out."""
    desk = _Desk(history)
    found: list[Parcel] = []
    for conn, sent in desk.sent.items():
        if conn not in desk.peer:
            continue
        end = desk.other_end(conn)
        reads = desk.read[end] if end is not None else []
        for place, (at_ns, packet) in enumerate(sent):
            if isinstance(packet, Ping):
                continue
            read_ns = reads[place] if place < len(reads) else None
            told = packet_words(packet)
            found.append(Parcel(conn[0], desk.peer[conn], at_ns, read_ns, *told))
    return tuple(sorted(found, key=lambda parcel: (parcel.sent_ns, parcel.source, parcel.target)))


def packet_words(packet: Packet) -> tuple[str, str]:
    """The packet's name as ZooKeeper has it, and what it says."""
    match packet:
        case LearnerHello():
            kind = "OBSERVERINFO" if packet.observer else "FOLLOWERINFO"
            return kind, f"accepted epoch {packet.accepted_epoch}"
        case LeaderInfo():
            return "LEADERINFO", f"epoch {packet.epoch}"
        case AckEpoch():
            return "ACKEPOCH", f"zxid {hex64(packet.zxid)}, current {packet.current_epoch}"
        case UpToDate():
            return "UPTODATE", "the learner may serve"
        case Ack() | Diff() | Trunc() | Ping() | NewLeader() | OtherPacket():
            known = type(packet).__name__.upper()
            name = f"TYPE {packet.kind}" if isinstance(packet, OtherPacket) else known
            return name, f"zxid {hex64(packet.zxid)}"
