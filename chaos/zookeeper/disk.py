"""ZooKeeper's data folder, written so that a server starts with the epochs and zxid of a plan.

Source: ZooKeeper 3.8 ``FileSnap``, ``FileTxnLog``, ``DataTree.serialize``, ``QuorumPeer``.

A server that is told to truncate its log looks for a log file and ends with code 13 when
there is none; so the snapshot is of zxid 0 and the transactions stand in a log behind it.
They are failed requests (kind -1), which change no node: whichever of them a server has,
its tree is the same.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Final
from zlib import adler32

from chaos.election.ids import Zxid, counter_of, epoch_of, zxid_of
from chaos.election.packets import Txn
from chaos.ensemble import PeerSetup
from chaos.errors import UnsupportedError

TXNS_MAX: Final = 1000  # of a prepared log: with more, its beginning is left out
_VERSION: Final = "version-2"
_ACCEPTED: Final = "acceptedEpoch"
_CURRENT: Final = "currentEpoch"
_HEX: Final = re.compile(r"[0-9a-f]+")
_ERROR: Final = -1  # ZooDefs.OpCode.error
_NO_NODE: Final = struct.pack(">i", -101)  # the record of a failed request: KeeperException's code
_ANYONE_READS: Final = 1  # the ACL table's key
_OPEN: Final = -1
_STAT: Final = struct.Struct(">qqqqiiiqq")
_SNAPSHOT: Final = struct.pack(">4siq", b"ZKSN", 2, -1)
_LOG: Final = struct.pack(">4siq", b"ZKLG", 2, 0)
_SEAL: Final = struct.pack(">i", 1) + b"/"
_END: Final = b"B"  # of each entry of a log


def seed(folder: Path, peer: PeerSetup, config: str) -> None:
    """Write ``folder``'s ``myid``, and ``version-2`` where the peer is not brand new.

    Raises:
        UnsupportedError: epochs and zxid that no ZooKeeper starts with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "myid").write_text(str(peer.sid), encoding="ascii")
    _possible(peer.sid, peer.zxid, peer.accepted_epoch, peer.current_epoch)
    if not (peer.zxid or peer.accepted_epoch or peer.current_epoch):
        return
    version = folder / _VERSION
    version.mkdir(exist_ok=True)
    _write_epochs(version, peer.accepted_epoch, peer.current_epoch)
    _write_data(version, peer.zxid, config)


def set_epochs(folder: Path, accepted: int | None, current: int | None) -> None:
    """Change the epochs in the data ``folder`` of a server that is down; its data stay.

    Raises:
        UnsupportedError: with these no ZooKeeper starts from its data.
    """
    version = folder / _VERSION
    held = (_epoch(version, _ACCEPTED), _epoch(version, _CURRENT))
    accepted = held[0] if accepted is None else accepted
    current = held[1] if current is None else current
    _possible(_myid(folder), _newest(version), accepted, current)
    version.mkdir(exist_ok=True)
    _write_epochs(version, accepted, current)


def set_zxid(folder: Path, zxid: Zxid, config: str) -> None:
    """Let the data in ``folder`` of a server that is down end at ``zxid``; its epochs stay.

    Raises:
        UnsupportedError: from these no ZooKeeper starts with its epochs.
    """
    version = folder / _VERSION
    accepted, current = _epoch(version, _ACCEPTED), _epoch(version, _CURRENT)
    _possible(_myid(folder), zxid, accepted, current)
    version.mkdir(exist_ok=True)
    for path in _data(version):
        path.unlink()
    _write_epochs(version, accepted, current)
    _write_data(version, zxid, config)


def _possible(sid: int, zxid: Zxid, accepted: int, current: int) -> None:
    epoch = epoch_of(zxid)
    if epoch > current:
        raise UnsupportedError(
            f"server {sid}: its zxid 0x{zxid:x} is of epoch {epoch}, above its current epoch "
            f"{current}, and ZooKeeper refuses to start so; raise current_epoch or lower its zxid"
        )
    if current > accepted:
        raise UnsupportedError(
            f"server {sid}: its current epoch {current} is above its accepted epoch {accepted}, "
            f"and ZooKeeper refuses to start so; raise accepted_epoch"
        )


def _write_epochs(version: Path, accepted: int, current: int) -> None:
    (version / _ACCEPTED).write_text(str(accepted), encoding="ascii")
    (version / _CURRENT).write_text(str(current), encoding="ascii")


def _write_data(version: Path, zxid: Zxid, config: str) -> None:
    txns = prepared_txns(zxid)
    start = Zxid(0) if txns else zxid
    (version / f"snapshot.{start:x}").write_bytes(snapshot(smallest_tree(config)))
    if txns:
        (version / f"log.{txns[0].zxid:x}").write_bytes(log(txns))


def _myid(folder: Path) -> int:
    return int((folder / "myid").read_text(encoding="ascii"))


def _epoch(version: Path, name: str) -> int:
    """What a file of an epoch holds; 0 where a server has not written it yet."""
    try:
        return int((version / name).read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0


def _data(version: Path) -> list[Path]:
    """Snapshots and logs."""
    return [*version.glob("snapshot.*"), *version.glob("log.*")]


def _newest(version: Path) -> Zxid:
    """The highest zxid in a name: a snapshot's last, a log's first."""
    names = [path.name.partition(".")[2] for path in _data(version)]
    return Zxid(max((int(name, 16) for name in names if _HEX.fullmatch(name)), default=0))


def prepared_txns(zxid: Zxid) -> tuple[Txn, ...]:
    """The transactions of ``zxid``'s epoch up to it, at most the last ``TXNS_MAX`` of them."""
    epoch, last = epoch_of(zxid), counter_of(zxid)
    counters = range(max(1, last - TXNS_MAX + 1), last + 1)
    return tuple(Txn(zxid_of(epoch, n), 0, 0, 0, _ERROR, _NO_NODE) for n in counters)


def smallest_tree(config: str) -> bytes:
    """An empty tree as it travels in a SNAP, from the sessions to the signature."""
    acl = struct.pack(">qii", _ANYONE_READS, 1, 1) + _text("world") + _text("anyone")
    nodes = (
        _node("", b"", _OPEN)
        + _node("/zookeeper", b"", _OPEN)
        + _node("/zookeeper/config", config.encode(), _ANYONE_READS, version=-1)
        + _node("/zookeeper/quota", b"", _OPEN)
    )
    return struct.pack(">ii", 0, 1) + acl + nodes + _text("/") + _text("BenWasHere")


def _node(path: str, content: bytes, acl: int, version: int = 0) -> bytes:
    stat = _STAT.pack(0, 0, 0, 0, version, 0, version, 0, 0)
    return _text(path) + struct.pack(">i", len(content)) + content + struct.pack(">q", acl) + stat


def _text(text: str) -> bytes:
    return struct.pack(">i", len(text.encode())) + text.encode()


def snapshot(tree: bytes) -> bytes:
    """A file of a snapshot. Its zxid is in its name only."""
    body = _SNAPSHOT + tree.removesuffix(_text("BenWasHere"))
    return body + struct.pack(">q", adler32(body)) + _SEAL


def log(txns: tuple[Txn, ...]) -> bytes:
    """A file of a transaction log, not padded as a running server's is."""
    return _LOG + b"".join(_entry(txn) for txn in txns)


def _entry(txn: Txn) -> bytes:
    header = struct.pack(">qiqqi", txn.session, txn.cxid, txn.zxid, txn.time_ms, txn.kind)
    record = header + txn.body
    return struct.pack(">qi", adler32(record), len(record)) + record + _END
