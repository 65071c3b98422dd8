"""Captures that grow while they are read, and frames of every kind."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chaos.errors import HistoryError
from chaos.systems.pcap import Pcap, segment_of
from chaos.wire.reassembly import Segment

CAPTURE = Path(__file__).parents[1] / "wire" / "captures" / "three.pcap"
MAGIC = 0xA1B23C4D


def test_a_capture_may_grow_by_any_pieces_between_reads(tmp_path: Path) -> None:
    whole = CAPTURE.read_bytes()
    with Pcap(CAPTURE) as capture:
        expected = list(capture.read())
    growing = tmp_path / "growing.pcap"
    growing.touch()
    found: list[Segment] = []
    with Pcap(growing) as capture, growing.open("ab", buffering=0) as file:
        for at in range(0, len(whole), 997):
            file.write(whole[at : at + 997])
            found += capture.read()
    assert found == expected
    assert len(found) > 300


def test_the_capture_names_ends_as_peers_do_and_counts_nanoseconds() -> None:
    with Pcap(CAPTURE) as capture:
        first = next(capture.read())
    assert first.target.startswith("10.77.0.")
    assert first.target.endswith(":3888")
    assert first.syn
    assert first.ack is None
    seconds, ns = struct.unpack_from("<II", CAPTURE.read_bytes(), 24)
    assert first.at_ns == seconds * 10**9 + ns


def header(magic: int = MAGIC, link: int = 1, order: str = "<") -> bytes:
    return struct.pack(f"{order}IHHQII", magic, 2, 4, 0, 65535, link)


REFUSED = {
    "no capture": b"# a text of some length\n",
    "a capture of microseconds": header(0xA1B2C3D4),
    "a capture of raw IP": header(link=101),
    "a frame beyond reason": header() + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30),
    "more nanoseconds than a second": header() + struct.pack("<IIII", 1, 10**9, 0, 0),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_another_file_is_refused(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(text)
    with Pcap(path) as capture, pytest.raises(HistoryError, match=r"c\.pcap"):
        list(capture.read())


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order_is_read(order: str, tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    record = struct.pack(f"{order}IIII", 3, 7, len(SYN), len(SYN))
    path.write_bytes(header(order=order) + record + SYN)
    with Pcap(path) as capture:
        (segment,) = capture.read()
    assert segment.at_ns == 3_000_000_007


def frame(
    *, flags: int = 0x10, ack: int = 9, options: bytes = b"", payload: bytes = b"", pad: int = 0
) -> bytes:
    off = (5 + len(options) // 4) << 12
    tcp = struct.pack(">HHIIHHHH", 40000, 3888, 7, ack, off | flags, 0, 0, 0) + options + payload
    ends = bytes([10, 77, 0, 3, 10, 77, 0, 1])
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends
    return bytes(12) + b"\x08\x00" + ip + tcp + bytes(pad)


SYN = frame(flags=0x02)


def test_padding_of_short_frames_is_no_payload() -> None:
    found = segment_of(frame(payload=b"abc", pad=9), 5)
    assert found is not None
    assert (found.payload, found.seq, found.ack, found.at_ns) == (b"abc", 7, 9, 5)
    assert (found.source, found.target) == ("10.77.0.3:40000", "10.77.0.1:3888")


def sack(begin: int, end: int) -> bytes:
    return b"\x01\x01\x05\x0a" + struct.pack(">II", begin % 2**32, end % 2**32)


TIMESTAMPS = b"\x01\x01\x08\x0a" + bytes(8)
TWICE = {
    "no option": (b"", 9, False),
    "timestamps": (TIMESTAMPS, 9, False),
    "a block below": (TIMESTAMPS + sack(3, 9), 9, True),
    "a block beyond": (TIMESTAMPS + sack(12, 20), 9, False),
    "a block below, over the wrap": (TIMESTAMPS + sack(-5, -2), 3, True),
}


@pytest.mark.parametrize(("options", "ack", "twice"), TWICE.values(), ids=TWICE.keys())
def test_a_duplicate_sack_is_noticed(options: bytes, ack: int, twice: bool) -> None:
    found = segment_of(frame(options=options, ack=ack), 0)
    assert found is not None
    assert found.twice is twice


@given(st.binary(max_size=80), st.integers(0, 80))
@example(b"", 0)
def test_no_frame_is_too_strange(noise: bytes, at: int) -> None:
    segment_of(noise, 0)
    whole = frame(options=TIMESTAMPS + sack(1, 2), payload=b"abc")
    segment_of(whole[:at] + noise, 0)
    segment_of(whole[:at] + noise + whole[at + len(noise) :], 0)
    segment_of(bytes(12) + b"\x08\x00" + noise, 0)
