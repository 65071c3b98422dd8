"""Attempts to connect: from a peer's own address, with a deadline, under its blocks."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final

from chaos.election.config import Address
from chaos.peer import sockets
from chaos.peer.blocks import Blocks, Dialing, Route
from chaos.peer.loop import WRITE, Loop

_MS: Final = 1_000_000
DIALS_MAX: Final = 512  # at once; a configuration by gossip may name thousands

Done = Callable[[socket.socket | None, str], None]


class Dial:
    """One attempt. ``done`` gets the connected socket, or ``None`` and the reason."""

    def __init__(self, route: Route, address: Address, done: Done) -> None:
        self.route = route
        self.address = address
        self.done: Done | None = done
        self.sock: socket.socket | None = None
        self.limit: Callable[[], None] = _no_limit


class Dials:
    """All attempts of one peer that are under way."""

    def __init__(self, loop: Loop, source: str, blocks: Blocks) -> None:
        self.source = source
        self._loop = loop
        self._blocks = blocks
        self._open: set[Dial] = set()

    def start(self, route: Route, address: Address, timeout_ms: int, done: Done) -> Dial:
        """Connect to ``address``; ``done`` is called later, never from within this call."""
        dial = Dial(route, address, done)
        if len(self._open) >= DIALS_MAX:
            self._loop.call_soon(lambda: self._too_many(dial))
            return dial
        self._open.add(dial)
        due = self._loop.now_ns + timeout_ms * _MS
        why = f"{address} did not answer within {timeout_ms} ms"
        dial.limit = self._loop.call_at(due, lambda: self._end(dial, None, why)).cancel
        self._loop.call_soon(lambda: self._begin(dial, fresh=True))
        return dial

    def cancel(self, dial: Dial) -> None:
        """Give up; ``done`` is not called."""
        dial.done = None
        self._end(dial, None, "given up")

    def reconsider(self) -> None:
        """Blocks may have changed: what hung may go on."""
        for dial in list(self._open):
            if dial.sock is None:
                self._begin(dial, fresh=False)

    def close(self) -> None:
        """Give up all of them."""
        for dial in list(self._open):
            self.cancel(dial)

    # ----

    def _too_many(self, dial: Dial) -> None:
        if dial.done is not None:
            dial.done(None, f"{DIALS_MAX} dials are under way already")

    def _begin(self, dial: Dial, *, fresh: bool) -> None:
        if dial not in self._open or dial.sock is not None:
            return
        fate = self._blocks.dialing(dial.route)
        if fate is not Dialing.OPEN:
            if fresh or fate is Dialing.REFUSED:
                self._blocks.count(dial.route, connections=1)
            if fate is Dialing.REFUSED:
                self._end(dial, None, f"{dial.address} refused the connection (blocked)")
            return
        try:
            dial.sock = sockets.dial(self.source, dial.address)
        except OSError as error:
            self._end(dial, None, f"{dial.address}: {error.strerror or error}")
            return
        self._loop.watch(dial.sock, WRITE, lambda _: self._answered(dial))

    def _answered(self, dial: Dial) -> None:
        sock = dial.sock
        if sock is None or dial not in self._open:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._end(dial, None, f"{dial.address}: {os.strerror(code)}")
            return
        self._loop.forget(sock)
        dial.sock = None
        self._loop.read_clock()
        self._end(dial, sock, "")

    def _end(self, dial: Dial, sock: socket.socket | None, why: str) -> None:
        self._open.discard(dial)
        dial.limit()
        if dial.sock is not None:
            self._loop.forget(dial.sock)
            dial.sock.close()
            dial.sock = None
        done, dial.done = dial.done, None
        if done is not None:
            done(sock, why)


def _no_limit() -> None:
    """The limit of an attempt that has none yet."""
