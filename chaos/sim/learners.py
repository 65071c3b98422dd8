"""The quorum connections of a simulated peer: a leader's learners, a learner's leader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from chaos.actions import Port
from chaos.election.config import Address
from chaos.election.effects import (
    ConnectionLost,
    Input,
    LeaderConnected,
    LeaderRefused,
    LearnerConnected,
    PacketRead,
)
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.election.packets import Packet
from chaos.history.events import Rejected
from chaos.sim.body import Body
from chaos.sim.connects import Attempt, Goal
from chaos.sim.network import Raw, Socket
from chaos.sim.raw import Readers
from chaos.wire.election import Initiation, Skipped
from chaos.wire.lane import Lane
from chaos.wire.quorum import encode_packet

QUORUM: Final = Port.QUORUM
_MS: Final = 1_000_000


class QuorumPort:
    """All quorum connections of one peer. ``step`` takes what happens on them."""

    def __init__(self, body: Body, step: Callable[[Input], object]) -> None:
        self._body = body
        self._step = step
        self._listens: Address | None = None
        self._attempt: Attempt | None = None
        self._readers = Readers()
        self._lanes: dict[int, Lane[Packet]] = {}  # what a fault holds back

    # ---- what the peer wants

    def open(self, address: Address) -> None:
        """Listen for learners."""
        self._listens = address
        self._body.connects.listen(self._body, address)

    def close(self) -> None:
        """Listen no more and let every learner go."""
        if self._listens is not None:
            self._body.connects.unlisten(self._body, self._listens)
            self._listens = None
        for socket in list(self._body.sockets.values()):
            if socket.way.port is QUORUM and not socket.dialed:
                self._close(socket)

    def connect(self, leader: Sid, addresses: Mapping[Sid, Address], timeout_ms: int) -> None:
        """Connect to ``leader``; the answer is a later input."""
        self._give_up()
        body = self._body
        address = addresses.get(leader)
        if address is None:
            why = f"server {leader} is in no configuration of mine"
            refused = partial(body.gate, partial(self._step, LeaderRefused(why)))
            body.clock.at(body.clock.now_ns, refused)
            return
        goal = Goal(address, QUORUM, body.clock.now_ns + timeout_ms * _MS)
        self._attempt = body.connects.connect(body, goal, self._connected)

    def send(self, conn: int, packet: Packet) -> None:
        """Write ``packet`` on ``conn``; on one that broke nothing happens."""
        body = self._body
        socket = body.sockets.get(conn)
        if socket is None:
            return
        if not body.shimmed:
            body.network.send(socket, packet)
            return
        lane = self._lanes.get(conn)
        if lane is None:
            lane = Lane(body.shim, socket.way.target, QUORUM.value, encode_packet)
            self._lanes[conn] = lane
        lost_by = lane.offer(packet, body.clock.now_ns)
        assert not lost_by, "a stream loses nothing"
        self._due(socket)

    def relieve(self) -> None:
        """A message fault is over: what it held back goes now."""
        for number in list(self._lanes):
            socket = self._body.sockets.get(number)
            if socket is not None:
                self._due(socket)

    def drop(self, conn: int) -> None:
        """Close ``conn``; 0 is an attempt that is under way."""
        self._give_up()
        socket = self._body.sockets.get(conn)
        if socket is not None:
            self._close(socket)

    # ---- what happens

    def accept(self, socket: Socket) -> None:
        """A learner connected, if the port was not closed meanwhile."""
        if socket.number in self._body.sockets:
            self._step(LearnerConnected(socket.number))

    def packet(self, socket: Socket, packet: Packet) -> None:
        """A packet was read."""
        self._step(PacketRead(socket.number, packet))

    def raw(self, socket: Socket, data: bytes) -> None:
        """Bytes were read: of somebody who is no peer, or of one whose messages a fault harms."""
        body = self._body
        found, wrong = self._readers.feed(socket.number, QUORUM, data)
        for item in found:
            if socket.number not in body.sockets:
                return
            assert not isinstance(item, Initiation | Notification | Skipped), "of another port"
            self.packet(socket, item)
        if wrong and socket.number in body.sockets:
            now, name = body.clock.now_ns, socket.name
            body.emit(Rejected(now, body.sid, body.inc, body.line(), QUORUM, name, wrong))
            self.lost(socket, wrong)

    def lost(self, socket: Socket, why: str) -> None:
        """A connection ended by itself."""
        self._close(socket)
        self._step(ConnectionLost(socket.number, why))

    # ----

    def _connected(self, socket: Socket | None, why: str) -> None:
        self._attempt = None
        if socket is None:
            self._step(LeaderRefused(why))
        else:
            self._step(LeaderConnected(socket.number))

    def _due(self, socket: Socket) -> None:
        body, lane = self._body, self._lanes.get(socket.number)
        if lane is None:
            return
        part = lane.pop(body.clock.now_ns)
        while part is not None:
            socket.raw = socket.raw or part.data is not None
            data = part.data
            if socket.raw and data is None:
                data = encode_packet(part.item)
            body.network.send(socket, part.item if data is None else Raw(data))
            part = lane.pop(body.clock.now_ns)
        due = lane.alarm_ns(body.clock.now_ns)
        if due is not None:
            body.later(due, partial(self._due, socket))

    def _close(self, socket: Socket) -> None:
        self._lanes.pop(socket.number, None)
        self._readers.forget(socket.number)
        self._body.network.close(socket)

    def _give_up(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
            if attempt.socket is not None:
                self._close(attempt.socket)
