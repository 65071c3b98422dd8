"""The stream behind a SNAP: the dump, pieces, noise and limits.

Source: ZooKeeper 3.8 dumps, ``SerializeUtils.serializeSnapshot``.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import Zxid
from chaos.election.packets import Packet, Ping, Snap
from chaos.errors import WireError
from chaos.wire.jute import BUFFER_MAX
from chaos.wire.quorum import PacketReader, encode_packet
from chaos.wire.tree import TreeScan, smallest_tree
from tests.wire.trees import TREES, buffer, node, stream, vector

CONFIG = (
    "server.1=127.0.0.1:13001:14001:participant\n"
    "server.2=127.0.0.1:13002:14002:participant\n"
    "server.3=127.0.0.1:13003:14003:participant\n"
    "version=0"
)
OPEN = "ff ff ff ff ff ff ff ff"
DUMP = bytes.fromhex(
    "00 00 00 00  00 00 00 01  00 00 00 00 00 00 00 01  00 00 00 01"
    f"00 00 00 01  00 00 00 05 {b'world'.hex()}  00 00 00 06 {b'anyone'.hex()}"
    f"00 00 00 00  00 00 00 00  {OPEN} {bytes(60).hex()}"
    f"00 00 00 0a {b'/zookeeper'.hex()}  00 00 00 00  {OPEN} {bytes(60).hex()}"
    f"00 00 00 11 {b'/zookeeper/config'.hex()}  00 00 00 8a {CONFIG.encode().hex()}"
    "00 00 00 00 00 00 00 01"
    "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00"
    "00 00 01 a2 07 3b 5b 81  ff ff ff ff  00 00 00 00  ff ff ff ff"
    "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00"
    f"00 00 00 10 {b'/zookeeper/quota'.hex()}  00 00 00 00  {OPEN} {bytes(60).hex()}"
    f"00 00 00 01 2f  00 00 00 0a {b'BenWasHere'.hex()}"
)  # protocol dump 13.6
MTIME = bytes.fromhex("00 00 01 a2 07 3b 5b 81")


def end_of(data: bytes) -> int | None:
    return TreeScan(bytearray(data)).end()


def test_the_dumped_stream_ends_where_it_ends() -> None:
    assert len(DUMP) == 547
    assert end_of(DUMP + b"behind") == 547


def test_the_smallest_tree_is_the_dumped_one_of_no_time() -> None:
    assert smallest_tree(CONFIG) == DUMP.replace(MTIME, bytes(8))
    assert end_of(smallest_tree()) == len(smallest_tree()) == 547 - len(CONFIG)


def test_a_snap_without_a_tree_is_sent_with_the_smallest() -> None:
    sent = encode_packet(Snap(Zxid(7), b""))
    assert PacketReader().feed(sent) == [Snap(Zxid(7), smallest_tree())]


@given(TREES, st.integers(1, 9))
def test_a_stream_is_found_in_whatever_pieces_and_not_before_its_last_byte(
    tree: bytes, step: int
) -> None:
    held = bytearray()
    scan = TreeScan(held)
    for at in range(0, len(tree), step):
        held += tree[at : at + step]
        if len(held) < len(tree):
            assert scan.end() is None
            assert len(held) < scan.need <= len(tree)
    assert scan.end() == len(tree)


def test_packets_behind_a_stream_are_packets_again() -> None:
    sent: list[Packet] = [Ping(Zxid(1)), Snap(Zxid(2), DUMP), Snap(Zxid(3), DUMP), Ping(Zxid(4))]
    data = b"".join(encode_packet(packet) for packet in sent)
    assert PacketReader().feed(data) == sent
    one_by_one = PacketReader()
    assert [p for at in range(len(data)) for p in one_by_one.feed(data[at : at + 1])] == sent
    assert one_by_one.pending == 0


def number(value: int) -> bytes:
    return struct.pack(">i", value)


REFUSED = {
    "sessions of -1": (number(-1), "sessions behind a SNAP is -1"),
    "access lists of -1": (number(0) + number(-1), "access lists behind a SNAP is -1"),
    "a null access list": (
        number(0) + number(1) + bytes(8) + number(-1),
        "list behind a SNAP is -1",
    ),
    "a null path": (bytes(8) + number(-1), "path behind a SNAP: length -1"),
    "a path of 2 GiB": (bytes(8) + number(2**31 - 1), "path behind a SNAP: length 2147483647"),
    "data of -2": (bytes(8) + buffer(b"") + number(-2), "data behind a SNAP: length -2"),
    "data too long": (bytes(8) + buffer(b"") + number(BUFFER_MAX + 1), "length 2097151"),
    "another signature": (bytes(8) + buffer(b"/") + buffer(b"JenWasHere"), "JenWasHere"),
    "a billion sessions": (number(10**9) + bytes(12), "more than"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_stream_ends_the_link(data: bytes, why: str) -> None:
    reader = PacketReader()
    snap = encode_packet(Snap(Zxid(2), b"x"))[:-1]
    with pytest.raises(WireError, match=why):
        reader.feed(encode_packet(Ping(Zxid(1))) + snap + data)
    assert reader.before == [Ping(Zxid(1))]
    assert reader.pending == 0
    with pytest.raises(WireError, match=why):
        reader.feed(b"x")


def test_a_stream_that_never_ends_is_not_held() -> None:
    reader = PacketReader(tree_max=1000)
    endless = vector([]) + vector([]) + node("/n", bytes(50), -1) * 99
    snap = encode_packet(Snap(Zxid(2), b"x"))[:-1]
    reader.feed(snap + endless[:900])
    assert reader.pending == 900
    with pytest.raises(WireError, match="more than 1000 bytes"):
        reader.feed(endless[900:])
    assert reader.pending == 0


def test_a_limit_does_not_depend_on_pieces() -> None:
    tree = stream([], [], [node("/n", b"", 1)])
    snap = encode_packet(Snap(Zxid(2), tree))
    assert PacketReader(tree_max=len(tree)).feed(snap) == [Snap(Zxid(2), tree)]
    with pytest.raises(WireError, match="more than"):
        PacketReader(tree_max=len(tree) - 1).feed(snap)


def test_a_large_tree_in_small_reads_is_read_once() -> None:
    tree = stream([], [], [node(f"/{i}", bytes(1000), -1) for i in range(2000)])
    data = encode_packet(Snap(Zxid(2), tree))
    reader = PacketReader()
    found = [p for at in range(0, len(data), 100) for p in reader.feed(data[at : at + 100])]
    assert found == [Snap(Zxid(2), tree)]
