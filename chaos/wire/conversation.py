"""What servers say to each other, from the TCP segments of their two ports.

A message is *sent* when its last byte is first seen, and has *arrived* when its receiver's
kernel acknowledges it: what a fault drops behind the capture has been sent and no more. Of
several copies the last arrived, unless the receiver says that it had an earlier one: a sender
that waits for a delayed acknowledgement repeats itself after some milliseconds. Whether a
process then reads it cannot be seen from outside.

Source: ZooKeeper 3.8 ``QuorumCnxManager`` (the dialer introduces itself; frames both ways) and
``Learner`` (the learner dials; packets both ways).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from chaos.election.notification import Notification
from chaos.election.packets import Packet
from chaos.errors import WireError
from chaos.wire.election import FrameReader, Initiation, InitiationReader, Skipped
from chaos.wire.quorum import PacketReader
from chaos.wire.reassembly import Reassembly, Segment

PATIENCE_NS: Final = 1_000_000_000  # how long an acknowledged byte may be missing

Message = Initiation | Notification | Skipped | Packet


@dataclass(frozen=True, slots=True)
class Sent:
    """A message left its sender.

    ``link`` is "source>target", each ``ip:port``; ``conn`` counts connections from 0 and is one
    number for both directions. ``number`` counts the direction's messages from 0, its
    initiation left out.
    """

    at_ns: int
    link: str
    conn: int
    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Arrived:
    """The receiver's kernel has what was sent; ``at_ns`` is when it passed the capture."""

    at_ns: int
    sent: Sent


@dataclass(frozen=True, slots=True)
class Garbled:
    """Nothing more is understood of this direction of a connection."""

    at_ns: int
    link: str
    why: str


Sighting = Sent | Arrived | Garbled


class _Waiting:
    """A sent message until it arrives: where it ends, and when that was last captured."""

    __slots__ = ("at_ns", "end", "sent")

    def __init__(self, at_ns: int, end: int, sent: Sent) -> None:
        self.at_ns = at_ns
        self.end = end
        self.sent = sent


class _Words:
    """The messages in the bytes of one direction."""

    __slots__ = ("_initiation", "_reader")

    def __init__(self, reader: FrameReader | PacketReader, *, introduces: bool) -> None:
        self._initiation = InitiationReader() if introduces else None
        self._reader = reader

    @property
    def pending(self) -> int:
        """Bytes at the end that are no whole message yet."""
        return self._reader.pending

    def feed(self, data: bytes) -> tuple[list[Message], str]:
        """The messages that became whole, and why there will be no more if so."""
        found: list[Message] = []
        try:
            if self._initiation is not None:
                initiation = self._initiation.feed(data)
                if initiation is None:
                    return found, ""
                found.append(initiation)
                data, self._initiation = self._initiation.rest, None
            found += self._reader.feed(data)
        except WireError as error:
            return found + (self._reader.before if self._initiation is None else []), str(error)
        return found, ""


class _Way:
    """One direction of one connection."""

    __slots__ = ("_lacks_ns", "_number", "_waiting", "_words", "bytes", "conn", "lost", "name")

    def __init__(self, name: str, conn: int, words: _Words, first_seq: int) -> None:
        self.name = name
        self.lost = False
        self.bytes = Reassembly(first_seq)
        self.conn = conn
        self._words = words
        self._number = 0
        self._waiting: deque[_Waiting] = deque()
        self._lacks_ns: int | None = None  # since when bytes are missing that the receiver has

    def carry(self, segment: Segment) -> Iterator[Sighting]:
        """Bytes pass the capture."""
        try:
            data = self.bytes.take(segment.seq, segment.payload)
        except WireError as error:
            yield self._give_up(segment.at_ns, str(error))
            return
        if not data:
            self._again(segment)
            return
        messages, wrong = self._words.feed(data)
        end = self.bytes.taken - self._words.pending
        for message in messages:
            sent = Sent(segment.at_ns, self.name, self.conn, self._number, message)
            self._number += not isinstance(message, Initiation)
            self._waiting.append(_Waiting(segment.at_ns, end, sent))
            yield sent
        if wrong:
            yield self._give_up(segment.at_ns, wrong)

    def acknowledge(self, at_ns: int, ack: int, *, twice: bool) -> Iterator[Sighting]:
        """The receiver names the byte that it expects next."""
        way = self.bytes
        if way.acknowledge(ack):
            while self._waiting and self._waiting[0].end <= way.acked:
                done = self._waiting.popleft()
                yield Arrived(done.sent.at_ns if twice else done.at_ns, done.sent)
        if not way.lacks:
            self._lacks_ns = None
        elif self._lacks_ns is None:
            self._lacks_ns = at_ns
        elif at_ns - self._lacks_ns > PATIENCE_NS:
            missing = way.acked - way.taken
            yield self._give_up(at_ns, f"the capture lacks some of {missing} bytes that arrived")

    def _again(self, segment: Segment) -> None:
        """A repeated segment: what it ends may have been dropped the first time."""
        begin = self.bytes.offset(segment.seq)
        end = begin + len(segment.payload)
        for one in self._waiting:
            if begin < one.end <= end:
                one.at_ns = segment.at_ns

    def _give_up(self, at_ns: int, why: str) -> Garbled:
        self.lost = True
        self._waiting.clear()
        return Garbled(at_ns, self.name, why)


