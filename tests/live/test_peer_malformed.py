"""A peer meets nonsense, silence and strangers, and goes on.

Rows are those of ``zookeeper-scenarios.md``: ZooKeeper's own ``FLEMalformedNotification``,
``CnxManagerTest`` and ``QuorumPeerMainTest.testBadPackets``, against a live peer. Peer 2 is
real; 1 and 3 are sockets in the test's hands.
"""

from __future__ import annotations

import socket
import struct

import pytest

from chaos.actions import Port
from chaos.election.config import Address
from chaos.election.effects import Decided, Deliver, Expire, Ignored, Send
from chaos.election.ids import OBSERVER_ID, Sid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings
from chaos.history.events import LinkClosed, LinkOpened, Rejected, Stepped, Wrote
from chaos.wire.election import encode_initiation, encode_legacy_initiation, encode_payload
from tests.peer.nest import (
    QUICK,
    LivePeer,
    Mock,
    Nest,
    config_of,
    frame,
    read_notifications,
    vote,
)

pytestmark = pytest.mark.live

HEAD = encode_payload(vote(3))[:36]


def framed(payload: bytes) -> bytes:
    return struct.pack(">i", len(payload)) + payload


def with_config(length: int, text: bytes) -> bytes:
    return framed(HEAD + struct.pack(">ii", 2, length) + text)


@pytest.fixture
def peer(home: Nest, net: str) -> LivePeer:
    config = config_of(net, [1, 2, 3], observers=[5])
    return home.fork(PeerSpec(Sid(2), config, timings=QUICK))


def decided(event: Stepped) -> bool:
    return any(isinstance(effect, Decided) for effect in event.effects)


def finish(peer: LivePeer, link: socket.socket) -> None:
    """A valid vote for 3 on ``link`` lets the election end."""
    link.sendall(frame(vote(3)))
    event = peer.wait(Stepped, decided)
    assert [e.vote.leader for e in event.effects if isinstance(e, Decided)] == [3]


SKIPPED = {
    "row 18: 12 bytes": framed(bytes(12)),
    "row 19: configuration of -123 bytes": with_config(-123, b"server.1=x"),
    "row 20: configuration of 10000 bytes": with_config(10_000, b"server.1=x"),
    "row 22: 30 bytes": framed(bytes(30)),
}


@pytest.mark.parametrize("nonsense", SKIPPED.values(), ids=SKIPPED.keys())
def test_a_malformed_notification_is_skipped_and_its_link_lives(
    peer: LivePeer, net: str, nonsense: bytes
) -> None:
    with Mock(net, 3).connect(2) as link:
        link.sendall(nonsense)
        rejected = peer.wait(Rejected)
        name = f"{net}.3:{link.getsockname()[1]}>{net}.2:3888"
        assert (rejected.port, rejected.source) == ("election", name)
        finish(peer, link)
        delivered = peer.wait(Stepped, lambda e: isinstance(e.happened, Deliver)).happened
        assert isinstance(delivered, Deliver)
        assert (delivered.link, delivered.frame) == (name, 1)  # the skipped one was frame 0


CONFIGS = {
    "row 21: unknown key": "nonsense=1",
    "row 23: version=zz": "server.1=127.0.0.1:2888:3888\nversion=zz",
    "row 23: port 99999": "server.1=127.0.0.1:99999:3888\nversion=5",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_vote_with_a_bad_configuration_counts_without_it(
    peer: LivePeer, net: str, text: str
) -> None:
    with Mock(net, 3).connect(2) as link:
        link.sendall(frame(vote(1, config=text)))
        event = peer.wait(Stepped, lambda e: isinstance(e.happened, Deliver))
        assert any(isinstance(e, Ignored) and "configuration" in e.why for e in event.effects)
        finish(peer, link)


def test_row_28_two_sides_exchange_one_notification_each(peer: LivePeer, net: str) -> None:
    with Mock(net, 3).connect(2) as link:
        assert read_notifications(link)[0].leader == 2
        link.sendall(frame(vote(3)))
        event = peer.wait(Stepped, lambda e: isinstance(e.happened, Deliver))
        assert isinstance(event.happened, Deliver)
        assert event.happened.notification.leader == 3


def test_row_29_a_black_hole_holds_nobody_up(peer: LivePeer, net: str) -> None:
    with Mock(net, 1).listen(backlog=0), _full(net, 1), Mock(net, 1).connect(2):
        # Peer 2 dials 1 back, into a backlog that takes no SYN.
        with Mock(net, 3).connect(2) as link:
            finish(peer, link)
            assert peer.number("links_dialing") == 1  # it still hangs, and held nobody up
        peer.wait(LinkClosed, lambda e: e.other == 1 and "did not answer within 1000" in e.why)


class _full:  # noqa: N801 - reads as the adjective it is
    """A listener whose backlog is full: who connects hangs."""

    def __init__(self, net: str, sid: int) -> None:
        self.address = (f"{net}.{sid}", 3888)
        self.socks: list[socket.socket] = []

    def __enter__(self) -> None:
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(self.address)
            self.socks.append(sock)

    def __exit__(self, *_: object) -> None:
        for sock in self.socks:
            sock.close()


LENGTHS = {"row 30: -20": -20, "0": 0, "one too many": 524_289, "row 39: 1 GiB": 1 << 30}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS.keys())
def test_a_frame_length_that_none_has_closes_the_link(
    peer: LivePeer, net: str, length: int
) -> None:
    with Mock(net, 3).connect(2) as link:
        link.sendall(struct.pack(">i", length))
        peer.wait(Rejected)
        while link.recv(65536):
            pass
    before = peer.number("cpu_ns")
    with Mock(net, 3).connect(2) as link:
        finish(peer, link)
    assert peer.number("cpu_ns") - before < 300_000_000  # it does not spin
    assert peer.number("rss_bytes") < 64 << 20


