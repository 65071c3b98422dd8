"""A peer's log on disk: one file, from what its tree holds to the last transaction.

Source: ZooKeeper 3.8 ``FileTxnLog`` and ``FileSnap``, in a form of our own: a head (where the
log begins, and the tree as of there), then entries of length, checksum (BLAKE2b of 32 bits),
TxnHeader and record. What is appended is synced before anybody relies on it; a whole file is
written beside its place and renamed, so that a crash leaves the old one or the new one.
"""

from __future__ import annotations

import os
import struct
from _blake2 import blake2b  # loaded already, by the codec of histories
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.election.ids import Zxid
from chaos.election.packets import Txn
from chaos.errors import InfrastructureError

NAME: Final = "log"
Folder = str | os.PathLike[str]

_MAGIC: Final = b"CHAOSLOG"
_HEAD: Final = struct.Struct(">8sqi")  # magic, where it begins, length of the tree
_SUM: Final = struct.Struct(">I")
_ENTRY: Final = struct.Struct(">iI")  # length and checksum of what follows
_TXN: Final = struct.Struct(">qiqqi")  # TxnHeader


@dataclass(frozen=True, slots=True)
class Kept:
    """What a log file holds; ``torn`` bytes at its end are no whole entry."""

    begins: Zxid
    tree: bytes
    txns: tuple[Txn, ...]
    torn: int = 0


def load(home: Folder) -> Kept | None:
    """Read the log of ``home``, if it has one; an entry that a crash cut short is cut off.

    Raises:
        InfrastructureError: it is no log, or damaged before its end, or the disk refuses.
    """
    path = os.path.join(home, NAME)
    data = _read(path)
    if data is None:
        return None
    kept = _parse(path, data)
    if kept.torn:
        _cut(path, len(data) - kept.torn)
    return kept


def append(home: Folder, txns: Sequence[Txn]) -> bool:
    """Put ``txns`` behind the log; ``False`` if there is no log yet.

    Raises:
        InfrastructureError: the disk refuses.
    """
    path = os.path.join(home, NAME)
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error}") from error
    try:
        _put(file, b"".join(map(_entry, txns)))
        os.fdatasync(file)
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error}") from error
    finally:
        os.close(file)
    return True


def truncate(home: Folder, zxid: Zxid) -> None:
    """Drop the transactions beyond ``zxid``.

    Raises:
        InfrastructureError: as :func:`load`.
    """
    path = os.path.join(home, NAME)
    data = _read(path)
    if data is None:
        return
    end = _head(path, data)[1]
    for after, txn in _entries(path, data, end):
        if txn.zxid > zxid:
            break
        end = after
    _cut(path, end)


def write(home: Folder, kept: Kept) -> None:
    """Let ``kept`` be the log, whole or not at all.

    Raises:
        InfrastructureError: the disk refuses.
    """
    path = os.path.join(home, NAME)
    head = _HEAD.pack(_MAGIC, kept.begins, len(kept.tree)) + kept.tree
    data = head + _SUM.pack(_sum(head)) + b"".join(map(_entry, kept.txns))
    try:
        file = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _put(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(f"{path}.tmp", path)
        folder = os.open(home, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error}") from error


# ----


def _sum(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=_SUM.size).digest(), "big")


def _entry(txn: Txn) -> bytes:
    head = _TXN.pack(txn.session, txn.cxid, txn.zxid, txn.time_ms, txn.kind)
    content = head + txn.body
    return _ENTRY.pack(len(content), _sum(content)) + content


def _parse(path: str, data: bytes) -> Kept:
    kept, start = _head(path, data)
    end = start
    txns: list[Txn] = []
    for after, txn in _entries(path, data, start):
        txns.append(txn)
        end = after
    return Kept(kept.begins, kept.tree, tuple(txns), len(data) - end)


def _head(path: str, data: bytes) -> tuple[Kept, int]:
    """What the head says, and where it ends."""
    if len(data) >= _HEAD.size:
        magic, begins, size = _HEAD.unpack_from(data)
        end = _HEAD.size + size
        whole = magic == _MAGIC and size >= 0 and end + _SUM.size <= len(data)
        if whole and _SUM.unpack_from(data, end)[0] == _sum(data[:end]):
            tree = data[_HEAD.size : end]
            return Kept(Zxid(begins), tree, ()), end + _SUM.size
    raise InfrastructureError(f"{path} is no log of a peer; remove it, and the peer starts empty")


def _entries(path: str, data: bytes, start: int) -> Iterator[tuple[int, Txn]]:
    """Each whole entry and where it ends, up to the end of the file or a torn entry."""
    at = start
    while at + _ENTRY.size <= len(data):
        content = _content(data, at)
        if content is None:
            if not any(_content(data, later) for later in range(at + 1, len(data))):
                return
            raise InfrastructureError(
                f"{path} is damaged at byte {at}, with more behind it; wipe this peer's disk"
            )
        session, cxid, zxid, time_ms, kind = _TXN.unpack_from(content)
        at += _ENTRY.size + len(content)
        yield at, Txn(Zxid(zxid), session, cxid, time_ms, kind, content[_TXN.size :])


def _content(data: bytes, at: int) -> bytes | None:
    """What the entry at ``at`` holds, if one is there, whole."""
    if at + _ENTRY.size > len(data):
        return None
    size, checksum = _ENTRY.unpack_from(data, at)
    start = at + _ENTRY.size
    if size < _TXN.size or start + size > len(data):
        return None
    content = data[start : start + size]
    return content if _sum(content) == checksum else None


def _read(path: str) -> bytes | None:
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            parts: list[bytes] = []
            while part := os.read(file, 1 << 20):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InfrastructureError(f"cannot read {path}: {error}") from error


def _put(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _cut(path: str, size: int) -> None:
    try:
        file = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(file, size)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise InfrastructureError(f"cannot cut {path}: {error}") from error
