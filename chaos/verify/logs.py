"""What each log held, what a quorum acked, and whether later leaders have it.

Law H7. A log is followed by the journal of its peer: from what its birth says, by every
Append, Truncate and Restore. A tree is never looked into: what a SNAP brought is what the log
of the leader that sent it held up to there.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from chaos.actions import Launch
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
from chaos.election.ids import UNSET, Sid, epoch_of, hex64
from chaos.election.notification import ServerState
from chaos.election.packets import Txn
from chaos.history.events import Began, Seen, Stepped
from chaos.history.history import History
from chaos.verify.births import meddling
from chaos.verify.docket import Docket, Law, Once
from chaos.verify.fold import journals, whole
from chaos.verify.rules import Electorate

Term = tuple[int, Sid]  # an epoch, and who led it


@dataclass(frozen=True, slots=True)
class Held:
    """A log: ``txns`` behind ``begins``; ``source`` led when it was restored.

    Without a source, nobody saw what lies before ``begins``, unless that is nothing.
    """

    begins: int
    txns: tuple[Txn, ...]
    source: Term | None = None


@dataclass(frozen=True, slots=True)
class Reign:
    """An established leader, and its log as it was when it sent NEWLEADER; None: not seen."""

    epoch: int
    sid: Sid
    index: int
    held: Held | None


@dataclass(frozen=True, slots=True)
class Acked:
    """``txn`` was committed in ``epoch``, at event ``index``."""

    txn: Txn
    epoch: int
    index: int


@dataclass(slots=True)
class Logs:
    """What all journals say."""

    docket: Docket = field(default_factory=Docket)
    reigns: list[Reign] = field(default_factory=list)
    terms: dict[Term, Held] = field(default_factory=dict)
    acked: dict[Txn, Acked] = field(default_factory=dict)


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
        self._settled: Held | None = None  # at NEWLEADER
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
                self._log(effect)
            case PersistConfig(config=text, active=active):
                config, known = parse_configuration(text), self._electorate
                self._electorate = known.commits(config) if active else known.sees(config)
            case _ if self._state is ServerState.LEADING:
                self._lead(effect, index)

    def _log(self, effect: Append | Truncate | Restore | Persist) -> None:
        match effect:
            case Append(txns=txns):
                self._txns += txns
                if self._state is ServerState.LEADING:
                    self._acks |= {txn.zxid: {self.sid} for txn in txns}
            case Truncate(zxid=zxid):
                self._txns = [txn for txn in self._txns if txn.zxid <= zxid]
            case Restore(zxid=zxid, txns=txns):
                self._begins, self._txns = zxid, list(txns)
                self._source = (self._epoch, self._leader)
            case Persist(value=value):
                self._begins, self._txns, self._source = value, [], None

    # ---- a leader

    def _lead(self, effect: Effect, index: int) -> None:
        match effect:
            case Persist(name="currentEpoch", value=epoch):
                self._epoch = epoch
                self._settle()
            case SendPacket(packet=pk.NewLeader(zxid=zxid)) if epoch_of(zxid) != self._epoch:
                self._epoch = epoch_of(zxid)
                self._settle()
            case Serving(epoch=epoch):
                self._logs.reigns.append(Reign(epoch, self.sid, index, self._settled))
                last = self._txns[-1].zxid if self._txns else self._begins
                self._commit(last, index, established=True)
            case Committed(zxid=zxid):
                self._commit(zxid, index, established=False)
            case _:
                pass

    def _settle(self) -> None:
        self._settled = self.held
        self._logs.terms.setdefault((self._epoch, self.sid), self._settled)

    def _commit(self, upto: int, index: int, *, established: bool) -> None:
        """Everything up to ``upto`` is acked: by NEWLEADER's quorum, or each by its own."""
        start, end = (bisect_right(self._txns, at, key=_zxid) for at in (self._committed, upto))
        fresh = self._txns[start:end]
        self._committed = max(self._committed, upto)
        for txn in fresh:
            acks = frozenset(self._acks.pop(txn.zxid, set()))
            if not established and not self._electorate.quorum(acks):
                who = sorted(acks & self._electorate.voters)
                wrong = f"peer {self.sid} commits {hex64(txn.zxid)} with the acks of {who} only"
                self._logs.docket.case(Law.ACKED, wrong, index)
            known = self._logs.acked.get(txn)
            if known is None or self._epoch < known.epoch:
                self._logs.acked[txn] = Acked(txn, self._epoch, index)


