"""One simulated peer process: the election core, and what performs its effects."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from chaos.actions import Hold, Port
from chaos.election.config import Address, parse_configuration
from chaos.election.effects import (
    Append,
    Arm,
    CloseConnection,
    CloseLeaderPort,
    ConnectAll,
    ConnectLeader,
    Disarm,
    Effect,
    Expire,
    Input,
    OpenLeaderPort,
    Persist,
    PersistConfig,
    RestartElectionLayer,
    Restore,
    Send,
    SendPacket,
    Start,
    Timer,
    TimerKind,
    Truncate,
    Work,
)
from chaos.election.gates import Gates
from chaos.election.ids import Sid, Zxid
from chaos.election.moments import BEFORE_ALL, Moment, link_moment
from chaos.election.spec import PeerSpec
from chaos.history.events import Began, Held, Left, Stepped
from chaos.sim.body import Body, Fabric
from chaos.sim.disk import Disk
from chaos.sim.learners import QuorumPort
from chaos.sim.links import ElectionLinks, Parcel
from chaos.sim.network import Fin, Frame, Hello, Item, Raw, Socket
from chaos.sim.timers import Timers

EXIT_DISK: Final = 74  # of a real peer that cannot keep what it has to
_NO_ROOM: Final = "No space left on device, by order of the tester"


class Process(Body):
    """A peer from its start to its end. ``pid`` is a number of the simulated kernel."""

    def __init__(self, spec: PeerSpec, inc: int, pid: int, disk: Disk, fabric: Fabric) -> None:
        super().__init__(spec.sid, inc, pid, fabric)
        self.gone = fabric.gone
        self.work = Work(0)  # what it was last told
        self.gates = Gates()
        self._disk = disk
        self._core = self.rules.peer(spec)
        self._elections: dict[Sid, Address] = {}
        self._quorums: dict[Sid, Address] = {}
        self.timers = Timers(self.clock, self.gate_due, self._expired)
        self._learn_addresses(spec.last_seen, spec.config)
        # A peer that a reconfiguration removed lives on where it was.
        self._own = self._elections.get(self.sid, disk.home.election)
        self._links = ElectionLinks(self, self._own, spec.timings, self.step)
        self._quorum = QuorumPort(self, self.step)
        self._links.cnx.addresses.update(self._elections)
        self.connects.listen(self, self._own)
        now = self.clock.now_ns
        self.emit(Began(now, self.sid, inc, self.line(), pid, spec))

    def start(self, due_ns: int) -> None:
        """Look for a leader from ``due_ns`` on."""
        self.unread.appendleft(partial(self.step, Start()))
        self.clock.at(due_ns, self.wake)

    def step(self, happened: Input) -> None:
        """Give the core an input, write the line, perform."""
        self._act(*self._decide(happened))

    def tell(self, happened: Input) -> int:
        """An order: as :meth:`step`, but what a peer at a gate does about it waits.

        Returns the number of its line.
        """
        effects, seq, moments = self._decide(happened)
        if self.frozen:
            self.kept.append(partial(self._act, effects, seq, moments))
        else:
            self._act(effects, seq, moments)
        return seq

    def arm(self, hold: Hold) -> None:
        """Hold at such a moment from now on."""
        self.gates.arm(hold.name, hold.awaited, self._core.before(), hold.nth)

    def let_go(self, name: str, *, again: bool) -> bool:
        """The gate ``name`` holds it no more; whether it did."""
        held = self.gates.let_go(name, again=again)
        if held and not self.gates.held:
            self.kept.append(self._links.write_on)
            self.go_on()
        return held

    def clear(self, name: str) -> dict[str, int]:
        """End a message fault; what it did. What it held back goes at once."""
        counts = self.shim.clear(name)
        if counts:
            self.gate(self._relieved)
        return counts

    def _relieved(self) -> None:
        self._links.relieve()
        self._quorum.relieve()

    def linked(self, other: Sid, line: int, *, opened: bool) -> None:
        """A link's line is written: a gate there holds before anything is written on a link."""
        names = self.gates.hit([link_moment(other, opened=opened)])
        if names:
            self.hold()
            tell = partial(self._held, names, line, BEFORE_ALL)
            self.clock.at(self.clock.now_ns, tell)  # behind all lines of the same decision

    def committed(self, after: Zxid) -> tuple[Zxid, int]:
        """How far its log is committed, and how many transactions beyond ``after`` are."""
        return self._core.committed(after)

    def terminate(self) -> None:
        """End by itself, as SIGTERM asks."""
        self.emit(Left(self.clock.now_ns, self.sid, self.inc, self.line(), "SIGTERM"))
        self.die()

    def die(self) -> None:
        """The process is gone, whoever ended it."""
        self._quorum.close()
        self._quorum.drop(0)
        self.timers.clear()
        self.connects.unlisten(self, self._own)
        super().die()

    # ---- what the network tells

    def accept(self, socket: Socket) -> None:
        """A connection to one of my ports stands."""
        socket.accepted = True
        port = self._links if socket.way.port is Port.ELECTION else self._quorum
        port.accept(socket)

    def read(self, socket: Socket, item: Item) -> None:
        """Read one item, unless the connection was closed meanwhile."""
        if socket.number not in self.sockets:
            return
        self.network.took(socket)
        match item:
            case Frame():
                self._links.frame(socket, item)
            case Hello():
                self._links.hello(socket, item)
            case Fin():
                self.lost(socket, "end of file")
            case Raw():
                port = self._links if socket.way.port is Port.ELECTION else self._quorum
                port.raw(socket, item.data)
            case _:
                self._quorum.packet(socket, item)

    def lost(self, socket: Socket, why: str) -> None:
        """A connection ended by itself, unless I closed it meanwhile."""
        if socket.number not in self.sockets:
            return
        if not socket.accepted:
            self.network.close(socket)
        elif socket.way.port is Port.ELECTION:
            self._links.lost(socket, why)
        else:
            self._quorum.lost(socket, why)

    def writable(self, socket: Socket) -> None:
        """A buffer that was full has room."""
        if socket.way.port is Port.ELECTION:
            self._links.writable(socket)

    # ----

    def _decide(self, happened: Input) -> tuple[list[Effect], int, list[Moment]]:
        effects = self._core.step(happened)
        seq = self.line()
        now = self.clock.now_ns
        self.emit(Stepped(now, self.sid, self.inc, seq, happened, tuple(effects)))
        if isinstance(happened, Work):
            self.work = happened
        return effects, seq, self.gates.moments(happened, effects)

    def _act(
        self, effects: list[Effect], seq: int, moments: list[Moment], start: int = BEFORE_ALL
    ) -> None:
        """Perform from effect ``start`` on, as far as the next gate."""
        if moments and start == BEFORE_ALL and self._holds(effects, seq, moments, start):
            return
        for index in range(max(start, 0), len(effects)):
            if moments and self._holds(effects, seq, moments, index):
                return
            effect = effects[index]
            match effect:
                case Arm():
                    self.timers.arm(effect.timer, effect.delay_ms)
                case Disarm():
                    self.timers.disarm(effect.timer)
                case Send():
                    self._links.send(effect.to, Parcel(effect.notification, seq, index))
                case SendPacket():
                    self._quorum.send(effect.conn, effect.packet)
                case Persist() | Append() | Truncate() | Restore() | PersistConfig():
                    if not self._store(effect):
                        self.kept.appendleft(partial(self._act, effects, seq, moments, index + 1))
                        return
                case _:
                    self._perform(effect)

    def _holds(self, effects: list[Effect], seq: int, moments: list[Moment], index: int) -> bool:
        """Whether a gate holds it before effect ``index``; the rest is done when it goes on."""
        here = [moment for moment in moments if moment.index == index]
        names = self.gates.hit(here)
        if not names:
            return False
        rest = [moment for moment in moments if moment.index > index]
        self.hold()
        self.kept.appendleft(partial(self._act, effects, seq, rest, max(index, 0)))
        self._held(names, seq, index)
        return True

    def _held(self, names: Iterable[str], line: int, index: int) -> None:
        now = self.clock.now_ns
        for name in names if self.alive else ():
            self.emit(Held(now, self.sid, self.inc, self.line(), name, line, index))

    def _store(self, effect: Persist | Append | Truncate | Restore | PersistConfig) -> bool:
        """Keep something; whether it goes on at once. Who cannot keep it ends."""
        disk = self._disk
        if disk.full:
            what = effect.name if isinstance(effect, Persist) else "its log"
            self._end(f"cannot write {what}: {_NO_ROOM}", EXIT_DISK)
            return False
        match effect:
            case Persist():
                disk.write(effect.name, effect.value)
            case PersistConfig():
                disk.write_config(effect.config, active=effect.active)
                self._learn_addresses(effect.config)
                self._links.cnx.addresses.update(self._elections)
            case _:
                disk.write_log(effect)
        lag_ns = disk.lag_ns()
        if lag_ns:
            self.write_until(self.clock.now_ns + lag_ns)
            self.kept.append(self._links.write_on)
        return not lag_ns

    def _end(self, why: str, status: int) -> None:
        """The end of its own accord."""
        self.emit(Left(self.clock.now_ns, self.sid, self.inc, self.line(), why))
        self.die()
        self.gone(self.sid, status)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case ConnectAll():
                self._links.perform(self._links.cnx.connect_all())
            case RestartElectionLayer():
                self._restart(effect.config)
            case OpenLeaderPort():
                self._quorum.open(self._quorums.get(self.sid, self._disk.home.quorum))
            case CloseLeaderPort():
                self._quorum.close()
            case ConnectLeader():
                self._quorum.connect(effect.leader, self._quorums, effect.timeout_ms)
            case CloseConnection():
                self._quorum.drop(effect.conn)
            case _:
                pass  # a word on what the core became: nothing to perform

    def _restart(self, config: str) -> None:
        self._elections.clear()
        self._quorums.clear()
        self._learn_addresses(self._disk.proposed, config)
        self.connects.unlisten(self, self._own)
        self._own = self._elections.get(self.sid, self._own)
        self.connects.listen(self, self._own)
        self._links.restart(self._elections, self._own)

    def _learn_addresses(self, *texts: str | None) -> None:
        for text in texts:
            if text is not None:
                for sid, member in parse_configuration(text).members.items():
                    self._elections[sid] = member.election
                    self._quorums[sid] = member.quorum

    def _expired(self, timer: Timer) -> None:
        resends = timer.kind is TimerKind.RESEND
        self.step(Expire(timer, resends and self._links.cnx.have_delivered()))
