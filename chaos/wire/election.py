"""Notifications of every generation, and the frames that carry them.

Source: ZooKeeper 3.8 ``FastLeaderElection.Messenger`` (``buildMsg``, ``WorkerReceiver``) and
``QuorumCnxManager`` (``SendWorker``, ``RecvWorker``). The initiation that comes before the
frames is in ``chaos.wire.initiation``; its names can be had from here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, epoch_of
from chaos.election.notification import Notification
from chaos.errors import WireError
from chaos.wire.initiation import (
    LEGACY,
    V1,
    V2,
    Initiation,
    InitiationReader,
    encode_initiation,
    encode_legacy_initiation,
)

__all__ = [
    "LEGACY",
    "PAYLOAD_MAX",
    "V1",
    "V2",
    "FrameReader",
    "Generation",
    "Initiation",
    "InitiationReader",
    "Skipped",
    "decode_payload",
    "encode_frame",
    "encode_initiation",
    "encode_legacy_initiation",
    "encode_payload",
]

PAYLOAD_MAX: Final = 524288  # bytes of one notification, inclusive ("PACKETMAXSIZE")

_LENGTH = struct.Struct(">i")
_BASE = struct.Struct(">iqqq")  # state, leader, zxid, round
_WITH_EPOCH = struct.Struct(">iqqqq")
_WITH_VERSION = struct.Struct(">iqqqqi")
_WITH_CONFIG = struct.Struct(">iqqqqii")  # version, bytes of configuration
_KEPT_MAX = 16384  # bytes of a configuration that is worth remembering


class Generation(Enum):
    """The layouts that servers have sent, by what tells them apart."""

    BASE = "28 bytes"  # 3.3 and older
    EPOCH = "36 bytes"  # 3.4.0 to 3.4.5; 3.5 and newer do not understand it
    VERSION = "40 bytes"  # 3.4.6 to 3.4.14; 3.5 and newer take it for version 0
    V1 = "44 bytes of version 1"
    V2 = "version 2 with a configuration"  # 3.5 and newer


@dataclass(frozen=True, slots=True)
class Skipped:
    """A frame that is no notification. It vanishes, and its link lives on."""

    why: str


def encode_payload(n: Notification, generation: Generation | None = None) -> bytes:
    """The bytes of ``n``, without the frame's length.

    Without ``generation`` the format version chooses: 0 makes 40 bytes (which carry the peer
    epoch and are read as version 0), 1 makes 44, anything above makes version 2. No
    configuration is sent as an empty one.

    Raises:
        WireError: a number does not fit its field, or the configuration no frame.
    """
    try:
        payload = _pack(n, generation or _natural(n.version))
    except struct.error as error:
        raise WireError(f"{n} does not fit the wire: {error}") from error
    if len(payload) > PAYLOAD_MAX:
        raise WireError(
            f"a notification of {len(payload)} bytes; receivers refuse more than {PAYLOAD_MAX}, "
            "so the configuration must be shorter"
        )
    return payload


def _natural(version: int) -> Generation:
    if version > 1:
        return Generation.V2
    return Generation.V1 if version else Generation.VERSION


def _pack(n: Notification, generation: Generation) -> bytes:
    match generation:
        case Generation.BASE:
            return _BASE.pack(n.state, n.leader, n.zxid, n.round)
        case Generation.EPOCH:
            return _WITH_EPOCH.pack(n.state, n.leader, n.zxid, n.round, n.peer_epoch)
        case Generation.VERSION:
            return _WITH_VERSION.pack(n.state, n.leader, n.zxid, n.round, n.peer_epoch, 1)
        case Generation.V1:
            return _pack_with_config(n, min(n.version, 1), b"")
        case Generation.V2:
            # "replace" as Java: half a surrogate pair goes out as a question mark.
            config = (n.config or "").encode("utf-8", "replace")
            return _pack_with_config(n, max(n.version, 2), config)


def _pack_with_config(n: Notification, version: int, config: bytes) -> bytes:
    head = (n.state, n.leader, n.zxid, n.round, n.peer_epoch)
    return _WITH_CONFIG.pack(*head, version, len(config)) + config


def encode_frame(n: Notification, generation: Generation | None = None) -> bytes:
    """:func:`encode_payload` behind its length. A broadcast is encoded once.

    Raises:
        WireError: as :func:`encode_payload`.
    """
    return _frame(n, generation)


@lru_cache(maxsize=16)  # few: each may hold a configuration of half a megabyte
def _frame(n: Notification, generation: Generation | None) -> bytes:
    payload = encode_payload(n, generation)
    return _LENGTH.pack(len(payload)) + payload


def decode_payload(payload: bytes) -> Notification | Skipped:
    """What a server of 3.5 or newer makes of the bytes of one frame. Never raises.

    28 bytes have no peer epoch (the zxid's counts) and 40 bytes are version 0 whatever they
    say; from 41 on there is a version, and from version 2 on a configuration. Bytes behind
    what is read do not matter.
    """
    size = len(payload)
    if size < _WITH_VERSION.size:
        return _short(payload)
    state, leader, zxid, round_, epoch = _WITH_EPOCH.unpack_from(payload)
    version, config = 0, None
    if size > _WITH_VERSION.size:
        (version,) = _LENGTH.unpack_from(payload, _WITH_EPOCH.size)
        if version > 1:
            text = _configuration(payload)
            if isinstance(text, Skipped):
                return text
            config = text
    return Notification(
        state, Sid(leader), Zxid(zxid), Round(round_), PeerEpoch(epoch), version, config
    )


def _short(payload: bytes) -> Notification | Skipped:
    size = len(payload)
    if size < _BASE.size:
        return Skipped(f"{size} bytes are too short; the oldest notification has 28")
    if size > _BASE.size:
        return Skipped(f"{size} bytes end within a field; 28, 40 and 44 or more are understood")
    state, leader, zxid, round_ = _BASE.unpack(payload)
    return Notification(state, Sid(leader), Zxid(zxid), Round(round_), epoch_of(zxid), version=0)


def _configuration(payload: bytes) -> str | Skipped:
    start = _WITH_CONFIG.size
    if len(payload) < start:
        return Skipped(f"{len(payload)} bytes of version 2 or more end before the configuration")
    (length,) = _LENGTH.unpack_from(payload, _WITH_VERSION.size)
    if not 0 <= length <= len(payload) - start:
        return Skipped(f"a configuration of {length} bytes where {len(payload) - start} are left")
    text = payload[start : start + length]
    return _text(text) if length <= _KEPT_MAX else _decode(text)


def _decode(text: bytes) -> str:
    # As Java does, what is not UTF-8 becomes U+FFFD: the configuration then fails to parse
    # or not, but the vote that travels with it counts either way.
    return text.decode("utf-8", "replace")


# A hundred peers send the same text, and whoever parses it remembers by that very string.
_text = lru_cache(maxsize=32)(_decode)


class FrameReader:
    """Cuts a stream into frames; holds less than one maximal frame beside what it is fed."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._need = _LENGTH.size  # bytes from which on there is anything to do
        self._broken = ""
        self.before: list[Notification | Skipped] = []

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Notification | Skipped]:
        """Take what was read; the frames that became whole, in their order.

        Raises:
            WireError: a length that no frame has. ``before`` then holds the frames that came
                before it in the same read; nothing can be read after it.
        """
        if self._broken:
            self.before = []  # whoever feeds on does not get them twice
            raise WireError(self._broken)
        stream = data
        if self._held:
            self._held += data
            if len(self._held) < self._need:
                return []
            stream = bytes(self._held)
        found: list[Notification | Skipped] = []
        at, end = 0, len(stream)
        self._need = _LENGTH.size
        while end - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(stream, at)
            if not 0 < length <= PAYLOAD_MAX:
                raise self._break(length, found)
            self._need = _LENGTH.size + length
            if end - at < self._need:
                break
            found.append(decode_payload(stream[at + _LENGTH.size : at + self._need]))
            at += self._need
            self._need = _LENGTH.size
        self._held = bytearray(stream[at:])
        return found

    def _break(self, length: int, found: list[Notification | Skipped]) -> WireError:
        self._held.clear()
        self.before = found
        self._broken = f"frame of {length} bytes; 1..{PAYLOAD_MAX} are allowed"
        return WireError(self._broken)
