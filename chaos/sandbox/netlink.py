"""Netlink messages: how they are packed, sent and answered.

Source: netlink(7); Linux ``uapi/linux/netlink.h``.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

REQUEST: Final = 0x1
ACK: Final = 0x4
DUMP: Final = 0x300
CREATE: Final = 0x400

_ERROR: Final = 2
_DONE: Final = 3
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NESTED: Final = 0x8000
_KIND_MASK: Final = 0x3FFF
_TIMEOUT_S: Final = 5  # the kernel answers at once; this only keeps a bug from hanging a run
_READ_BYTES: Final = 1 << 17


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def text(kind: int, value: str) -> bytes:
    """An attribute that holds a name."""
    return attribute(kind, value.encode() + b"\0")


def be32(kind: int, value: int) -> bytes:
    """An attribute that holds 32 bits in network order, as nf_tables wants its numbers."""
    return attribute(kind, struct.pack(">i" if value < 0 else ">I", value))


def nest(kind: int, *inner: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(inner))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in ``data``, in order."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & _KIND_MASK, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def inner(data: bytes, *path: int) -> bytes:
    """The value of the attribute at ``path``, of which each step is a nested attribute.

    Raises:
        OSError: there is none; the kernel answered something else than what was asked.
    """
    for kind in path:
        found = dict(attributes(data)).get(kind)
        if found is None:
            raise OSError(f"netlink answer lacks attribute {kind} of {path}")
        data = found
    return data


@dataclass(frozen=True, slots=True)
class Message:
    """One request. ``body`` starts with the header of its family (``nfgenmsg`` and such)."""

    kind: int
    flags: int
    body: bytes


class Netlink:
    """One netlink socket of this network namespace. Not for two threads at once."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.bind((0, 0))
        self._socket.settimeout(_TIMEOUT_S)
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def run(self, messages: Sequence[Message]) -> None:
        """Send ``messages`` as one, and wait until the one that asks for an :data:`ACK` has it.

        Raises:
            OSError: the kernel refused one of them.
        """
        first = self._number + 1
        asks = first + max(at for at, message in enumerate(messages) if message.flags & ACK)
        self._socket.send(b"".join(self._packed(message) for message in messages))
        while True:
            for kind, number, payload in self._read():
                if number < first or kind != _ERROR:
                    continue  # a late answer to an earlier request that already failed
                _check(payload)
                if number == asks:
                    return

    def dump(self, message: Message) -> list[bytes]:
        """Ask for a list; the bodies of its parts.

        Raises:
            OSError: the kernel refused, or what was asked for does not exist.
        """
        self._socket.send(self._packed(message))
        asked = self._number
        found: list[bytes] = []
        while True:
            for kind, number, payload in self._read():
                if number != asked:
                    continue
                if kind == _DONE:
                    return found
                if kind == _ERROR:
                    _check(payload)
                    return found
                found.append(payload)

    def _packed(self, message: Message) -> bytes:
        self._number += 1
        length = _HEADER.size + len(message.body)
        head = _HEADER.pack(length, message.kind, message.flags | REQUEST, self._number, 0)
        return head + message.body + bytes(-length % 4)

    def _read(self) -> Iterator[tuple[int, int, bytes]]:
        data = self._socket.recv(_READ_BYTES)
        at = 0
        while at + _HEADER.size <= len(data):
            length, kind, _flags, number, _port = _HEADER.unpack_from(data, at)
            yield kind, number, data[at + _HEADER.size : at + length]
            at += (length + 3) & ~3


def _check(payload: bytes) -> None:
    code = -struct.unpack_from("=i", payload)[0]
    if code != 0:
        raise OSError(code, f"netlink: {os.strerror(code)}")
