"""What each recorded server was given and what it said, from a capture, start by start.

A *life* is one start of one server: it begins with the first segment that the server sends
and ends when it is killed. A killed server ends all its connections first, and says nothing
until it sends a first segment again. A leader that does not ping was stopped, by SIGSTOP:
what came meanwhile waited for it, and its timers as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from chaos.election.effects import (
    ConnectionLost,
    Deliver,
    Input,
    LeaderConnected,
    LeaderRefused,
    LearnerConnected,
    PacketRead,
)
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.election.packets import Packet
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.wire.conversation import Arrived, Conversations, Garbled, Sent
from chaos.wire.election import Initiation, Skipped
from chaos.wire.reassembly import Segment

KILLED_NS: Final = 60_000_000  # a kill ends all connections of a server within this
STOPPED_NS: Final = 700_000_000  # a leader pings its learners thrice in this
LEADER: Final = "leader"
SILENT_NS: Final = 200_000_000  # and then nothing of it is seen for longer than this


@dataclass(frozen=True, slots=True)
class Heard:
    """An input that a server had, and when it passed the capture.

    A thread reads each ``lane``: the election link to a server, the quorum connection of a
    learner, or "leader" for all of its own. ``since_ns`` and ``leader`` are of an answer to a
    connect: when that was begun, and to whom.
    """

    at_ns: int
    lane: str
    happened: Input
    since_ns: int = 0
    leader: Sid | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A notification that a server wrote; ``first`` of its link."""

    at_ns: int
    notification: Notification
    first: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A packet that a server wrote to the quorum port's other side."""

    at_ns: int
    packet: Packet


@dataclass(slots=True)
class Life:
    """One start of one server.

    ``looks_ns`` is when it can be seen to look for a leader, ``stops`` when it was stopped.
    """

    sid: Sid
    number: int
    begin_ns: int
    end_ns: int
    looks_ns: int
    heard: list[Heard] = field(default_factory=list)
    frames: dict[Sid, list[Frame]] = field(default_factory=dict)
    packets: dict[int, list[Told]] = field(default_factory=dict)
    links: dict[Sid, list[tuple[int, int]]] = field(default_factory=dict)  # election links
    stops: list[tuple[int, int]] = field(default_factory=list)

    def runs_ns(self, at_ns: int) -> int:
        """``at_ns``, or when it was no longer stopped."""
        return next((end for begin, end in self.stops if begin < at_ns < end), at_ns)


@dataclass(slots=True)
class _Attempt:
    """A TCP connect, numbered from 1, and what became of it."""

    conn: int
    dialer: str
    acceptor: str
    begun_ns: int
    stood_ns: int = 0
    ended_ns: int = 0
    ender: str = ""

    @property
    def votes(self) -> bool:
        return int(self.acceptor.rpartition(":")[2]) == ELECTION_PORT


def lives_of(segments: Iterable[Segment]) -> list[Life]:
    """Every start of every server, ordered by server and time."""
    reading = _Reading()
    for segment in segments:
        reading.take(segment)
    return reading.lives()


def sid_of(end: str) -> Sid:
    """Whose end of a connection it is: server n has 10.77.0.n."""
    return Sid(int(end.rpartition(":")[0].rpartition(".")[2]))


