"""Election links that break a rule of ``QuorumCnxManager``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from chaos.election.cnx import CnxEffect, CnxManager, Drop, Initiate, Overwritten, Ready
from chaos.election.config import Address
from chaos.election.ids import Sid

M = TypeVar("M")


class LastNotResent(CnxManager[M]):
    """Does not say its last message again on a new link."""

    def next_message(self, conn: int) -> tuple[M, bool] | None:
        """As if no link were fresh."""
        self._unasked.discard(conn)
        return super().next_message(conn)


class SmallerKeeps(CnxManager[M]):
    """Keeps the link that it dialled, whoever has the larger sid."""

    def dialed(self, to: Sid, conn: int) -> list[CnxEffect[M]]:
        """Whoever dialled."""
        self._dialing.discard(to)
        return [Initiate(conn), *self._adopt(to, conn)]


class LinksNeverRest(CnxManager[M]):
    """The smaller sid dials again as soon as its connection is dropped."""

    def dialed(self, to: Sid, conn: int) -> list[CnxEffect[M]]:
        """It tears the link down that the other one has just dialled."""
        if to < self.me:
            return super().dialed(to, conn)
        self._dialing.discard(to)
        drop = Drop(conn, "my sid is the smaller: the other dials back")
        return [Initiate(conn), drop, *self._connect_one(to)]


class DialsForEachMessage(CnxManager[M]):
    """Makes a link anew for every message."""

    def send(self, to: Sid, message: M) -> list[CnxEffect[M]]:
        """The link that stands is torn down first."""
        return [*self._finish(to, "a link for each message"), *super().send(to, message)]


class QueueKeepsAll(CnxManager[M]):
    """Queues every message, and sends the oldest first."""

    def send(self, to: Sid, message: M) -> list[CnxEffect[M]]:
        """Nothing is replaced."""
        self._queues.setdefault(to, []).insert(0, message)
        conn = self._links.get(to)
        return self._connect_one(to) if conn is None else [Ready(conn, to)]


class QueueKeepsOldest(CnxManager[M]):
    """Drops the newer message where an older one waits."""

    def send(self, to: Sid, message: M) -> list[CnxEffect[M]]:
        """The newest is lost."""
        waiting = list(self._queues.get(to, ()))
        effects = super().send(to, message)
        if not waiting:
            return effects
        self._queues[to][:] = waiting
        said = [one for one in effects if not isinstance(one, Overwritten)]
        return [Overwritten(to, message), *said]


class BlockingDial(CnxManager[M]):
    """Dials one server at a time (before ZOOKEEPER-900)."""

    def _connect_one(self, sid: Sid) -> list[CnxEffect[M]]:
        return [] if self._dialing else super()._connect_one(sid)


class DialsOnce(CnxManager[M]):
    """Never dials a server again that it could not reach."""

    def dial_failed(self, to: Sid) -> None:
        """It counts as being dialled for ever."""


class DeadLinkKept(CnxManager[M]):
    """Takes a link that broke for one that stands."""

    def __init__(self, me: Sid, addresses: Mapping[Sid, Address]) -> None:
        super().__init__(me, addresses)
        self._dead: set[int] = set()

    def lost(self, conn: int) -> None:
        """Nothing is noticed."""
        self._dead.add(conn)

    def _finish(self, sid: Sid, why: str) -> list[CnxEffect[M]]:
        effects = super()._finish(sid, why)
        return [one for one in effects if not (isinstance(one, Drop) and one.conn in self._dead)]


class QueueLostOnReconnect(CnxManager[M]):
    """Forgets what waits when a link is made, and what it said last."""

    def _adopt(self, sid: Sid, conn: int) -> list[CnxEffect[M]]:
        self._queues.pop(sid, None)
        self._last.pop(sid, None)
        return super()._adopt(sid, conn)
