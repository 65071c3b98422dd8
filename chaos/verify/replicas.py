"""What each replica's log held and what it delivered, by the journals of our own peers.

A transaction is delivered by who knows it to be committed: with everything before it that its
log holds (``Committed``). What a log begins with is a tree that nobody looks into. What the
last step before the end of a process delivered may never have come to pass, and is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from chaos.actions import Launch, SetZxid
from chaos.election import packets as pk
from chaos.election.config import parse_configuration
from chaos.election.effects import (
    Append,
    Committed,
    Decided,
    Effect,
    Entered,
    LeaderConnected,
    LearnerConnected,
    PacketRead,
    Persist,
    PersistConfig,
    Phase,
    Reconfigure,
    Restore,
    SendPacket,
    Serving,
    SkewZxid,
    Truncate,
)
from chaos.election.ids import UNSET, Sid, counter_of, epoch_of, hex64
from chaos.election.notification import ServerState
from chaos.election.packets import Txn
from chaos.history.events import Began, Exited, Stepped
from chaos.history.history import History
from chaos.verify.docket import Finding, Once
from chaos.verify.fold import journals, whole
from chaos.verify.lineage import Held, same
from chaos.verify.rules import Electorate
from chaos.verify.tester import ORDERS, meddling


@dataclass(frozen=True, slots=True)
class Delivered:
    """``txn``, by event ``index``."""

    txn: Txn
    index: int


@dataclass(frozen=True, slots=True)
class Segment:
    """What one replica delivered behind a tree that ends at ``begins``, in its order."""

    sid: Sid
    begins: int
    delivered: list[Delivered] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The zxid up to which it goes."""
        return self.delivered[-1].txn.zxid if self.delivered else self.begins


@dataclass(frozen=True, slots=True)
class Proposal:
    """A leader gave ``txn`` its zxid, by event ``index``."""

    txn: Txn
    sid: Sid
    index: int


@dataclass(frozen=True, slots=True)
class Primary:
    """What a leader of ``epoch`` had logged and delivered when it first proposed anything."""

    sid: Sid
    epoch: int
    index: int
    logged: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Synced:
    """A learner of ``leader`` acked NEWLEADER of ``epoch``: what its disk held then."""

    sid: Sid
    leader: Sid
    epoch: int
    index: int
    held: Held
    current_epoch: int


@dataclass(frozen=True, slots=True)
class Initial:
    """I_e: what a leader began its epoch with. After a wipe it may begin the same once more."""

    index: int
    held: Held


@dataclass(frozen=True, slots=True)
class Established:
    """``sid`` began to serve ``epoch``, having read the acks of ``acks``, itself included."""

    sid: Sid
    epoch: int
    index: int
    acks: frozenset[Sid]
    electorate: Electorate
    given: bool  # a configuration by the tester, after it had begun to lead


@dataclass(slots=True)
class Replicas:
    """All of them."""

    segments: list[Segment] = field(default_factory=list)
    proposals: dict[int, list[Proposal]] = field(default_factory=dict)  # by zxid
    primaries: list[Primary] = field(default_factory=list)
    # By epoch and leader.
    initial: dict[tuple[int, Sid], list[Initial]] = field(default_factory=dict)
    synced: list[Synced] = field(default_factory=list)
    established: list[Established] = field(default_factory=list)
    given: set[int] = field(default_factory=set)  # zxids of logs that the run began with
    shrunk: list[Finding] = field(default_factory=list)
    gaps: list[Finding] = field(default_factory=list)
    # Who led an epoch, by start, and the last event of each start's journal.
    led: dict[int, set[tuple[Sid, int]]] = field(default_factory=dict)
    last_lines: dict[tuple[Sid, int], int] = field(default_factory=dict)


