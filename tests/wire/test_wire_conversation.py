"""From segments to messages: order, repetition, loss, ports that come back, noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chaos.election.config import Address
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification
from chaos.election.packets import LearnerHello, Packet, Ping, Snap
from chaos.wire.conversation import (
    PATIENCE_NS,
    Arrived,
    Conversations,
    Garbled,
    Message,
    Sent,
    Sighting,
)
from chaos.wire.election import Initiation, Skipped, encode_frame, encode_initiation
from chaos.wire.quorum import encode_packet
from chaos.wire.reassembly import AHEAD_MAX, Reassembly, Segment

DIALER = "10.77.0.3:40000"
ACCEPTOR = "10.77.0.1:3888"
FORTH = f"{DIALER}>{ACCEPTOR}"
BACK = f"{ACCEPTOR}>{DIALER}"
ME = Address("10.77.0.3", 3888)


def vote(leader: int) -> Notification:
    return Notification(0, Sid(leader), Zxid(0), Round(1), PeerEpoch(0), config="")


@dataclass
class Wire:
    """A connection whose segments are written down; both directions begin near the wrap."""

    acceptor: str = ACCEPTOR
    dialer: str = DIALER
    first: int = 2**32 - 9
    now_ns: int = 0

    def __post_init__(self) -> None:
        self.due = {self.dialer: self.first, self.acceptor: (self.first + 77) % 2**32}

    def open(self) -> list[Segment]:
        syn = replace(self._segment(self.dialer, b""), syn=True, ack=None)
        self._pass(self.dialer, 1)
        answer = replace(self._segment(self.acceptor, b""), syn=True)
        self._pass(self.acceptor, 1)
        return [syn, answer, self._segment(self.dialer, b"")]

    def say(self, source: str, data: bytes) -> Segment:
        segment = self._segment(source, data)
        self._pass(source, len(data))
        return segment

    def ack(self, source: str) -> Segment:
        return self._segment(source, b"")

    def _pass(self, source: str, size: int) -> None:
        self.due[source] = (self.due[source] + size) % 2**32

    def _segment(self, source: str, data: bytes) -> Segment:
        self.now_ns += 1000
        target = self.acceptor if source == self.dialer else self.dialer
        return Segment(self.now_ns, source, target, self.due[source], self.due[target], data)


def sightings(segments: Iterable[Segment]) -> list[Sighting]:
    return list(Conversations(3888, 2888).take(segments))


def sent(found: Iterable[Sighting]) -> list[Message]:
    return [one.message for one in found if isinstance(one, Sent)]


def arrived(found: Iterable[Sighting]) -> list[Message]:
    return [one.sent.message for one in found if isinstance(one, Arrived)]


def test_a_dialer_introduces_itself_and_both_say_frames() -> None:
    wire = Wire()
    segments = wire.open()
    segments.append(wire.say(DIALER, encode_initiation(Sid(3), [ME]) + encode_frame(vote(3))))
    segments.append(wire.say(ACCEPTOR, encode_frame(vote(1))))
    segments.append(wire.say(DIALER, encode_frame(vote(4))))
    segments.append(wire.ack(ACCEPTOR))
    found = sightings(segments)
    told = [(one.link, one.conn, one.number, one.message) for one in found if isinstance(one, Sent)]
    assert told == [
        (FORTH, 0, 0, Initiation(Sid(3), (ME,))),
        (FORTH, 0, 0, vote(3)),
        (BACK, 0, 0, vote(1)),
        (FORTH, 0, 1, vote(4)),
    ]
    assert arrived(found) == [Initiation(Sid(3), (ME,)), vote(3), vote(1), vote(4)]


def test_an_arrival_comes_before_what_it_caused() -> None:
    wire = Wire()
    segments = [*wire.open(), wire.say(DIALER, encode_initiation(Sid(3), [ME]))]
    segments.append(wire.say(DIALER, encode_frame(vote(3))))
    segments.append(wire.say(ACCEPTOR, encode_frame(vote(3))))
    kinds = [(type(one), one.at_ns) for one in sightings(segments)]
    assert kinds == [(Sent, 4000), (Sent, 5000), (Arrived, 4000), (Arrived, 5000), (Sent, 6000)]


def test_a_frame_that_is_none_still_counts() -> None:
    wire = Wire()
    junk = b"\0\0\0\x05short"
    segments = [*wire.open(), wire.say(ACCEPTOR, junk + encode_frame(vote(1)))]
    numbers = [
        (one.number, type(one.message)) for one in sightings(segments) if isinstance(one, Sent)
    ]
    assert numbers == [(0, Skipped), (1, Notification)]


def lost_and_repeated(*, twice: bool) -> Arrived:
    wire = Wire()
    segments = wire.open()
    frame = wire.say(ACCEPTOR, encode_frame(vote(1)))
    again = replace(frame, at_ns=50_000_000)
    answer = replace(wire.ack(DIALER), at_ns=50_000_009, twice=twice)
    found = sightings([*segments, frame, again, answer])
    assert sent(found) == [vote(1)]
    (one,) = (one for one in found if isinstance(one, Arrived))
    return one


def test_of_two_copies_the_last_arrived_unless_the_receiver_had_the_first() -> None:
    assert lost_and_repeated(twice=False).at_ns == 50_000_000
    assert lost_and_repeated(twice=True).at_ns == lost_and_repeated(twice=True).sent.at_ns


def test_what_is_not_acknowledged_has_not_arrived() -> None:
    wire = Wire()
    segments = [*wire.open(), wire.say(ACCEPTOR, encode_frame(vote(1)))]
    assert arrived(sightings(segments)) == []
    reset = replace(wire.ack(ACCEPTOR), rst=True)
    late = wire.ack(DIALER)
    assert arrived(sightings([*segments, reset, late])) == []


QUORUM = "10.77.0.1:2888"
PACKETS: list[Packet] = [
    LearnerHello(Sid(3), PeerEpoch(1)),
    Ping(Zxid(4), answer=True, sessions=((1, 2),)),
    Snap(Zxid(5), b""),
    Ping(Zxid(6)),
]
STREAM = b"".join(encode_packet(packet) for packet in PACKETS)


@given(
    st.lists(st.integers(1, len(STREAM) - 1), max_size=12),
    st.randoms(use_true_random=False),
    st.integers(0, 5),
)
def test_any_order_overlap_and_repetition_give_the_same_messages(
    cuts: list[int], lots: Random, overlap: int
) -> None:
    wire = Wire(acceptor=QUORUM)
    opening = wire.open()
    base = wire.say(DIALER, STREAM)
    edges = [0, *sorted(set(cuts)), len(STREAM)]
    parts = [
        replace(base, seq=(base.seq + a) % 2**32, payload=STREAM[a : b + overlap])
        for a, b in pairwise(edges)
    ]
    parts += parts[::2]
    lots.shuffle(parts)
    found = sightings([*opening, *parts, wire.ack(QUORUM)])
    clear = sightings([*opening, base, wire.ack(QUORUM)])
    assert sent(found) == sent(clear)
    assert arrived(found) == arrived(clear) == sent(clear)
    assert len(sent(clear)) == len(PACKETS)


def test_ports_that_come_back_are_another_connection() -> None:
    first, second = Wire(), Wire(first=5000)
    one = [*first.open(), first.say(ACCEPTOR, encode_frame(vote(1))[:9])]
    two = [*second.open(), second.say(ACCEPTOR, encode_frame(vote(2)))]
    found = sightings([*one, *two])
    assert [(s.conn, s.number) for s in found if isinstance(s, Sent)] == [(1, 0)]
    assert sent(found) == [vote(2)]


def test_a_repeated_syn_opens_nothing_anew() -> None:
    wire = Wire()
    opening = wire.open()
    frame = wire.say(ACCEPTOR, encode_frame(vote(1)))
    found = sightings([*opening, frame, opening[0], opening[1], frame, wire.ack(DIALER)])
    assert sent(found) == arrived(found) == [vote(1)]


def test_a_connection_without_a_beginning_is_counted_once() -> None:
    wire = Wire()
    wire.open()
    conversations = Conversations(3888, 2888)
    segments = [wire.say(ACCEPTOR, encode_frame(vote(n))) for n in range(3)]
    assert list(conversations.take([*segments, wire.ack(DIALER)])) == []
    assert conversations.unbegun == 1
    again = Wire(first=9)
    assert sent(conversations.take([*again.open(), again.say(ACCEPTOR, encode_frame(vote(1)))]))
    assert conversations.unbegun == 1


def test_connections_to_other_ports_are_nobodys() -> None:
    wire = Wire(acceptor="10.77.0.1:2181")
    conversations = Conversations(3888, 2888)
    assert list(conversations.take([*wire.open(), wire.say(DIALER, b"ruok")])) == []
    assert conversations.unbegun == 0


def test_what_makes_no_sense_ends_one_direction_and_not_the_other() -> None:
    wire = Wire()
    segments = wire.open()
    segments.append(wire.say(DIALER, encode_initiation(Sid(3), [ME]) + encode_frame(vote(3))))
    segments.append(wire.say(DIALER, encode_frame(vote(4)) + b"\xff" * 4))
    segments.append(wire.say(DIALER, encode_frame(vote(5))))
    segments.append(wire.say(ACCEPTOR, encode_frame(vote(1))))
    found = sightings(segments)
    assert sent(found) == [Initiation(Sid(3), (ME,)), vote(3), vote(4), vote(1)]
    (garbled,) = (one for one in found if isinstance(one, Garbled))
    assert garbled.link == FORTH
    assert "frame of -1 bytes" in garbled.why


def test_bytes_that_arrived_and_were_not_captured_end_a_direction() -> None:
    wire = Wire()
    segments = wire.open()
    wire.say(ACCEPTOR, encode_frame(vote(1)))
    segments.append(wire.say(ACCEPTOR, encode_frame(vote(2))))
    segments.append(wire.ack(DIALER))
    assert sightings(segments) == []
    wire.now_ns += PATIENCE_NS
    (garbled,) = sightings([*segments, wire.ack(DIALER)])
    assert isinstance(garbled, Garbled)
    assert "lacks" in garbled.why


def test_a_missing_byte_is_not_waited_for_without_end() -> None:
    wire = Wire()
    segments = wire.open()
    wire.say(ACCEPTOR, b"?")
    segments += [wire.say(ACCEPTOR, bytes(AHEAD_MAX // 8)) for _ in range(9)]
    (garbled,) = sightings(segments)
    assert isinstance(garbled, Garbled)
    assert "byte 0 is missing" in garbled.why


def test_an_acknowledgement_of_another_connection_acknowledges_nothing() -> None:
    way = Reassembly(1000)
    assert way.take(1000, b"abc") == b"abc"
    assert not way.acknowledge(1000 + 2**30)
    assert way.acknowledge(1003)
    assert not way.acknowledge(1003)
    assert way.acked == 3
