"""Zab's handshake once more: what a leader and a learner must say, given what they heard.

A second, plain epoch discovery and synchronisation, beside :mod:`chaos.verify.oracle` for the
election. It calls none of the core's stages, tallies or synchronisations: a mistake there must
not hide itself. It is told what happened on the quorum port, and answers what is due.

Source: ZooKeeper 3.8 ``Leader.getEpochToPropose``, ``Leader.waitForEpochAck``,
``Leader.waitForNewLeaderAck``, ``LearnerHandler.run``, ``LearnerHandler.syncFollower``,
``Learner.registerWithLeader``, ``Learner.syncWithLeader``; with the departures of
``docs/zookeeper-differences.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from chaos.election import packets as pk
from chaos.election.effects import Append, Effect, Persist, Restore, Truncate
from chaos.election.ids import NO_ZXID, Sid, counter_of, epoch_of, hex64, zxid_of
from chaos.election.spec import PeerSpec
from chaos.verify.rules import Electorate, enough


class What(StrEnum):
    """Everything by which a handshake goes on."""

    PROMISES = "stores acceptedEpoch"
    ENTERS = "stores currentEpoch"
    HELLO = "FOLLOWERINFO"
    LEADERINFO = "LEADERINFO"
    ACKEPOCH = "ACKEPOCH"
    DIFF = "DIFF"
    SNAP = "SNAP"
    NEWLEADER = "NEWLEADER"
    ACK = "ACK"
    UPTODATE = "UPTODATE"
    PING = "PING"
    SERVES = "serves"
    CLOSES = "closes"
    LEAVES = "leaves"


class Word(NamedTuple):
    """One thing that is said or done. ``number`` is an epoch or a zxid, as ``what`` has it.

    ``more`` are the zxids that a DIFF or SNAP brings; of FOLLOWERINFO the configuration's version
    and whether it observes, of ACKEPOCH the current epoch.
    """

    what: What
    conn: int = 0
    number: int = 0
    more: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f" on {self.conn}" if self.conn else ""
        match self.what:
            case What.LEAVES:
                return "leaves"
            case What.CLOSES | What.UPTODATE:
                return f"{self.what}{where}"
            case What.PROMISES | What.ENTERS | What.HELLO | What.LEADERINFO | What.SERVES:
                number = str(self.number)
            case _:
                number = hex64(self.number)
        more = f" {list(self.more)}" if self.more else ""
        return f"{self.what} {number}{more}{where}"


class Trail:
    """Where a log begins, and the zxids behind that."""

    def __init__(self, spec: PeerSpec) -> None:
        self.begins: int = spec.zxid
        self.zxids: list[int] = [txn.zxid for txn in spec.log]

    @property
    def last(self) -> int:
        """Where it ends."""
        return self.zxids[-1] if self.zxids else self.begins

    def take(self, effect: Effect) -> None:
        """What a step does to the log."""
        match effect:
            case Append(txns=txns):
                self.zxids += [txn.zxid for txn in txns]
            case Truncate(zxid=zxid):
                self.zxids = [one for one in self.zxids if one <= zxid]
            case Restore(zxid=zxid, txns=txns):
                self.begins, self.zxids = zxid, [txn.zxid for txn in txns]
            case Persist(name="zxid", value=zxid):
                self.begins, self.zxids = zxid, []
            case _:
                pass

    def brings(self, conn: int, learner: int, processed: int, *, votes: bool) -> Word:
        """DIFF or SNAP to a learner whose log ends at ``learner``, and what comes with it.

        ``processed`` is what is committed. What is proposed beyond it goes to voters alone.
        """
        committed = [zxid for zxid in self.zxids if zxid <= processed]
        proposed = [zxid for zxid in self.zxids if zxid > processed] if votes else []
        if learner == processed:
            return Word(What.DIFF, conn, learner, tuple(proposed))
        if not committed:
            return Word(What.SNAP, conn, processed, tuple(proposed))
        known = counter_of(learner) == 0 or learner in {self.begins, *committed}
        if known and self.begins <= learner <= committed[-1]:
            behind = [zxid for zxid in committed if zxid > learner]
            return Word(What.DIFF, conn, committed[-1], (*behind, *proposed))
        return Word(What.SNAP, conn, self.begins, (*committed, *proposed))


# ---- the leader


@dataclass(slots=True)
class _Learner:
    """One connection: what is due from it, and whether it said so and waits for a quorum."""

    due: What = What.HELLO
    waits: bool = False
    sid: int = 0
    observer: bool = False
    zxid: int = 0


class LeaderSide:
    """One leadership, from its election to its end.

    The quorums of discovery are of the committed configuration, that of NEWLEADER is of every
    configuration in force, all as they were when it was elected.
    """

    def __init__(
        self, me: Sid, electorate: Electorate, held: tuple[int, int, int], trail: Trail
    ) -> None:
        accepted, current, zxid = held
        self.serving = False
        self.processed = zxid
        self._me = me
        self._electorate = electorate
        self._trail = trail
        self._before = (current, zxid)
        # A log that the tester put ahead of every promise counts as one.
        self._epoch = max(accepted, epoch_of(trail.last)) + 1
        self._connecting: set[int] = {me}
        self._electing: set[int] = set()
        self._acks: set[int] = set()
        self._proposed = self._led = False
        self._beaten = False  # by somebody who counts and has more
        self._learners: dict[int, _Learner] = {}
        self._strangers = 0

    def begin(self) -> list[Word]:
        """It is elected; who is a quorum alone goes all the way."""
        return self._go()

    def connected(self, conn: int) -> None:
        """A learner is here."""
        self._learners[conn] = _Learner()

    def lost(self, conn: int) -> None:
        """It is gone. Whom it counted stays counted: ZooKeeper's sets never shrink."""
        self._learners.pop(conn, None)

    def silent(self, conn: int) -> list[Word]:
        """A learner said nothing for as long as it may."""
        return self._away(conn) if conn in self._learners else [Word(What.CLOSES, conn)]

    def waited(self) -> list[Word]:
        """InitLimit is over, and the quorum that is due has not come."""
        return [Word(What.LEAVES)]

    def hear(self, conn: int, packet: pk.Packet, version: int) -> list[Word]:
        """A packet of a learner; ``version`` is that of the leader's committed configuration."""
        learner = self._learners.get(conn)
        if learner is None:
            return []
        if learner.due is What.PING:  # it serves
            aside = isinstance(packet, pk.Ping) and not packet.answer
            return self._away(conn) if aside else []
        if learner.waits or not self._takes(learner, packet, version):
            return self._away(conn)
        return [Word(What.LEAVES)] if self._beaten else self._go()

    # ----

    def _away(self, conn: int) -> list[Word]:
        del self._learners[conn]
        return [Word(What.CLOSES, conn)]

    def _takes(self, learner: _Learner, packet: pk.Packet, version: int) -> bool:
        """Take in what is due; whether it was."""
        match packet:
            case pk.LearnerHello(config_version=its) if learner.due is What.HELLO:
                if its > version:
                    return False
                self._hello(learner, packet)
            case pk.AckEpoch() if learner.due is What.ACKEPOCH:
                self._ack_epoch(learner, packet)
            case pk.Ack(zxid=zxid) if learner.due is What.ACK:
                self._ack(learner, zxid)
            case _:
                return False
        return True

    def _hello(self, learner: _Learner, hello: pk.LearnerHello) -> None:
        if hello.sid is None:
            self._strangers -= 1
        learner.sid = self._strangers if hello.sid is None else hello.sid
        learner.waits, learner.observer = True, hello.observer
        if not self._proposed:
            self._epoch = max(self._epoch, hello.accepted_epoch + 1)
            self._connecting.add(learner.sid)

    def _ack_epoch(self, learner: _Learner, said: pk.AckEpoch) -> None:
        learner.waits, learner.zxid = True, said.zxid
        if self._led or said.current_epoch == -1:
            return
        self._beaten = (said.current_epoch, said.zxid) > self._before
        if said.zxid != NO_ZXID:
            self._electing.add(learner.sid)

    def _ack(self, learner: _Learner, zxid: int) -> None:
        if self.serving and counter_of(zxid):
            return  # a transaction's, which overtook that of NEWLEADER
        learner.waits = True
        if zxid == zxid_of(self._epoch):
            self._acks.add(learner.sid)

    def _go(self) -> list[Word]:
        """Each quorum that is there lets everybody on who waits for it."""
        words: list[Word] = []
        committed, epoch = self._electorate.committed, self._epoch
        if not self._proposed and enough(committed, self._connecting):
            self._proposed = True
            self._electing.add(self._me)
            words.append(Word(What.PROMISES, 0, epoch))
        if self._proposed:
            for conn, _ in self._lets(What.HELLO, What.ACKEPOCH):
                words.append(Word(What.LEADERINFO, conn, epoch))
        if self._proposed and not self._led and enough(committed, self._electing):
            self._led = True
            self._acks.add(self._me)
            words.append(Word(What.ENTERS, 0, epoch))
        if self._led:
            for conn, learner in self._lets(What.ACKEPOCH, What.ACK):
                votes = not learner.observer
                words.append(self._trail.brings(conn, learner.zxid, self.processed, votes=votes))
                words.append(Word(What.NEWLEADER, conn, zxid_of(epoch)))
        if self._led and not self.serving and self._electorate.quorum(self._acks):
            self.serving, self.processed = True, zxid_of(epoch)
            words.append(Word(What.SERVES, 0, epoch))
        if self.serving:
            words += [Word(What.UPTODATE, conn) for conn, _ in self._lets(What.ACK, What.PING)]
        return words

    def _lets(self, due: What, then: What) -> list[tuple[int, _Learner]]:
        """Those who said ``due``; ``then`` is what is due from them now."""
        found = [(c, one) for c, one in self._learners.items() if one.due is due and one.waits]
        for _, learner in found:
            learner.due, learner.waits = then, False
        return found