class Replica:
    """One incarnation. ``before`` is what this replica delivered so far, ascending."""

    def __init__(self, index: int, began: Began, before: list[Delivered], found: Replicas) -> None:
        spec = began.spec
        seen = None if spec.last_seen is None else parse_configuration(spec.last_seen)
        self.sid, self.inc = began.sid, began.inc
        self.before = before
        self._open: set[int] = set()  # steps of which only the line is surely there
        self._found = found
        self._electorate = Electorate(parse_configuration(spec.config), seen)
        self._begins: int = spec.zxid
        self._txns = list(spec.log)
        self._current: int = spec.current_epoch
        self._state, self._leader = ServerState.LOOKING, Sid(UNSET)
        self._learners: dict[int, Sid] = {}
        self._acks: dict[int, set[Sid]] = {}  # of NEWLEADER, by epoch
        self._acked: set[int] = set()  # connections on which it acked NEWLEADER
        self._proposed_in = -1
        self._given = False
        self._holds(f"peer {self.sid} comes back without", self._begins, spec.log, index)
        self._segment = self._begin(spec.zxid)

    def step(self, index: int, event: Stepped) -> None:
        """Take one step in."""
        if not isinstance(event.happened, ORDERS):
            self._open.clear()
        self._open.add(index)
        match event.happened:
            case LearnerConnected(conn=conn):
                self._learners.pop(conn, None)
            case LeaderConnected(conn=conn):
                self._acked.discard(conn)
            case PacketRead(conn=conn, packet=pk.LearnerHello(sid=sid)) if sid is not None:
                self._learners[conn] = sid
            case PacketRead(conn=conn, packet=pk.Ack(zxid=zxid)) if not counter_of(zxid):
                who = self._learners.get(conn, Sid(UNSET))
                self._acks.setdefault(epoch_of(zxid), set()).add(who)
            case SkewZxid():
                self.before.clear()
            case Reconfigure():
                self._given = self._state is ServerState.LEADING
            case _:
                pass
        for effect in event.effects:
            self._effect(effect, index)

    def ended(self) -> None:
        """Its process is gone: its last step may be written down and not done."""
        for done in (self.before, self._segment.delivered):
            while done and done[-1].index in self._open:
                done.pop()

    # ---- effects

    def _effect(self, effect: Effect, index: int) -> None:
        match effect:
            case Append() | Truncate() | Restore() | Persist(name="zxid"):
                self._log(effect, index)
            case Committed(zxid=zxid):
                self._deliver(zxid, index)
            case Persist(name="currentEpoch", value=epoch):
                self._current = epoch
                if self._state is ServerState.LEADING:
                    reigns = self._found.initial.setdefault((epoch, self.sid), [])
                    reigns.append(Initial(index, self._held()))
                    self._found.led.setdefault(epoch, set()).add((self.sid, self.inc))
            case Decided() | Entered() | PersistConfig():
                self._becomes(effect)
            case SendPacket(conn=conn, packet=pk.Ack(zxid=zxid)) if not counter_of(zxid):
                self._acks_epoch(conn, epoch_of(zxid), index)
            case Serving(epoch=epoch) if self._state is ServerState.LEADING:
                acks = frozenset({self.sid, *self._acks.get(epoch, ())})
                one = Established(self.sid, epoch, index, acks, self._electorate, self._given)
                self._found.established.append(one)
            case _:
                pass

    def _becomes(self, effect: Decided | Entered | PersistConfig) -> None:
        match effect:
            case Decided(vote=vote):
                self._leader = vote.leader
            case Entered(state=state, phase=phase):
                self._state = state
                if phase in (Phase.ELECTION, Phase.DISCOVERY):
                    self._learners.clear()
                    self._acks.clear()
                    self._given = False
            case PersistConfig(config=text, active=active):
                config, known = parse_configuration(text), self._electorate
                self._electorate = known.commits(config) if active else known.sees(config)

    def _log(self, effect: Append | Truncate | Restore | Persist, index: int) -> None:
        match effect:
            case Append(txns=txns):
                if self._state is ServerState.LEADING and txns:
                    self._propose(txns, index)
                self._txns += txns
            case Truncate(zxid=zxid):
                del self._txns[_upto(self._txns, zxid) :]
                self._holds(f"peer {self.sid} cuts off", zxid, (), index)
            case Restore(zxid=zxid, txns=txns):
                self._begins, self._txns = zxid, list(txns)
                self._holds(f"peer {self.sid} takes a snapshot without", zxid, txns, index)
                self._segment = self._begin(zxid)
            case Persist(value=value):
                self._begins, self._txns = value, []
                self._segment = self._begin(value)

    def _propose(self, txns: tuple[Txn, ...], index: int) -> None:
        epoch = epoch_of(txns[0].zxid)
        if epoch != self._proposed_in:
            self._proposed_in = epoch
            one = Primary(self.sid, epoch, index, self._end, self._segment.last)
            self._found.primaries.append(one)
        for txn in txns:
            self._found.proposals.setdefault(txn.zxid, []).append(Proposal(txn, self.sid, index))

    def _deliver(self, upto: int, index: int) -> None:
        start = _upto(self._txns, self._segment.last)
        for txn in self._txns[start : _upto(self._txns, upto)]:
            one = Delivered(txn, index)
            self._segment.delivered.append(one)
            if not self.before or self.before[-1].txn.zxid < txn.zxid:
                self.before.append(one)
        if self._segment.last < upto:
            why = f"peer {self.sid} delivers {hex64(upto)}; its log ends at {hex64(self._end)}"
            self._found.shrunk.append(Finding(why, (index,)))

    def _acks_epoch(self, conn: int, epoch: int, index: int) -> None:
        if conn in self._acked or self._state is ServerState.LEADING:
            return  # UPTODATE is acked with the same words
        self._acked.add(conn)
        one = Synced(self.sid, self._leader, epoch, index, self._held(), self._current)
        self._found.synced.append(one)

    # ---- in common

    @property
    def _end(self) -> int:
        return self._txns[-1].zxid if self._txns else self._begins

    def _held(self) -> Held:
        return Held(self._begins, tuple(self._txns))

    def _begin(self, begins: int) -> Segment:
        segment = Segment(self.sid, begins)
        self._found.segments.append(segment)
        return segment

    def _holds(self, what: str, upto: int, txns: tuple[Txn, ...], index: int) -> None:
        """A delivered sequence never shrinks: a log of ``txns`` behind ``upto`` has all of it."""
        log = Held(upto, txns)
        for done in reversed(self.before):
            if done.txn.zxid <= upto:
                return
            found = log.at(done.txn.zxid)
            if found is None or not same(found, done.txn):
                why = f"{what} {hex64(done.txn.zxid)}, which it had delivered"
                self._found.shrunk.append(Finding(why, (done.index, index)))
                return


