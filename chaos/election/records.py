"""The few records of transactions that the rules write or read, in jute's bytes.

Source: ZooKeeper 3.8 ``zookeeper.jute`` (``CreateSessionTxn``, ``CloseSessionTxn``,
``CreateTxn``, ``SetDataTxn``, ``ErrorTxn``), ``ZooDefs.OpCode``, ``KeeperException.Code``.
"""

from __future__ import annotations

import struct
from typing import Final

CREATE: Final = 1
SYNC: Final = 9
RECONFIG: Final = 16
CREATE_SESSION: Final = -10
CLOSE_SESSION: Final = -11
ERROR: Final = -1

UNIMPLEMENTED: Final = -6

_INT: Final = struct.Struct(">i")
_ALL: Final = 31  # every permission


def integer(number: int) -> bytes:
    """An int: the record of ErrorTxn and of CreateSessionTxn."""
    return _INT.pack(number)


def read_integer(body: bytes) -> int | None:
    """The int that ``body`` begins with, ``None`` if it is too short for one."""
    return _INT.unpack_from(body)[0] if len(body) >= _INT.size else None


def no_paths() -> bytes:
    """CloseSessionTxn of a session that has no ephemeral nodes."""
    return _INT.pack(0)


def create(path: str, payload: bytes) -> bytes:
    """CreateTxn of a lasting node that anyone may do anything with."""
    acl = _INT.pack(1) + _INT.pack(_ALL) + _buffer(b"world") + _buffer(b"anyone")
    return _buffer(path.encode()) + _buffer(payload) + acl + b"\0" + _INT.pack(-1)


def read_config(body: bytes) -> str | None:
    """The configuration that a reconfiguration sets, ``None`` if there is none to read."""
    path = _read_buffer(body, 0)
    data = None if path is None else _read_buffer(body, path[1])
    if data is None:
        return None
    try:
        return data[0].decode()
    except UnicodeDecodeError:
        return None


def _buffer(content: bytes) -> bytes:
    return _INT.pack(len(content)) + content


def _read_buffer(body: bytes, at: int) -> tuple[bytes, int] | None:
    """A buffer and where it ends."""
    size = read_integer(body[at : at + _INT.size])
    start = at + _INT.size
    if size is None or not 0 <= size <= len(body) - start:
        return None
    return body[start : start + size], start + size
