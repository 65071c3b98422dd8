"""One TCP connection of a peer: what waits to be written, and what a fault holds back."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from chaos.actions import Port
from chaos.peer import sockets
from chaos.peer.blocks import OPEN, Blocks, Flow, Route
from chaos.peer.loop import READ, WRITE, Loop

_READ_MAX: Final = 1 << 16  # bytes of one read, so that no connection keeps the others waiting


class Stream:
    """A connection that never blocks.

    ``got`` takes what was read; ``broken`` is called once, with the reason, when the
    connection ended by itself, and never after :meth:`close`. ``drained`` is called when all
    that waited has gone to the kernel.
    """

    __slots__ = (
        "_blocks",
        "_flow",
        "_loop",
        "_sock",
        "broken",
        "closed",
        "drained",
        "from_there",
        "got",
        "other_end",
        "out",
        "reading",
        "route",
        "to_there",
    )

    def __init__(self, loop: Loop, sock: socket.socket, route: Route, blocks: Blocks) -> None:
        self._loop = loop
        self._sock = sock
        self._blocks = blocks
        self._flow = OPEN
        self.route = route
        mine, other = sockets.ends(sock)
        self.other_end = other
        self.to_there = f"{mine}>{other}"  # both ends name a direction alike
        self.from_there = f"{other}>{mine}"
        self.out = b""
        self.closed = False
        self.reading = True
        self.got: Callable[[bytes], None] = _ignore
        self.broken: Callable[[str], None] = _ignore
        self.drained: Callable[[], None] = _nothing

    def start(self) -> None:
        """Begin to read."""
        self.reconsider()

    def write(self, data: bytes, frames: int = 1) -> None:
        """Put ``data`` behind what waits; :meth:`flush` sends it."""
        self.out = self.out + data if self.out else data
        if not self._flow.outward:
            self._blocks.count(self.route, frames=frames, size=len(data))

    def flush(self) -> None:
        """Write what fits. Whatever is wrong with the connection is told a little later."""
        if self.closed or not self.out or not self._flow.outward:
            return
        try:
            sent = self._sock.send(self.out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            why = str(error)
            self._loop.call_soon(lambda: self._break(why))
            return
        if sent < len(self.out):
            self.out = self.out[sent:]
            self._interest()  # the kernel's buffer is full: go on when it is not
            return
        self.out = b""
        self.drained()

    def reconsider(self) -> Flow:
        """Blocks may have changed: hold back what they cut, and go on with what they free."""
        self._flow = self._blocks.flow(self.route)
        self._interest()
        return self._flow

    def book(self) -> None:
        """A block was just put in place: count what it stops that is already on its way."""
        if not self._flow.outward and self.out:
            self._blocks.count(self.route, frames=1, size=len(self.out))

    def unread(self) -> int:
        """Bytes that wait to be read while a block holds them back."""
        if self.closed or self._flow.inward:
            return 0
        try:
            return len(self._sock.recv(_READ_MAX, socket.MSG_PEEK))
        except OSError:
            return 0  # nothing is there, or the connection broke, which a read will tell

    def stop_reading(self) -> None:
        """Read no more; what waits to be written still goes."""
        self.reading = False
        self._interest()

    def close(self, *, reset: bool = False) -> None:
        """Close at once; nothing is called any more."""
        if self.closed:
            return
        self.closed = True
        self._loop.forget(self._sock)
        if reset:
            sockets.abort(self._sock)
        else:
            self._sock.close()

    # ----

    def _interest(self) -> None:
        if self.closed:
            return
        mask = READ if self.reading and self._flow.inward else 0
        if self.out and self._flow.outward:
            mask |= WRITE
        # A leader's end goes before the votes of those who saw it end a moment earlier: who
        # still follows answers such a vote and does not count it.
        urgent = self.route.port is Port.QUORUM
        self._loop.watch(self._sock, mask, self._ready, urgent=urgent)

    def _ready(self, mask: int) -> None:
        if mask & WRITE:
            self.flush()
            if not self.out:
                self._interest()
        if mask & READ:
            self._read()

    def _read(self) -> None:
        if self.closed or not self.reading:
            return  # because of what came before it in the same wake-up
        try:
            data = self._sock.recv(_READ_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            self._break(str(error))
            return
        self._loop.read_clock()
        if data:
            self.got(data)
        else:
            self._break("closed by the other side")

    def _break(self, why: str) -> None:
        if not self.closed:
            self.close()
            self.broken(why)


def _ignore(_: object) -> None:
    """The callback of a stream whose owner is not interested."""


def _nothing() -> None:
    """The same, without an argument."""
