"""Somebody who is no member and talks nonsense at the ports of simulated peers.

It says the bytes that a real outsider says, and peers read them by the readers of the wire.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from chaos.actions import Attack, Port
from chaos.election.config import Address, Member
from chaos.election.ids import Sid
from chaos.sim.clock import Call, Clock
from chaos.sim.connects import Connects, Goal
from chaos.sim.network import Fin, Frame, Hello, Item, Network, Raw, Socket
from chaos.wire.election import encode_frame, encode_initiation
from chaos.wire.nonsense import BYTE_NS, COUNTED, FIRST_SID, SILENCES, Nonsense, next_said
from chaos.wire.quorum import encode_packet

HOST: Final = "10.255.255.254"
HOST_SID: Final = Sid(FIRST_SID - 1)  # of its host; what it calls itself is another matter
_SECOND: Final = 1_000_000_000
_CONNECT_NS: Final = 5 * _SECOND


@dataclass(frozen=True, slots=True)
class Place:
    """Where an outsider lives, and where the peers do."""

    clock: Clock
    network: Network
    connects: Connects
    homes: Mapping[Sid, Member]
    seed: str

    def port(self, sid: Sid, port: Port) -> Address:
        """Where a port of a peer is."""
        home = self.homes[sid]
        return home.quorum if port is Port.QUORUM else home.election


@dataclass(slots=True)
class _Front:
    """The connections to one port; ``asked`` are those that do not stand yet."""

    address: Address
    sockets: deque[Socket] = field(default_factory=deque)
    asked: int = 0


class Outsider:
    """One attack; a process of the network as :class:`~chaos.sim.network.Owner` wants it."""

    def __init__(self, attack: Attack, place: Place) -> None:
        self.sid = HOST_SID
        self.alive = True
        self.stopped = False
        self.unread: deque[Call] = deque()
        self.sockets: dict[int, Socket] = {}
        self.counts = dict.fromkeys(COUNTED, 0)
        self._attack = attack
        self._kind = Nonsense(attack.kind)
        self._place = place
        self._dice = Random(f"{place.seed}/outsider/{attack.name}")
        self._numbers = 0
        self._fronts = [_Front(place.port(sid, attack.port)) for sid in attack.targets]
        for front in self._fronts:
            self._knock(front)

    def call_off(self) -> dict[str, int]:
        """Close everything; what was done, and what was answered."""
        standing = sum(len(front.sockets) for front in self._fronts)
        self.alive = False
        for socket in list(self.sockets.values()):
            self._place.network.close(socket)
        return {**self.counts, "open": standing}

    # ---- what it does

    def _knock(self, front: _Front) -> None:
        if not self.alive:
            return
        full = len(front.sockets) + front.asked >= self._attack.open_max
        if full and self._kind not in SILENCES and front.sockets:
            self._place.network.close(front.sockets.popleft())
            full = False
        if not full:
            self._open(front)
        clock = self._place.clock
        clock.at(clock.now_ns + _SECOND // self._attack.per_s, partial(self._knock, front))

    def _open(self, front: _Front) -> None:
        front.asked += 1
        goal = Goal(front.address, self._attack.port, self._place.clock.now_ns + _CONNECT_NS)
        self._place.connects.connect(self, goal, partial(self._stands, front))

    def _stands(self, front: _Front, socket: Socket | None, why: str) -> None:
        del why
        front.asked -= 1
        if socket is None:
            self.counts["refused"] += 1
            return
        self.counts["connections"] += 1
        front.sockets.append(socket)
        attack = self._attack
        quorum = attack.port is Port.QUORUM
        text = next_said(self._kind, quorum=quorum, size=attack.size, dice=self._dice)
        if self._kind is Nonsense.SLOW:
            self._spell(socket, text)
        elif text:
            self._say(socket, text)

    def _spell(self, socket: Socket, text: bytes) -> None:
        """One byte now, the others later."""
        if socket.number not in self.sockets or not text:
            return
        self._say(socket, text[:1])
        clock = self._place.clock
        clock.at(clock.now_ns + BYTE_NS, partial(self._spell, socket, text[1:]))

    def _say(self, socket: Socket, text: bytes) -> None:
        self.counts["bytes"] += len(text)
        self._place.network.send(socket, Raw(text))

    # ---- what the network asks of a process

    def draw(self) -> int:
        """The number of its next socket."""
        self._numbers += 1
        return self._numbers

    def gate(self, call: Call) -> None:
        """It is never stopped."""
        if self.alive:
            call()

    def accept(self, socket: Socket) -> None:
        """Nobody dials it: no configuration names it."""
        self._place.network.close(socket)

    def read(self, socket: Socket, item: Item) -> None:
        """An answer, or the end of the connection."""
        if socket.number not in self.sockets:
            return
        self._place.network.took(socket)
        size = _size(item)
        if size is None:
            self.lost(socket, "end of file")
        else:
            self.counts["answered"] += size

    def lost(self, socket: Socket, why: str) -> None:
        """The peer has closed it."""
        del why
        if socket.number not in self.sockets:
            return
        self.counts["closed"] += 1
        for front in self._fronts:
            if socket in front.sockets:
                front.sockets.remove(socket)
        self._place.network.close(socket)

    def writable(self, socket: Socket) -> None:
        """It waits for no room."""


def _size(item: Item) -> int | None:
    """Bytes of what a peer said; ``None`` for the end of file."""
    match item:
        case Fin():
            return None
        case Frame():
            return len(encode_frame(item.notification))
        case Hello():
            return len(encode_initiation(item.sid, [item.address or Address(HOST, 1)]))
        case Raw():
            return len(item.data)
        case _:
            return len(encode_packet(item))
