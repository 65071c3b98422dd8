"""Leaders of other programs: what their logs held, what they proposed, what they committed.

What such a log holds is told by where it ends, which is what its server said of itself in the
election that it won, and by what it sent its learners: see ``chaos/verify/lineage.py``.
"""

from __future__ import annotations

from typing import Final

from chaos.election import packets as pk
from chaos.election.effects import Decided, Entered, Exit, PacketRead, SendPacket, Serving
from chaos.election.ids import UNSET, Sid, epoch_of, hex64
from chaos.election.notification import ServerState
from chaos.election.packets import Txn
from chaos.history.events import Seen, Source, Step
from chaos.history.history import History
from chaos.verify.docket import Law
from chaos.verify.foreign.lives import Life, Votership, lives
from chaos.verify.lineage import Logs, Reign

_ACTIVATES = pk.CommitAndActivate | pk.InformAndActivate
_UNSEEN_NS: Final = 200_000_000  # so long a host may wait before it acknowledges what arrived

Acks = dict[int, set[int]]  # who acked, by zxid


class _Stay:
    """One start of one server, as a leader."""

    def __init__(self, life: Life, logs: Logs, on_the_way: Acks) -> None:
        self._life = life
        self._logs = logs
        self._on_the_way = on_the_way
        self._config = Votership(life.appeared.config)
        self._state = ServerState.LOOKING
        self._end: int | None = None  # where its log ended when it was elected
        self._acked: int | None = None  # the last that it acked, as a learner
        self._epochs: dict[int, int] = {}  # connection -> the epoch that it offers there
        self._learners: dict[int, Sid] = {}
        self._strangers: set[int] = set()  # zxids that somebody acked who had not said his name
        self._acks: dict[int, set[int]] = {}
        self._told: set[tuple[int, int]] = set()  # commits, by epoch and zxid
        self._serves: set[int] = set()
        self._activated = False
        self._torn = ""  # what a capture says of a stream that it could not follow

    def take(self, index: int, seen: Seen) -> None:
        """One line of what was seen."""
        if seen.source is Source.WIRE and seen.happened is None and not seen.effects:
            self._torn = self._torn or f"a stream of packets was given up: {seen.text}"
        if isinstance(seen.happened, PacketRead):
            self._read(seen.happened.conn, seen.happened.packet)
        for effect in seen.effects:
            match effect:
                case Decided(vote=vote, state=state, how=how):
                    self._state = state
                    mine = state is ServerState.LEADING and vote.leader == self._life.sid
                    said = None if vote.zxid == UNSET else vote.zxid
                    end = self._acked if how is Exit.DESIGNATED else said
                    self._end = end if mine else None
                case Entered(state=state):
                    self._state = state
                    if state is ServerState.LOOKING:
                        self._end = None
                case Serving(epoch=epoch) if self._state is ServerState.LEADING:
                    self._established(epoch, index)
                case SendPacket(conn=conn, packet=packet):
                    self._sent(index, conn, packet)
                case _:
                    pass

    def _read(self, conn: int, packet: pk.Packet) -> None:
        match packet:
            case pk.LearnerHello(sid=sid) if sid is not None:
                self._learners[conn] = sid
            case pk.Ack(zxid=zxid) if conn in self._epochs:
                self._acks.setdefault(zxid, {self._life.sid}).add(self._learners.get(conn, -1))
                if conn not in self._learners:
                    self._strangers.add(zxid)
            case _:
                pass

    def _established(self, epoch: int, index: int) -> None:
        life = self._life
        self._begins(epoch)
        if epoch not in self._serves:
            self._serves.add(epoch)
            self._logs.reigns.append(Reign(epoch, life.sid, index, life.who))

    def _begins(self, epoch: int) -> None:
        """Its log, from which it leads ``epoch``."""
        tenure = self._logs.lineage.tenure((epoch, self._life.sid))
        if tenure.held is None and self._end is not None and epoch_of(self._end) < epoch:
            tenure.held = self._logs.lineage.ends_at(self._end)

    def _sent(self, index: int, conn: int, packet: pk.Packet) -> None:
        match packet:
            case pk.LeaderInfo(epoch=epoch):
                self._epochs[conn] = epoch
            case pk.NewLeader(zxid=zxid, config=config):
                self._epochs[conn] = epoch_of(zxid)
                self._config.sees(config)
                self._begins(epoch_of(zxid))
            case pk.Ack(zxid=zxid):
                self._acked = zxid
            case _ if conn not in self._epochs:
                pass
            case pk.Proposal(txn=txn):
                self._shows(txn, conn)
            case pk.Inform(txn=txn) | pk.InformAndActivate(txn=txn):
                self._shows(txn, conn)
                self._committed(index, conn, txn.zxid, packet)
            case pk.Commit(zxid=zxid) | pk.CommitAndActivate(zxid=zxid):
                self._committed(index, conn, zxid, packet)
            case _:
                pass

    def _shows(self, txn: Txn, conn: int) -> None:
        tenure = self._logs.lineage.tenure((self._epochs[conn], self._life.sid))
        its = epoch_of(txn.zxid) == self._epochs[conn]
        (tenure.proposed if its else tenure.shown).setdefault(txn.zxid, txn)

    def _committed(self, index: int, conn: int, zxid: int, packet: pk.Packet) -> None:
        """Of its own epoch. Older ones it tells a learner that it brings up to date."""
        epoch = self._epochs[conn]
        if epoch_of(zxid) != epoch or (epoch, zxid) in self._told:
            return
        self._told.add((epoch, zxid))
        self._activated = self._activated or isinstance(packet, _ACTIVATES)
        acks = self._acks.pop(zxid, {self._life.sid}) | self._on_the_way.get(zxid, set())
        txn = self._logs.lineage.tenure((epoch, self._life.sid)).proposed.get(zxid)
        if txn is not None:
            self._logs.commits(txn, epoch, index)
        self._by_quorum(index, zxid, acks)

    def _by_quorum(self, index: int, zxid: int, acks: set[int]) -> None:
        electorate, docket = self._config.electorate, self._logs.docket
        if self._life.quorum(electorate, acks, index):
            return
        what = f"{self._life.who} commits {hex64(zxid)}"
        who = sorted(acks & electorate.voters)
        hole = self._life.hole or self._torn
        if self._activated or electorate.split:
            hole = "a newer configuration may have been in force"
        elif zxid in self._strangers:
            hole = "who acked it was not captured"
        if hole:
            docket.doubt(Law.ACKED, f"{what} with the acks of {who} as far as seen; {hole}", index)
        else:
            docket.case(Law.ACKED, f"{what} with the acks of {who} only", index)


