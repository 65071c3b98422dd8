"""Which election links live, what waits on them, and what is said again.

Source: ZooKeeper 3.8 ``QuorumCnxManager``. The rules are pure: a socket loop or a simulator
tells what happened to connections, and performs the answers in their order. A connection
is named by a number that the performer draws and never uses twice.

Deliberately better than ZooKeeper: a connection that claims our own sid is closed, where
ZooKeeper leaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from chaos.election.config import Address
from chaos.election.ids import OBSERVER_ID, Sid

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect to ``to``; answer :meth:`CnxManager.dialed` or :meth:`CnxManager.dial_failed`."""

    to: Sid
    address: Address


@dataclass(frozen=True, slots=True)
class Initiate:
    """Write the initiation message on ``conn``, in one piece."""

    conn: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """``conn`` is now the link to ``sid``: read its frames, and ask :meth:`next_message`."""

    conn: int
    sid: Sid


@dataclass(frozen=True, slots=True)
class Drop:
    """Close ``conn`` once what was asked to be written before is flushed."""

    conn: int
    why: str


@dataclass(frozen=True, slots=True)
class Overwritten(Generic[M]):
    """``message`` for ``to`` will never be written: a newer one took its place."""

    to: Sid
    message: M


@dataclass(frozen=True, slots=True)
class Ready:
    """The link ``conn`` to ``to`` has something to write: ask :meth:`next_message`."""

    conn: int
    to: Sid


CnxEffect = Dial | Initiate | Adopt | Drop | Overwritten[M] | Ready


class CnxManager(Generic[M]):
    """The election links of one peer."""

    def __init__(self, me: Sid, addresses: Mapping[Sid, Address]) -> None:
        self.me = me
        self.addresses = dict(addresses)
        self._queues: dict[Sid, list[M]] = {}  # at most one message each
        self._last: dict[Sid, M] = {}
        self._links: dict[Sid, int] = {}
        self._sids: dict[int, Sid] = {}
        self._unasked: set[int] = set()  # fresh links that may repeat the last message
        self._dialing: set[Sid] = set()
        self._observers = 0

    # ---- what the election wants

    def send(self, to: Sid, message: M) -> list[CnxEffect[M]]:
        """Offer ``message``; the queue holds one, a newer message replaces an older."""
        queue = self._queues.setdefault(to, [])
        effects: list[CnxEffect[M]] = [Overwritten(to, old) for old in queue]
        queue[:] = [message]
        conn = self._links.get(to)
        if conn is not None:
            return [*effects, Ready(conn, to)]
        return effects + self._connect_one(to)

    def connect_all(self) -> list[CnxEffect[M]]:
        """Dial every peer that ever had a queue and has no link."""
        return [
            effect
            for sid in sorted(self._queues)
            if sid not in self._links
            for effect in self._connect_one(sid)
        ]

    def has_link(self, sid: Sid) -> bool:
        """Whether a link to ``sid`` stands."""
        return sid in self._links

    def have_delivered(self) -> bool:
        """Whether at least one send queue is empty; false when there is none."""
        return any(not queue for queue in self._queues.values())

    def next_message(self, conn: int) -> tuple[M, bool] | None:
        """What to write on ``conn`` now, and whether it is the old last message again."""
        sid = self._sids.get(conn)
        if sid is None:
            return None
        fresh = conn in self._unasked
        self._unasked.discard(conn)
        queue = self._queues.setdefault(sid, [])
        if queue:
            message = queue.pop()
            self._last[sid] = message
            return message, False
        if fresh and sid in self._last:
            return self._last[sid], True
        return None

    # ---- what happened to connections

    def dialed(self, to: Sid, conn: int) -> list[CnxEffect[M]]:
        """My connect to ``to`` succeeded. It survives only if my sid is the larger.

        If the larger sid's own link came first, mine has nothing to say any more: its
        initiation would only make the other tear that link down and dial again.
        """
        self._dialing.discard(to)
        if to > self.me and to in self._links:
            return [Drop(conn, "its link stands already")]
        if to > self.me:
            return [Initiate(conn), Drop(conn, "my sid is the smaller: the other dials back")]
        return [Initiate(conn), *self._adopt(to, conn)]

    def dial_failed(self, to: Sid) -> None:
        """My connect to ``to`` failed; the next send or connect_all tries again."""
        self._dialing.discard(to)

    def accepted(self, conn: int, sid: int, address: Address | None) -> list[CnxEffect[M]]:
        """Connection ``conn`` opened with an initiation of ``sid`` that named ``address``."""
        if sid == OBSERVER_ID:
            self._observers -= 1
            sid = self._observers
        other = Sid(sid)
        if other == self.me:
            return [Drop(conn, "it claims my own sid")]
        if other > self.me:
            return self._adopt(other, conn)
        effects = self._finish(other, "the other side dials again")
        effects.append(Drop(conn, "its sid is the smaller: I dial back"))
        target = address or self.addresses.get(other)
        if target is not None and other not in self._dialing:
            self._dialing.add(other)
            effects.append(Dial(other, target))
        return effects

    def lost(self, conn: int) -> None:
        """Connection ``conn`` is gone; whatever was being written is gone with it.

        A stranger is forgotten altogether: its queue could only wait for a link that it opens.
        """
        sid = self._sids.pop(conn, None)
        self._unasked.discard(conn)
        if sid is None:
            return
        if self._links.get(sid) == conn:
            del self._links[sid]
        if sid not in self.addresses:
            self._queues.pop(sid, None)
            self._last.pop(sid, None)

    def restart(self, addresses: Mapping[Sid, Address]) -> list[CnxEffect[M]]:
        """Build the layer anew: no link, queue or last message survives."""
        effects: list[CnxEffect[M]] = []
        for sid in sorted(self._links):
            effects += self._finish(sid, "the election layer restarts")
        self._queues.clear()
        self._last.clear()
        self._dialing.clear()
        self.addresses = dict(addresses)
        return effects

    # ----

    def _connect_one(self, sid: Sid) -> list[CnxEffect[M]]:
        address = self.addresses.get(sid)
        if sid in self._dialing or address is None:
            return []
        self._dialing.add(sid)
        return [Dial(sid, address)]

    def _adopt(self, sid: Sid, conn: int) -> list[CnxEffect[M]]:
        effects = self._finish(sid, "a newer link takes its place")
        self._links[sid] = conn
        self._sids[conn] = sid
        self._unasked.add(conn)
        self._queues.setdefault(sid, [])
        return [*effects, Adopt(conn, sid), Ready(conn, sid)]

    def _finish(self, sid: Sid, why: str) -> list[CnxEffect[M]]:
        conn = self._links.pop(sid, None)
        if conn is None:
            return []
        self._sids.pop(conn, None)
        self._unasked.discard(conn)
        return [Drop(conn, why)]
