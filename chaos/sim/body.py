"""A simulated process as its kernel knows it: running, stopped or dead, with open sockets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chaos.election.ids import Sid
from chaos.election.rules import UNBROKEN, Rules
from chaos.history.events import Event
from chaos.sim.clock import Call, Clock
from chaos.sim.connects import Connects
from chaos.sim.network import Item, Network, Socket
from chaos.wire.shim import LinkShim


@dataclass(frozen=True, slots=True)
class Fabric:
    """What all processes of one world share."""

    clock: Clock
    network: Network
    connects: Connects
    emit: Callable[[Event], None]
    seed: str
    gone: Callable[[Sid, int], None]  # a process has ended by itself, with this status
    rules: Rules = UNBROKEN


class Body(ABC):
    """One process: what it may do now, its sockets, and the numbers of its journal.

    A real peer's loop handles what can be read before timers that ran out; a stopped one
    that goes on does so too. So what waits is kept in two lines.
    """

    def __init__(self, sid: Sid, inc: int, pid: int, fabric: Fabric) -> None:
        self.sid = sid
        self.inc = inc
        self.pid = pid
        self.alive = True
        self.awake = False  # from its start on: before, it listens and accepts nobody
        self.paused = False  # by SIGSTOP
        self.holding = False  # at a gate
        self.writing = False  # to a slow disk, and nothing else
        self.stopped = True  # not awake, paused, frozen, or not through with what waited then
        self.unread: deque[Call] = deque()
        self.sockets: dict[int, Socket] = {}
        self.clock = fabric.clock
        self.network = fabric.network
        self.connects = fabric.connects
        self.emit = fabric.emit
        self.rules = fabric.rules
        self.shim = LinkShim(f"{fabric.seed}/{sid}/{inc}")
        self.shimmed = False  # whether any rule was ever put into the shim
        self.kept: deque[Call] = deque()  # what it was about to do when it came to a gate
        self._overdue: deque[Call] = deque()
        self._numbers = 0
        self._lines = 0

    def line(self) -> int:
        """The number of the next line of the journal."""
        seq = self._lines
        self._lines = seq + 1
        return seq

    def draw(self) -> int:
        """The number of the next socket, from 1."""
        self._numbers += 1
        return self._numbers

    def gate(self, call: Call) -> None:
        """Do ``call`` now, or when the process runs again; never if it is dead."""
        if not self.alive:
            return
        if self.stopped:
            self.unread.append(call)
        else:
            call()

    def gate_due(self, call: Call) -> None:
        """As :meth:`gate`, for deadlines: they come behind what can be read."""
        if not self.alive:
            return
        if self.stopped:
            self._overdue.append(call)
        else:
            call()

    def later(self, due_ns: int, call: Call) -> None:
        """Do ``call`` at ``due_ns``, or when the process runs again after that."""
        self.clock.at(due_ns, partial(self.gate_due, call))

    def wake(self) -> None:
        """The process begins its work."""
        self.awake = True
        if not self.paused:
            self._catch_up()

    def pause(self) -> None:
        """SIGSTOP: sockets stay open, and what comes in waits."""
        self.paused = self.stopped = True

    def resume(self) -> None:
        """SIGCONT: all that waits happens now."""
        if self.paused:
            self.paused = False
            if self.awake:
                self.clock.at(self.clock.now_ns, self._catch_up)

    @property
    def frozen(self) -> bool:
        """Whether it is in the middle of something, and handles nothing else."""
        return self.holding or self.writing

    def write_until(self, due_ns: int) -> None:
        """It waits for its disk: sockets stay open, and what comes in waits."""
        self.writing = self.stopped = True
        self.clock.at(due_ns, self._written)

    def _written(self) -> None:
        self.writing = False
        self._catch_up()

    def hold(self) -> None:
        """At a gate: sockets stay open, and what comes in waits."""
        self.holding = self.stopped = True

    def go_on(self) -> None:
        """Let go: what it was about to do happens now, then all that waits."""
        if self.holding:
            self.holding = False
            self.clock.at(self.clock.now_ns, self._catch_up)

    def die(self) -> None:
        """The process is gone; its kernel closes what it had open."""
        self.alive = False
        self.kept.clear()
        self.unread.clear()
        self._overdue.clear()
        for socket in list(self.sockets.values()):
            self.network.close(socket)

    @abstractmethod
    def accept(self, socket: Socket) -> None:
        """A connection to one of its ports stands."""

    @abstractmethod
    def read(self, socket: Socket, item: Item) -> None:
        """``item`` is there to be read."""

    @abstractmethod
    def lost(self, socket: Socket, why: str) -> None:
        """The connection broke."""

    @abstractmethod
    def writable(self, socket: Socket) -> None:
        """There is room again in a buffer that was full."""

    @abstractmethod
    def linked(self, other: Sid, line: int, *, opened: bool) -> None:
        """The line that says that an election link stands, or has ended, is written."""

    def _catch_up(self) -> None:
        while self.alive and not self.paused and not self.frozen:
            waiting = self.kept or self.unread or self._overdue
            if not waiting:
                self.stopped = False
                return
            waiting.popleft()()
