"""One peer as a process: feeds its rules, journals what they answer, and performs it.

Each input is one step: the rules answer effects, the journal gets one line, the effects are
performed in their order. Sockets only gather bytes meanwhile; they leave when the journal's
lines are in the kernel's hands.
"""

from __future__ import annotations

import _signal  # without the enumerations of signal, which cost each peer memory of its own
import os
import select
import socket
import sys
from collections.abc import Callable
from typing import Final, assert_never

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.config import Address, parse_configuration
from chaos.election.effects import (
    Append,
    Arm,
    CloseConnection,
    CloseLeaderPort,
    Committed,
    ConnectAll,
    ConnectLeader,
    Decided,
    Disarm,
    Effect,
    Entered,
    Expire,
    Ignored,
    Input,
    OpenLeaderPort,
    Persist,
    PersistConfig,
    Proposed,
    QuorumSeen,
    RestartElectionLayer,
    Restore,
    Send,
    SendPacket,
    Serving,
    Start,
    SteppedDown,
    Truncate,
)
from chaos.election.ids import Zxid
from chaos.election.moments import Before
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec
from chaos.errors import InfrastructureError
from chaos.history.codec import Json
from chaos.peer import disk, stats
from chaos.peer.birth import Birth
from chaos.peer.control import Control
from chaos.peer.holding import Turns
from chaos.peer.journal import Journal, Offer
from chaos.peer.learners import QuorumPort
from chaos.peer.links import ElectionPort
from chaos.peer.loop import READ, Loop
from chaos.peer.room import Room
from chaos.peer.spoils import Spoils
from chaos.peer.timers import Timers
from chaos.wire.election import encode_frame

EXIT_OK: Final = 0
_NAMES: Final = {int(_signal.SIGTERM): "SIGTERM", int(_signal.SIGINT): "SIGINT"}
EXIT_ERROR: Final = 70  # EX_SOFTWARE
EXIT_DISK: Final = 74  # EX_IOERR: what it has to keep, its disk does not


