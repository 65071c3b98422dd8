"""What a capture of real servers becomes in a history."""

from __future__ import annotations

import struct
from collections.abc import Collection
from pathlib import Path

import pytest

from chaos.election.effects import ConnectLeader, Deliver, PacketRead, Send, SendPacket
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification
from chaos.election.packets import LearnerHello, Packet, Ping, Snap
from chaos.history.codec import Reader, Writer
from chaos.history.events import Event, Seen, Source, Wrote
from chaos.systems.pcap import Pcap
from chaos.systems.sightings import Sightings, Tally
from chaos.systems.starts import Starts
from chaos.wire.election import encode_frame
from chaos.wire.reassembly import Segment

CAPTURES = Path(__file__).parents[1] / "wire" / "captures"
SERVERS = {f"10.77.0.{sid}": Sid(sid) for sid in range(1, 6)}
ALL = tuple(SERVERS.values())


def sightings(foreign: Collection[Sid], starts: Starts | None = None) -> Sightings:
    if starts is None:
        starts = Starts()
        for sid in foreign:
            starts.began(sid, 0)
    return Sightings(SERVERS, foreign, starts)


def events(name: str, foreign: Collection[Sid]) -> tuple[list[Event], Tally]:
    made = sightings(foreign)
    with Pcap(CAPTURES / f"{name}.pcap") as capture:
        found = list(made.take(capture.read()))
    return found, made.tally


@pytest.mark.parametrize("name", ["three", "observers", "groups"])
def test_every_notification_joins_its_sender_and_its_receiver(name: str) -> None:
    found, _ = events(name, ALL)
    seen = {(one.sid, one.seq): one for one in found if isinstance(one, Seen)}
    wrote = {(one.link, one.frame): one for one in found if isinstance(one, Wrote)}
    delivered = 0
    for one in wrote.values():
        (effect,) = seen[one.sid, one.step].effects
        assert isinstance(effect, Send)
        assert effect.to == (one.to,)
        assert one.again or one.seq == one.step + 1
    for read in seen.values():
        if isinstance(read.happened, Deliver):
            origin = wrote[read.happened.link, read.happened.frame]
            assert (origin.sid, origin.to) == (read.happened.sender, read.sid)
            assert origin.at_ns <= read.at_ns
            delivered += 1
    assert 0 <= len(wrote) - delivered <= 2


@pytest.mark.parametrize("name", ["three", "observers", "groups"])
def test_lines_of_a_start_are_counted_without_a_gap(name: str) -> None:
    found, _ = events(name, ALL)
    lines: dict[Sid, list[int]] = {}
    for one in found:
        assert isinstance(one, Seen | Wrote)
        lines.setdefault(one.sid, []).append(one.seq)
    assert all(numbers == list(range(1, 1 + len(numbers))) for numbers in lines.values())


def test_nothing_is_told_of_our_own_peers() -> None:
    found, _ = events("three", [Sid(2)])
    assert {one.sid for one in found if isinstance(one, Seen | Wrote)} == {2}
    assert {one.to for one in found if isinstance(one, Wrote)} == {1, 3}
    senders = {
        one.happened.sender
        for one in found
        if isinstance(one, Seen) and isinstance(one.happened, Deliver)
    }
    assert senders == {1, 3}


def test_pings_are_counted_and_not_told() -> None:
    found, tally = events("three", ALL)
    assert not any("Ping" in one.text for one in found if isinstance(one, Seen))
    assert tally.pings > 10
    assert tally.unbegun == tally.garbled == 0
    assert not any(
        isinstance(effect, SendPacket) and isinstance(effect.packet, Ping)
        for one in found
        if isinstance(one, Seen)
        for effect in one.effects
    )


def test_packets_are_told_at_both_ends_of_one_connection() -> None:
    found, _ = events("three", ALL)
    sent: dict[int, list[tuple[Sid, Packet]]] = {}
    read: dict[int, list[tuple[Sid, Packet]]] = {}
    for one in found:
        if not isinstance(one, Seen):
            continue
        for effect in one.effects:
            if isinstance(effect, SendPacket):
                sent.setdefault(effect.conn, []).append((one.sid, effect.packet))
        if isinstance(one.happened, PacketRead):
            read.setdefault(one.happened.conn, []).append((one.sid, one.happened.packet))
    assert sum(map(len, read.values())) > 50
    for conn, packets in read.items():
        ends = {sid for sid, _ in packets}
        assert len(ends) == 2
        for end in ends:
            heard = [packet for sid, packet in packets if sid == end]
            said = [packet for sid, packet in sent[conn] if sid != end]
            assert heard == said[: len(heard)]


def test_a_hello_says_whom_it_was_for() -> None:
    found, _ = events("observers", ALL)
    hellos = [
        one.effects
        for one in found
        if isinstance(one, Seen)
        and any(
            isinstance(e, SendPacket) and isinstance(e.packet, LearnerHello) for e in one.effects
        )
    ]
    assert hellos
    assert all(isinstance(effects[0], ConnectLeader) for effects in hellos)


