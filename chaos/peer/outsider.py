"""Somebody who is no member and talks nonsense at the ports of peers: a process of its own.

It is forked by the zygote, like a peer, so it lives in the run's world and dies with it. Its
control channel says when to end; the answer counts what it did and what it was answered.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from chaos.election.config import Address
from chaos.errors import InfrastructureError
from chaos.history.codec import Json
from chaos.peer import sockets
from chaos.peer.loop import READ, WRITE, Loop
from chaos.wire.nonsense import BYTE_NS, COUNTED, SILENCES, Nonsense, next_said

_SECOND: Final = 1_000_000_000
_READ_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Orders:
    """What an outsider does: see :class:`chaos.actions.Attack`.

    ``source`` is its own address, ``0.0.0.0`` for any; each of ``targets`` is a host and a port.
    """

    source: str
    targets: tuple[tuple[str, int], ...]
    quorum: bool
    kind: str
    per_s: int
    open_max: int
    size: int
    seed: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, raw: Json) -> Orders:
        """Read what :meth:`to_json` wrote.

        Raises:
            InfrastructureError: ``raw`` is none.
        """
        match raw:
            case {
                "source": str() as source,
                "targets": list() as targets,
                "quorum": bool() as quorum,
                "kind": str() as kind,
                "per_s": int() as per_s,
                "open_max": int() as open_max,
                "size": int() as size,
                "seed": str() as seed,
            } if kind in list(Nonsense):
                places = tuple(_place(one) for one in targets)
                return cls(source, places, quorum, kind, per_s, open_max, size, seed)
        raise InfrastructureError(f"no orders of an outsider: {str(raw)[:120]}")


def _place(raw: Json) -> tuple[str, int]:
    match raw:
        case [str() as host, int() as port]:
            return host, port
    raise InfrastructureError(f"no place for an outsider to go: {str(raw)[:120]}")


class Outsider:
    """What an outsider has open. :meth:`run` returns its exit code."""

    def __init__(self, orders: Orders, control: socket.socket) -> None:
        self.orders = orders
        self.kind = Nonsense(orders.kind)
        self.loop = Loop()
        self.counts = dict.fromkeys(COUNTED, 0)
        self._control = control
        self._dice = random.Random(orders.seed)
        self._over = False

    def run(self) -> int:
        """Go on until the control channel says something, or ends."""
        self._control.settimeout(0)
        self.loop.watch(self._control, READ, self._told, urgent=True)
        self._control.send(json.dumps({"ready": True}).encode())
        fronts = [_Front(self, Address(*one)) for one in self.orders.targets]
        while not self._over:
            self.loop.turn(None)
        self.counts["open"] = sum(front.standing for front in fronts)
        for front in fronts:
            front.close()
        self.loop.forget(self._control)
        self.loop.close()
        self._control.settimeout(1)
        self._control.send(json.dumps(self.counts).encode())
        return 0

    def text(self) -> bytes:
        """What is said on the next connection."""
        orders = self.orders
        return next_said(self.kind, quorum=orders.quorum, size=orders.size, dice=self._dice)

    def _told(self, _: int) -> None:
        self._control.recv(_READ_MAX)  # closed with something unread, it would lose the answer
        self._over = True


class _Front:
    """The connections to one port."""

    def __init__(self, outsider: Outsider, address: Address) -> None:
        self.outsider = outsider
        self._address = address
        self._calls: dict[int, _Call] = {}  # the oldest first
        self._opened = 0
        self._every_ns = _SECOND // outsider.orders.per_s
        self._due_ns = outsider.loop.read_clock()
        self._knock()

    @property
    def standing(self) -> int:
        """How many connections stand."""
        return sum(call.stands for call in self._calls.values())

    def close(self) -> None:
        """Close all."""
        for call in list(self._calls.values()):
            call.close()

    def forget(self, number: int) -> None:
        """A connection is closed."""
        del self._calls[number]

    def _knock(self) -> None:
        """Open a connection, and the next one in its time; what is late is not made up for."""
        outsider, orders = self.outsider, self.outsider.orders
        full = len(self._calls) >= orders.open_max
        if full and outsider.kind not in SILENCES:
            next(iter(self._calls.values())).close()
            full = False
        if not full:
            self._open()
        self._due_ns = max(self._due_ns, outsider.loop.now_ns - self._every_ns) + self._every_ns
        outsider.loop.call_at(self._due_ns, self._knock)

    def _open(self) -> None:
        outsider = self.outsider
        try:
            sock = sockets.dial(outsider.orders.source, self._address)
        except OSError:
            outsider.counts["refused"] += 1
            return
        self._opened += 1
        self._calls[self._opened] = _Call(self, self._opened, sock)


class _Call:
    """One connection."""

    def __init__(self, front: _Front, number: int, sock: socket.socket) -> None:
        self.stands = False
        self._front = front
        self._outsider = front.outsider
        self._number = number
        self._sock = sock
        self._text = self._outsider.text()
        self._next: Callable[[], None] | None = None
        self._outsider.loop.watch(sock, READ | WRITE, self._ready)

    def close(self) -> None:
        """Close it without a word."""
        if self._next is not None:
            self._next()
        self._outsider.loop.forget(self._sock)
        self._sock.close()
        self._front.forget(self._number)

    def _ready(self, mask: int) -> None:
        if mask & WRITE and not self._write():
            return
        if mask & READ:
            self._read()

    def _write(self) -> bool:
        """Say what there is to say; whether the connection stands."""
        counts = self._outsider.counts
        if not self.stands:
            if self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                counts["refused"] += 1
                self.close()
                return False
            self.stands = True
            counts["connections"] += 1
        slow = self._outsider.kind is Nonsense.SLOW
        text = self._text[:1] if slow else self._text
        try:
            sent = self._sock.send(text) if text else 0
        except BlockingIOError:
            return True
        except OSError:
            self._lost()
            return False
        counts["bytes"] += sent
        self._text = self._text[sent:]
        loop = self._outsider.loop
        if slow or not self._text:
            loop.watch(self._sock, READ, self._ready)
        if slow and self._text:
            due = loop.now_ns + BYTE_NS
            self._next = loop.call_at(due, self._another).cancel
        return True

    def _another(self) -> None:
        self._next = None
        self._write()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_MAX)
        except BlockingIOError:
            return
        except OSError:
            self._lost()
            return
        self._outsider.counts["answered"] += len(data)
        if not data:
            self._lost()

    def _lost(self) -> None:
        """The peer has closed it."""
        self._outsider.counts["closed" if self.stands else "refused"] += 1
        self.close()


def run(orders: Orders, control: socket.socket) -> int:
    """Be an outsider until told to end; the exit code."""
    return Outsider(orders, control).run()