def _known(reign: Reign, held: Held, terms: dict[Term, Held]) -> tuple[set[Txn], int]:
    """All that a log is seen to hold, trees included, and up to where it is out of sight."""
    have, upto, epoch = set(held.txns), held.begins, reign.epoch
    while held.source is not None and held.source[0] < epoch and held.source in terms:
        epoch = held.source[0]
        held = terms[held.source]
        have |= {txn for txn in held.txns if txn.zxid <= upto}
        upto = min(upto, held.begins)
    return have, upto


def _judge(history: History, logs: Logs) -> None:
    """Every established leader has what was acked in an epoch before its own."""
    tester = meddling(history)
    wipes = [at for changes in tester.changes.values() for at, one in changes if _wipes(one)]
    first = min([tester.first, *wipes])
    acked = sorted(logs.acked.values(), key=lambda one: one.index)
    for reign in logs.reigns:
        due = [one for one in acked if one.epoch < reign.epoch]
        if due:
            _judge_reign(reign, due, logs, first)


def _judge_reign(reign: Reign, due: list[Acked], logs: Logs, tester: int) -> None:
    docket = logs.docket
    who = f"peer {reign.sid}, leader of epoch {reign.epoch}"
    if reign.held is None:
        docket.doubt(Law.ACKED, f"nobody sees the log of {who}", reign.index)
        return
    have, unseen = _known(reign, reign.held, logs.terms)
    docket.held(Law.ACKED, sum(one.txn in have for one in due))
    for one in due:
        if one.txn in have:
            continue
        what = f"{hex64(one.txn.zxid)}, which epoch {one.epoch} committed"
        if one.txn.zxid <= unseen:
            why = f"what {who} has before {hex64(unseen)} is out of sight: {what}"
            docket.doubt(Law.ACKED, why, one.index, reign.index)
        elif tester < reign.index:
            why = f"{who} lacks {what}, after the tester changed a log or an epoch"
            docket.doubt(Law.ACKED, why, one.index, reign.index, tester)
        else:
            docket.case(Law.ACKED, f"{who} lacks {what}", one.index, reign.index)


def _zxid(txn: Txn) -> int:
    return txn.zxid


def _wipes(change: object) -> bool:
    return isinstance(change, Launch)


def _foreign(history: History, logs: Logs) -> None:
    """Leaders of other programs: that they serve is seen, what their logs hold is not."""
    states: dict[tuple[Sid, int], ServerState] = {}
    for index, event in history.every(Seen):
        for effect in event.effects:
            match effect:
                case Entered(state=state):
                    states[event.sid, event.inc] = state
                case Serving(epoch=epoch):
                    if states.get((event.sid, event.inc)) is ServerState.LEADING:
                        logs.reigns.append(Reign(epoch, event.sid, index, None))
                case _:
                    pass


def _logs(history: History) -> Logs:
    logs = Logs()
    held: dict[Sid, Held] = {}
    for (sid, _), lines in journals(history).items():
        readable, gap = whole(lines)
        if gap is not None:
            logs.docket.gaps.append(gap)
        if not readable or not isinstance(readable[0][1], Began):
            continue
        keeper = Keeper(readable[0][1], held.get(sid), logs)
        for index, event in readable:
            if isinstance(event, Stepped):
                keeper.step(index, event)
        held[sid] = keeper.held
    _foreign(history, logs)
    _judge(history, logs)
    return logs


logs = Once(_logs)