def test_a_history_holds_no_trees() -> None:
    found, _ = events("three", ALL)
    snaps = [
        (one.text, one.happened.packet.tree)
        for one in found
        if isinstance(one, Seen)
        and isinstance(one.happened, PacketRead)
        and isinstance(one.happened.packet, Snap)
    ]
    assert len(snaps) == 1
    assert snaps[0][0].startswith("Snap of ")
    assert snaps[0][1] == b""


def test_what_was_seen_can_be_stored() -> None:
    found, _ = events("observers", ALL)
    writer, reader = Writer(), Reader()
    lines = [line for one in found for line in writer.lines(one).splitlines(keepends=True)]
    assert list(reader.events(lines)) == found


def test_the_last_message_on_a_new_link_is_a_repetition() -> None:
    made = sightings(ALL)
    stale, fresh = vote(1), vote(3)
    found: list[Event] = []
    for number, told in enumerate([(stale,), (stale, stale), (fresh, stale)]):
        found += made.take(call(40000 + number, *told))
    wrote = [(one.step, one.again) for one in found if isinstance(one, Wrote)]
    assert wrote == [(1, False), (1, True), (4, False), (6, False), (8, False)]
    assert len([one for one in found if isinstance(one, Seen)]) == 4


def test_a_restarted_server_has_nothing_to_repeat() -> None:
    starts = Starts()
    starts.began(Sid(1), 0)
    made = sightings([Sid(1)], starts)
    found = list(made.take(call(40000, vote(1))))
    starts.began(Sid(1), 3)
    found += made.take(call(40001, vote(1), at_ns=3))
    wrote = [(one.inc, one.step, one.again) for one in found if isinstance(one, Wrote)]
    assert wrote == [(0, 1, False), (1, 1, False)]


def test_the_first_message_of_a_link_may_have_waited_since_the_last_of_another() -> None:
    starts = Starts()
    starts.began(Sid(1), 5)
    made = sightings([Sid(1)], starts)
    found = list(made.take(call(40000, vote(1), vote(2), at_ns=10)))
    found += made.take(call(40001, vote(3), vote(4), at_ns=20))
    spans = [(one.since_ns, one.at_ns) for one in found if isinstance(one, Seen)]
    assert spans == [(5, 10), (9, 10), (10, 20), (19, 20)]


def vote(leader: int) -> Notification:
    return Notification(0, Sid(leader), Zxid(0), Round(1), PeerEpoch(0), config="")


def call(port: int, *told: Notification, at_ns: int = 1) -> list[Segment]:
    """Server 2 dials server 1, which then says ``told``."""
    dialer, acceptor = f"10.77.0.2:{port}", "10.77.0.1:3888"
    data = b"".join(encode_frame(one) for one in told)
    return [
        Segment(at_ns, dialer, acceptor, 10, None, syn=True),
        Segment(at_ns, acceptor, dialer, 50, 11, syn=True),
        Segment(at_ns, acceptor, dialer, 51, 11, data),
    ]


def test_a_restarted_server_is_told_by_the_time_of_its_start() -> None:
    starts = Starts()
    assert starts.line(Sid(1), 50) is None
    assert starts.began(Sid(1), 100) == 0
    assert starts.line(Sid(1), 99) is None
    assert starts.began(Sid(1), 200) == 1
    assert starts.line(Sid(1), 100) == (0, 1)
    assert starts.line(Sid(1), 200) == (1, 1)
    assert starts.line(Sid(1), 199) == (0, 2)
    assert starts.line(Sid(1), 900) == (1, 2)


def test_what_cannot_be_read_is_noted_at_both_ends() -> None:
    made = sightings(ALL)
    ends = ("10.77.0.1:40000", "10.77.0.2:2888")
    back = (ends[1], ends[0])
    found = list(
        made.take(
            [
                Segment(1, *ends, 10, None, syn=True),
                Segment(2, *back, 50, 11, syn=True),
                Segment(3, *back, 51, 11, struct.pack(">iqi", 3, 0, -2)),
            ]
        )
    )
    assert [(one.sid, one.source) for one in found if isinstance(one, Seen)] == [
        (2, Source.WIRE),
        (1, Source.WIRE),
    ]
    assert all("10.77.0.2:2888>10.77.0.1:40000: " in str(one) for one in found)
    assert made.tally.garbled == 1


def test_others_are_not_looked_at() -> None:
    made = sightings([Sid(1)])
    ours = Segment(1, "10.77.0.2:40000", "10.77.0.3:2888", 10, None, syn=True)
    harness = Segment(1, "10.77.255.254:40000", "10.77.0.1:2888", 10, None, syn=True)
    assert list(made.take([ours, harness])) == []
    assert made.tally == Tally()
