"""The outer shape of a packet of the quorum port: type, zxid, data, authinfo.

Source: ZooKeeper 3.8 ``QuorumPacket`` and jute's ``BinaryInputArchive``. Packets follow one
another with no length in front of them. A buffer of length -1 is null, which is not empty.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from chaos.errors import WireError

BUFFER_MAX: Final = 2 * 0xFFFFF  # jute.maxbuffer and, by default, as much again for headers
AUTHINFO_MAX: Final = 64  # identities; ours: between servers there are none, or a client's few
AUTHINFO_BYTES_MAX: Final = 0x10000  # of all of them together; ours as well
PACKET_MAX: Final = 24 + BUFFER_MAX + AUTHINFO_BYTES_MAX  # bytes

INT = struct.Struct(">i")
_HEAD = struct.Struct(">iqi")  # type, zxid, length of data
_NULL = INT.pack(-1)


class RawPacket(NamedTuple):
    """A packet before its data means anything. Who is behind it (authinfo) is not kept."""

    kind: int
    zxid: int
    data: bytes | None


class Incomplete(NamedTuple):
    """More is needed: nothing can be said before there are ``need`` bytes from the start."""

    need: int


def encode(packet: RawPacket) -> bytes:
    """The bytes of ``packet``, without authinfo.

    Raises:
        WireError: a number does not fit its field, or data is longer than receivers take.
    """
    data = packet.data
    if data is not None and len(data) > BUFFER_MAX:
        raise WireError(f"{len(data)} bytes of packet data; receivers take {BUFFER_MAX}")
    try:
        head = _HEAD.pack(packet.kind, packet.zxid, -1 if data is None else len(data))
    except struct.error as error:
        raise WireError(
            f"packet type {packet.kind} with zxid {packet.zxid} does not fit the wire: {error}"
        ) from error
    return head + (data or b"") + _NULL


def decode(stream: bytes | bytearray, at: int) -> tuple[RawPacket, int] | Incomplete:
    """The packet that begins at ``at``, and where the next one begins.

    Raises:
        WireError: a length or count that is negative (but for -1) or beyond its limit.
    """
    if len(stream) - at < _HEAD.size:
        return Incomplete(_HEAD.size)
    kind, zxid, length = _HEAD.unpack_from(stream, at)
    start = at + _HEAD.size
    end = start + _checked(length, BUFFER_MAX, f"data of packet type {kind}")
    after = _behind_authinfo(stream, end, kind)
    if after > len(stream):
        return Incomplete(after - at)
    data = None if length == -1 else bytes(stream[start:end])
    return RawPacket(kind, zxid, data), after


def _behind_authinfo(stream: bytes | bytearray, at: int, kind: int) -> int:
    """Where the authinfo at ``at`` ends, as far as ``stream`` tells.

    A place beyond the end of ``stream`` means that so much is needed to tell more.
    """
    if at + INT.size > len(stream):
        return at + INT.size
    (count,) = INT.unpack_from(stream, at)
    start = at = at + INT.size
    texts = 2 * _checked(count, AUTHINFO_MAX, f"authinfo of packet type {kind}")
    for _ in range(texts):  # each identity is a scheme and an id
        if at + INT.size > len(stream):
            return at + INT.size
        (length,) = INT.unpack_from(stream, at)
        at += INT.size + _checked(length, AUTHINFO_BYTES_MAX, f"identity of packet type {kind}")
        _checked(at - start, AUTHINFO_BYTES_MAX, f"authinfo of packet type {kind}")
    return at


def _checked(length: int, limit: int, what: str) -> int:
    """``length`` with null counted as 0."""
    if not -1 <= length <= limit:
        raise WireError(f"{what}: length {length}; -1..{limit} are allowed")
    return max(length, 0)