# ---- the learner


@dataclass(slots=True)
class Held:
    """What a learner holds when something happens: its disk, and what it says of itself."""

    accepted: int
    current: int
    zxid: int
    version: int
    observes: bool


@dataclass(slots=True)
class LearnerSide:
    """One stay under one leader.

    ``cannot_cut``: a TRUNC went to before its log's beginning, so that it asks for everything.
    """

    attempts_max: int
    trail: Trail
    cannot_cut: bool = False
    serving: bool = False
    _conn: int = 0
    _attempts: int = 1
    _epoch: int | None = None
    _seen: set[What] = field(default_factory=set)
    _refused: bool = False  # it waits a moment before it leaves

    def connected(self, conn: int, held: Held) -> list[Word]:
        """Its connection stands."""
        self._conn = conn
        return [Word(What.HELLO, conn, held.accepted, (held.version, int(held.observes)))]

    def not_connected(self) -> list[Word]:
        """Its leader's port is not open."""
        return [Word(What.LEAVES)] if self._attempts >= self.attempts_max else []

    def again(self) -> list[Word]:
        """The pause is over: before the next attempt, or before it leaves."""
        self._attempts += 1
        return [Word(What.LEAVES)] if self._refused else []

    def waited(self) -> list[Word]:
        """Its leader was not reached, or was silent, for as long as it may be."""
        return [Word(What.LEAVES)]

    def lost(self, conn: int) -> list[Word]:
        """Its connection is gone."""
        if conn != self._conn or self._refused:
            return []
        return [Word(What.LEAVES)] if self._epoch is not None else self._pause()

    def hear(self, conn: int, packet: pk.Packet, held: Held) -> list[Word]:
        """A packet of its leader."""
        if conn != self._conn or self._refused:
            return []
        words: list[Word] = []
        match packet:
            case pk.LeaderInfo(epoch=epoch) if self._epoch is None:
                words = self._leader_info(epoch, held)
            case pk.Diff() | pk.Snap() | pk.Trunc() if self._may(What.DIFF, What.LEADERINFO):
                words = self._base(packet)
            case pk.NewLeader(zxid=zxid) if self._may(What.NEWLEADER, What.DIFF):
                words = self._new_leader(zxid)
            case pk.UpToDate() if self._may(What.UPTODATE, What.NEWLEADER):
                words = self._up_to_date()
            case pk.Ping(zxid=zxid):
                words = [Word(What.PING, conn, zxid)] if self.serving else []
            case _ if self.serving or (is_transaction(packet) and What.DIFF in self._seen):
                pass
            case _:
                words = [Word(What.LEAVES)]
        return words

    # ----

    def _may(self, what: What, after: What) -> bool:
        return after in self._seen and what not in self._seen

    def _pause(self) -> list[Word]:
        self._refused = True
        return [Word(What.CLOSES, self._conn)]

    def _leader_info(self, epoch: int, held: Held) -> list[Word]:
        if epoch < held.accepted:
            return self._pause()
        again = epoch == held.accepted
        zxid = 0 if again and self.cannot_cut else held.zxid
        self.cannot_cut = False
        self._epoch = epoch
        self._seen.add(What.LEADERINFO)
        ack = Word(What.ACKEPOCH, self._conn, zxid, (-1 if again else held.current,))
        return [ack] if again else [Word(What.PROMISES, 0, epoch), ack]

    def _base(self, packet: pk.Diff | pk.Snap | pk.Trunc) -> list[Word]:
        if isinstance(packet, pk.Trunc) and packet.zxid < self.trail.begins:
            self.cannot_cut = True
            return self._pause()
        self._seen.add(What.DIFF)
        return []

    def _new_leader(self, zxid: int) -> list[Word]:
        if epoch_of(zxid) != self._epoch:
            return [Word(What.LEAVES)]
        self._seen.add(What.NEWLEADER)
        return [Word(What.ENTERS, 0, self._epoch), Word(What.ACK, self._conn, zxid)]

    def _up_to_date(self) -> list[Word]:
        assert self._epoch is not None
        self.serving = True
        self._seen.add(What.UPTODATE)
        ack = Word(What.ACK, self._conn, zxid_of(self._epoch))
        return [ack, Word(What.SERVES, 0, self._epoch)]


def is_transaction(packet: pk.Packet) -> bool:
    """Whether a packet of a leader is part of its broadcast."""
    kinds = pk.Proposal | pk.Commit | pk.CommitAndActivate | pk.Inform | pk.InformAndActivate
    return isinstance(packet, kinds)