class Process:
    """A running peer. :meth:`run` returns its exit code."""

    def __init__(self, birth: Birth, control: socket.socket | None = None) -> None:
        self._birth = birth
        self.loop = Loop()
        self.journal = Journal(birth.journal, birth.spec.sid, birth.inc, self.loop)
        self.room = Room.of(birth.spec.sid, birth.spec.timings, self.loop, self.journal, birth.seed)
        self.timers = Timers(self.loop.now_ns)
        self.turns = Turns(self)
        self.spoils = Spoils(self._linger)
        self.election = ElectionPort(self.room, {}, self.turns)
        self.quorum = QuorumPort(self.room, self.turns.step)
        self._control = None if control is None else Control(self, control)
        self._signals = socket.socketpair()
        self._rules: QuorumPeer | None = None
        self._configs: dict[bool, str] = {}  # the committed under True, the proposed under False
        self._over = ""
        self._started = False

    def run(self) -> int:
        """Live until SIGTERM, the end of the control channel, or an error."""
        code = EXIT_OK
        try:
            self._begin()
            while not self._over:
                self._turn()
        except Exception as error:  # noqa: BLE001 - whatever it is: written down, then the end
            self._over = _account_of(error)
            code = EXIT_DISK if isinstance(error, disk.DiskError) else EXIT_ERROR
            if self._control is not None:
                self._control.fail(self._over)
        self.loop.read_clock()
        self.journal.left(self._over)
        return code if self._close() else EXIT_ERROR

    def start(self) -> None:
        """Look for a leader from now on, once the present turn is done."""
        if not self._started:
            self._started = True
            self.election.listener.start()
            self.turns.tell(Start())

    def leave(self, why: str) -> None:
        """End when the present wake-up is handled."""
        self._over = self._over or why

    def block(self, name: str, cuts: tuple[Cut | PortCut, ...], how: How) -> None:
        """Put cuts in place, as far as they concern this peer."""
        self.room.blocks.add(name, cuts, how)
        self._reconsider()
        for stream in self.election.streams() + self.quorum.streams():
            stream.book()

    def unblock(self, name: str) -> dict[str, int]:
        """Take cuts away; how many frames, bytes and connections they stopped."""
        for stream in self.election.streams() + self.quorum.streams():
            waiting = stream.unread()
            if waiting:
                self.room.blocks.count(stream.route, size=waiting)
        counts = self.room.blocks.remove(name)
        self._reconsider()
        return counts

    def clear(self, name: str) -> dict[str, int]:
        """End a message fault; what it did. What it held back goes at once."""
        counts = self.room.shim.clear(name)
        self._reconsider()
        return counts

    def stats(self) -> dict[str, Json]:
        """What this peer costs, and what waits in it."""
        waiting = {**self.election.depths(), **self.quorum.depths()}
        return {**stats.costs(), "timers": len(self.timers), **waiting}

    def committed(self, after: Zxid) -> tuple[Zxid, int]:
        """How far its log is committed, and how many transactions beyond ``after`` are."""
        assert self._rules is not None
        return self._rules.committed(after)

    # ---- its turns

    def decide(self, happened: Input) -> list[Effect]:
        """What its rules answer."""
        assert self._rules is not None
        return self._rules.step(happened)

    def before(self) -> Before:
        """What it is now."""
        assert self._rules is not None
        return self._rules.before()

    def write(self) -> bool:
        """Write what the links have room for, its lines first; whether there was anything."""
        filled = self.election.fill() + self.quorum.fill()
        self.journal.flush()
        for stream in filled:
            stream.flush()
        return bool(filled)

    def hold(self) -> bool:
        """Serve orders and signals until nothing holds it any more; false if it is to end."""
        self._linger(lambda: not self.turns.gates.held)
        return not self._over

    def _linger(self, over: Callable[[], bool], until_ns: int | None = None) -> None:
        """Serve orders and signals, and do nothing else, until it is ``over`` or time is up."""
        assert self._control is not None, "only a harness makes a peer wait"
        heard = select.poll()
        for source in (self._control, self._signals[0]):
            heard.register(source.fileno(), select.POLLIN)
        self._control.flush()
        while not over() and not self._over:
            left_ms: float | None = None
            if until_ns is not None:
                left_ms = (until_ns - self.loop.read_clock()) / 1e6
                if left_ms <= 0:
                    break
            for descriptor, _ in heard.poll(left_ms):
                if descriptor == self._control.fileno():
                    self._control.serve()
                else:
                    self._signalled(READ)
        self.loop.read_clock()

    def _reconsider(self) -> None:
        self.room.dials.reconsider()
        self.election.reconsider()
        self.quorum.reconsider()

    # ---- from birth to end

    def _begin(self) -> None:
        self._heed_signals()
        spec = disk.load(self._birth.folder, self._birth.spec)
        self.journal.began(spec)
        self.journal.flush()
        self._rules = QuorumPeer(spec)
        self._know(spec)
        book = self.room.book
        own = book.own(Port.ELECTION)
        self.room.dials.source = own.host
        self.election.open(own, book.election[spec.sid])
        self.election.cnx.addresses = dict(book.election)
        if self._control is not None:
            self._control.ready(spec.sid)
        if self._control is None or not self._birth.wait:
            self.start()
            self.turns.go_on()
        self._settle()

    def _heed_signals(self) -> None:
        heard, wakes = self._signals
        heard.settimeout(0)
        wakes.settimeout(0)
        _signal.set_wakeup_fd(wakes.fileno())
        _signal.signal(_signal.SIGTERM, _noted)
        self.loop.watch(heard, READ, self._signalled)

    def _signalled(self, _: int) -> None:
        for number in self._signals[0].recv(64):
            self.leave(_NAMES.get(number, f"signal {number}"))

    def _turn(self) -> None:
        self.loop.turn(self.timers.next_ns())
        for _ in range(len(self.timers)):
            timer = self.timers.pop(self.loop.now_ns)
            if timer is None:
                break
            self.turns.step(Expire(timer, self.election.cnx.have_delivered()))
        self._settle()

    def _settle(self) -> None:
        """Journal what is to be written, then write it, until nothing is left to do."""
        while True:
            self.loop.settle()
            self.turns.go_on()
            if not self.write():
                break
        if self._control is not None:
            self._control.flush()

    def _close(self) -> bool:
        """Let go of everything; whether the journal took its last lines."""
        _signal.set_wakeup_fd(-1)
        self.election.close()
        self.quorum.end()
        self.loop.close()
        for sock in self._signals:
            sock.close()
        try:
            self.journal.close()
        except OSError as error:
            sys.stderr.write(f"peer {self.room.me}: its journal is not whole: {error}\n")
            return False
        return True

    # ---- performing

    def perform(self, effect: Effect, step: int, index: int) -> None:
        """Do one effect of line ``step``."""
        match effect:
            case Send():
                offer = Offer(step, index, encode_frame(effect.notification))
                self.election.send(effect.to, offer)
            case Arm():
                self.timers.arm(effect.timer, effect.delay_ms, self.loop.now_ns)
            case Disarm():
                self.timers.disarm(effect.timer)
            case SendPacket():
                self.quorum.send(effect.conn, effect.packet)
            case Persist() | Append() | Truncate() | Restore() | PersistConfig():
                self._store(effect)
            case ConnectAll() | RestartElectionLayer():
                self._perform_election(effect)
            case OpenLeaderPort() | CloseLeaderPort() | ConnectLeader() | CloseConnection():
                self._perform_quorum(effect)
            case _:
                _nothing_to_do(effect)

    def _store(self, effect: Persist | Append | Truncate | Restore | PersistConfig) -> None:
        """Keep something. Who cannot keep what it is about to promise ends before it does.

        The line that says so is in the journal before: a kill leaves no disk ahead of it.

        Raises:
            DiskError: the disk refuses.
        """
        self.journal.flush()
        self.spoils.before_write(effect.name if isinstance(effect, Persist) else "its log")
        try:
            match effect:
                case Persist():
                    disk.write_number(self._birth.folder, effect.name, effect.value)
                case PersistConfig():
                    self._keep(effect.config, active=effect.active)
                case _:
                    disk.write_log(self._birth.folder, effect)
        except InfrastructureError as error:
            raise disk.DiskError(str(error)) from error

    def _perform_election(self, effect: ConnectAll | RestartElectionLayer) -> None:
        match effect:
            case ConnectAll():
                self.election.connect_all()
            case RestartElectionLayer():
                self._configs[True] = effect.config
                self._restart()
            case _:
                assert_never(effect)

    def _perform_quorum(
        self, effect: OpenLeaderPort | CloseLeaderPort | ConnectLeader | CloseConnection
    ) -> None:
        match effect:
            case OpenLeaderPort():
                self.quorum.open()
            case CloseLeaderPort():
                self.quorum.close()
            case ConnectLeader():
                self.quorum.connect(effect.leader, effect.timeout_ms)
            case CloseConnection():
                self.quorum.drop(effect.conn)
            case _:
                assert_never(effect)

    # ---- configurations

    def _know(self, spec: PeerSpec) -> None:
        self._configs[True] = spec.config
        if spec.last_seen is not None:
            self._configs[False] = spec.last_seen
        self._readdress()

    def _keep(self, config: str, *, active: bool) -> None:
        disk.write_config(self._birth.folder, config, active=active)
        self._configs[active] = config
        self._readdress()
        self.election.cnx.addresses = dict(self.room.book.election)

    def _readdress(self) -> None:
        """Know the members of the committed configuration, then those of the proposed one."""
        found = [parse_configuration(self._configs[active]) for active in sorted(self._configs)]
        self.room.book.use(reversed(found))

    def _restart(self) -> None:
        self._readdress()
        book = self.room.book
        home: tuple[Address, Address] | None = None
        if self.room.me in book.election:
            home = book.own(Port.ELECTION), book.election[self.room.me]
            self.room.dials.source = home[0].host
        self.election.restart(book.election, home)


def run(birth: Birth, control: socket.socket | None = None) -> int:
    """Be a peer until it ends; the exit code.

    Raises:
        InfrastructureError: its journal cannot be written.
    """
    return Process(birth, control).run()


def _nothing_to_do(
    effect: Entered | Proposed | QuorumSeen | Decided | Ignored | Serving | SteppedDown | Committed,
) -> None:
    """These were told to the journal. The type says that no other effect comes here."""


def _noted(_number: int, _frame: object) -> None:
    """The loop hears of the signal by the wake-up descriptor."""


def _account_of(error: Exception) -> str:
    import traceback  # noqa: PLC0415  only a peer that fails needs it

    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(
        f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in frames[:-4:-1]
    )
    text = f"{type(error).__name__}: {error} ({where})"
    sys.stderr.write(f"peer ends: {text}\n")
    return text
