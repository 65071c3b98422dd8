"""The packets of the quorum port: golden bytes, what their data means, pieces and noise.

Source: ZooKeeper 3.8 dumps, ``LearnerHandler``, ``BinaryInputArchive``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import PeerEpoch, Sid, Zxid, epoch_of, wrap64
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
    Txn,
    UpToDate,
)
from chaos.errors import WireError
from chaos.wire.jute import AUTHINFO_BYTES_MAX, AUTHINFO_MAX, BUFFER_MAX, PACKET_MAX
from chaos.wire.quorum import PacketReader, PacketType, encode_packet
from tests.wire.dumps import DUMPS, EPOCH_1
from tests.wire.trees import TREES


@pytest.mark.parametrize(("data", "packet"), DUMPS.values(), ids=DUMPS.keys())
def test_a_dumped_packet_is_read_and_written(data: bytes, packet: Packet) -> None:
    assert PacketReader().feed(data) == [packet]
    assert encode_packet(packet) == data


def raw(kind: int, data: bytes | None, zxid: int = 1 << 32, authinfo: bytes | None = None) -> bytes:
    size = -1 if data is None else len(data)
    end = b"\xff\xff\xff\xff" if authinfo is None else authinfo
    return struct.pack(">iqi", kind, zxid, size) + (data or b"") + end


VERSION = 0x01020304050607AB
INFO = struct.pack(">qiq", 7, 0x10000, VERSION)
HELLO = PacketType.FOLLOWERINFO
HEADER = struct.pack(">qiqqi", -1, -2, 5, 6, 7)
BARE_TXN = Txn(Zxid(5), -1, -2, 6, 7, b"")
READ: dict[str, tuple[bytes, Packet]] = {
    "hello without data": (raw(HELLO, None), LearnerHello(None, PeerEpoch(1), 0, 1)),
    "hello with empty data": (raw(HELLO, b""), LearnerHello(None, PeerEpoch(1), 0, 1)),
    "hello of 7 bytes": (raw(HELLO, INFO[:7]), LearnerHello(None, PeerEpoch(1), 0, 1)),
    "hello of a sid": (raw(HELLO, INFO[:8]), LearnerHello(Sid(7), PeerEpoch(1), 0, 1)),
    "hello of 11 bytes": (raw(HELLO, INFO[:11]), LearnerHello(Sid(7), PeerEpoch(1), 0, 1)),
    "hello with a protocol": (raw(HELLO, INFO[:12]), LearnerHello(Sid(7), PeerEpoch(1), 0)),
    "hello of 19 bytes": (raw(HELLO, INFO[:19]), LearnerHello(Sid(7), PeerEpoch(1), 0)),
    "hello complete": (raw(HELLO, INFO), LearnerHello(Sid(7), PeerEpoch(1), VERSION)),
    "hello with more": (raw(HELLO, INFO + b"more"), LearnerHello(Sid(7), PeerEpoch(1), VERSION)),
    "hello of an observer": (
        raw(PacketType.OBSERVERINFO, INFO),
        LearnerHello(Sid(7), PeerEpoch(1), VERSION, observer=True),
    ),
    "hello of a negative epoch": (
        raw(HELLO, INFO, -1),
        LearnerHello(Sid(7), PeerEpoch(-1), VERSION),
    ),
    "LEADERINFO with more": (
        raw(PacketType.LEADERINFO, b"\0\1\0\1more"),
        LeaderInfo(PeerEpoch(1), 0x10001),
    ),
    "NEWLEADER without configuration": (
        raw(PacketType.NEWLEADER, None),
        NewLeader(EPOCH_1, None),
    ),
    "NEWLEADER with an empty one": (raw(PacketType.NEWLEADER, b""), NewLeader(EPOCH_1, "")),
    "NEWLEADER that is no UTF-8": (
        raw(PacketType.NEWLEADER, b"a\xff"),
        NewLeader(EPOCH_1, "a\N{REPLACEMENT CHARACTER}"),
    ),
    "PING with a session": (raw(PacketType.PING, bytes(12)), Ping(EPOCH_1, True, ((0, 0),))),
    "TRUNC": (raw(PacketType.TRUNC, None), Trunc(EPOCH_1)),
    "ACK with data": (raw(PacketType.ACK, b"x"), Ack(EPOCH_1)),
    "UPTODATE of any zxid": (raw(PacketType.UPTODATE, None, 5), UpToDate()),
    "COMMIT with data": (raw(PacketType.COMMIT, b"x"), Commit(EPOCH_1)),
    "SYNC of any zxid": (raw(PacketType.SYNC, b"x"), Sync()),
    "a header without a record": (raw(PacketType.PROPOSAL, HEADER), Proposal(BARE_TXN)),
    "a header that differs from its packet": (
        raw(PacketType.INFORM, HEADER, 77),
        Inform(BARE_TXN),
    ),
    "a request without a record": (raw(PacketType.REQUEST, bytes(16)), Request(0, 0, 0, b"")),
    "COMMITANDACTIVATE with more": (
        raw(PacketType.COMMITANDACTIVATE, bytes(8) + b"more"),
        CommitAndActivate(EPOCH_1, Sid(0)),
    ),
    "an answer of 11 bytes": (raw(PacketType.REVALIDATE, bytes(11)), Revalidated(0, valid=False)),
    "a question with more": (raw(PacketType.REVALIDATE, bytes(13)), Revalidate(0, 0)),
    "an unknown type": (raw(-77, b"x", -1), OtherPacket(-77, Zxid(-1), b"x")),
    "no identities": (raw(PacketType.ACK, None, authinfo=bytes(4)), Ack(EPOCH_1)),
    "two identities": (
        raw(
            PacketType.ACK,
            None,
            authinfo=struct.pack(">ii2sii3s", 2, 2, b"ip", -1, 3, b"abc") + bytes(4),
        ),
        Ack(EPOCH_1),
    ),
}


@pytest.mark.parametrize(("data", "packet"), READ.values(), ids=READ.keys())
def test_data_means_what_zookeeper_takes_it_for(data: bytes, packet: Packet) -> None:
    behind = encode_packet(Ping(Zxid(9)))
    assert PacketReader().feed(data + behind) == [packet, Ping(Zxid(9))]


def test_an_epoch_is_cut_to_32_bits_in_ackepoch() -> None:
    (found,) = PacketReader().feed(encode_packet(AckEpoch(Zxid(0), PeerEpoch(2**31))))
    assert found == AckEpoch(Zxid(0), PeerEpoch(-(2**31)))


def counted(count: int, *lengths: int) -> bytes:
    return struct.pack(f">{1 + len(lengths)}i", count, *lengths)


REFUSED = {
    "LEADERINFO without data": (raw(PacketType.LEADERINFO, None), "protocol version"),
    "LEADERINFO of 3 bytes": (raw(PacketType.LEADERINFO, b"\0\1\0"), "protocol version"),
    "ACKEPOCH without data": (raw(PacketType.ACKEPOCH, None), "without an epoch"),
    "PROPOSAL without data": (raw(PacketType.PROPOSAL, None), "header needs 32"),
    "PROPOSAL of 31 bytes": (raw(PacketType.PROPOSAL, bytes(31)), "header needs 32"),
    "INFORM of 31 bytes": (raw(PacketType.INFORM, bytes(31)), "INFORM with 31 bytes"),
    "COMMITANDACTIVATE of 7 bytes": (raw(PacketType.COMMITANDACTIVATE, bytes(7)), "a leader"),
    "INFORMANDACTIVATE of 7 bytes": (raw(PacketType.INFORMANDACTIVATE, bytes(7)), "a leader"),
    "INFORMANDACTIVATE of 39 bytes": (raw(PacketType.INFORMANDACTIVATE, bytes(39)), "needs 40"),
    "REQUEST of 15 bytes": (raw(PacketType.REQUEST, bytes(15)), "session, cxid and type"),
    "REVALIDATE of 8 bytes": (raw(PacketType.REVALIDATE, bytes(8)), "REVALIDATE with 8"),
    "REVALIDATE without data": (raw(PacketType.REVALIDATE, None), "REVALIDATE with no data"),
    "PING of 13 bytes": (raw(PacketType.PING, bytes(13)), "within a session"),
    "data of length -2": (struct.pack(">iqi", 3, 0, -2), "length -2"),
    "data of the limit and one": (struct.pack(">iqi", 3, 0, BUFFER_MAX + 1), "length 2097151"),
    "data of 2 GiB": (struct.pack(">iqi", 3, 0, 2**31 - 1), "length 2147483647"),
    "authinfo of -2": (raw(3, None, authinfo=counted(-2)), "length -2"),
    "authinfo of a billion": (raw(3, None, authinfo=counted(10**9)), "length 1000000000"),
    "an identity of -2": (raw(3, None, authinfo=counted(1, -2)), "length -2"),
    "an identity of 2 GiB": (raw(3, None, authinfo=counted(1, 2**31 - 1)), "length 2147483647"),
    "identities too long together": (
        raw(3, None, authinfo=counted(1, 65000) + bytes(65000) + counted(65000)),
        "authinfo of packet type 3",
    ),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_packet_ends_the_link_behind_the_good_ones(data: bytes, why: str) -> None:
    reader = PacketReader()
    with pytest.raises(WireError) as raised:
        reader.feed(encode_packet(Ping(Zxid(1))) + data)
    assert why in str(raised.value)
    assert reader.before == [Ping(Zxid(1))]
    with pytest.raises(WireError) as again:
        reader.feed(encode_packet(Ping(Zxid(2))))
    assert why in str(again.value)
    assert reader.before == []
    assert reader.pending == 0


UNSENDABLE: dict[str, Packet] = {
    "a zxid beyond 64 bits": Ack(Zxid(2**63)),
    "a type beyond 32 bits": OtherPacket(2**31, Zxid(0)),
    "a sid beyond 64 bits": LearnerHello(Sid(2**63), PeerEpoch(0)),
    "a protocol beyond 32 bits": LeaderInfo(PeerEpoch(0), 2**31),
    "a session beyond 64 bits": Request(2**63, 0, 0, b""),
    "a leader beyond 64 bits": CommitAndActivate(Zxid(0), Sid(2**63)),
    "a time beyond 64 bits": Proposal(Txn(Zxid(0), 0, 0, 2**63, 0, b"")),
    "a timeout beyond 32 bits": Revalidate(0, 2**31),
    "a leader's PING with sessions": Ping(Zxid(0), sessions=((1, 1),)),
    "data beyond the limit": OtherPacket(1, Zxid(0), bytes(BUFFER_MAX + 1)),
}


@pytest.mark.parametrize("packet", UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_what_does_not_fit_is_not_sent(packet: Packet) -> None:
    with pytest.raises(WireError):
        encode_packet(packet)


def test_the_largest_data_passes() -> None:
    largest = OtherPacket(77, Zxid(0), bytes(BUFFER_MAX))
    assert PacketReader().feed(encode_packet(largest)) == [largest]


I32 = st.integers(-(2**31), 2**31 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
ZXID = I64.map(Zxid)
EPOCH = I32.map(PeerEpoch)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BODY = st.binary(max_size=40)
TXN = st.builds(Txn, ZXID, I64, I32, I64, I32, BODY)
UNKNOWN = I32.filter(lambda kind: kind not in set(PacketType))
PACKETS: st.SearchStrategy[Packet] = st.one_of(
    st.builds(LearnerHello, I64.map(Sid), EPOCH, I64, I32, st.booleans()),
    st.builds(LeaderInfo, EPOCH, I32),
    st.builds(AckEpoch, ZXID, EPOCH),
    st.builds(NewLeader, ZXID, TEXT),
    st.builds(Ping, ZXID),
    st.builds(Ping, ZXID, st.just(True), st.lists(st.tuples(I64, I32), max_size=3).map(tuple)),
    st.builds(Snap, ZXID, TREES),
    st.one_of(st.builds(Proposal, TXN), st.builds(Inform, TXN), st.just(Sync())),
    st.builds(InformAndActivate, TXN, I64.map(Sid)),
    st.builds(CommitAndActivate, ZXID, I64.map(Sid)),
    st.builds(Request, I64, I32, I32, BODY),
    st.one_of(st.builds(Revalidate, I64, I32), st.builds(Revalidated, I64, st.booleans())),
    st.builds(OtherPacket, UNKNOWN, ZXID, st.none() | st.binary(max_size=40)),
    ZXID.flatmap(
        lambda zxid: st.sampled_from([Ack(zxid), Commit(zxid), Diff(zxid), Trunc(zxid), UpToDate()])
    ),
)


def pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(ends)]


@given(st.lists(PACKETS, max_size=6), st.lists(st.integers(0, 2**20)))
def test_packets_may_be_split_anywhere(sent: list[Packet], cuts: list[int]) -> None:
    reader = PacketReader()
    stream = b"".join(encode_packet(packet) for packet in sent)
    assert [packet for piece in pieces(stream, cuts) for packet in reader.feed(piece)] == sent
    assert reader.pending == 0


@pytest.mark.parametrize("data", [data for data, _ in READ.values()], ids=READ.keys())
def test_a_packet_may_come_byte_by_byte(data: bytes) -> None:
    reader = PacketReader()
    found = [packet for at in range(len(data)) for packet in reader.feed(data[at : at + 1])]
    assert found == PacketReader().feed(data)
    assert len(found) == 1


@given(I64)
def test_a_zxid_wraps_as_an_epoch_does(epoch: int) -> None:
    (found,) = PacketReader().feed(encode_packet(LeaderInfo(PeerEpoch(epoch))))
    assert found == LeaderInfo(epoch_of(wrap64(epoch << 32)))


def drain(reader: PacketReader, reads: Sequence[bytes]) -> tuple[list[Packet], bool]:
    """What was read, and whether it ended in an error."""
    found: list[Packet] = []
    for data in reads:
        try:
            found += reader.feed(data)
        except WireError:
            return found + reader.before, True
        assert reader.pending < PACKET_MAX
    return found, False


SMALL = st.integers(-2, 30).map(lambda number: struct.pack(">i", number))
NOISE = st.lists(st.one_of(st.binary(max_size=30), SMALL, PACKETS.map(encode_packet)), max_size=9)


@given(NOISE.map(b"".join), st.lists(st.integers(0, 2**20), max_size=8))
def test_noise_means_the_same_however_it_is_split(noise: bytes, cuts: list[int]) -> None:
    whole = drain(PacketReader(), [noise])
    assert drain(PacketReader(), pieces(noise, cuts)) == whole


def test_the_largest_packet_is_held_whole_and_no_larger_one_is_waited_for() -> None:
    identities = counted(1, AUTHINFO_BYTES_MAX - 8) + bytes(AUTHINFO_BYTES_MAX - 8) + counted(0)
    largest = raw(1, bytes(BUFFER_MAX), authinfo=identities)
    assert len(largest) == PACKET_MAX - 4
    reader = PacketReader()
    assert reader.feed(largest[:-1]) == []
    assert reader.pending == len(largest) - 1
    assert len(reader.feed(largest[-1:])) == 1


def test_many_identities_are_read() -> None:
    identities = counted(AUTHINFO_MAX) + bytes(8 * AUTHINFO_MAX)
    assert PacketReader().feed(raw(3, None, authinfo=identities)) == [Ack(EPOCH_1)]
