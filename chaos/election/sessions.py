"""The sessions of clients, as a leader knows them.

Source: ZooKeeper 3.8 ``LeaderSessionTracker`` and ``SessionTrackerImpl``. Time is whole ticks
of the leadership.

A session is known from the log, from its first sign of life under this leader, or not at all.
Where the tree holds something, it may hold sessions too, and nobody looks into it: one that
the log does not close is then believed to live.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chaos.election.log import Log
from chaos.election.packets import Txn
from chaos.election.records import CLOSE_SESSION, CREATE_SESSION, read_integer


@dataclass(slots=True)
class _Session:
    timeout_ms: int
    deadline: int  # the last tick of its life, unless it is touched


class Sessions:
    """Who lives, and until when."""

    def __init__(self, log: Log, tick_ms: int) -> None:
        self._tick_ms = max(1, tick_ms)
        self._known: dict[int, _Session] = {}
        self._closed: set[int] = set()
        self._believes = bool(log.tree)
        self.apply(log.txns, 0)

    def apply(self, txns: Iterable[Txn], now: int) -> None:
        """Follow transactions; a session that opens lives for its timeout from tick ``now``."""
        for txn in txns:
            if txn.kind == CREATE_SESSION:
                self._open(txn.session, read_integer(txn.body) or 0, now)
            elif txn.kind == CLOSE_SESSION:
                self._known.pop(txn.session, None)
                if self._believes:
                    self._closed.add(txn.session)

    def touch(self, session: int, timeout_ms: int, now: int) -> bool:
        """A client was heard; whether its session lives."""
        if session in self._known:
            self._open(session, timeout_ms, now)
            return True
        if not self._believes or session in self._closed:
            return False
        self._open(session, timeout_ms, now)
        return True

    def expired(self, now: int) -> list[int]:
        """Those that were not heard within their timeout; they are asked for once."""
        late = sorted(sid for sid, session in self._known.items() if session.deadline < now)
        for session in late:
            del self._known[session]
        return late

    def _open(self, session: int, timeout_ms: int, now: int) -> None:
        ticks = -(-max(0, timeout_ms) // self._tick_ms)
        self._known[session] = _Session(timeout_ms, now + ticks)
