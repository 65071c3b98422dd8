"""What one peer's disk and configurations hold, and what it promised, judged on the way.

Laws H1 and H2 (epochs), H5 (who led which epoch), H6 (a quorum established it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from chaos.election import packets as pk
from chaos.election.config import parse_configuration
from chaos.election.effects import (
    Append,
    Entered,
    Input,
    LearnerConnected,
    PacketRead,
    Persist,
    PersistConfig,
    Phase,
    Reconfigure,
    Restore,
    SendPacket,
    Serving,
    SkewEpochs,
    Truncate,
)
from chaos.election.ids import UNSET, Sid, epoch_of, zxid_of
from chaos.election.notification import ServerState
from chaos.election.spec import PeerSpec
from chaos.history.events import Began, Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.rules import Ballot, Electorate
from chaos.verify.tester import ORDERS, Meddling

GIVEN: Final = "after the tester gave it a configuration on its way to serve"
_DISK = ("acceptedEpoch", "currentEpoch", "zxid")


@dataclass(frozen=True, slots=True)
class Led:
    """An incarnation had the ACKEPOCH of a quorum for ``epoch``: it sent NEWLEADER."""

    epoch: int
    sid: Sid
    inc: int
    index: int


@dataclass(frozen=True, slots=True)
class Forgot:
    """The tester took a peer's promise back: of epochs above ``low``, up to ``high``."""

    sid: Sid
    low: int
    high: int
    index: int


@dataclass(slots=True)
class Disk:
    """What a peer's files hold; it outlives the process.

    ``before`` is what they held before the last step: a kill may have come between the
    journal's line and the write. ``wrote`` is what the last step wrote, by file. ``touched`` are
    files that the tester changed, ``index`` is the event that wrote last, ``at_ns`` the time
    of the last step. ``held``: it was at a gate, where it may have been told what it wrote down and
    did not do. ``floor`` is the least that is there then: what it was told waits behind the step
    that it was at.
    """

    values: dict[str, int]
    before: dict[str, int]
    touched: set[str]
    index: int
    at_ns: int
    wrote: list[tuple[str, int]] = field(default_factory=list)
    held: bool = False
    floor: dict[str, int] = field(default_factory=dict)
    waits: bool = False  # it was told to change an epoch
    ahead: bool = False  # the log of an epoch that is not on disk yet

    @classmethod
    def of(cls, spec: PeerSpec, index: int, at_ns: int) -> Disk:
        """The files from which a peer was born."""
        values = dict(
            zip(_DISK, (spec.accepted_epoch, spec.current_epoch, spec.last_zxid), strict=True)
        )
        return cls(values, dict(values), set(), index, at_ns, floor=dict(values))

    def begins(self, happened: Input, at_ns: int) -> None:
        """A step begins: what those before it wrote is there, what it writes may not be.

        Of what it is told by order only the line is surely there, and not what is before it.
        """
        self.before, self.wrote, self.at_ns = dict(self.values), [], at_ns
        self.waits = self.waits or isinstance(happened, SkewEpochs)
        if self.waits or isinstance(happened, ORDERS):
            self.floor = {name: min(least, self.values[name]) for name, least in self.floor.items()}
        else:
            self.floor = dict(self.values)

    def least(self, name: str, *, loose: bool) -> int:
        """What a kill leaves at least; ``loose``: it may have been told what it did not do."""
        least = min(self.values[name], self.before[name])
        return min(least, self.floor[name]) if loose else least


