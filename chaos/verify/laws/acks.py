"""What a member acks, and what it may not: laws H9 and H10, and the learner's half of H6.

``no_split_brain``: after a member's ACKEPOCH of an epoch it acks nothing of an older one, not
even after a restart. This needs no clock, and with quorums that intersect it is what keeps a
deposed leader from committing. ``no_acks_for_strangers``: a learner acks only what its own
leader offered on their connection, in the epoch that was agreed there. ``synced_before_ack``:
what it acks is in its log by then; what it was sent before NEWLEADER is, when it acks that, and
the epoch is on its disk.

A leader acks by writing: its own promise, and each transaction that it appends.
"""

from __future__ import annotations

from chaos.election import packets as pk
from chaos.election.effects import (
    Append,
    Effect,
    Entered,
    LeaderConnected,
    PacketRead,
    Persist,
    Phase,
    Restore,
    SendPacket,
    SkewEpochs,
    SkewZxid,
    Truncate,
)
from chaos.election.ids import counter_of, epoch_of, hex64, zxid_of
from chaos.election.notification import ServerState
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.laws.past import Past
from chaos.verify.standing import Standing
from chaos.verify.tester import ORDERS


class Acks:
    """The acks of one incarnation."""

    def __init__(self, began: Began, past: Past, docket: Docket) -> None:
        self._past = past
        self._sid = began.sid
        self._docket = docket
        self._state = ServerState.LOOKING
        self._conn = 0
        self._epoch: int | None = None  # of LEADERINFO on this connection
        self._offered: set[int] = set()  # zxids that its leader proposed on it
        # Of its disk, until the tester changes that.
        self._log_end: int | None = began.spec.last_zxid
        self._current: int | None = began.spec.current_epoch
        self._sent: int | None = None  # where its log is to end, by what its leader sent
        self._moved = False  # at hand is a step in which the tester changes its epochs or its log

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        if not isinstance(event.happened, ORDERS):
            self._past.kept = self._past.promised
        self._moved = isinstance(event.happened, SkewEpochs | SkewZxid)
        match event.happened:
            case LeaderConnected(conn=conn):
                self._conn, self._epoch, self._sent = conn, None, None
                self._offered.clear()
            case PacketRead(conn=conn, packet=packet) if conn == self._conn:
                self._read(packet)
            case SkewEpochs(accepted=accepted) if accepted is not None:
                self._past.promised = (min(self._past.promised[0], accepted), index)
                self._past.kept = min(self._past.kept, self._past.promised)
            case _:
                pass
        for effect in event.effects:
            self._effect(effect, index, standing)

    def _read(self, packet: pk.Packet) -> None:
        match packet:
            case pk.LeaderInfo(epoch=epoch):
                self._epoch = epoch
            case pk.NewLeader(zxid=zxid):
                self._offered.add(zxid)
            case pk.Snap(zxid=zxid):
                self._sent = zxid
            case pk.Proposal(txn=pk.Txn(zxid=zxid)):
                self._offered.add(zxid)
                self._sent = max(zxid, self._sent or zxid)
            case _:
                pass

    def _effect(self, effect: Effect, index: int, standing: Standing) -> None:
        match effect:
            case Entered(state=state, phase=phase):
                self._state = state
                if phase is Phase.ELECTION:
                    self._conn, self._epoch = 0, None
            case Persist(name="acceptedEpoch", value=epoch) if self._state is ServerState.LEADING:
                if not self._moved:
                    self._promise(epoch, index)
            case Persist() | Truncate() | Append() | Restore():
                self._disk(effect, index)
            case SendPacket(packet=pk.AckEpoch()) if self._epoch is not None:
                self._promise(self._epoch, index)
            case SendPacket(conn=conn, packet=pk.Ack(zxid=zxid)):
                self._not_older(zxid, "acks", index)
                self._own(conn, zxid, index)
                self._logged(zxid, index, standing)
            case _:
                pass

    def _disk(self, effect: Persist | Truncate | Append | Restore, index: int) -> None:
        match effect:
            case Persist(name="currentEpoch", value=epoch):
                self._current = None if self._moved else epoch
            case Persist(name="zxid", value=zxid) | Truncate(zxid=zxid):
                self._log_end = None if self._moved else zxid
            case Append(txns=txns) | Restore(txns=txns) if txns:
                self._log_end = txns[-1].zxid
                if isinstance(effect, Append) and self._state is ServerState.LEADING:
                    self._not_older(txns[0].zxid, "as leader logs", index)
            case Restore(zxid=zxid):
                self._log_end = zxid
            case _:
                pass

    def _promise(self, epoch: int, index: int) -> None:
        if epoch > self._past.promised[0]:
            self._past.promised = (epoch, index)

    def _not_older(self, zxid: int, what: str, index: int) -> None:
        """H9."""
        promised, at = self._past.promised
        wrong = ""
        if epoch_of(zxid) < promised:
            wrong = f"peer {self._sid} {what} {hex64(zxid)}; it had acked epoch {promised} before"
        self._docket.case(Law.SPLIT_BRAIN, wrong, *((at, index) if wrong else (index,)))

    def _own(self, conn: int, zxid: int, index: int) -> None:
        """H10."""
        wrong = ""
        if conn != self._conn:
            wrong = f"peer {self._sid} acks {hex64(zxid)} to somebody who is not its leader"
        elif self._epoch is None or epoch_of(zxid) != self._epoch:
            wrong = f"peer {self._sid} acks {hex64(zxid)} to a leader of epoch {self._epoch}"
        elif zxid not in self._offered and zxid != zxid_of(self._epoch):
            wrong = f"peer {self._sid} acks {hex64(zxid)}, which its leader never proposed to it"
        self._docket.case(Law.STRANGERS, wrong, index)

    def _logged(self, zxid: int, index: int, standing: Standing) -> None:
        """H6: of a transaction, its log reaches as far as it says; of an epoch, as it was sent."""
        if "zxid" in standing.disk.touched:
            return
        wrong, due, end = "", zxid if counter_of(zxid) else self._sent, self._log_end
        if due is not None and end is not None and end < due:
            wrong = f"peer {self._sid} acks {hex64(zxid)}; its log ends at {hex64(end)}"
            wrong += "" if counter_of(zxid) else f", and it was sent {hex64(due)} before"
        elif not counter_of(zxid) and self._current not in (None, epoch_of(zxid)):
            wrong = f"peer {self._sid} acks {hex64(zxid)}; its currentEpoch is {self._current}"
        self._docket.case(Law.SYNCED, wrong, index)
