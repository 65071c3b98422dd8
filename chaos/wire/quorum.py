"""The packets of the quorum port as bytes.

Source: ZooKeeper 3.8 ``Leader`` (the types), ``LearnerHandler.run``, ``Learner``
(``registerWithLeader``, ``syncWithLeader``) and ``LearnerInfo``. What transactions and
requests look like inside is in ``chaos.wire.transactions``. Departures: fields that ZooKeeper
reads past the end of the data of (an unchecked exception there) are a
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
    UpToDate,
)
from chaos.errors import WireError
from chaos.wire import transactions as txns
from chaos.wire.jute import INT, Incomplete, RawPacket, decode, encode
from chaos.wire.tree import TREE_MAX, TreeScan, smallest_tree

_LEARNER_INFO = struct.Struct(">qiq")  # sid, protocol version, configuration version
_PROTOCOL_OF_OLD: Final = 1  # of a learner that does not name one; it predates Zab 1.0
_UP_TO_DATE_ZXID: Final = -1
_SYNC_ZXID: Final = 0
_NO_ANSWER: Final = "a leader's PING cannot name sessions; only an answer does"


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
_BARE: Final[dict[int, type[Ack] | type[Commit] | type[Diff] | type[Trunc]]] = {
    PacketType.ACK: Ack,
    PacketType.COMMIT: Commit,
    PacketType.DIFF: Diff,
    PacketType.TRUNC: Trunc,
}
_TYPE_OF: Final = {record: kind for kind, record in _BARE.items()}


def encode_packet(packet: Packet) -> bytes:
    """The bytes of ``packet``. A SNAP without a tree gets the smallest one behind it.

    Raises:
        WireError: a number does not fit its field, or data is longer than receivers take.
    """
    try:
        data = encode(_raw(packet))
        return data + (packet.tree or smallest_tree()) if isinstance(packet, Snap) else data
    except struct.error as error:
        raise WireError(f"{packet} does not fit the wire: {error}") from error


def _raw(packet: Packet) -> RawPacket:
    match packet:
        case LearnerHello() | LeaderInfo() | AckEpoch():
            return _raw_of_discovery(packet)
        case Snap() | NewLeader() | UpToDate():
            return _raw_of_synchronization(packet)
        case Proposal() | Inform() | InformAndActivate() | CommitAndActivate():
            return _raw_of_broadcast(packet)
        case Ack(zxid) | Commit(zxid) | Diff(zxid) | Trunc(zxid):
            return RawPacket(_TYPE_OF[type(packet)], zxid, None)
        case Ping() | Request() | Revalidate() | Revalidated() | Sync():
            return _raw_of_sessions(packet)
        case OtherPacket(kind, zxid, data):
            return RawPacket(kind, zxid, data)
        case _:
            assert_never(packet)


def _raw_of_synchronization(packet: Snap | NewLeader | UpToDate) -> RawPacket:
    match packet:
        case Snap(zxid):
            return RawPacket(PacketType.SNAP, zxid, None)
        case NewLeader(zxid, config):
            text = None if config is None else config.encode("utf-8", "replace")
            return RawPacket(PacketType.NEWLEADER, zxid, text)
        case UpToDate():
            return RawPacket(PacketType.UPTODATE, _UP_TO_DATE_ZXID, None)


def _raw_of_broadcast(
    packet: Proposal | Inform | InformAndActivate | CommitAndActivate,
) -> RawPacket:
    match packet:
        case Proposal(txn):
            return RawPacket(PacketType.PROPOSAL, txn.zxid, txns.encode_txn(txn))
        case Inform(txn):
            return RawPacket(PacketType.INFORM, txn.zxid, txns.encode_txn(txn))
        case InformAndActivate(txn):
            data = txns.encode_leader(packet)
            return RawPacket(PacketType.INFORMANDACTIVATE, txn.zxid, data)
        case CommitAndActivate(zxid):
            return RawPacket(PacketType.COMMITANDACTIVATE, zxid, txns.encode_leader(packet))


def _raw_of_sessions(packet: Ping | Request | Revalidate | Revalidated | Sync) -> RawPacket:
    match packet:
        case Ping(zxid, answer, sessions):
            if sessions and not answer:
                raise WireError(_NO_ANSWER)
            data = txns.encode_sessions(sessions) if answer else None
            return RawPacket(PacketType.PING, zxid, data)
        case Request():
            return RawPacket(PacketType.REQUEST, txns.REQUEST_ZXID, txns.encode_request(packet))
        case Revalidate() | Revalidated():
            data = txns.encode_revalidation(packet)
            return RawPacket(PacketType.REVALIDATE, txns.REQUEST_ZXID, data)
        case Sync():
            return RawPacket(PacketType.SYNC, _SYNC_ZXID, None)


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
    """Cuts a stream into packets.

    Holds less than one maximal packet beside what it is fed, or the stream behind a SNAP up
    to ``tree_max`` bytes: it belongs to that packet, which comes out with it.
    """

    def __init__(self, tree_max: int = TREE_MAX) -> None:
        self._held = bytearray()
        self._need = 0  # bytes from which on there is anything to do
        self._tree_max = tree_max
        self._snap: tuple[Zxid, TreeScan] | None = None  # while its stream is read
        self._broken = ""
        self.before: list[Packet] = []

    @property
    def pending(self) -> int:
        """Bytes of a packet that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Packet]:
        """Take what was read; the packets that became whole, in their order.

        Raises:
            WireError: a length beyond its limit, data too short for its type, or a stream
                behind a SNAP that is none. ``before`` then holds the packets that came before
                it in the same read; nothing can be read after it.
        """
        found: list[Packet] = []
        try:
            self._held += data
            self._take(found)
        except WireError as error:
            self._snap = None
            self._held.clear()
            self._broken = str(error)
            self.before = found
            raise
        return found

    def _take(self, found: list[Packet]) -> None:
        if self._broken:
            raise WireError(self._broken)
        if len(self._held) < self._need:
            return
        self._need = at = 0
        while at < len(self._held):
            if self._snap is not None:
                end = self._take_tree(*self._snap, found)
                if end is None:
                    return
                at = end
                continue
            part = decode(self._held, at)
            if isinstance(part, Incomplete):
                self._need = part.need
                break
            raw, at = part
            if raw.kind == PacketType.SNAP:
                del self._held[:at]
                at = 0
                self._snap = Zxid(raw.zxid), TreeScan(self._held, self._tree_max)
            else:
                found.append(_packet(raw))
        del self._held[:at]

    def _take_tree(self, zxid: Zxid, scan: TreeScan, found: list[Packet]) -> int | None:
        end = scan.end()
        if end is None:
            self._need = scan.need
            return None
        with memoryview(self._held) as view:
            found.append(Snap(zxid, bytes(view[:end])))
        self._snap = None
        return end


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
            sessions = () if raw.data is None else txns.decode_sessions(raw.data)
            return Ping(zxid, raw.data is not None, sessions)
        case _:
            return _broadcast(raw, zxid)


def _broadcast(raw: RawPacket, zxid: Zxid) -> Packet:
    """What is said once a leader stands."""
    match raw.kind:
        case PacketType.PROPOSAL:
            return Proposal(txns.decode_txn(raw.data, "PROPOSAL"))
        case PacketType.INFORM:
            return Inform(txns.decode_txn(raw.data, "INFORM"))
        case PacketType.COMMITANDACTIVATE:
            return txns.decode_commit_and_activate(zxid, raw.data)
        case PacketType.INFORMANDACTIVATE:
            return txns.decode_inform_and_activate(raw.data)
        case _:
            return _of_sessions(raw, zxid)


def _of_sessions(raw: RawPacket, zxid: Zxid) -> Packet:
    """What learners' clients cause, and packets whose data says nothing to us."""
    match raw.kind:
        case PacketType.REQUEST:
            return txns.decode_request(raw.data)
        case PacketType.REVALIDATE:
            return txns.decode_revalidation(raw.data)
        case PacketType.SYNC:
            return Sync()
        case PacketType.UPTODATE:
            return UpToDate()
        case _:
            bare = _BARE.get(raw.kind)
            return OtherPacket(raw.kind, zxid, raw.data) if bare is None else bare(zxid)


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