class Standing:
    """One incarnation's files, configurations, state and leaderships.

    A log that the tester gave an epoch of its own travels to others by DIFF, so that from
    then on no log is held against an epoch.
    """

    def __init__(self, began: Began, disk: Disk, docket: Docket, tester: Meddling) -> None:
        spec = began.spec
        self.sid = spec.sid
        self.inc = began.inc
        self.disk = disk
        seen = None if spec.last_seen is None else parse_configuration(spec.last_seen)
        self.electorate = Electorate(parse_configuration(spec.config), seen)
        self.zxid: int = spec.last_zxid  # in memory: a leader's runs ahead of its disk
        self.state = ServerState.LOOKING
        self.led: list[Led] = []
        self.forgot: list[Forgot] = []
        self._docket = docket
        self._tester = tester
        self._learners: dict[int, Sid] = {}  # by quorum connection
        self._offered: set[int] = set()  # connections that were sent NEWLEADER
        self._acks: set[int] = set()
        self._epoch = -1  # being led, or offered by the leader
        self._serves = False  # as a leader
        self.given = ""  # what makes its quorums on the way to that hard to tell

    def initial(self) -> Ballot:
        """Its own first vote in an election."""
        committed = self.electorate.committed
        leader = self.sid if self.sid in committed.voters else UNSET
        if self.sid in committed.observers:
            return Ballot(leader, UNSET, 0, UNSET)
        return Ballot(leader, self.zxid, 0, self.disk.values["currentEpoch"])

    @property
    def acks(self) -> frozenset[int]:
        """Who has acked NEWLEADER of the leadership at hand, itself included."""
        return frozenset(self._acks)

    # ---- what comes in

    def take(self, index: int, event: Stepped) -> None:
        """An input that concerns the quorum port or the disk."""
        self.disk.begins(event.happened, event.at_ns)
        match event.happened:
            case LearnerConnected(conn=conn):
                self._learners.pop(conn, None)
            case PacketRead(conn=conn, packet=pk.LearnerHello(sid=sid)) if sid is not None:
                self._learners.setdefault(conn, sid)
            case PacketRead(conn=conn, packet=pk.Ack(zxid=zxid)):
                if conn in self._offered and zxid == zxid_of(self._epoch):
                    self._acks.add(self._learners.get(conn, Sid(UNSET)))
            case PacketRead(packet=pk.LeaderInfo(epoch=epoch)):
                self._offer(epoch, event, index)
            case Reconfigure() if self.state is ServerState.LEADING and not self._serves:
                # ZooKeeper counts some by the configuration that the leadership began with.
                self.given = GIVEN
            case SkewEpochs(accepted=accepted, current=current):
                if accepted is not None:
                    self._forget(accepted, index)
                    # A promise below the epoch that it is in lets that epoch fall as well.
                    self.disk.touched |= {"acceptedEpoch", "currentEpoch"}
                if current is not None:
                    self.disk.touched.add("currentEpoch")
            case _:
                pass

    def _forget(self, accepted: int, index: int) -> None:
        before = self.disk.values["acceptedEpoch"]
        if accepted < before:
            self.forgot.append(Forgot(self.sid, accepted, before, index))

    def _offer(self, epoch: int, event: Stepped, index: int) -> None:
        """H1: a learner refuses an epoch below its promise, and says -1 if it made it before."""
        self._epoch = epoch
        accepted = self.disk.values["acceptedEpoch"]
        for effect in event.effects:
            match effect:
                case SendPacket(packet=pk.AckEpoch(current_epoch=current)):
                    want = -1 if epoch == accepted else self.disk.values["currentEpoch"]
                    wrong = ""
                    if epoch < accepted:
                        wrong = (
                            f"peer {self.sid} acked epoch {epoch} after its promise of {accepted}"
                        )
                    elif current != want:
                        wrong = (
                            f"peer {self.sid} acked epoch {epoch} with current epoch {current}, "
                            f"not {want}: its promise was {accepted}"
                        )
                    self._docket.case(Law.EPOCHS, wrong, index)
                case _:
                    pass

    # ---- what goes out

    def persist(self, effect: Persist, index: int, *, tester: bool) -> None:
        """H1, H2: the stored epochs never fall by the peer's own doing."""
        disk, name = self.disk, effect.name
        before = disk.values.get(name, 0)
        disk.values[name], disk.index = effect.value, index
        disk.wrote.append((name, effect.value))
        if name == "zxid":
            self.zxid = effect.value
        if tester:
            return
        if name != "zxid" and name not in disk.touched:
            wrong = ""
            if effect.value < before:
                wrong = f"peer {self.sid} lowered its {name} from {before} to {effect.value}"
            self._docket.case(Law.EPOCHS, wrong, index)
        disk.touched.discard(name)
        if name == "currentEpoch":
            disk.ahead = False
        if name == "currentEpoch" and self.state is ServerState.LEADING:
            self._lead(effect.value, index)

    def logged(self, effect: Append | Truncate | Restore, index: int) -> None:
        """The log changes."""
        match effect:
            case Append(txns=txns) | Restore(txns=txns) if txns:
                zxid = txns[-1].zxid
            case Truncate(zxid=zxid) | Restore(zxid=zxid):
                pass
            case _:
                return
        self.zxid = self.disk.values["zxid"] = zxid
        self.disk.index = index

    def persist_config(self, effect: PersistConfig) -> None:
        """A configuration takes force, or is proposed."""
        config = parse_configuration(effect.config)
        known = self.electorate
        self.electorate = known.commits(config) if effect.active else known.sees(config)

    def entered(self, effect: Entered) -> None:
        """The peer changes its state or phase."""
        self.state = effect.state
        if effect.phase in (Phase.ELECTION, Phase.DISCOVERY):
            self._learners.clear()
            self._offered.clear()
            self._acks = {self.sid}
            self._epoch = -1
            self._serves, self.given = False, ""

    def send_packet(self, effect: SendPacket, index: int) -> None:
        """H1, H2: the promise is on disk before anybody hears of it."""
        match effect.packet:
            case pk.LeaderInfo(epoch=epoch):
                self._promised("LEADERINFO", "acceptedEpoch", epoch, index)
            case pk.AckEpoch():
                self._promised("ACKEPOCH", "acceptedEpoch", self._epoch, index)
            case pk.NewLeader(zxid=zxid):
                self._offered.add(effect.conn)
                self._lead(epoch_of(zxid), index)
            case pk.Ack(zxid=zxid):
                self._promised("the ACK of NEWLEADER", "currentEpoch", epoch_of(zxid), index)
                self._ordered(index, "acks NEWLEADER")
            case _:
                pass

    def serving(self, effect: Serving, index: int) -> None:
        """H6: a leader serves once a quorum acked NEWLEADER."""
        if self.state is not ServerState.LEADING:
            return
        self.zxid = zxid_of(effect.epoch)  # in memory only
        self._lead(effect.epoch, index)
        electorate, acks = self.electorate, self.acks
        wrong = ""
        if not electorate.quorum(acks):
            who = sorted(acks & electorate.voters)
            wrong = f"peer {self.sid} serves epoch {effect.epoch} with the acks of {who} only"
        self._serves = True
        self._docket.case(Law.ESTABLISHED, wrong, index, but=self.given)
        self._bystanders(effect.epoch, index)
        if electorate.split:
            self._docket.case(Law.BOTH_QUORUMS, wrong, index, but=self.given)

    def _bystanders(self, epoch: int, index: int) -> None:
        """H14: the ack of who has no vote counts for nothing."""
        electorate, wrong = self.electorate, ""
        idle = self.acks & (electorate.bystanders - electorate.voters)
        if idle and not electorate.quorum(self.acks):
            who = ", ".join(map(str, sorted(idle)))
            wrong = f"peer {self.sid} serves epoch {epoch}; observers made its quorum: {who}"
        if electorate.bystanders or wrong:
            self._docket.case(Law.OBSERVERS, wrong, index, but=self.given)

    def _promised(self, packet: str, name: str, epoch: int, index: int) -> None:
        if name in self.disk.touched:
            return
        stored = self.disk.values[name]
        wrong = ""
        if stored != epoch:
            wrong = f"peer {self.sid} sends {packet} for epoch {epoch}; its {name} is {stored}"
        self._docket.case(Law.EPOCHS, wrong, index)

    def _lead(self, epoch: int, index: int) -> None:
        self._epoch = epoch
        if self.led and self.led[-1].epoch == epoch:
            return
        self.led.append(Led(epoch, self.sid, self.inc, index))
        electorate, wrong = self.electorate, ""
        if self.sid not in electorate.voters:
            wrong = f"peer {self.sid} leads epoch {epoch}, and does not vote"
        if electorate.bystanders or wrong:
            self._docket.case(Law.OBSERVERS, wrong, index)  # H14

    # ---- births

    def never_led(self, found: int, *, loose: bool) -> None:
        """The next start found ``found`` as currentEpoch: was its last step performed?

        Who leads an epoch has it on disk before anybody hears of it.
        """
        least = self.disk.least("currentEpoch", loose=loose)
        if least <= found < self.disk.values["currentEpoch"]:
            self.led = [one for one in self.led if one.epoch <= found]

    def born(self, index: int) -> None:
        """H2 at a start-up of an old disk."""
        self._ordered(index, "starts")

    def _ordered(self, index: int, when: str) -> None:
        accepted, current, zxid = (self.disk.values[name] for name in _DISK)
        if self.disk.touched & {"acceptedEpoch", "currentEpoch"}:
            return
        wrong = ""
        if current > accepted:
            wrong = (
                f"peer {self.sid} {when} with currentEpoch {current} above its promise {accepted}"
            )
        elif epoch_of(zxid) > current and index < self._tester.first and not self.disk.ahead:
            wrong = (
                f"peer {self.sid} {when} with a log of epoch {epoch_of(zxid)} in epoch {current}"
            )
        self._docket.case(Law.EPOCHS, wrong, index)