@dataclass(slots=True)
class _Connection:
    """From a SYN to a reset or to whatever takes the ports again."""

    dialer: _Way
    syn: int
    acceptor: _Way | None = None  # until its SYN is seen


class Conversations:
    """All connections to the election port and to the quorum port, from their segments."""

    def __init__(self, election_port: int, quorum_port: int) -> None:
        self._ports = {str(election_port): True, str(quorum_port): False}
        self._connections: dict[tuple[str, str], _Connection | None] = {}
        self._count = 0
        self.unbegun = 0  # connections whose beginning was not captured

    def take(self, segments: Iterable[Segment]) -> Iterator[Sighting]:
        """What became known by these segments, which are in the order of their capture."""
        for segment in segments:
            yield from self._take(segment)

    def _take(self, segment: Segment) -> Iterator[Sighting]:
        if segment.syn:
            self._syn(segment)
            return
        forth = (segment.source, segment.target)
        back = (segment.target, segment.source)
        key = forth if self._connections.get(forth) is not None else back
        connection = self._connections.get(key)
        if connection is None:
            self._unknown(forth, back)
            return
        dialer, acceptor = connection.dialer, connection.acceptor
        ways = (dialer, acceptor) if key is forth else (acceptor, dialer)
        yield from _exchange(segment, *ways)
        if segment.rst:
            self._connections[key] = None

    def _syn(self, segment: Segment) -> None:
        if segment.ack is not None:
            connection = self._connections.get((segment.target, segment.source))
            if connection is not None and connection.acceptor is None:
                words = _Words(self._reader(segment.source), introduces=False)
                connection.acceptor = self._way(segment, words, connection)
            return
        key = (segment.source, segment.target)
        old = self._connections.get(key)
        if old is not None and old.syn == segment.seq:
            return  # the same attempt again
        votes = self._ports.get(_port(segment.target))
        if votes is None:
            return
        words = _Words(self._reader(segment.target), introduces=votes)
        self._connections[key] = _Connection(self._way(segment, words), segment.seq)
        self._count += 1

    def _way(self, segment: Segment, words: _Words, within: _Connection | None = None) -> _Way:
        conn = self._count if within is None else within.dialer.conn
        return _Way(f"{segment.source}>{segment.target}", conn, words, segment.seq + 1)

    def _reader(self, end: str) -> FrameReader | PacketReader:
        return FrameReader() if self._ports[_port(end)] else PacketReader()

    def _unknown(self, forth: tuple[str, str], back: tuple[str, str]) -> None:
        """A connection that ended, or one that was there before the capture: counted once."""
        if forth in self._connections or back in self._connections:
            return
        if _port(forth[0]) in self._ports or _port(forth[1]) in self._ports:
            self._connections[forth] = None
            self.unbegun += 1


def _exchange(segment: Segment, mine: _Way | None, other: _Way | None) -> Iterator[Sighting]:
    """First what the segment acknowledges, then what it carries: a cause before its effect."""
    if segment.ack is not None and other is not None and not other.lost:
        yield from other.acknowledge(segment.at_ns, segment.ack, twice=segment.twice)
    if segment.payload and mine is not None and not mine.lost:
        yield from mine.carry(segment)


def _port(end: str) -> str:
    return end.rpartition(":")[2]
