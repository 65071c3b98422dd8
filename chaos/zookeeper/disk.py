"""ZooKeeper's data folder, written so that a server starts with the epochs and zxid of a plan.

Source: ZooKeeper 3.8 ``FileSnap``, ``FileTxnLog``, ``DataTree.serialize``, ``QuorumPeer``.

A server that is told to truncate its log looks for a log file and ends with code 13 when
there is none; so the snapshot is of zxid 0 and the transactions stand in a log behind it.
They are failed requests (kind -1), which change no node: whichever of them a server has,
its tree is the same.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final
from zlib import adler32

from chaos.election.ids import Zxid, counter_of, epoch_of, zxid_of
from chaos.election.packets import Txn
from chaos.ensemble import PeerSetup
from chaos.errors import UnsupportedError

TXNS_MAX: Final = 1000  # of a prepared log: with more, its beginning is left out
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
    _possible(peer)
    if not (peer.zxid or peer.accepted_epoch or peer.current_epoch):
        return
    version = folder / "version-2"
    version.mkdir(exist_ok=True)
    (version / "acceptedEpoch").write_text(str(peer.accepted_epoch), encoding="ascii")
    (version / "currentEpoch").write_text(str(peer.current_epoch), encoding="ascii")
    txns = prepared_txns(peer.zxid)
    start = Zxid(0) if txns else peer.zxid
    (version / f"snapshot.{start:x}").write_bytes(snapshot(smallest_tree(config)))
    if txns:
        (version / f"log.{txns[0].zxid:x}").write_bytes(log(txns))


def _possible(peer: PeerSetup) -> None:
    epoch = epoch_of(peer.zxid)
    if epoch > peer.current_epoch:
        raise UnsupportedError(
            f"server {peer.sid}: its zxid 0x{peer.zxid:x} is of epoch {epoch}, above its current "
            f"epoch {peer.current_epoch}, and ZooKeeper refuses to start so; raise current_epoch"
        )
    if peer.current_epoch > peer.accepted_epoch:
        raise UnsupportedError(
            f"server {peer.sid}: its current epoch {peer.current_epoch} is above its accepted "
            f"epoch {peer.accepted_epoch}, and ZooKeeper refuses to start so; raise accepted_epoch"
        )


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
