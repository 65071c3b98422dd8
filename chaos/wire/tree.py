"""The stream behind a SNAP: a tree of nodes with sessions and access lists, without a length.

Source: ZooKeeper 3.8 ``SerializeUtils.serializeSnapshot``, ``ReferenceCountedACLCache``,
``DataTree.serialize`` and ``LearnerHandler.run`` (the signature). What the nodes hold means
nothing here; the grammar is read to find where the stream ends.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Final

from chaos.errors import WireError
from chaos.wire.jute import BUFFER_MAX

TREE_MAX: Final = 64 << 20  # bytes of a stream that are held; ours: ZooKeeper knows no limit
SIGNATURE: Final = b"BenWasHere"

_INT = struct.Struct(">i")
_SESSION: Final = 12  # bytes: id, timeout
_KEY: Final = 8  # bytes of an access list's number
_PERMS: Final = 4  # bytes
_STAT = struct.Struct(">qqqqiiiqq")
_OPEN: Final = -1  # number of the access list of nodes that are everybody's
_READ_ONLY: Final = 1  # number of the only entry of the smallest table, and the permission to read
_END_OF_NODES: Final = b"/"


class TreeScan:
    """Finds the end of one stream in a buffer that grows and begins with that stream."""

    __slots__ = ("_limit", "_rule", "need")

    def __init__(self, held: bytearray, limit: int = TREE_MAX) -> None:
        self._rule = _stream(held)
        self._limit = limit
        self.need = 0

    def end(self) -> int | None:
        """Where the stream ends, or ``None``; then nothing can be said before ``need`` bytes.

        Goes on where it stopped, so a stream in many pieces is read once. Not to be called
        again after an end.

        Raises:
            WireError: the bytes are no such stream, or it is longer than the limit.
        """
        found: int | None = None
        try:
            self.need = next(self._rule)
        except StopIteration as stop:
            self.need = found = int(stop.value)
        if self.need > self._limit:
            raise WireError(
                f"the stream behind a SNAP has more than {self._limit} bytes; "
                "let the ensemble begin with a smaller tree"
            )
        return found


# Each rule takes the place where its part begins, yields how many bytes must be held before
# it can go on, and returns the place behind its part.
_Rule = Generator[int, None, int]


def _stream(held: bytearray) -> _Rule:
    at = yield from _sessions(held)
    at = yield from _access_lists(held, at)
    while True:
        path, at = yield from _text(held, at, "a node's path")
        if path == _END_OF_NODES:
            break
        at = yield from _behind_buffer(held, at)
        at += _KEY + _STAT.size
    signature, at = yield from _text(held, at, "the signature")
    if signature != SIGNATURE:
        raise WireError(f"{signature[:40]!r} ends the stream behind a SNAP, not {SIGNATURE!r}")
    return at


def _sessions(held: bytearray) -> _Rule:
    count, at = yield from _count(held, 0, "the number of sessions")
    return at + count * _SESSION


def _access_lists(held: bytearray, at: int) -> _Rule:
    lists, at = yield from _count(held, at, "the number of access lists")
    for _ in range(lists):
        entries, at = yield from _count(held, at + _KEY, "the length of an access list")
        for _ in range(entries):
            _, at = yield from _text(held, at + _PERMS, "an access list's scheme")
            _, at = yield from _text(held, at, "an access list's id")
    return at


def _int(held: bytearray, at: int) -> Generator[int, None, int]:
    while len(held) < at + _INT.size:
        yield at + _INT.size
    (number,) = _INT.unpack_from(held, at)
    return int(number)


def _count(held: bytearray, at: int, what: str) -> Generator[int, None, tuple[int, int]]:
    number = yield from _int(held, at)
    if number < 0:
        raise WireError(f"{what} behind a SNAP is {number}; 0 and more are allowed")
    return number, at + _INT.size


def _text(held: bytearray, at: int, what: str) -> Generator[int, None, tuple[bytes, int]]:
    length = yield from _int(held, at)
    if not 0 <= length <= BUFFER_MAX:
        raise WireError(f"{what} behind a SNAP: length {length}; 0..{BUFFER_MAX} are allowed")
    start = at + _INT.size
    while len(held) < start + length:
        yield start + length
    return bytes(held[start : start + length]), start + length


def _behind_buffer(held: bytearray, at: int) -> _Rule:
    length = yield from _int(held, at)
    if not -1 <= length <= BUFFER_MAX:
        raise WireError(
            f"a node's data behind a SNAP: length {length}; -1..{BUFFER_MAX} are allowed"
        )
    return at + _INT.size + max(length, 0)


def smallest_tree(config_text: str = "") -> bytes:
    """The stream of a tree that no client has touched: what a fresh ensemble's leader sends."""
    read_only = struct.pack(">iiqii", 0, 1, _READ_ONLY, 1, _READ_ONLY)
    config = (config_text.encode("utf-8", "replace"), _READ_ONLY, -1)
    nodes = (
        _node("", b"", _OPEN, 0),
        _node("/zookeeper", b"", _OPEN, 0),
        _node("/zookeeper/config", *config),
        _node("/zookeeper/quota", b"", _OPEN, 0),
    )
    end = (_buffer(_END_OF_NODES), _buffer(SIGNATURE))
    return b"".join((read_only, _buffer(b"world"), _buffer(b"anyone"), *nodes, *end))


def _node(path: str, data: bytes, access: int, version: int) -> bytes:
    stat = _STAT.pack(0, 0, 0, 0, version, 0, version, 0, 0)
    return _buffer(path.encode()) + _buffer(data) + struct.pack(">q", access) + stat


def _buffer(data: bytes) -> bytes:
    return _INT.pack(len(data)) + data
