"""What each log held, and what a quorum acked, by the journals of our own peers.

Law H7 (``chaos/verify/kept.py``). A log is followed from what its birth says, by every Append,
Truncate and Restore. A tree is never looked into: what a SNAP brought is what the log of the
leader that sent it held up to there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from chaos.election import packets as pk
from chaos.election.config import parse_configuration
from chaos.election.effects import (
    Append,
    Committed,
    Decided,
    Effect,
    Entered,
    LearnerConnected,
    PacketRead,
    Persist,
    PersistConfig,
    Phase,
    Restore,
    SendPacket,
    Serving,
    Truncate,
)
from chaos.election.ids import UNSET, Sid, counter_of, epoch_of, hex64
from chaos.election.notification import ServerState
from chaos.election.packets import Txn
from chaos.history.events import Began, Stepped
from chaos.history.history import History
from chaos.verify.docket import Law
from chaos.verify.fold import Line, journals, whole
from chaos.verify.lineage import Held, Logs, Proposal, Reign
from chaos.verify.rules import Electorate
from chaos.verify.tester import ORDERS


class Keeper:
    """Follows the log of one incarnation."""

    def __init__(self, began: Began, before: Held | None, logs: Logs) -> None:
        spec = began.spec
        seen = None if spec.last_seen is None else parse_configuration(spec.last_seen)
        self.sid = began.sid
        self._electorate = Electorate(parse_configuration(spec.config), seen)
        same = before is not None and before.begins == spec.zxid
        source = before.source if before is not None and same else None
        self._begins: int = spec.zxid
        self._txns, self._source = list(spec.log), source
        self._logs = logs
        self._state = ServerState.LOOKING
        self._leader = Sid(UNSET)
        self._epoch = -1
        self._learners: dict[int, Sid] = {}
        self._acks: dict[int, set[Sid]] = {}
        self._committed: int = spec.zxid

    @property
    def held(self) -> Held:
        """The log as it is."""
        return Held(self._begins, tuple(self._txns), self._source)

    def step(self, index: int, event: Stepped) -> None:
        """Take one step in."""
        match event.happened:
            case LearnerConnected(conn=conn):
                self._learners.pop(conn, None)
            case PacketRead(conn=conn, packet=pk.LearnerHello(sid=sid)) if sid is not None:
                self._learners[conn] = sid
            case PacketRead(conn=conn, packet=pk.Ack(zxid=zxid)) if zxid in self._acks:
                self._acks[zxid].add(self._learners.get(conn, Sid(UNSET)))
            case PacketRead(packet=pk.LeaderInfo(epoch=epoch)):
                self._epoch = epoch
            case _:
                pass
        for effect in event.effects:
            self._effect(effect, index)

    def _effect(self, effect: Effect, index: int) -> None:
        match effect:
            case Decided(vote=vote):
                self._leader = vote.leader
            case Entered(state=state, phase=phase):
                self._state = state
                if phase is Phase.ELECTION:
                    self._learners.clear()
                    self._acks.clear()
            case Append() | Truncate() | Restore() | Persist(name="zxid"):
                self._log(effect, index)
            case PersistConfig(config=text, active=active):
                config, known = parse_configuration(text), self._electorate
                self._electorate = known.commits(config) if active else known.sees(config)
            case SendPacket(packet=pk.Ack(zxid=zxid)) if counter_of(zxid):
                said = self._logs.said.setdefault(((self._epoch, self._leader), zxid), {})
                said[self.sid] = index
            case _ if self._state is ServerState.LEADING:
                self._lead(effect, index)

    def _log(self, effect: Append | Truncate | Restore | Persist, index: int) -> None:
        match effect:
            case Append(txns=txns):
                self._txns += txns
                if self._state is ServerState.LEADING:
                    self._propose(txns, index)
            case Truncate(zxid=zxid):
                self._txns = [txn for txn in self._txns if txn.zxid <= zxid]
            case Restore(zxid=zxid, txns=txns):
                self._begins, self._txns = zxid, list(txns)
                self._source = (self._epoch, self._leader)
            case Persist(value=value):
                self._begins, self._txns, self._source = value, [], None

    # ---- a leader

    def _propose(self, txns: tuple[Txn, ...], index: int) -> None:
        term = (self._epoch, self.sid)
        self._acks |= {txn.zxid: {self.sid} for txn in txns}
        self._logs.lineage.tenure(term).proposed |= {txn.zxid: txn for txn in txns}
        self._logs.proposals |= {
            (term, txn.zxid): Proposal(txn, self._electorate, index) for txn in txns
        }

    def _lead(self, effect: Effect, index: int) -> None:
        match effect:
            case Persist(name="currentEpoch", value=epoch):
                self._epoch = epoch
                self._settle()
            case SendPacket(packet=pk.NewLeader(zxid=zxid)) if epoch_of(zxid) != self._epoch:
                self._epoch = epoch_of(zxid)
                self._settle()
            case Serving(epoch=epoch):
                self._logs.reigns.append(Reign(epoch, self.sid, index, f"peer {self.sid}"))
                last = self._txns[-1].zxid if self._txns else self._begins
                self._commit(last, index, established=True)
            case Committed(zxid=zxid):
                self._commit(zxid, index, established=False)
            case _:
                pass

    def _settle(self) -> None:
        tenure = self._logs.lineage.tenure((self._epoch, self.sid))
        tenure.held = tenure.held or self.held

    def _commit(self, upto: int, index: int, *, established: bool) -> None:
        """Everything up to ``upto`` is acked: by NEWLEADER's quorum, or each by its own."""
        start, end = (bisect_right(self._txns, at, key=_zxid) for at in (self._committed, upto))
        fresh = self._txns[start:end]
        self._committed = max(self._committed, upto)
        for txn in fresh:
            acks = frozenset(self._acks.pop(txn.zxid, set()))
            made = self._logs.proposals.get(((self._epoch, self.sid), txn.zxid))
            # As in ZooKeeper, those count that were in force when it was proposed.
            electorate = self._electorate if made is None else made.electorate
            if not established and not electorate.quorum(acks):
                who = sorted(acks & electorate.voters)
                wrong = f"peer {self.sid} commits {hex64(txn.zxid)} with the acks of {who} only"
                self._logs.docket.case(Law.ACKED, wrong, index)
            self._logs.commits(txn, self._epoch, index)


def _zxid(txn: Txn) -> int:
    return txn.zxid


def follow_journals(history: History, logs: Logs) -> None:
    """Take in every start of our own peers, by peer and start."""
    held: dict[Sid, Held] = {}
    for (sid, _), lines in journals(history).items():
        readable, gap = whole(lines)
        if gap is not None:
            logs.docket.gaps.append(gap)
        if not readable or not isinstance(readable[0][1], Began):
            continue
        logs.undone |= _undone(readable)
        keeper = Keeper(readable[0][1], held.get(sid), logs)
        for index, event in readable:
            if isinstance(event, Stepped):
                keeper.step(index, event)
        held[sid] = keeper.held
    logs.acks_of_quorums()


def _undone(readable: Sequence[Line]) -> set[int]:
    """The steps of which only the line is surely there: the last, and orders behind it."""
    found = set()
    for index, event in reversed(readable):
        if isinstance(event, Stepped | Began):
            found.add(index)
        if isinstance(event, Stepped) and not isinstance(event.happened, ORDERS):
            break
    return found