def test_row_39_a_gigabyte_for_an_initiation_is_survived(peer: LivePeer, net: str) -> None:
    with Mock(net, 3).connect(2, struct.pack(">i", 1 << 30) + bytes(64)):
        assert peer.wait(LinkOpened).other == 1 << 62
        with Mock(net, 3).connect(2) as link:
            finish(peer, link)


def test_row_32_a_legacy_observer_is_heard(peer: LivePeer, net: str) -> None:
    with Mock(net, 5).connect(2, encode_legacy_initiation(Sid(5))) as link:
        link.sendall(frame(vote(5)))
        event = peer.wait(Stepped, lambda e: isinstance(e.happened, Deliver))
        assert isinstance(event.happened, Deliver)
        assert event.happened.sender == 5
        assert any(isinstance(e, Send) and e.to == (5,) for e in event.effects)


PARTIAL = {"nothing": b"", "half": encode_initiation(Sid(3), [Address("127.0.0.1", 3888)])[:20]}


@pytest.mark.parametrize("data", PARTIAL.values(), ids=PARTIAL.keys())
def test_row_33_silence_is_closed_and_delays_nobody(peer: LivePeer, net: str, data: bytes) -> None:
    silent = [Mock(net, 1).connect(2, data) for _ in range(3)]
    with Mock(net, 3).connect(2) as link:
        finish(peer, link)
        answered = peer.wait(LinkOpened).at_ns
    closed = peer.wait(Rejected, lambda e: "no initiation" in e.why).at_ns
    assert answered < closed
    for sock in silent:
        assert sock.recv(1) == b""
        sock.close()


def test_a_flood_of_silent_connections_is_bounded(peer: LivePeer, net: str) -> None:
    flood = [Mock(net, 1).connect(2, b"") for _ in range(120)]
    peer.wait(Rejected, lambda e: "connections without an initiation" in e.why)
    assert peer.number("links_pending") <= 64 + 5
    for sock in flood:
        sock.close()


def test_row_35_links_that_come_and_go_leave_nothing(peer: LivePeer, net: str) -> None:
    counts = []
    for turn in range(1, 6):
        with Mock(net, 3).connect(2) as link:
            read_notifications(link)
            peer.wait(LinkOpened, lambda _, turn=turn: _opened(peer) >= turn)  # type: ignore[misc]
            counts.append((peer.number("links"), peer.number("fds")))
        peer.wait(LinkClosed, lambda _, turn=turn: _closed(peer) >= turn)  # type: ignore[misc]
    assert len(set(counts)) == 1
    assert peer.number("links") == 0


def _opened(peer: LivePeer) -> int:
    return len(peer.all(LinkOpened))


def _closed(peer: LivePeer) -> int:
    return sum(e.other == 3 and bool(e.link) for e in peer.all(LinkClosed))


def test_row_38_the_rest_elects_past_a_black_hole(home: Nest, net: str) -> None:
    config = config_of(net, [1, 2, 3])
    with Mock(net, 3).listen(backlog=0), _full(net, 3):
        peers = [home.fork(PeerSpec(Sid(sid), config, timings=QUICK)) for sid in (1, 2)]
        for peer in peers:
            event = peer.wait(Stepped, decided)
            assert [e.vote.leader for e in event.effects if isinstance(e, Decided)] == [2]


INITIATIONS = {
    "unknown version": struct.pack(">q", -1),
    "address of 0 bytes": struct.pack(">qqi", -65536, 3, 0),
    "address of -1 bytes": struct.pack(">qqi", -65536, 3, -1),
    "address of 2049 bytes": struct.pack(">qqi", -65536, 3, 2049),
    "no port": struct.pack(">qqi", -65536, 3, 4) + b"abcd",
    "a port that is none": struct.pack(">qqi", -65536, 3, 13) + b"127.0.0.1:xyz",
    "my own sid": encode_legacy_initiation(Sid(2)),
}


