"""The message that opens a connection of the election port.

Source: ZooKeeper 3.8 ``QuorumCnxManager.InitialMessage``. Deliberately better than
ZooKeeper: the address may arrive in any number of pieces, where ZooKeeper reads it with
one call and refuses a split one. Stricter: a host is printable ASCII and a port is
0..65535, so that whoever dials the address meets no surprise.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from chaos.election.config import Address
from chaos.election.ids import Sid
from chaos.errors import WireError

LEGACY: Final = 0  # 3.4.x and older begin with their sid, which is never negative
V1: Final = -65536  # one address; 3.5 and newer
V2: Final = -65535  # several addresses; 3.6 and newer, off by default (ZOOKEEPER-3720)
ADDRESS_MAX: Final = 2048  # bytes of address text, inclusive ("maxBuffer")

_SID = struct.Struct(">q")
_HEAD = struct.Struct(">qqi")
# Not by ipaddress, which is a third of a MiB in the process that all peers are forked from.
_ZEROS = r"(?:0{1,4}:)*(?:0{1,4})?"
_WILDCARD = re.compile(
    rf"0\.0\.0\.0|(?:0{{1,4}}:){{7}}0{{1,4}}|{_ZEROS}::{_ZEROS}"
    rf"|(?:{_ZEROS}::{_ZEROS}|(?:0{{1,4}}:){{5}})(?:ffff:)?(?:0\.0\.0\.0|0{{1,4}}:0{{1,4}})",
    re.ASCII | re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:\[([!-Z^-~]+)\]|([!-9;-Z^-~]+)):([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Initiation:
    """Who opened a connection, and where it says it listens.

    ``addresses`` is empty when it sent none, or wildcards alone. ``version`` is
    ``LEGACY``, ``V1`` or ``V2``.
    """

    sid: Sid
    addresses: tuple[Address, ...] = ()
    version: int = V1


def encode_initiation(sid: Sid, addresses: Sequence[Address], *, multi: bool = False) -> bytes:
    """The whole message, to be written in one piece: ZooKeeper refuses a split address.

    V1 carries the first address. V2 (``multi``) carries all, and servers before 3.6 refuse it.

    Raises:
        WireError: no address, a text above 2048 bytes, or a sid beyond 64 bits.
    """
    text = "|".join(str(address) for address in (addresses if multi else addresses[:1]))
    body = text.encode()
    if not 0 < len(body) <= ADDRESS_MAX:
        raise WireError(
            f"server {sid}: {len(body)} bytes of election address; an initiation takes "
            f"1..{ADDRESS_MAX}, so name fewer or shorter addresses"
        )
    try:
        return _HEAD.pack(V2 if multi else V1, sid, len(body)) + body
    except struct.error as error:
        raise WireError(f"server id {sid} does not fit 64 bits: {error}") from error


def encode_legacy_initiation(sid: Sid) -> bytes:
    """The eight bytes of 3.4.x and older.

    Raises:
        WireError: ``sid`` is negative, which would read as a protocol version, or too large.
    """
    if not 0 <= sid < 2**63:
        raise WireError(f"server id {sid} fits no legacy initiation; use 0..2^63-1")
    return _SID.pack(sid)


class InitiationReader:
    """Reads one initiation, in whatever pieces it comes."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._done = False

    @property
    def rest(self) -> bytes:
        """The bytes behind the initiation, empty until there is one."""
        return bytes(self._held) if self._done else b""

    def feed(self, data: bytes) -> Initiation | None:
        """Take what was read; the initiation once it is whole. Feed nothing after that.

        Raises:
            WireError: unknown version, length outside 1..2048, or an address that is not
                ``host:port``. It is raised as soon as the bytes show it.
        """
        assert not self._done, "bytes behind the initiation are frames"
        self._held += data
        try:
            return self._read()
        except WireError:
            del self._held[_HEAD.size + ADDRESS_MAX :]  # fed on in spite of it, it does not grow
            raise

    def _read(self) -> Initiation | None:
        if len(self._held) < _SID.size:
            return None
        (first,) = _SID.unpack_from(self._held)
        if first >= 0:
            return self._finish(_SID.size, Initiation(Sid(first), version=LEGACY))
        if first not in (V1, V2):
            raise WireError(f"initiation of protocol version {first}; known are {V1} and {V2}")
        if len(self._held) < _HEAD.size:
            return None
        _, sid, length = _HEAD.unpack_from(self._held)
        if not 0 < length <= ADDRESS_MAX:
            raise WireError(
                f"initiation of {sid}: address of {length} bytes; 1..{ADDRESS_MAX} are allowed"
            )
        end = _HEAD.size + length
        if len(self._held) < end:
            return None
        text = self._held[_HEAD.size : end].decode("ascii", "backslashreplace")
        return self._finish(end, Initiation(Sid(sid), _addresses(sid, text), first))

    def _finish(self, end: int, found: Initiation) -> Initiation:
        del self._held[:end]
        self._done = True
        return found


def _addresses(sid: int, text: str) -> tuple[Address, ...]:
    """The addresses that can be dialed: wildcards are dropped (ZOOKEEPER-2164)."""
    addresses = [_address(sid, part) for part in text.split("|")]
    return tuple(address for address in addresses if not is_wildcard(address.host))


def _address(sid: int, text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[3]) > 65535:
        raise WireError(
            f'initiation of {sid}: address "{text[:80]}" is not host:port with a port of 0..65535'
        )
    return Address(found[1] or found[2], int(found[3]))


@lru_cache(maxsize=1024)
def is_wildcard(host: str) -> bool:
    """Whether ``host`` is ``0.0.0.0`` or ``::``, in whatever spelling. Names are not."""
    return _WILDCARD.fullmatch(host) is not None
