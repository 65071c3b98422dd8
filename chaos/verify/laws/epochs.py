"""How a leader comes to its epoch: laws H3 and H4, and the quorums of discovery.

``fresh_epoch``: one more than every promise that it heard of, its own included.
``epoch_by_quorum``: a quorum said FOLLOWERINFO before LEADERINFO leaves, and a quorum ACKEPOCH
before NEWLEADER does; who had promised this very epoch before (current epoch -1) and whose log
is unusable (zxid -1) does not count. ``leader_is_most_recent``: none of those who count has a
newer epoch or a longer log.

Both quorums are of the committed configuration only: that is the code's rule.
Source: ZooKeeper 3.8 ``Leader.getEpochToPropose``, ``Leader.waitForEpochAck``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.election import packets as pk
from chaos.election.effects import (
    Effect,
    Entered,
    LearnerConnected,
    PacketRead,
    Persist,
    Phase,
    SendPacket,
)
from chaos.election.ids import NO_ZXID, epoch_of, hex64
from chaos.election.notification import ServerState
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.laws.watcher import SKEWS, names
from chaos.verify.rules import enough
from chaos.verify.standing import Standing


@dataclass(slots=True)
class _Term:
    """One leadership on its way. Evidence is by connection: a learner may come again."""

    accepted: int  # the leader's promise, epoch and log when it began
    current: int
    zxid: int
    hellos: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # sid, promise, event
    acks: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)  # sid, epoch, zxid, …
    epoch: int | None = None  # proposed
    led: bool = False


class Discovery:
    """The leaderships of one incarnation, until their NEWLEADER."""

    def __init__(self, began: Began, docket: Docket) -> None:
        self._sid = began.sid
        self._docket = docket
        self._term: _Term | None = None
        self._learners: dict[int, int] = {}  # by connection
        self._strangers = 0

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        if isinstance(event.happened, SKEWS):
            self._term = None  # what it leads by is the tester's from here on
        if self._term is not None:
            self._input(index, event, self._term, standing)
        disk = dict(standing.disk.values)  # as this step changes it
        zxid = standing.zxid
        for effect in event.effects:
            match effect:
                case Entered(state=ServerState.LEADING, phase=Phase.DISCOVERY):
                    self._learners.clear()
                    self._term = _Term(disk["acceptedEpoch"], disk["currentEpoch"], zxid)
                case Entered(phase=Phase.ELECTION):
                    self._term = None
                case _ if self._term is not None:
                    self._effect(effect, index, self._term, standing)
                case _:
                    pass
            if isinstance(effect, Persist):
                disk[effect.name] = effect.value

    def _input(self, index: int, event: Stepped, term: _Term, standing: Standing) -> None:
        match event.happened:
            case LearnerConnected(conn=conn):
                self._learners.pop(conn, None)
            case PacketRead(conn=conn, packet=pk.LearnerHello() as hello):
                if conn in self._learners:
                    return  # out of turn
                if hello.config_version > standing.electorate.committed.version:
                    return  # sent away
                self._strangers -= 1
                sid = self._strangers if hello.sid is None else hello.sid
                self._learners[conn] = sid
                term.hellos[conn] = (sid, hello.accepted_epoch, index)
            case PacketRead(conn=conn, packet=pk.AckEpoch() as ack) if conn in self._learners:
                # One that comes a second time is out of turn.
                said = (self._learners[conn], ack.current_epoch, ack.zxid, index)
                term.acks.setdefault(conn, said)
            case _:
                pass

    def _effect(self, effect: Effect, index: int, term: _Term, standing: Standing) -> None:
        match effect:
            case Persist(name="acceptedEpoch", value=epoch):
                self._proposes(epoch, index, term, standing)
            case SendPacket(packet=pk.LeaderInfo(epoch=epoch)):
                self._proposes(epoch, index, term, standing)
            case Persist(name="currentEpoch") | SendPacket(packet=pk.NewLeader()):
                self._leads(index, term, standing)
            case Entered(state=ServerState.LEADING, phase=Phase.SYNCHRONIZATION):
                self._leads(index, term, standing)
            case _:
                pass

    def _proposes(self, epoch: int, index: int, term: _Term, standing: Standing) -> None:
        """H3, once in a leadership: the quorum of FOLLOWERINFO is there."""
        if term.epoch is not None:
            return
        term.epoch = epoch
        hellos = term.hellos.values()
        evidence = (*(at for _, _, at in hellos), index)
        if "acceptedEpoch" not in standing.disk.touched:
            highest, wrong = max([term.accepted, *(promise for _, promise, _ in hellos)]), ""
            # A log that the tester put ahead of its epochs counts as a promise, too.
            fair = {highest + 1, max(highest, epoch_of(term.zxid)) + 1}
            if epoch not in fair:
                wrong = (
                    f"peer {self._sid} proposes epoch {epoch}; the highest promise that it heard "
                    f"of is {highest}"
                )
            self._docket.case(Law.FRESH, wrong, *evidence)
        who = {self._sid, *(sid for sid, _, _ in hellos)}
        self._quorum("FOLLOWERINFO", who, f"proposes epoch {epoch}", standing, *evidence)

    def _leads(self, index: int, term: _Term, standing: Standing) -> None:
        """H4, once in a leadership: the quorum of ACKEPOCH is there."""
        if term.led:
            return
        term.led = True
        acks = term.acks.values()
        counted = [said for said in acks if said[1] != -1 and said[2] != NO_ZXID]
        evidence = (*(at for *_, at in acks), index)
        who = {self._sid, *(sid for sid, *_ in counted)}
        self._quorum("ACKEPOCH", who, f"leads epoch {term.epoch}", standing, *evidence)
        for sid, current, zxid, at in counted:
            wrong = ""
            if (current, zxid) > (term.current, term.zxid):
                wrong = (
                    f"peer {self._sid}, in epoch {term.current} at {hex64(term.zxid)}, leads "
                    f"peer {sid}, which had said epoch {current} and {hex64(zxid)}"
                )
            self._docket.case(Law.RECENT, wrong, at, index)

    def _quorum(
        self, packet: str, sids: set[int], what: str, standing: Standing, *evidence: int
    ) -> None:
        committed, wrong = standing.electorate.committed, ""
        if not enough(committed, sids):
            who = names(sids & committed.voters)
            wrong = f"peer {self._sid} {what} with the {packet} of {who} only"
        self._docket.case(Law.EPOCH_QUORUM, wrong, *evidence, but=standing.given)