def follow_foreign(history: History, logs: Logs) -> None:
    """Take in every start of every foreign server, and then what their service committed.

    Each line in the order of time: a log that ends in some epoch goes on from that epoch's
    leader, whoever it was.
    """
    on_the_way: Acks = {}
    stays = {
        (life.sid, life.appeared.inc): _Stay(life, logs, on_the_way) for life in lives(history)
    }
    for index, step in history.steps():
        if step.at_ns > history.end_ns - _UNSEEN_NS:
            _says(step, on_the_way)
        if isinstance(step, Seen) and (step.sid, step.inc) in stays:
            stays[step.sid, step.inc].take(index, step)
    _inherit(logs)


def _says(step: Step, on_the_way: Acks) -> None:
    """An ack that was sent shortly before the end: that it arrived may not have been captured.

    Who sent it has logged what it acks, which is all that a commit needs.
    """
    for effect in step.effects:
        match effect:
            case SendPacket(packet=pk.Ack(zxid=zxid)):
                on_the_way.setdefault(zxid, set()).add(step.sid)
            case _:
                pass


def _inherit(logs: Logs) -> None:
    """A leader that serves has committed all that its log held, whoever proposed it."""
    known = {
        txn
        for tenure in logs.lineage.terms.values()
        for txn in [*tenure.proposed.values(), *tenure.shown.values()]
    }
    for reign in sorted(logs.reigns, key=lambda one: one.epoch):
        for txn in known:
            if txn not in logs.acked and logs.lineage.leads(reign.term, txn):
                logs.commits(txn, reign.epoch, reign.index)
