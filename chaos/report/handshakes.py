"""What happened inside elections: finalize waits, marks, packets of the quorum port.

Quorum connections have no common name at both ends. A leader learns who called from
LearnerHello, and each connection keeps its order, so the n-th packet sent is the n-th read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
from chaos.election.ids import Sid, counter_of, hex64
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
    OtherPacket,
    Packet,
    Ping,
    Proposal,
    Request,
    Revalidate,
    Revalidated,
    Snap,
    Sync,
    Trunc,
    UpToDate,
)
from chaos.history.events import Exited, Left, Seen, Step, Stepped
from chaos.history.history import History
from chaos.report import words

Broadcast = (
    Proposal
    | Commit
    | CommitAndActivate
    | Inform
    | InformAndActivate
    | Request
    | Revalidate
    | Revalidated
    | Sync
)


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
    """All marks, by time; what several sources tell of a foreign server is marked once."""
    found: list[Mark] = []
    last: dict[tuple[Sid, int], tuple[Sign, str]] = {}
    for index, step in history.steps():
        for effect in step.effects:
            told = _mark(effect)
            if told is None or (isinstance(step, Seen) and told == last.get((step.sid, step.inc))):
                continue
            last[step.sid, step.inc] = told
            found.append(Mark(step.sid, step.at_ns, *told, index))
    return tuple(found)


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
        self.called: set[_Conn] = set()
        self._sent_times: dict[tuple[Sid, Sid], list[int]] = {}
        self._read_times: dict[tuple[Sid, Sid], list[int]] = {}
        leader: dict[Sid, Sid] = {}
        for _, step in history.steps():
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

    def _heard(self, step: Step, happened: PacketRead) -> None:
        if isinstance(happened.packet, Ping):
            return  # there are many, and neither end needs them to count the others
        conn = (step.sid, step.inc, happened.conn)
        self.read[conn].append(step.at_ns)
        hello = happened.packet
        if isinstance(hello, LearnerHello) and hello.sid is not None:
            self.peer[conn] = hello.sid
            self.answers[step.sid, hello.sid].append(conn)

    def _said(self, step: Step, effect: SendPacket, leader: dict[Sid, Sid]) -> None:
        if isinstance(effect.packet, Ping):
            return
        conn = (step.sid, step.inc, effect.conn)
        self.sent[conn].append((step.at_ns, effect.packet))
        if isinstance(effect.packet, LearnerHello) and step.sid in leader:
            self.peer[conn] = leader[step.sid]
            self.calls[step.sid, leader[step.sid]].append(conn)
            self.called.add(conn)

    def other_end(self, conn: _Conn) -> _Conn | None:
        """The same connection as its other end calls it.

        A hello is read after it was sent, and before the next one was.
        """
        me, other = conn[0], self.peer[conn]
        if conn in self.called:
            return self._host(conn, (me, other), (other, me))
        callers = self.calls.get((other, me), [])
        place = bisect_right(self._sent_at((other, me)), self.read[conn][0]) - 1
        return callers[place] if place >= 0 else None

    def _host(self, conn: _Conn, pair: tuple[Sid, Sid], back: tuple[Sid, Sid]) -> _Conn | None:
        starts, hosts = self._sent_at(pair), self.answers.get(back, [])
        place = bisect_right(starts, self.sent[conn][0][0])
        reads = self._read_at(back)
        first = bisect_left(reads, starts[place - 1])
        if first == len(reads) or (place < len(starts) and reads[first] >= starts[place]):
            return None
        return hosts[first]

    def _sent_at(self, pair: tuple[Sid, Sid]) -> list[int]:
        """When the hellos from one peer to another were sent."""
        if pair not in self._sent_times:
            conns = self.calls.get(pair, [])
            self._sent_times[pair] = [self.sent[conn][0][0] for conn in conns]
        return self._sent_times[pair]

    def _read_at(self, pair: tuple[Sid, Sid]) -> list[int]:
        """When the hellos to one peer from another were read."""
        if pair not in self._read_times:
            conns = self.answers.get(pair, [])
            self._read_times[pair] = [self.read[conn][0] for conn in conns]
        return self._read_times[pair]


def parcels(history: History) -> tuple[Parcel, ...]:
    """The packets of all handshakes by the time they were sent.

    Pings and transactions are left out.
    """
    desk = _Desk(history)
    found: list[Parcel] = []
    for conn, sent in desk.sent.items():
        if conn not in desk.peer:
            continue
        end = desk.other_end(conn)
        reads = desk.read[end] if end is not None else []
        for place, (at_ns, packet) in enumerate(sent):
            if _broadcast(packet):
                continue
            read_ns = reads[place] if place < len(reads) else None
            told = packet_words(packet)
            found.append(Parcel(conn[0], desk.peer[conn], at_ns, read_ns, *told))
    return tuple(sorted(found, key=lambda parcel: (parcel.sent_ns, parcel.source, parcel.target)))


def _broadcast(packet: Packet) -> bool:
    """Whether it belongs to the time after handshakes, and may come by the thousand."""
    match packet:
        case Ack(zxid=zxid):
            return counter_of(zxid) != 0
        case _:
            return isinstance(packet, Ping | Broadcast)


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
        case Ack() | Diff() | Trunc() | Snap() | Ping() | NewLeader() | OtherPacket():
            known = type(packet).__name__.upper()
            name = f"TYPE {packet.kind}" if isinstance(packet, OtherPacket) else known
            return name, f"zxid {hex64(packet.zxid)}"
        case UpToDate():
            return "UPTODATE", "the learner may serve"
        case _:
            return _broadcast_words(packet)


def _broadcast_words(packet: Broadcast) -> tuple[str, str]:
    name = type(packet).__name__.upper()
    match packet:
        case Commit() | CommitAndActivate():
            return name, f"zxid {hex64(packet.zxid)}"
        case Proposal() | Inform() | InformAndActivate():
            return name, f"zxid {hex64(packet.txn.zxid)}, kind {packet.txn.kind}"
        case Request():
            return name, f"kind {packet.kind} of session {hex64(packet.session)}"
        case Revalidate() | Revalidated():
            return "REVALIDATE", f"session {hex64(packet.session)}"
        case Sync():
            return name, "what was committed before has been sent"
