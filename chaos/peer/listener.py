"""A listening socket that survives a port in use and a host short of descriptors."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from chaos.actions import Port
from chaos.election.config import Address
from chaos.errors import InfrastructureError
from chaos.peer import sockets
from chaos.peer.blocks import Blocks, Dialing, Route
from chaos.peer.journal import Journal
from chaos.peer.loop import READ, Deadline, Loop

_ACCEPTS_MAX: Final = 64  # of one wake-up
_RETRY_NS: Final = 100_000_000
_SHORT_NS: Final = 20_000_000  # a pause for descriptors to come back

Arrived = Callable[[socket.socket], None]


class Listener:
    """Accepts on one port; ``arrived`` gets each connection."""

    def __init__(self, loop: Loop, journal: Journal, port: Port, arrived: Arrived) -> None:
        self.address: Address | None = None
        self._loop = loop
        self._journal = journal
        self._port = port
        self._arrived = arrived
        self._sock: socket.socket | None = None
        self._again: Deadline | None = None

    def open(self, address: Address) -> None:
        """Listen on ``address``; connections wait in the kernel until :meth:`start`.

        Raises:
            InfrastructureError: it cannot be bound.
        """
        self.close()
        self.address = address
        self._sock = sockets.listen(address)

    def start(self) -> None:
        """Take the connections that come."""
        if self._sock is not None:
            self._loop.watch(self._sock, READ, self._ready)

    def keep_open(self, address: Address) -> None:
        """Listen and accept; where the address cannot be bound, say so once and try again."""
        try:
            self.open(address)
        except InfrastructureError as error:
            self._journal.rejected(self._port, str(address), f"{error}; trying again")
            self._later(_RETRY_NS, self._retry)
        else:
            self.start()

    def close(self) -> None:
        """Listen no more: who connects is refused."""
        self.address = None
        if self._again is not None:
            self._again.cancel()
        if self._sock is not None:
            self._loop.forget(self._sock)
            self._sock.close()
            self._sock = None

    # ----

    def _later(self, delay_ns: int, call: Callable[[], None]) -> None:
        self._again = self._loop.call_at(self._loop.now_ns + delay_ns, call)

    def _retry(self) -> None:
        address = self.address
        if address is None:
            return
        try:
            self._sock = sockets.listen(address)
        except InfrastructureError:
            self._later(_RETRY_NS, self._retry)  # said once, by keep_open
        else:
            self.start()

    def _ready(self, _: int) -> None:
        listener = self._sock
        if listener is None:
            return
        for _ in range(_ACCEPTS_MAX):
            try:
                sock = sockets.accept(listener)
            except OSError as error:
                # A listener that cannot accept stays readable: without a pause it would spin.
                self._journal.rejected(self._port, str(self.address), f"cannot accept: {error}")
                self._loop.forget(listener)
                self._later(_SHORT_NS, self.start)
                return
            if sock is None:
                return
            self._loop.read_clock()
            self._arrived(sock)


def refused(sock: socket.socket, route: Route, blocks: Blocks) -> bool:
    """Whether a block turns a connection away that has arrived; if so it is reset.

    A silent block cannot undo the handshake that the kernel made: that connection is kept,
    its bytes held back.
    """
    if blocks.dialing(route) is Dialing.OPEN:
        return False
    blocks.count(route, connections=1)
    if blocks.dialing(route) is Dialing.REFUSED or blocks.flow(route).reset:
        sockets.abort(sock)
        return True
    return False
