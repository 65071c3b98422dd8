"""What a learner receives of its leader's log: kept back until NEWLEADER, then logged at once.

Source: ZooKeeper 3.8 ``Learner.syncWithLeader``, ``FollowerZooKeeperServer``,
``ObserverZooKeeperServer``.

Deliberately better than ZooKeeper 3.8: what was received is in the log before the epoch that
it leads to is stored and acked, and in one piece where something is replaced, so that a crash
in between loses nothing that a quorum relies on (ZOOKEEPER-4643, ZOOKEEPER-4646). And what is
missing or out of order ends the stay, where ZooKeeper warns, or ends its process.
"""

from __future__ import annotations

from collections import deque

from chaos.election.effects import Effect
from chaos.election.ids import PeerEpoch, Zxid, epoch_of, hex64
from chaos.election.log import follows
from chaos.election.packets import Diff, Snap, Trunc, Txn
from chaos.election.standing import Standing


class OutOfOrderError(Exception):
    """The leader sent what cannot come here; the message says why."""


class Intake:
    """The transactions of one stay under the leader of ``epoch``, from ``base`` on."""

    def __init__(self, standing: Standing, base: Diff | Trunc | Snap, epoch: PeerEpoch) -> None:
        self._standing = standing
        self._base = base
        self._epoch = epoch
        self._from = standing.log.last if isinstance(base, Diff) else base.zxid
        held = standing.log.between(standing.log.begins, self._from)
        cut_to = held[-1].zxid if held else standing.log.begins
        self._last = cut_to if isinstance(base, Trunc) else self._from
        self._received: list[Txn] = []
        self._pending: deque[Zxid] = deque()
        self._settled = False
        self._serving = False

    @property
    def pending(self) -> tuple[Zxid, ...]:
        """What was proposed and is not committed yet."""
        return tuple(self._pending)

    def holds(self, zxid: Zxid) -> bool:
        """Whether ``zxid`` is part of the SNAP: its tree was written while the leader went on."""
        return isinstance(self._base, Snap) and not self._settled and zxid <= self._from

    def propose(self, txn: Txn) -> list[Effect]:
        """The next transaction.

        Raises:
            OutOfOrderError: it is of another epoch, or not the next one.
        """
        zxid, epoch = txn.zxid, epoch_of(txn.zxid)
        if self.holds(zxid):
            return []
        if epoch > self._epoch or (self._settled and epoch != self._epoch):
            raise OutOfOrderError(f"{hex64(zxid)} is proposed in epoch {self._epoch}")
        if self._settled and self._standing.log.last != self._last:
            raise OutOfOrderError(f"my log ends at {hex64(self._standing.log.last)} suddenly")
        if not follows(self._last, zxid):
            raise OutOfOrderError(f"{hex64(zxid)} is proposed after {hex64(self._last)}")
        self._last = zxid
        self._pending.append(zxid)
        if self._settled:
            return self._standing.append((txn,))
        self._received.append(txn)
        return []

    def commit(self, zxid: Zxid) -> list[Effect]:
        """The oldest transaction that is pending is committed.

        Raises:
            OutOfOrderError: it is not ``zxid``.
        """
        if not self._pending or self._pending[0] != zxid:
            if self.holds(zxid):
                return []
            due = hex64(self._pending[0]) if self._pending else "nothing"
            raise OutOfOrderError(f"{hex64(zxid)} is committed while {due} is due")
        self._pending.popleft()
        return self._standing.commit_to(zxid) if self._serving else []

    def settle(self) -> list[Effect]:
        """NEWLEADER: everything that came so far is my log."""
        self._settled = True
        txns, self._received = tuple(self._received), []
        if isinstance(self._base, Snap):
            return self._standing.restore(self._base.zxid, self._base.tree, txns)
        effects = self._standing.rewrite(self._from, txns)
        if isinstance(self._base, Trunc):
            effects += self._standing.fall_back()
        return effects

    def serve(self) -> list[Effect]:
        """UPTODATE: only now is it sure that a quorum has what the epoch began with."""
        self._serving = True
        log = self._standing.log
        known = log.txns[: len(log.txns) - len(self._pending)]
        return self._standing.commit_to(known[-1].zxid) if known else []
