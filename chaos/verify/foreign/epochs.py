"""Epochs of a foreign server: promised, led, established; judged by packets, log and files."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.actions import Launch, SetEpochs
from chaos.election import packets as pk
from chaos.election.effects import (
    Decided,
    Entered,
    PacketRead,
    Phase,
    Send,
    SendPacket,
    Serving,
)
from chaos.election.ids import Sid, epoch_of, zxid_of
from chaos.election.notification import Notification, ServerState
from chaos.history.events import Event, Seen, Wrote
from chaos.verify.docket import Docket, Law
from chaos.verify.foreign.lives import Life, Votership
from chaos.verify.standing import Forgot, Led
from chaos.verify.tester import Change

_LEARNERS = (ServerState.FOLLOWING, ServerState.OBSERVING)
_SURELY = 2  # PINGs


class Reign:
    """What a leader did for one epoch: whom it offered it, and who acked."""

    def __init__(self, leader: Sid) -> None:
        self.acks: set[int] = {leader}
        self.at: list[int] = []  # the events that brought the acks
        self.served: int | None = None  # the event by which it served
        self.judged = False


class Epochs:
    """One server over all its starts: its files outlive them."""

    def __init__(
        self, sid: Sid, changes: Sequence[Change], events: Sequence[Event], docket: Docket
    ) -> None:
        self.led: list[Led] = []
        self.forgot: list[Forgot] = []
        self._sid = sid
        self._changes, self._events = changes, events
        self._docket = docket
        self._held: dict[str, tuple[int, int]] = {}  # file -> its highest epoch, and the event
        self._starts: list[int] = []  # the events by which it was started

    def judge(self, life: Life) -> None:
        """One start, from the files that it found to its end."""
        self._born(life)
        self._starts.append(life.index)
        stay, answers = _Stay(life, self, self._docket), _Answers(life, self._docket)
        for index, line in life.lines:
            if isinstance(line, Seen):
                stay.take(index, line)
                answers.take(line)
            else:
                answers.wrote(index, line)
        stay.end()

    def _born(self, life: Life) -> None:
        """H1, H2 over a restart: what packets showed was on disk by then."""
        held = {
            "acceptedEpoch": int(life.appeared.accepted_epoch),
            "currentEpoch": int(life.appeared.current_epoch),
        }
        for name, now in held.items():
            known, at = self._held.get(name, (now, life.index))
            if self._changed(at, life.index):
                self._moved(name, now, life.index)
                continue
            wrong = ""
            if now < known:
                wrong = f"{life.who} came back with {name} {now}; it had shown {known}"
            if name in self._held:
                self._docket.case(Law.EPOCHS, wrong, life.index, at)
            self._held[name] = max((now, life.index), (known, at))

    def _changed(self, at: int, until: int) -> bool:
        """Whether the tester changed the epochs that event ``at`` showed before event ``until``.

        What it changes while the server runs may show later: a packet can be on its way, held at a
        gate, that tells of what was there before. In one instant the tester's lines come first,
        also before an earlier start.
        """
        start = max((index for index in self._starts if index <= at), default=at)
        until_ns = self._events[until].at_ns
        at_once = self._events[at].at_ns == until_ns
        return any(
            index < until
            and (
                index > (start if isinstance(one, SetEpochs) else at)
                or (at_once and self._events[index].at_ns == until_ns)
            )
            for index, one in self._changes
            if isinstance(one, Launch | SetEpochs)
        )

    def _moved(self, name: str, now: int, index: int) -> None:
        """The tester left it so; a promise that it took back binds no more."""
        known, _ = self._held.get(name, (now, index))
        if name == "acceptedEpoch" and now < known:
            self.forgot.append(Forgot(self._sid, now, known, index))
        self._held[name] = (now, index)

    def holds(self, name: str, epoch: int, index: int, what: str) -> None:
        """H1, H2: an epoch that shows is no lower than those that showed before."""
        known, at = self._held.get(name, (0, index))
        if epoch < known and self._changed(at, index):
            self._moved(name, epoch, index)
            return
        wrong = f"{what} after its {name} was {known}" if epoch < known else ""
        self._docket.case(Law.EPOCHS, wrong, index, at)
        if epoch >= known:
            self._held[name] = (epoch, index)

    def promised(self, epoch: int, index: int) -> None:
        """Who leads an epoch had promised it, also where no learner was there to be told."""
        known, _ = self._held.get("acceptedEpoch", (0, index))
        if epoch > known:
            self._held["acceptedEpoch"] = (epoch, index)


class _Answers:
    """What a learner answers to others once it serves: the established epoch.

    Source: ``Learner.syncWithLeader``, which ends with ``QuorumPeer.updateElectionVote``. By the
    second PING that it answers after UPTODATE it has surely done so.
    """

    def __init__(self, life: Life, docket: Docket) -> None:
        self._life = life
        self._docket = docket
        self._offered: dict[int, int] = {}  # connection -> epoch of LEADERINFO
        self._pings: dict[int, int] = {}  # connection -> those answered since UPTODATE
        self._epoch: int | None = None  # to be answered with from now on
        self._said: dict[int, tuple[Notification, int]] = {}  # by line, and the epoch due in it

    def take(self, seen: Seen) -> None:
        """One line of what was seen."""
        match seen.happened:
            case PacketRead(conn=conn, packet=pk.LeaderInfo(epoch=epoch)):
                self._offered[conn], self._epoch = epoch, None
            case PacketRead(conn=conn, packet=pk.UpToDate()):
                self._pings[conn] = 0
            case _:
                pass
        for effect in seen.effects:
            match effect:
                case Entered(phase=Phase.ELECTION | Phase.DISCOVERY) | Decided():
                    self._epoch = None
                case SendPacket(conn=conn, packet=pk.Ping(answer=True)) if conn in self._pings:
                    self._pings[conn] += 1
                    if self._pings[conn] >= _SURELY:
                        self._epoch = self._offered.get(conn)
                case Send(notification=said) if self._epoch is not None:
                    self._said[seen.seq] = (said, self._epoch)
                case _:
                    pass

    def wrote(self, index: int, line: Wrote) -> None:
        """The first message of a link may be the last one of a link before, however old."""
        said, due = self._said.get(line.step, (None, 0))
        if said is None or line.frame == 0 or said.state not in _LEARNERS or said.peer_epoch < 0:
            return
        wrong = ""
        if said.peer_epoch < due:
            wrong = f"{self._life.who} answers with epoch {said.peer_epoch}; it serves epoch {due}"
        self._docket.case(Law.EPOCHS, wrong, index)


class _Stay:
    """The quorum connections of one start."""

    def __init__(self, life: Life, epochs: Epochs, docket: Docket) -> None:
        self._life = life
        self._epochs = epochs
        self._docket = docket
        self._config = Votership(life.appeared.config)
        self._state = ServerState.LOOKING
        self._learners: dict[int, Sid] = {}
        self._offered: dict[int, int] = {}  # connection -> epoch of LEADERINFO or NEWLEADER
        self._given: dict[int, int] = {}  # connection -> zxid of the NEWLEADER that it read
        self._reigns: dict[int, Reign] = {}
        self._blind: int | None = None  # it led, and what it sent then was not captured
        self._shown = False  # some packet of its quorum port was

    def take(self, index: int, seen: Seen) -> None:
        """One line of what was seen."""
        match seen.happened:
            case PacketRead(conn=conn, packet=packet):
                self._read(index, conn, packet)
            case _:
                pass
        for effect in seen.effects:
            match effect:
                case Entered(state=state) | Decided(state=state):
                    self._state = state
                case SendPacket(conn=conn, packet=packet):
                    self._shown = True
                    self._sent(index, conn, packet)
                case Serving(epoch=epoch):
                    self._serves(index, epoch)
                case _:
                    pass
        if self._state is ServerState.LEADING and self._life.hole and self._blind is None:
            self._blind = index

    def _read(self, index: int, conn: int, packet: pk.Packet) -> None:
        match packet:
            case pk.LearnerHello(sid=sid) if sid is not None:
                self._learners[conn] = sid
            case pk.LeaderInfo(epoch=epoch):
                self._offered[conn] = epoch
            case pk.NewLeader(zxid=zxid, config=config):
                self._given[conn] = zxid
                self._config.sees(config)
            case pk.Ack(zxid=zxid) if conn in self._learners:
                epoch = epoch_of(zxid)
                reign = self._reigns.get(epoch)
                mine = self._offered.get(conn) == epoch and zxid == zxid_of(epoch)
                if reign is not None and mine:  # other ACKs are of proposals
                    reign.acks.add(self._learners[conn])
                    reign.at.append(index)
            case _:
                pass

    def _sent(self, index: int, conn: int, packet: pk.Packet) -> None:
        who, holds = self._life.who, self._epochs.holds
        match packet:
            case pk.LeaderInfo(epoch=epoch):
                holds("acceptedEpoch", epoch, index, f"{who} offers epoch {epoch}")
            case pk.AckEpoch() if conn in self._offered:
                offer = self._offered[conn]
                holds("acceptedEpoch", offer, index, f"{who} accepts epoch {offer}")
            case pk.NewLeader(zxid=zxid, config=config):
                self._config.sees(config)
                self._offered[conn] = epoch_of(zxid)
                self._leads(index, epoch_of(zxid), "sends NEWLEADER of")
            case pk.Ack(zxid=zxid) if self._given.get(conn) == zxid:
                acked = epoch_of(zxid)
                holds("currentEpoch", acked, index, f"{who} acks NEWLEADER of epoch {acked}")
            case pk.UpToDate() if conn in self._offered:
                self._established(index, self._offered[conn])
            case _:
                pass

    def _leads(self, index: int, epoch: int, what: str) -> Reign:
        reign = self._reigns.get(epoch)
        if reign is None:
            reign = self._reigns[epoch] = Reign(self._life.sid)
            self._epochs.led.append(Led(epoch, self._life.sid, self._life.appeared.inc, index))
            told = f"{self._life.who} {what} epoch {epoch}"
            self._epochs.holds("currentEpoch", epoch, index, told)
            self._epochs.promised(epoch, index)
        return reign

    def _serves(self, index: int, epoch: int) -> None:
        if self._state is ServerState.LEADING:
            reign = self._leads(index, epoch, "leads")
            reign.served = index if reign.served is None else reign.served
            return
        told = f"{self._life.who} serves epoch {epoch}"
        self._epochs.holds("currentEpoch", epoch, index, told)

    def _established(self, index: int, epoch: int) -> None:
        """H6: the first UPTODATE of an epoch leaves once a quorum has acked NEWLEADER."""
        reign = self._leads(index, epoch, "establishes")
        if reign.judged:
            return
        reign.judged = True
        life, electorate = self._life, self._config.electorate
        what = f"{life.who} established epoch {epoch}"
        if life.quorum(electorate, reign.acks, index):
            self._docket.held(Law.ESTABLISHED)
            if electorate.split:
                self._docket.held(Law.BOTH_QUORUMS)
        elif life.hole or electorate.split:
            hole = life.hole or "a newer configuration may have been in force alone"
            self._docket.doubt(Law.ESTABLISHED, f"{what}; {hole}", index, *reign.at)
        else:
            who = sorted(reign.acks & electorate.voters)
            wrong = f"{what} with the acks of {who} only"
            self._docket.case(Law.ESTABLISHED, wrong, index, *reign.at)

    def end(self) -> None:
        """What no packet decided."""
        for epoch, reign in self._reigns.items():
            if reign.served is None or reign.judged:
                continue
            if self._life.quorum(self._config.electorate, reign.acks, reign.served):
                self._docket.held(Law.ESTABLISHED)  # it needs no UPTODATE: nobody learned from it
                continue
            hole = self._life.hole or "no UPTODATE was seen"
            why = f"{self._life.who} serves epoch {epoch}; {hole}"
            self._docket.doubt(Law.ESTABLISHED, why, reign.served, *reign.at)
        if self._blind is not None and not self._shown:
            why = f"{self._life.who} led; {self._life.hole}: which epochs it offered is not known"
            self._docket.doubt(Law.ONE_LEADER, why, self._blind)
            self._docket.doubt(Law.EPOCHS, why, self._blind)