class _Reading:
    """A capture, segment by segment."""

    def __init__(self) -> None:
        self._conversations = Conversations(ELECTION_PORT, QUORUM_PORT)
        self._attempts: list[_Attempt] = []
        self._by_ends: dict[frozenset[str], _Attempt] = {}
        self._sent: list[tuple[Sent, _Attempt]] = []
        self._arrived: list[tuple[Arrived, _Attempt]] = []
        self._moved: dict[Sid, list[int]] = {}  # when a server's process did something
        self._last_ns = 0

    def take(self, segment: Segment) -> None:
        self._last_ns = segment.at_ns
        ends = frozenset((segment.source, segment.target))
        if segment.syn and segment.ack is None:
            attempt = _Attempt(
                len(self._attempts) + 1, segment.source, segment.target, segment.at_ns
            )
            self._attempts.append(attempt)
            self._by_ends[ends] = attempt
        elif segment.syn:
            self._by_ends[ends].stood_ns = segment.at_ns
        elif segment.fin or segment.rst:
            ended = self._by_ends[ends]
            if not ended.ended_ns:
                ended.ended_ns, ended.ender = segment.at_ns, segment.source
        if segment.syn or segment.payload:
            self._moved.setdefault(sid_of(segment.source), []).append(segment.at_ns)
        for one in self._conversations.take([segment]):
            match one:
                case Sent():
                    self._sent.append((one, self._by_ends[frozenset(one.link.split(">"))]))
                case Arrived(sent=sent):
                    self._arrived.append((one, self._by_ends[frozenset(sent.link.split(">"))]))
                case Garbled():
                    raise AssertionError(one)

    def lives(self) -> list[Life]:
        found: list[Life] = []
        for sid in sorted(self._moved):
            for number, (begin, end) in enumerate(self._spans(sid)):
                found.append(self._life(sid, number, begin, end))
        return found

    def _spans(self, sid: Sid) -> Iterator[tuple[int, int]]:
        """From its first segment to its kill, again and again."""
        moved = self._moved[sid]
        begin = moved[0]
        for kill in self._kills(sid):
            yield begin, kill
            later = [at for at in moved if at > kill + SILENT_NS]
            if not later:
                return
            begin = later[0]
        yield begin, self._last_ns + 1

    def _kills(self, sid: Sid) -> Iterator[int]:
        """It ends everything that it has, at once, quorum connections among it; then silence."""
        mine = [a for a in self._attempts if a.stood_ns and sid in _sids(a)]
        last = 0
        for first in sorted(
            a.ended_ns for a in mine if not a.votes and a.ended_ns and sid_of(a.ender) == sid
        ):
            if first < last + SILENT_NS:
                continue
            open_then = [
                a for a in mine if a.stood_ns < first and not 0 < a.ended_ns < first - KILLED_NS
            ]
            killed = all(0 < a.ended_ns <= first + KILLED_NS for a in open_then)
            silent = not any(first + KILLED_NS < at < first + SILENT_NS for at in self._moved[sid])
            if killed and silent:
                last = first
                yield first

    def _life(self, sid: Sid, number: int, begin: int, end: int) -> Life:
        life = Life(sid, number, begin, end, 0)
        for attempt in self._attempts:
            if begin <= (attempt.stood_ns or attempt.begun_ns) < end and sid in _sids(attempt):
                self._connection(life, attempt)
        for sent, attempt in self._sent:
            if begin <= sent.at_ns <= end and sid_of(sent.link.partition(">")[0]) == sid:
                _tell(life, sent, attempt)
        for arrived, attempt in self._arrived:
            if begin <= arrived.at_ns < end and sid_of(arrived.sent.link.split(">")[1]) == sid:
                _hear(life, arrived, attempt)
        life.stops += self._stops(life)
        life.heard.sort(key=lambda heard: heard.at_ns)
        life.heard = [replace(heard, at_ns=life.runs_ns(heard.at_ns)) for heard in life.heard]
        life.looks_ns = self._looks(life)
        return life

    def _stops(self, life: Life) -> Iterator[tuple[int, int]]:
        """When it said nothing for long, though it had learners to ping."""
        led = [a for a in self._attempts if not a.votes and sid_of(a.acceptor) == life.sid]
        moved = [at for at in self._moved[life.sid] if life.begin_ns <= at < life.end_ns]
        for begin, end in pairwise(moved):
            served = any(
                0 < a.stood_ns < begin and not 0 < a.ended_ns < begin + STOPPED_NS for a in led
            )
            if end - begin > STOPPED_NS and served:
                yield begin, end

    def _connection(self, life: Life, attempt: _Attempt) -> None:
        dials = sid_of(attempt.dialer) == life.sid
        other = sid_of(attempt.acceptor if dials else attempt.dialer)
        ended = attempt.ended_ns or life.end_ns
        if attempt.votes:
            if attempt.stood_ns and (dials == (life.sid > other)):
                life.links.setdefault(other, []).append((attempt.stood_ns, ended))
            return
        if dials:
            stood = attempt.stood_ns
            happened: Input = LeaderConnected(attempt.conn) if stood else LeaderRefused("refused")
            at_ns = stood or ended
            life.heard.append(Heard(at_ns, LEADER, happened, attempt.begun_ns, other))
        elif attempt.stood_ns:
            connected = LearnerConnected(attempt.conn)
            life.heard.append(Heard(attempt.stood_ns, _lane(life, attempt), connected))
        if attempt.stood_ns and attempt.ended_ns and sid_of(attempt.ender) == other:
            lost = ConnectionLost(attempt.conn, "the other side ended it")
            life.heard.append(Heard(ended, _lane(life, attempt), lost))

    def _looks(self, life: Life) -> int:
        """Its first dial that answers nobody's, or its first notification of a round.

        Whoever has no vote is answered before that, with round 0: the thread that receives
        runs before the one that elects.
        """
        called: set[Sid] = set()
        for attempt in self._attempts:
            at_ns = attempt.stood_ns or attempt.begun_ns
            if not life.begin_ns <= at_ns < life.end_ns or not attempt.votes:
                continue
            if sid_of(attempt.acceptor) == life.sid:
                called.add(sid_of(attempt.dialer))
            elif sid_of(attempt.dialer) == life.sid and sid_of(attempt.acceptor) not in called:
                dialed = attempt.begun_ns
                break
        else:
            dialed = life.end_ns
        frames = [frame for told in life.frames.values() for frame in told]
        return min([dialed, *(f.at_ns for f in frames if f.notification.round > 0)])


def _sids(attempt: _Attempt) -> tuple[Sid, Sid]:
    return sid_of(attempt.dialer), sid_of(attempt.acceptor)


def _lane(life: Life, attempt: _Attempt) -> str:
    return LEADER if sid_of(attempt.dialer) == life.sid else f"learner {attempt.conn}"


def _tell(life: Life, sent: Sent, attempt: _Attempt) -> None:
    match sent.message:
        case Initiation():
            return
        case Notification() as told:
            to = sid_of(sent.link.partition(">")[2])
            frame = Frame(sent.at_ns, told, sent.number == 0)
            life.frames.setdefault(to, []).append(frame)
        case Skipped(why):
            raise AssertionError(why)
        case packet:
            life.packets.setdefault(attempt.conn, []).append(Told(sent.at_ns, packet))


def _hear(life: Life, arrived: Arrived, attempt: _Attempt) -> None:
    sent = arrived.sent
    match sent.message:
        case Initiation() | Skipped():
            return
        case Notification() as told:
            sender = sid_of(sent.link.partition(">")[0])
            happened: Input = Deliver(sender, told, sent.link, sent.number)
            life.heard.append(Heard(arrived.at_ns, f"from {sender}", happened))
        case packet:
            read = PacketRead(attempt.conn, packet)
            life.heard.append(Heard(arrived.at_ns, _lane(life, attempt), read))