@pytest.mark.parametrize("data", INITIATIONS.values(), ids=INITIATIONS.keys())
def test_a_bad_initiation_is_closed_at_once(peer: LivePeer, net: str, data: bytes) -> None:
    with Mock(net, 3).connect(2, data) as sock:
        assert sock.recv(1) == b""
    assert peer.wait(Rejected).source.startswith(f"{net}.3:")


def test_an_initiation_may_come_in_pieces(peer: LivePeer, net: str) -> None:
    data = encode_initiation(Sid(3), [Address(f"{net}.3", 3888)])
    with Mock(net, 3).connect(2, data[:25]) as link:
        peer.done("stats")  # the wake-up behind this one has read the first piece
        assert peer.number("links_pending") == 1
        link.sendall(data[25:])
        finish(peer, link)


@pytest.mark.usefixtures("peer")
def test_a_smaller_server_is_dialed_back_where_it_says(net: str) -> None:
    with Mock(net, 9).listen() as elsewhere:
        data = encode_initiation(Sid(0), [Address(f"{net}.9", 3888)])
        with Mock(net, 8).connect(2, data) as sock:
            assert sock.recv(1) == b""
        back, source = elsewhere.accept()
        assert source[0] == f"{net}.2"
        assert back.recv(1024).startswith(struct.pack(">qq", -65536, 2))
        back.close()


def test_an_anonymous_observer_gets_a_negative_sid(peer: LivePeer, net: str) -> None:
    with Mock(net, 5).listen() as listener:
        data = encode_initiation(Sid(OBSERVER_ID), [Address(f"{net}.5", 3888)])
        with Mock(net, 5).connect(2, data) as sock:
            assert sock.recv(1) == b""
        back, _ = listener.accept()
        assert peer.wait(LinkOpened).other == -1
        back.close()


def test_a_reader_that_stops_costs_one_frame_and_no_memory(peer: LivePeer, net: str) -> None:
    long = "server.1=127.0.0.1:2888:3888:participant\nversion=0\n#" + "x" * 300_000
    with Mock(net, 99).connect(2) as deaf, Mock(net, 3).connect(2) as link:
        for _ in range(60):
            deaf.sendall(frame(vote(99, config=long)))
        peer.wait(Stepped, lambda e: _from(e, 99))
        finish(peer, link)
        assert peer.number("links_out_bytes") < 1 << 20
        assert peer.number("rss_bytes") < 96 << 20


def _from(event: Stepped, sid: int) -> bool:
    return isinstance(event.happened, Deliver) and event.happened.sender == sid


def test_a_repeated_last_message_says_so(peer: LivePeer, net: str) -> None:
    for _ in range(2):
        with Mock(net, 3).connect(2) as link:
            read_notifications(link)
    again = peer.wait(Wrote, lambda e: e.again)
    assert (again.to, again.frame) == (3, 0)


@pytest.mark.usefixtures("peer")
def test_a_closed_quorum_port_refuses(net: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        Mock(net, 3).connect(2, b"", port=2888)


@pytest.fixture
def leader(home: Nest, net: str) -> LivePeer:
    patient = Timings(tick_ms=100, connect_ms=1000, init_limit=50)
    alone = home.fork(PeerSpec(Sid(2), config_of(net, [1, 2]), timings=patient))
    with Mock(net, 1).listen() as listener:
        back, _ = listener.accept()
        back.sendall(frame(vote(2)))
        alone.wait(Stepped, decided)
        back.close()
    return alone


BAD_PACKETS = {
    "a negative length of data": struct.pack(">iqi", 11, 0, -5),
    "a gigabyte of data": struct.pack(">iqi", 11, 0, 1 << 30),
    "a type that has no place here": struct.pack(">iqii", 77, 0, -1, -1),
}


@pytest.mark.parametrize("data", BAD_PACKETS.values(), ids=BAD_PACKETS.keys())
def test_a_learner_that_talks_nonsense_is_let_go(leader: LivePeer, net: str, data: bytes) -> None:
    with Mock(net, 1).connect(2, data, port=2888) as learner:
        assert learner.recv(1) == b""
    with Mock(net, 1).connect(2, b"", port=2888):
        leader.wait(
            Stepped, lambda e: not isinstance(e.happened, Expire) and _learners(leader) == 2
        )
    assert leader.number("channels") <= 1


def _learners(leader: LivePeer) -> int:
    return sum(type(e.happened).__name__ == "LearnerConnected" for e in leader.all(Stepped))


def test_learners_without_number_are_bounded(leader: LivePeer, net: str) -> None:
    crowd = [Mock(net, 1).connect(2, b"", port=2888) for _ in range(90)]
    leader.wait(Rejected, lambda e: e.port == Port.QUORUM and "no room" in e.why)
    assert leader.number("channels") <= 64 + 2 * 2
    for sock in crowd:
        sock.close()
