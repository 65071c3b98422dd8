"""Connections of the virtual network: TCP as a process sees it, by messages, not bytes.

A connection is two sockets; each sends to the other in order, with a latency. What a cut
does to it was measured on Linux: a silent cut holds what is written and retransmits it
after the heal; a reset breaks the end whose packet was answered; the other end notices
when it writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, NamedTuple, Protocol

from chaos.actions import How
from chaos.election.config import Address
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.election.packets import Packet
from chaos.sim.blocks import Blocks, Way
from chaos.sim.clock import Call, Clock

LATENCY_NS: Final = 50_000
JITTER_NS: Final = 20_000
SPREAD_NS: Final = 20_000_000  # how far unordered frames may fall behind one another
RTO_NS_MIN: Final = 200_000_000  # Linux' TCP_RTO_MIN
RTO_NS_MAX: Final = 1_000_000_000  # tcp_rto_max_ms, as the sandbox sets it
BUFFER_FRAMES: Final = 64  # written and not yet read: both socket buffers of one direction


class Hello(NamedTuple):
    """The initiation message of an election connection."""

    sid: Sid
    address: Address | None


class Frame(NamedTuple):
    """Notification number ``number`` (from 0) of one direction of an election connection."""

    notification: Notification
    number: int


class Raw(NamedTuple):
    """Bytes of somebody who is no peer, or of a peer whose messages a fault harms."""

    data: bytes


class Fin(NamedTuple):
    """End of file."""


FIN: Final = Fin()
Item = Hello | Frame | Packet | Raw | Fin


class Owner(Protocol):
    """A process as the network sees it. ``stopped``: it does nothing, ``unread`` waits."""

    sid: Sid
    alive: bool
    stopped: bool
    unread: deque[Call]
    sockets: dict[int, Socket]

    def draw(self) -> int:
        """The number of its next socket."""
        ...

    def gate(self, call: Call) -> None:
        """Do ``call`` now, or when it runs again; never if it is dead."""
        ...

    def accept(self, socket: Socket) -> None:
        """A connection to one of its ports stands."""
        ...

    def read(self, socket: Socket, item: Item) -> None:
        """``item`` is there to be read."""
        ...

    def lost(self, socket: Socket, why: str) -> None:
        """The connection broke."""
        ...

    def writable(self, socket: Socket) -> None:
        """There is room again in a buffer that was full."""
        ...


class Socket:
    """One end of a connection, and the direction that leads away from it.

    ``open``: the kernel still takes data for it. ``name`` is ``own:port>other:port``.
    """

    __slots__ = (
        "accepted", "dialed", "far", "frames", "held", "held_since_ns", "latest_ns", "name",
        "number", "open", "ordered_ns", "other", "owner", "pace", "raw", "read", "retry_ns",
        "stalled", "unread", "way",
    )  # fmt: skip

    far: Socket

    def __init__(
        self, owner: Owner, way: Way, name: str, pace: Callable[[], float], *, dialed: bool
    ) -> None:
        self.owner = owner
        self.way = way
        self.name = name
        self.pace = pace
        self.dialed = dialed
        self.accepted = dialed  # its process knows of it
        self.number = owner.draw()
        self.open = True
        self.other: Sid | None = None  # who is at the far end, once it said so
        self.frames = 0  # written so far
        self.read = 0  # notifications that were read from it, the other direction
        self.raw = False  # bytes went this way
        self.ordered_ns = 0  # when the last thing arrives that nothing overtakes
        self.latest_ns = 0  # when the last thing arrives
        self.held: list[Item] = []  # written into a silent cut
        self.held_since_ns = 0
        self.retry_ns = 0
        self.unread = 0  # written and not yet read at the far end
        self.stalled = False
        owner.sockets[self.number] = self


class Network:
    """Every connection between all processes, and the blocks between them."""

    def __init__(self, clock: Clock, seed: str, *, ordered: bool) -> None:
        self.clock = clock
        self.blocks = Blocks()
        self._seed = seed
        self._unordered = not ordered
        self._paces: dict[tuple[Sid, Sid], Callable[[], float]] = {}
        self._holding: dict[str, Socket] = {}

    def pace(self, source: Sid, target: Sid) -> Callable[[], float]:
        """The lots of one directed link."""
        found = self._paces.get((source, target))
        if found is None:
            found = Random(f"{self._seed}/latency/{source}>{target}").random
            self._paces[source, target] = found
        return found

    def latency_ns(self, source: Sid, target: Sid) -> int:
        """How long the next packet takes."""
        return LATENCY_NS + int(JITTER_NS * self.pace(source, target)())

    # ---- what a process does to its sockets

    def send(self, socket: Socket, item: Item) -> None:
        """Write ``item``. On a broken socket nothing happens: its owner will hear of it."""
        if not socket.open:
            return
        socket.unread += 1
        if socket.held:
            socket.held.append(item)
            return
        if self.blocks:
            how = self.blocks.stops(socket.way)
            if how is How.SILENT:
                self._hold(socket, item)
                return
            if how is How.RESET:
                self._break(socket, "connection reset")
                return
        self._fly(socket, item)

    def close(self, socket: Socket) -> None:
        """Close: what was written before is still delivered, then end of file."""
        socket.owner.sockets.pop(socket.number, None)
        self.send(socket, FIN)
        socket.open = False

    def took(self, socket: Socket) -> None:
        """The owner of ``socket`` read one item from it."""
        far = socket.far
        far.unread -= 1
        if far.stalled and far.unread <= BUFFER_FRAMES // 2:
            far.stalled = False
            update = partial(far.owner.gate, partial(far.owner.writable, far))
            self.clock.at(self.clock.now_ns + LATENCY_NS, update)

    def reset(self, socket: Socket) -> None:
        """A reset packet arrives at ``socket``."""
        if socket.open:
            self._break(socket, "connection reset by peer")

    # ---- blocks

    def changed(self) -> None:
        """The blocks changed: what was held is sent again at its next retransmission."""
        for socket in self._holding.values():
            socket.retry_ns = _next_retry_ns(socket.held_since_ns, self.clock.now_ns)
            self.clock.at(socket.retry_ns, partial(self._retry, socket, socket.retry_ns))

    def _hold(self, socket: Socket, item: Item) -> None:
        if not socket.held:
            socket.held_since_ns = self.clock.now_ns
        socket.held.append(item)
        self._holding[socket.name] = socket

    def _retry(self, socket: Socket, due_ns: int) -> None:
        if not socket.held or socket.retry_ns != due_ns:
            return
        how = self.blocks.stops(socket.way)
        if how is How.SILENT:
            return  # the next change of blocks asks again
        if how is How.RESET:
            self._break(socket, "connection reset")
            return
        held, socket.held = socket.held, []
        del self._holding[socket.name]
        for item in held:
            self._fly(socket, item)

    # ---- packets

    def _fly(self, socket: Socket, item: Item) -> None:
        due = self.clock.now_ns + LATENCY_NS + int(JITTER_NS * socket.pace())
        if self._unordered and type(item) is Frame:
            due = max(due + int(SPREAD_NS * socket.pace()), socket.ordered_ns)
            socket.latest_ns = max(socket.latest_ns, due)
        else:
            due = max(due, socket.latest_ns)
            socket.latest_ns = socket.ordered_ns = due
        self.clock.at(due, partial(self._arrive, socket.far, item))

    def _arrive(self, socket: Socket, item: Item) -> None:
        if not socket.open:
            if item is not FIN and not self.refuse(socket) and socket.far.open:
                self._hold(socket.far, item)  # nothing answers: it is sent again
            return
        if self.blocks and self.blocks.stops(socket.way) is How.RESET:
            self._break(socket, "connection reset")  # by the answer to its acknowledgement
            return
        owner = socket.owner
        if owner.stopped:
            owner.unread.append(partial(owner.read, socket, item))
        else:
            owner.read(socket, item)

    def refuse(self, socket: Socket) -> bool:
        """Answer what came to a closed socket with a reset; false if that is cut off."""
        if self.blocks and self.blocks.stops(socket.way) is not None:
            return False
        due = self.clock.now_ns + LATENCY_NS + int(JITTER_NS * socket.pace())
        self.clock.at(max(due, socket.latest_ns), partial(self.reset, socket.far))
        return True

    def _break(self, socket: Socket, why: str) -> None:
        socket.open = False
        if socket.held:
            socket.held.clear()
            del self._holding[socket.name]
        owner = socket.owner
        told = partial(owner.gate, partial(owner.lost, socket, why))
        self.clock.at(self.clock.now_ns, told)


def _next_retry_ns(since_ns: int, now_ns: int) -> int:
    """The first retransmission from ``now_ns`` on of what was first sent at ``since_ns``."""
    due, rto = since_ns + RTO_NS_MIN, RTO_NS_MIN
    while due < now_ns:
        rto = min(2 * rto, RTO_NS_MAX)
        due += rto
    return due