def _upto(txns: list[Txn], zxid: int) -> int:
    """How many of them are no later than ``zxid``."""
    return bisect_right(txns, zxid, key=_zxid)


def _zxid(txn: Txn) -> int:
    return txn.zxid


def _replicas(history: History) -> Replicas:
    found = Replicas()
    changes = meddling(history).changes
    exited = {(event.sid, event.inc) for _, event in history.every(Exited)}
    before: dict[Sid, list[Delivered]] = {}
    ends: dict[Sid, int] = {}
    for (sid, inc), lines in journals(history).items():
        readable, gap = whole(lines)
        if gap is not None:
            found.gaps.append(gap)
        if not readable or not isinstance(readable[0][1], Began):
            continue
        index, began = readable[0][0], readable[0][1]
        if inc == 0:
            found.given |= {txn.zxid for txn in began.spec.log}
        known = before.setdefault(sid, [])
        if any(
            ends.get(sid, -1) < at < index
            and (isinstance(one, SetZxid) or (isinstance(one, Launch) and one.wipe))
            for at, one in changes.get(sid, [])
        ):
            known.clear()  # the tester took it away
        replica = Replica(index, began, known, found)
        for at, event in readable[1:]:
            if isinstance(event, Stepped):
                replica.step(at, event)
        ends[sid] = found.last_lines[sid, inc] = readable[-1][0]
        if (sid, inc) in exited:
            replica.ended()
    return found


replicas = Once(_replicas)
