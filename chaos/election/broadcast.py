"""Zab's broadcast phase at the leader: what it proposes, who has logged it, what is committed.

Source: ZooKeeper 3.8 ``Leader.propose``, ``Leader.processAck``, ``Leader.tryToCommit``,
``Leader.startForwarding``, ``LearnerHandler.SyncLimitCheck``, ``ProposalRequestProcessor``.

A peer keeps no tree: sessions are opened and closed and sync is answered in its place, and
every other request of a client becomes an error transaction (UNIMPLEMENTED). It has no clock
either: the time in a transaction is the ticks of its leadership.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from chaos.election.effects import Effect, SendPacket
from chaos.election.ids import PeerEpoch, Sid, Zxid, counter_of, hex64, zxid_of
from chaos.election.packets import (
    Commit,
    Inform,
    Packet,
    Proposal,
    Request,
    Revalidate,
    Revalidated,
    Sync,
    Txn,
)
from chaos.election.quorum import SyncedLearnerTracker, tracker_of
from chaos.election.records import (
    CLOSE_SESSION,
    CREATE,
    CREATE_SESSION,
    ERROR,
    SYNC,
    UNIMPLEMENTED,
    create,
    integer,
    no_paths,
    read_integer,
)
from chaos.election.sessions import Sessions
from chaos.election.standing import Standing
from chaos.election.syncing import synchronisation

OUTSTANDING_MAX: Final = 1000  # of a workload; as globalOutstandingLimit
COUNTER_MAX: Final = 0xFFFFFFFF  # the first that no transaction may have
_WORK_MS_MIN: Final = 10  # a workload comes in portions no more often than this


@dataclass(slots=True)
class Route:
    """Where a learner's transactions go. ``owed`` are its ACKs: zxid, and the tick it is from."""

    conn: int
    sid: Sid
    observer: bool
    owed: deque[tuple[Zxid, int]] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A transaction without a zxid."""

    session: int
    cxid: int
    kind: int
    record: bytes


@dataclass(slots=True)
class _Proposed:
    txn: Txn
    acks: SyncedLearnerTracker
    syncs: list[int] = field(default_factory=list)  # connections that wait for its commit


class Broadcast:
    """The transactions of one leadership. ``over`` says why there can be no more of them."""

    def __init__(self, standing: Standing, epoch: PeerEpoch) -> None:
        self.over = ""
        self.last = zxid_of(epoch)  # proposed
        self.ticks = 0
        self._standing = standing
        self._processed = standing.zxid
        self._log_end = standing.log.last
        self._outstanding: deque[_Proposed] = deque()
        self._routes: dict[int, Route] = {}
        self._sessions = Sessions(standing.log, standing.timings.tick_ms)
        self._credit = 0  # thousandths of a transaction that the workload is due

    # ---- learners

    def synchronise(self, conn: int, sid: Sid, zxid: Zxid, *, observer: bool) -> list[Packet]:
        """What brings a learner here; it hears of everything that comes after."""
        route = self._routes[conn] = Route(conn, sid, observer)
        packets = synchronisation(self._standing.log, self._processed, zxid)
        if not observer:
            for proposed in self._outstanding:
                route.owed.append((proposed.txn.zxid, self.ticks))
                packets.append(Proposal(proposed.txn))
        return packets

    def forget(self, conn: int) -> None:
        """A learner is gone; its acks stay counted, as in ZooKeeper."""
        self._routes.pop(conn, None)

    def synced(self, conn: int) -> None:
        """A learner acked NEWLEADER: its time for what it owes begins."""
        route = self._routes[conn]
        route.owed = deque((zxid, self.ticks) for zxid, _ in route.owed)

    def late(self, conn: int) -> bool:
        """Whether a learner has owed an ACK for more than syncLimit ticks."""
        owed = self._routes[conn].owed
        return bool(owed) and self.ticks - owed[0][1] > self._standing.timings.sync_limit

    # ---- the epoch

    def begin(self) -> list[Effect]:
        """The epoch is established, and what its leader's log holds is committed by that."""
        self._processed = self.last
        return self._standing.commit_to(self._standing.log.last)

    def tick(self) -> list[Effect]:
        """A whole tick has passed: sessions run out."""
        self.ticks += 1
        late = self._sessions.expired(self.ticks)
        return self._propose([_Asked(session, 0, CLOSE_SESSION, no_paths()) for session in late])

    def work_ms(self) -> int:
        """How long until the workload's next portion."""
        return max(_WORK_MS_MIN, 1000 // self._standing.work.per_s)

    def work(self) -> list[Effect]:
        """Propose what has become due since the last portion."""
        if self._standing.work.per_s <= 0:
            return []
        self._credit += self._standing.work.per_s * self.work_ms()
        count, self._credit = divmod(self._credit, 1000)
        payload = bytes(self._standing.work.payload)
        room = min(count, OUTSTANDING_MAX - len(self._outstanding))
        paths = [f"/chaos-{(self.last + number) % 2**64:x}" for number in range(1, room + 1)]
        return self._propose([_Asked(0, 0, CREATE, create(path, payload)) for path in paths])

    # ---- what learners say

    def acked(self, conn: int, zxid: Zxid) -> list[Effect]:
        """A learner has logged ``zxid``."""
        route = self._routes[conn]
        while route.owed and route.owed[0][0] <= zxid:
            route.owed.popleft()
        for proposed in self._outstanding:
            if proposed.txn.zxid == zxid:
                proposed.acks.add_ack(route.sid)
        return self._commit()

    def requested(self, conn: int, request: Request) -> list[Effect]:
        """A learner's client wants something done."""
        timeout_ms = read_integer(request.body)
        match request.kind:
            case kind if kind == SYNC:
                if not self._outstanding:
                    return [SendPacket(conn, Sync())]
                self._outstanding[-1].syncs.append(conn)
                return []
            case kind if kind == CREATE_SESSION and timeout_ms is not None:
                record = integer(timeout_ms)
            case kind if kind == CLOSE_SESSION:
                record = no_paths()
            case _:
                kind, record = ERROR, integer(UNIMPLEMENTED)
        return self._propose([_Asked(request.session, request.cxid, kind, record)])

    def revalidated(self, conn: int, asked: Revalidate) -> list[Effect]:
        """A client moved to another learner: does its session live?"""
        lives = self._sessions.touch(asked.session, asked.timeout_ms, self.ticks)
        return [SendPacket(conn, Revalidated(asked.session, lives))]

    def heard(self, sessions: Iterable[tuple[int, int]]) -> None:
        """These clients were heard, each with its timeout."""
        for session, timeout_ms in sessions:
            self._sessions.touch(session, timeout_ms, self.ticks)

    # ----

    def _propose(self, asked: list[_Asked]) -> list[Effect]:
        """Give each its zxid, and tell everybody, in one piece."""
        standing = self._standing
        if standing.log.last != self._log_end:  # a tester moved it
            self.over = f"my log ends at {hex64(standing.log.last)} suddenly"
            return []
        txns: list[Txn] = []
        for one in asked:
            if counter_of(self.last + 1) == COUNTER_MAX:
                self.over = f"no zxid is left beyond {hex64(self.last)}"
                break
            self.last = Zxid(self.last + 1)
            time_ms = self.ticks * standing.timings.tick_ms
            txns.append(Txn(self.last, one.session, one.cxid, time_ms, one.kind, one.record))
        self._sessions.apply(txns, self.ticks)
        # Logged before anything is sent, so that my own ack counts from the beginning.
        effects = standing.append(tuple(txns))
        self._log_end = standing.log.last
        for txn in txns:
            acks = tracker_of(standing.views.verifiers, [standing.sid])
            self._outstanding.append(_Proposed(txn, acks))
        for conn, route in sorted(self._routes.items()):
            if not route.observer:
                route.owed.extend((txn.zxid, self.ticks) for txn in txns)
                effects += [SendPacket(conn, Proposal(txn)) for txn in txns]
        return effects + self._commit()

    def _commit(self) -> list[Effect]:
        """Commit in order, as far as every verifier has a quorum."""
        effects: list[Effect] = []
        while self._outstanding and self._outstanding[0].acks.has_all_quorums():
            proposed = self._outstanding.popleft()
            txn = proposed.txn
            self._processed = txn.zxid
            effects += self._standing.commit_to(txn.zxid)
            for conn, route in sorted(self._routes.items()):
                told = Inform(txn) if route.observer else Commit(txn.zxid)
                effects.append(SendPacket(conn, told))
            effects += [SendPacket(c, Sync()) for c in proposed.syncs if c in self._routes]
        return effects
