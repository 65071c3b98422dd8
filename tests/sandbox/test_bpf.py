"""What a capture sees: the packets of elections and quorums between servers, and no others."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest

from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.sandbox.bpf import PACKETS_OF_ENSEMBLES, assembled

A, B, HUB = "10.77.0.1", "10.77.1.2", "10.76.0.1"


def _accepts(frame: bytes) -> bool:
    """What the kernel would do: classic BPF, as far as the program uses it."""
    code = list(struct.iter_unpack("=HBBI", assembled(PACKETS_OF_ENSEMBLES)))
    at = a = x = 0
    while True:
        operation, yes, no, k = code[at]
        at += 1
        match operation:
            case 0x20 | 0x28 | 0x30:
                size = {0x20: 4, 0x28: 2, 0x30: 1}[operation]
                a = int.from_bytes(frame[k : k + size], "big")
            case 0x48:
                a = int.from_bytes(frame[x + k : x + k + 2], "big")
            case 0xB1:
                x = (frame[k] & 15) * 4
            case 0x54:
                a &= k
            case 0x15:
                at += yes if a == k else no
            case 0x45:
                at += yes if a & k else no
            case 0x06:
                return bool(k)
            case _:
                raise AssertionError(operation)


def _frame(
    source: str = A,
    target: str = B,
    ports: tuple[int, int] = (40000, ELECTION_PORT),
    *,
    ethertype: int = 0x0800,
    protocol: int = 6,
    offset: int = 0,
    options: int = 0,
) -> bytes:
    first = 0x40 | 5 + options
    head = struct.pack(">BBHHHBBH", first, 0, 60, 0, offset, 64, protocol, 0)
    addresses = IPv4Address(source).packed + IPv4Address(target).packed
    ether = bytes(12) + struct.pack(">H", ethertype)
    return ether + head + addresses + bytes(4 * options) + struct.pack(">HH", *ports) + bytes(16)


FRAMES = {
    "to an election port": (_frame(), True),
    "from an election port": (_frame(ports=(ELECTION_PORT, 40000)), True),
    "to a quorum port": (_frame(ports=(40000, QUORUM_PORT)), True),
    "from a quorum port": (_frame(ports=(QUORUM_PORT, 40000)), True),
    "behind options": (_frame(options=3), True),
    "between other ports": (_frame(ports=(40000, 2181)), False),
    "from the hub": (_frame(source=HUB), False),
    "to the hub": (_frame(target=HUB), False),
    "UDP": (_frame(protocol=17), False),
    "ARP": (_frame(ethertype=0x0806), False),
    "a later fragment": (_frame(offset=8), False),
    "that must not be fragmented": (_frame(offset=0x4000), True),
}


@pytest.mark.parametrize(("frame", "seen"), FRAMES.values(), ids=FRAMES.keys())
def test_a_packet_is_seen(frame: bytes, seen: bool) -> None:
    assert _accepts(frame) is seen
