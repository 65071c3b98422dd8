"""Notifications and their frames: golden bytes, the table of lengths, pieces and noise.

Source: ZooKeeper 3.8 dumps, ``FLEMalformedNotificationMessageTest``, ``CnxManagerTest``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.errors import WireError
from chaos.wire.election import (
    PAYLOAD_MAX,
    FrameReader,
    Generation,
    InitiationReader,
    Skipped,
    decode_payload,
    encode_frame,
    encode_legacy_initiation,
    encode_payload,
)

CONFIG = (
    "server.1=127.0.0.1:13001:14001:participant\n"
    "server.2=127.0.0.1:13002:14002:participant\n"
    "server.3=127.0.0.1:13003:14003:participant\n"
    "version=0"
)
DUMP_13_3 = bytes.fromhex(
    """
    00 00 00 b6
    00 00 00 00
    00 00 00 00 00 00 00 03
    00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 01
    00 00 00 00 00 00 00 00
    00 00 00 02
    00 00 00 8a
    73 65 72 76 65 72 2e 31 3d 31 32 37 2e 30 2e 30
    2e 31 3a 31 33 30 30 31 3a 31 34 30 30 31 3a 70
    61 72 74 69 63 69 70 61 6e 74 0a 73 65 72 76 65
    72 2e 32 3d 31 32 37 2e 30 2e 30 2e 31 3a 31 33
    30 30 32 3a 31 34 30 30 32 3a 70 61 72 74 69 63
    69 70 61 6e 74 0a 73 65 72 76 65 72 2e 33 3d 31
    32 37 2e 30 2e 30 2e 31 3a 31 33 30 30 33 3a 31
    34 30 30 33 3a 70 61 72 74 69 63 69 70 61 6e 74
    0a 76 65 72 73 69 6f 6e 3d 30
    """
)


def vote(
    version: int = 2, config: str | None = None, zxid: int = 0, epoch: int = 0
) -> Notification:
    return Notification(
        ServerState.LOOKING, Sid(3), Zxid(zxid), Round(1), PeerEpoch(epoch), version, config
    )


def framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


def payload(*tail: int, more: bytes = b"") -> bytes:
    """LOOKING, leader 3, zxid 5:7, round 9, peer epoch 6, then ``tail`` in four bytes each."""
    head = struct.pack(">iqqqq", 0, 3, (5 << 32) | 7, 9, 6)
    return head + struct.pack(f">{len(tail)}i", *tail) + more


def heard(version: int = 0, config: str | None = None, epoch: int = 6) -> Notification:
    """What :func:`payload` says."""
    return Notification(0, Sid(3), Zxid((5 << 32) | 7), Round(9), PeerEpoch(epoch), version, config)


def test_the_dumped_notification_13_3_is_read_and_written() -> None:
    notification = vote(config=CONFIG)
    assert FrameReader().feed(DUMP_13_3) == [notification]
    assert encode_frame(notification) == DUMP_13_3
    assert encode_payload(notification) == DUMP_13_3[4:]


LENGTHS: dict[str, tuple[bytes, Notification | None]] = {
    "0 bytes": (b"", None),
    "27 bytes (13.8)": (payload()[:27], None),
    "28 bytes: epoch of the zxid": (payload()[:28], heard(epoch=5)),
    **{f"{size} bytes": (payload(2, 0)[:size], None) for size in range(29, 40)},
    "40 bytes: version unread": (payload(77), heard()),
    "41 bytes, version 1": (payload(1, more=b"x"), heard(1)),
    "43 bytes, version 0": (payload(0, more=b"xxx"), heard()),
    "41 bytes, version 2": (payload(2, more=b"\0"), None),
    "43 bytes, version 3": (payload(3, more=b"\0\0\0"), None),
    "44 bytes, version 1": (payload(1, 0), heard(1)),
    "44 + trailing, version 1: configuration unread": (payload(1, 999, more=b"xx"), heard(1)),
    "44 + trailing, negative version": (payload(-5, -1, more=b"xx"), heard(-5)),
    "version 2, empty configuration": (payload(2, 0), heard(2, "")),
    "version 2, configuration": (payload(2, 2, more=b"ab"), heard(2, "ab")),
    "version 2, bytes behind it": (payload(2, 1, more=b"ab"), heard(2, "a")),
    "version 3 as 2": (payload(3, 2, more=b"ab"), heard(3, "ab")),
    "version 2, length -1": (payload(2, -1, more=b"ab"), None),
    "version 2, one byte missing": (payload(2, 3, more=b"ab"), None),
    "version 2, beyond the message": (payload(2, 47, more=b"ab"), None),
    "version 2, no UTF-8": (payload(2, 3, more=b"a\xffb"), heard(2, "a\N{REPLACEMENT CHARACTER}b")),
}


@pytest.mark.parametrize(("data", "notification"), LENGTHS.values(), ids=LENGTHS.keys())
def test_a_payload_is_understood_by_its_length(
    data: bytes, notification: Notification | None
) -> None:
    found = decode_payload(data)
    if notification is None:
        assert isinstance(found, Skipped)
        assert found.why
    else:
        assert found == notification


def test_the_epoch_of_28_bytes_is_shifted_arithmetically() -> None:
    found = decode_payload(struct.pack(">iqqq", 0, 1, -1, 1))
    assert isinstance(found, Notification)
    assert found.peer_epoch == -1


GENERATIONS = {
    "28": (Generation.BASE, 28, vote(0, zxid=5 << 32, epoch=5)),
    "40": (Generation.VERSION, 40, vote(0, epoch=4)),
    "44": (Generation.V1, 44, vote(1, epoch=4)),
    "v2": (Generation.V2, 44 + 138, vote(2, CONFIG, epoch=4)),
}


@pytest.mark.parametrize(("generation", "size", "n"), GENERATIONS.values(), ids=GENERATIONS.keys())
def test_a_generation_survives_the_wire(generation: Generation, size: int, n: Notification) -> None:
    data = encode_payload(n, generation)
    assert len(data) == size
    assert decode_payload(data) == n


def test_36_bytes_are_what_3_4_0_sent_and_no_later_server_understands() -> None:
    data = encode_payload(vote(epoch=4), Generation.EPOCH)
    assert data == struct.pack(">iqqqq", 0, 3, 0, 1, 4)
    assert isinstance(decode_payload(data), Skipped)


def test_40_bytes_say_version_1() -> None:
    assert encode_payload(vote(2, CONFIG), Generation.VERSION)[36:] == b"\0\0\0\1"


NATURAL = {"0": (0, 40), "1": (1, 44), "2": (2, 46), "3": (3, 46), "-1": (-1, 44)}


@pytest.mark.parametrize(("version", "size"), NATURAL.values(), ids=NATURAL.keys())
def test_the_format_version_chooses_the_layout(version: int, size: int) -> None:
    assert len(encode_payload(vote(version, "ab"))) == size


def test_half_a_surrogate_pair_goes_out_as_java_sends_it() -> None:
    assert encode_payload(vote(2, "a\ud800b"))[44:] == b"a?b"


UNSENDABLE = {
    "a zxid beyond 64 bits": vote(zxid=2**63),
    "a version beyond 32 bits": vote(2**31),
    "a configuration beyond the frame": vote(2, "x" * (PAYLOAD_MAX - 43)),
}


@pytest.mark.parametrize("notification", UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_what_fits_no_frame_is_not_sent(notification: Notification) -> None:
    with pytest.raises(WireError):
        encode_frame(notification)


def test_the_largest_frame_passes() -> None:
    largest = vote(2, "x" * (PAYLOAD_MAX - 44))
    frame = encode_frame(largest)
    assert len(frame) == 4 + PAYLOAD_MAX
    assert FrameReader().feed(frame) == [largest]


def test_a_broadcast_is_encoded_once() -> None:
    assert encode_frame(vote(2, CONFIG)) is encode_frame(vote(2, CONFIG))


NO_FRAME = {"0": 0, "-5": -5, "-20": -20, "524289": PAYLOAD_MAX + 1, "1 GiB": 2**30}


@pytest.mark.parametrize("length", NO_FRAME.values(), ids=NO_FRAME.keys())
def test_an_impossible_length_ends_the_link_behind_the_good_frames(length: int) -> None:
    reader = FrameReader()
    data = encode_frame(vote()) + framed(b"short") + length.to_bytes(4, "big", signed=True)
    with pytest.raises(WireError, match=str(length)):
        reader.feed(data + b"more")
    assert [type(one) for one in reader.before] == [Notification, Skipped]
    with pytest.raises(WireError, match=str(length)):
        reader.feed(encode_frame(vote()))
    assert reader.before == []
    assert reader.pending == 0


VALID = vote(2, CONFIG)
SURVIVED = {
    "row 18 12 bytes": (payload()[:12], Skipped),
    "row 19 configuration length -123": (payload(2, -123), Skipped),
    "row 20 configuration length 10000": (payload(2, 10000, more=b"my very invalid"), Skipped),
    "row 21 configuration that does not parse": (
        payload(2, 29, more=b"my very invalid config string"),
        Notification,
    ),
    "row 22 30 bytes": (payload()[:30], Skipped),
}


@pytest.mark.parametrize(("malformed", "kind"), SURVIVED.values(), ids=SURVIVED.keys())
def test_a_valid_vote_is_read_behind_a_malformed_one(malformed: bytes, kind: type) -> None:
    first, second = FrameReader().feed(framed(malformed) + encode_frame(VALID))
    assert type(first) is kind
    assert second == VALID


def test_row_21_keeps_the_text_that_does_not_parse() -> None:
    found = decode_payload(SURVIVED["row 21 configuration that does not parse"][0])
    assert isinstance(found, Notification)
    assert found.config == "my very invalid config string"


def test_row_28_two_sides_exchange_one_notification_each() -> None:
    ours, theirs = vote(2, CONFIG), vote(2, CONFIG, epoch=1)
    for said in (ours, theirs):
        opened = InitiationReader()
        assert opened.feed(encode_legacy_initiation(Sid(3)) + encode_frame(said)) is not None
        assert FrameReader().feed(opened.rest) == [said]


def test_row_32_a_legacy_observer_is_delivered_upward() -> None:
    opened = InitiationReader()
    started = opened.feed(encode_legacy_initiation(Sid(2)) + framed(b"\0\0\0\0"))
    assert started is not None
    assert started.sid == 2
    (found,) = FrameReader().feed(opened.rest)
    assert isinstance(found, Skipped)


I64 = st.integers(-(2**63), 2**63 - 1)
NOTIFICATIONS = st.builds(
    Notification,
    state=st.integers(-(2**31), 2**31 - 1),
    leader=I64.map(Sid),
    zxid=I64.map(Zxid),
    round=I64.map(Round),
    peer_epoch=I64.map(PeerEpoch),
    version=st.integers(2, 2**31 - 1),
    config=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
OLD = st.builds(
    Notification,
    state=st.integers(0, 3),
    leader=I64.map(Sid),
    zxid=I64.map(Zxid),
    round=I64.map(Round),
    peer_epoch=I64.map(PeerEpoch),
    version=st.integers(-(2**31), 1),
)


@given(st.one_of(NOTIFICATIONS, OLD))
def test_what_is_written_is_read_again(n: Notification) -> None:
    assert FrameReader().feed(encode_frame(n)) == [n]


def pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(ends)]


@given(st.lists(st.one_of(NOTIFICATIONS, OLD), max_size=5), st.lists(st.integers(0, 2**20)))
def test_frames_may_be_split_anywhere(sent: list[Notification], cuts: list[int]) -> None:
    reader = FrameReader()
    stream = b"".join(encode_frame(n) for n in sent)
    assert [n for piece in pieces(stream, cuts) for n in reader.feed(piece)] == sent
    assert reader.pending == 0


def test_a_frame_may_come_byte_by_byte() -> None:
    reader = FrameReader()
    found = [n for at in range(len(DUMP_13_3)) for n in reader.feed(DUMP_13_3[at : at + 1])]
    assert found == [vote(config=CONFIG)]


def test_a_short_frame_is_not_kept_waiting_by_a_long_one_before_it() -> None:
    sent = [vote(config=CONFIG), vote(0)]
    stream = b"".join(encode_frame(n) for n in sent)
    for cut in range(len(stream)):
        reader = FrameReader()
        assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == sent


def drain(reader: FrameReader, reads: Sequence[bytes]) -> tuple[list[Notification | Skipped], bool]:
    """What was read, and whether it ended in an error."""
    found: list[Notification | Skipped] = []
    for data in reads:
        try:
            found += reader.feed(data)
        except WireError:
            return found + reader.before, True
        assert reader.pending < 4 + PAYLOAD_MAX
    return found, False


SMALL = st.integers(-2, 60).map(lambda n: n.to_bytes(4, "big", signed=True))
NOISE = st.lists(st.one_of(st.binary(max_size=80), SMALL), max_size=12).map(b"".join)


@given(NOISE, st.lists(st.integers(0, 2**20), max_size=8))
@example(b"\x00\x08\x00\x00" + b"x" * 100, [4])
def test_noise_means_the_same_however_it_is_split(noise: bytes, cuts: list[int]) -> None:
    whole = drain(FrameReader(), [noise])
    assert drain(FrameReader(), pieces(noise, cuts)) == whole


@given(st.binary(max_size=120))
def test_any_payload_is_a_notification_or_skipped(data: bytes) -> None:
    assert isinstance(decode_payload(data), Notification | Skipped)


def test_a_frame_that_never_ends_is_held_once() -> None:
    reader = FrameReader()
    assert reader.feed(PAYLOAD_MAX.to_bytes(4, "big")) == []
    for _ in range(PAYLOAD_MAX // 4096 - 1):
        assert reader.feed(bytes(4096)) == []
    assert reader.pending == PAYLOAD_MAX - 4092
    assert len(reader.feed(bytes(4096))) == 1
    assert reader.pending == 0
