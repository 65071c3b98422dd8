"""One peer's log: the transactions behind what its tree holds.

Source: ZooKeeper 3.8 ``ZKDatabase`` and ``FileTxnLog``. A tree is the raw stream of a SNAP
and is never looked into, so a log that has begun somewhere cannot go back before that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from chaos.election.ids import Zxid, counter_of, epoch_of
from chaos.election.packets import Txn


def follows(last: Zxid, zxid: Zxid) -> bool:
    """Whether nothing is missing between ``last`` and ``zxid``: an epoch counts from 1."""
    if epoch_of(zxid) == epoch_of(last):
        return zxid == last + 1
    return zxid > last and counter_of(zxid) == 1


class Log:
    """``tree`` is as of ``begins``; what came after it is ``txns``, in their order."""

    __slots__ = ("begins", "tree", "txns")

    def __init__(self, begins: Zxid, tree: bytes, txns: Iterable[Txn]) -> None:
        self.begins = begins
        self.tree = tree
        self.txns = list(txns)

    @property
    def last(self) -> Zxid:
        """Where it ends."""
        return self.txns[-1].zxid if self.txns else self.begins

    def holds(self, zxid: Zxid) -> bool:
        """Whether it begins at ``zxid`` or has that transaction."""
        count = self._count(zxid)
        return zxid == (self.txns[count - 1].zxid if count else self.begins)

    def between(self, after: Zxid, upto: Zxid) -> list[Txn]:
        """The transactions beyond ``after``, up to ``upto``."""
        return self.txns[self._count(after) : self._count(upto)]

    def cut(self, zxid: Zxid) -> None:
        """Drop what is beyond ``zxid``."""
        del self.txns[self._count(zxid) :]

    def _count(self, zxid: Zxid) -> int:
        """How many transactions are no later than ``zxid``."""
        return bisect_right(self.txns, zxid, key=_zxid)


def _zxid(txn: Txn) -> Zxid:
    return txn.zxid
