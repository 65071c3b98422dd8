"""The packets of the quorum port as bytes.

Source: ZooKeeper 3.8 ``Leader`` (the types), ``LearnerHandler.run``, ``Learner``
(``registerWithLeader``, ``syncWithLeader``) and ``LearnerInfo``. Departures: fields that
ZooKeeper reads past the end of the data of (an unchecked exception there) are a
:class:`~chaos.errors.WireError`; a learner whose LearnerInfo is shorter than a sid counts as
one that sent none, where ZooKeeper takes it for server 0.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, assert_never

from chaos.election.ids import PeerEpoch, Sid, Zxid, epoch_of, zxid_of
from chaos.election.packets import (
    Ack,
    AckEpoch,
    Diff,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    OtherPacket,
    Packet,
    Ping,
    Trunc,
    UpToDate,
)
from chaos.errors import WireError
from chaos.wire.jute import INT, Incomplete, RawPacket, decode, encode

_LEARNER_INFO = struct.Struct(">qiq")  # sid, protocol version, configuration version
_PROTOCOL_OF_OLD: Final = 1  # of a learner that does not name one; it predates Zab 1.0
_UP_TO_DATE_ZXID: Final = -1


class PacketType(IntEnum):
    """The types of ``Leader``, by their number on the wire."""

    REQUEST = 1
    PROPOSAL = 2
    ACK = 3
    COMMIT = 4
    PING = 5
    REVALIDATE = 6
    SYNC = 7
    INFORM = 8
    COMMITANDACTIVATE = 9
    NEWLEADER = 10
    FOLLOWERINFO = 11
    UPTODATE = 12
    DIFF = 13
    TRUNC = 14
    SNAP = 15
    OBSERVERINFO = 16
    LEADERINFO = 17
    ACKEPOCH = 18
    INFORMANDACTIVATE = 19


# The packets that say nothing beside their zxid.
_BARE: Final[dict[int, type[Ack] | type[Diff] | type[Trunc]]] = {
    PacketType.ACK: Ack,
    PacketType.DIFF: Diff,
    PacketType.TRUNC: Trunc,
}
_TYPE_OF: Final = {record: kind for kind, record in _BARE.items()}


def encode_packet(packet: Packet) -> bytes:
    """The bytes of ``packet``.

    Raises:
        WireError: a number does not fit its field, or data is longer than receivers take.
    """
    try:
        return encode(_raw(packet))
    except struct.error as error:
        raise WireError(f"{packet} does not fit the wire: {error}") from error


def _raw(packet: Packet) -> RawPacket:
    match packet:
        case LearnerHello() | LeaderInfo() | AckEpoch():
            return _raw_of_discovery(packet)
        case Ack(zxid) | Diff(zxid) | Trunc(zxid):
            return RawPacket(_TYPE_OF[type(packet)], zxid, None)
        case NewLeader(zxid, config):
            text = None if config is None else config.encode("utf-8", "replace")
            return RawPacket(PacketType.NEWLEADER, zxid, text)
        case UpToDate():
            return RawPacket(PacketType.UPTODATE, _UP_TO_DATE_ZXID, None)
        case Ping(zxid, answer):
            return RawPacket(PacketType.PING, zxid, b"" if answer else None)
        case OtherPacket(kind, zxid, data):
            return RawPacket(kind, zxid, data)
        case _:
            assert_never(packet)


def _raw_of_discovery(packet: LearnerHello | LeaderInfo | AckEpoch) -> RawPacket:
    match packet:
        case LearnerHello(sid, epoch, config_version, protocol, observer):
            kind = PacketType.OBSERVERINFO if observer else PacketType.FOLLOWERINFO
            info = None if sid is None else _LEARNER_INFO.pack(sid, protocol, config_version)
            return RawPacket(kind, zxid_of(epoch), info)
        case LeaderInfo(epoch, protocol):
            return RawPacket(PacketType.LEADERINFO, zxid_of(epoch), INT.pack(protocol))
        case AckEpoch(zxid, epoch):
            return RawPacket(PacketType.ACKEPOCH, zxid, INT.pack(_as_java_int(epoch)))


def _as_java_int(number: int) -> int:
    """``(int) number``: ACKEPOCH has 32 bits for an epoch that is a ``long`` elsewhere."""
    return (number + 2**31) % 2**32 - 2**31


class PacketReader:
    """Cuts a stream into packets; holds less than one maximal packet beside what it is fed."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._need = 0  # bytes from which on there is anything to do
        self._broken = ""
        self.before: list[Packet] = []

    @property
    def pending(self) -> int:
        """Bytes of a packet that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Packet]:
        """Take what was read; the packets that became whole, in their order.

        Raises:
            WireError: a length beyond its limit, data too short for its type, or anything
                behind a SNAP. ``before`` then holds the packets that came before it in the
                same read; nothing can be read after it.
        """
        self._held += data
        found: list[Packet] = []
        try:
            self._take(found)
        except WireError as error:
            self._held.clear()
            self._need = 0
            self._broken = str(error)
            self.before = found
            raise
        return found

    def _take(self, found: list[Packet]) -> None:
        if len(self._held) < self._need:
            return
        self._need = 0
        at = 0
        while at < len(self._held):
            if self._broken:
                raise WireError(self._broken)
            part = decode(self._held, at)
            if isinstance(part, Incomplete):
                self._need = part.need
                break
            raw, at = part
            found.append(_packet(raw))
            if raw.kind == PacketType.SNAP:
                self._broken = "the stream behind a SNAP has no length and is not understood"
        del self._held[:at]


def _packet(raw: RawPacket) -> Packet:
    zxid = Zxid(raw.zxid)
    match raw.kind:
        case PacketType.FOLLOWERINFO | PacketType.OBSERVERINFO:
            return _hello(raw)
        case PacketType.LEADERINFO:
            return LeaderInfo(epoch_of(zxid), _int(raw, "LEADERINFO without a protocol version"))
        case PacketType.ACKEPOCH:
            return AckEpoch(zxid, PeerEpoch(_int(raw, "ACKEPOCH without an epoch")))
        case PacketType.NEWLEADER:
            # What is not UTF-8 becomes U+FFFD: a learner ignores a text that does not parse.
            text = None if raw.data is None else raw.data.decode("utf-8", "replace")
            return NewLeader(zxid, text)
        case PacketType.PING:
            return Ping(zxid, answer=raw.data is not None)
        case _:
            return _plain(raw.kind, zxid, raw.data)


def _plain(kind: int, zxid: Zxid, data: bytes | None) -> Packet:
    """The packets whose data says nothing to us."""
    bare = _BARE.get(kind)
    if bare is not None:
        return bare(zxid)
    return UpToDate() if kind == PacketType.UPTODATE else OtherPacket(kind, zxid, data)


def _hello(raw: RawPacket) -> LearnerHello:
    """What the data is too short for keeps the value that ``LearnerHandler`` starts with."""
    data = raw.data or b""
    given = _LEARNER_INFO.unpack(data[:20].ljust(20, b"\0"))
    return LearnerHello(
        Sid(given[0]) if len(data) >= 8 else None,
        epoch_of(raw.zxid),
        config_version=given[2] if len(data) >= 20 else 0,
        protocol=given[1] if len(data) >= 12 else _PROTOCOL_OF_OLD,
        observer=raw.kind == PacketType.OBSERVERINFO,
    )


def _int(raw: RawPacket, wrong: str) -> int:
    if raw.data is None or len(raw.data) < INT.size:
        raise WireError(f"{wrong}: its data is {raw.data!r}, 4 bytes are needed")
    (number,) = INT.unpack_from(raw.data)
    assert isinstance(number, int)
    return number
