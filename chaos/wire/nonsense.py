"""What an outsider says at a port: bytes that no server of this protocol sends, or none.

Source: what ZooKeeper's ``FLEMalformedNotificationMessageTest``, ``CnxManagerTest`` and
``QuorumPeerMainTest.testBadPackets`` send. An outsider calls itself by a sid that no
configuration names; the largest sids are never dialed back.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from random import Random
from typing import Final

from chaos.election.config import Address
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import PROTOCOL_VERSION, LearnerHello
from chaos.wire.election import encode_frame, encode_initiation
from chaos.wire.quorum import PacketType, encode_packet

FIRST_SID: Final = 1 << 62  # of outsiders; each connection draws one of its own
BYTE_NS: Final = 50_000_000  # between two bytes of who is slow
COUNTED: Final = ("connections", "bytes", "answered", "closed", "refused")
_SID_BITS: Final = 48
_GIB: Final = 1 << 30
_HALF: Final = 20  # bytes of a frame that says it has more
_OLD_VERSION: Final = -65000  # no initiation has it
_NEWER: Final = 2**31 - 1  # nor a learner this one
_NO_CONFIGURATION: Final = "version=zz"  # it ends the receiving thread of a ZooKeeper server
_FRAME = struct.Struct(">i")
_HEAD = struct.Struct(">iqi")  # of a packet: type, zxid, length of data


class Nonsense(StrEnum):
    """What is said on a connection, once it stands."""

    GARBAGE = "garbage"  # bytes by lot
    OVERSIZE = "oversize"  # a handshake, then a length of a gibibyte
    TRUNCATED = "truncated"  # a handshake, then half a frame, then nothing
    VERSION = "version"  # a handshake of a protocol version that there is not
    MESSAGE = "message"  # a handshake, then a whole message that is none
    CONFIG = "config"  # a handshake, then a vote with a configuration that is none
    SILENT = "silent"  # nothing at all
    SLOW = "slow"  # a handshake, byte by byte
    HANDSHAKE = "handshake"  # a handshake, then nothing


# On these it waits until it is closed; the others give way to the next connection.
SILENCES: Final = frozenset({Nonsense.SILENT, Nonsense.SLOW, Nonsense.HANDSHAKE})


def next_said(kind: Nonsense, *, quorum: bool, size: int, dice: Random) -> bytes:
    """What is said on the next connection, by somebody else each time; ``size`` is of garbage."""
    who = Sid(FIRST_SID + dice.getrandbits(_SID_BITS))
    return said(kind, quorum=quorum, who=who, garbage=dice.randbytes(size))


def said(kind: Nonsense, *, quorum: bool, who: Sid, garbage: bytes = b"") -> bytes:
    """All that is said at the quorum port, or at the election port, by an outsider ``who``.

    Configurations come with votes alone: at the quorum port CONFIG is a handshake and no more.
    """
    match kind:
        case Nonsense.SILENT:
            return b""
        case Nonsense.GARBAGE:
            return garbage
        case Nonsense.VERSION:
            return _learner(who, _NEWER) if quorum else _initiation_of_no_version(who)
        case _:
            hello = _learner(who) if quorum else _initiation(who)
            return hello + (_packet(kind) if quorum else _frame(kind, who))


def _initiation(who: Sid) -> bytes:
    return encode_initiation(who, [Address("127.0.0.1", 1)])


def _initiation_of_no_version(who: Sid) -> bytes:
    return struct.pack(">q", _OLD_VERSION) + _initiation(who)[8:]


def _learner(who: Sid, protocol: int = PROTOCOL_VERSION) -> bytes:
    """An observer of a sid that nobody knows: it is answered, and never counts."""
    return encode_packet(LearnerHello(who, PeerEpoch(0), protocol=protocol, observer=True))


def _frame(kind: Nonsense, who: Sid) -> bytes:
    match kind:
        case Nonsense.CONFIG:
            return encode_frame(_vote(who))
        case Nonsense.OVERSIZE:
            return _FRAME.pack(_GIB)
        case Nonsense.TRUNCATED:
            return _FRAME.pack(2 * _HALF) + bytes(_HALF)
        case Nonsense.MESSAGE:
            return _FRAME.pack(12) + bytes(12)
        case _:
            return b""


def _vote(who: Sid) -> Notification:
    """A vote for itself, below all others, of somebody who is no voter: it is answered."""
    looking, none = ServerState.LOOKING, PeerEpoch(0)
    return Notification(looking, who, Zxid(0), Round(0), none, config=_NO_CONFIGURATION)


def _packet(kind: Nonsense) -> bytes:
    match kind:
        case Nonsense.OVERSIZE:
            return _HEAD.pack(PacketType.ACK, 0, _GIB)
        case Nonsense.TRUNCATED:
            return _HEAD.pack(PacketType.ACK, 0, 2 * _HALF) + bytes(_HALF)
        case Nonsense.MESSAGE:
            return _HEAD.pack(77, 0, -1) + _FRAME.pack(-1)
        case _:
            return b""
