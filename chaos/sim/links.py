"""The election links of a simulated peer: performs the rules of ``chaos.election.cnx``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from chaos.actions import Port
from chaos.election.cnx import (
    Adopt,
    CnxEffect,
    CnxManager,
    Dial,
    Drop,
    Initiate,
    Overwritten,
    Ready,
)
from chaos.election.config import Address
from chaos.election.effects import Deliver
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.election.timings import Timings
from chaos.history.events import LinkClosed, LinkOpened, Lost, Rejected, Wrote
from chaos.sim.body import Body
from chaos.sim.connects import Attempt, Goal
from chaos.sim.network import BUFFER_FRAMES, Frame, Hello, Raw, Socket
from chaos.sim.raw import Readers
from chaos.wire.election import Initiation, Skipped, encode_frame
from chaos.wire.lane import Lane, Part

ELECTION: Final = Port.ELECTION
_MS: Final = 1_000_000


class Parcel(NamedTuple):
    """A notification in a send queue: it was effect ``effect`` of journal line ``step``."""

    notification: Notification
    step: int
    effect: int


Found = tuple[Parcel, bool]  # a message, and whether it is the old last one again


class ElectionLinks:
    """All election links of one peer. ``deliver`` takes each notification that was read."""

    def __init__(
        self, body: Body, own: Address, timings: Timings, deliver: Callable[[Deliver], object]
    ) -> None:
        self.cnx: CnxManager[Parcel] = body.rules.links(body.sid, {})
        self._body = body
        self._network = body.network
        self._own = own
        self._connect_ns = timings.connect_ms * _MS
        self._hello_ns = timings.sync_ms * _MS
        self._deliver = deliver
        self._dials: dict[Sid, Attempt] = {}
        self._lanes: dict[int, Lane[Found]] = {}  # what a fault holds back, by connection
        self._readers = Readers()
        self._unwritten: list[Socket] = []  # have something to write when the peer goes on

    # ---- what the peer wants

    def send(self, to: tuple[Sid, ...], parcel: Parcel) -> None:
        """Offer a message to the queue of each of ``to``."""
        for sid in to:
            self.perform(self.cnx.send(sid, parcel))

    def restart(self, addresses: Mapping[Sid, Address], own: Address) -> None:
        """Build the layer anew: no link survives."""
        self._own = own
        self.perform(self.cnx.restart(addresses))
        for attempt in self._dials.values():
            attempt.cancel()
        self._dials.clear()
        for socket in list(self._body.sockets.values()):
            if socket.way.port is ELECTION:
                self._close(socket, "the election layer restarts")

    # ---- what happens

    def accept(self, socket: Socket) -> None:
        """Somebody connected; it must say who it is within syncLimit."""
        if socket.number in self._body.sockets:
            due = self._body.clock.now_ns + self._hello_ns
            self._body.later(due, partial(self._unnamed, socket))

    def hello(self, socket: Socket, hello: Hello) -> None:
        """The initiation of an accepted connection was read."""
        socket.other = hello.sid
        self.perform(self.cnx.accepted(socket.number, hello.sid, hello.address))

    def frame(self, socket: Socket, frame: Frame) -> None:
        """A notification was read."""
        assert socket.other is not None
        socket.read = max(socket.read, frame.number + 1)
        name = socket.far.name
        self._deliver(Deliver(socket.other, frame.notification, name, frame.number))

    def raw(self, socket: Socket, data: bytes) -> None:
        """Bytes were read: of somebody who is no peer, or of one whose messages a fault harms."""
        if socket.other is not None:
            self._readers.introduced(socket.number)
        found, wrong = self._readers.feed(socket.number, ELECTION, data)
        for item in found:
            if socket.number not in self._body.sockets:
                return
            match item:
                case Initiation():
                    address = item.addresses[0] if item.addresses else None
                    self.hello(socket, Hello(item.sid, address))
                case Skipped():
                    socket.read += 1
                    self._reject(socket, item.why)
                case Notification():
                    self.frame(socket, Frame(item, socket.read))
                case _:
                    raise AssertionError(f"{item} is of another port")
        if wrong and socket.number in self._body.sockets:
            self.cnx.lost(socket.number)
            if socket.other is not None:
                self._reject(socket, wrong)
            self._close(socket, wrong)

    def lost(self, socket: Socket, why: str) -> None:
        """A connection ended by itself."""
        self.cnx.lost(socket.number)
        self._close(socket, why)

    def writable(self, socket: Socket) -> None:
        """A full buffer has room again, or a delayed message is due."""
        if socket.number in self._body.sockets:
            self._fill(socket)

    def relieve(self) -> None:
        """A message fault is over: what it held back goes now."""
        for number, lane in list(self._lanes.items()):
            socket = self._body.sockets.get(number)
            if socket is not None and lane.spoilt:
                self.lost(socket, "a byte on it was changed by a fault that is over")
            elif socket is not None:
                self._fill(socket)

    def write_on(self) -> None:
        """The peer goes on: write what it could not at a gate."""
        waiting, self._unwritten = self._unwritten, []
        for socket in waiting:
            self.writable(socket)

    # ---- performing the rules

    def perform(self, effects: list[CnxEffect[Parcel]]) -> None:
        """Do what the rules want, in their order."""
        sockets = self._body.sockets
        for effect in effects:
            match effect:
                case Ready():
                    socket = sockets.get(effect.conn)
                    if socket is not None:
                        self._fill(socket)
                case Overwritten():
                    self._lose(effect.to, effect.message, "overwritten in its queue")
                case Dial():
                    self._dial(effect.to, effect.address)
                case Initiate():
                    hello = Hello(self._body.sid, self._own)
                    self._network.send(sockets[effect.conn], hello)
                case Adopt():
                    self._adopt(sockets[effect.conn])
                case Drop():
                    self._close(sockets[effect.conn], effect.why)

    def _dial(self, to: Sid, address: Address) -> None:
        deadline = self._body.clock.now_ns + self._connect_ns
        goal = Goal(address, ELECTION, deadline)
        done = partial(self._dialed, to)
        self._dials[to] = self._body.connects.connect(self._body, goal, done)

    def _dialed(self, to: Sid, socket: Socket | None, why: str) -> None:
        del self._dials[to]
        if socket is None:
            body = self._body
            now = body.clock.now_ns
            body.emit(LinkClosed(now, body.sid, body.inc, body.line(), to, "", why))
            self.cnx.dial_failed(to)
            return
        socket.other = to
        self.perform(self.cnx.dialed(to, socket.number))

    def _adopt(self, socket: Socket) -> None:
        body = self._body
        assert socket.other is not None
        now, name = body.clock.now_ns, socket.name
        other, dialed, line = socket.other, socket.dialed, body.line()
        body.emit(LinkOpened(now, body.sid, body.inc, line, other, name, dialed))
        body.linked(other, line, opened=True)

    def _close(self, socket: Socket, why: str) -> None:
        body = self._body
        if socket.number not in body.sockets:
            return
        self._network.close(socket)
        self._readers.forget(socket.number)
        now = body.clock.now_ns
        if socket.other is None:
            self._reject(socket, why)
            return
        lane = self._lanes.pop(socket.number, None)
        for parcel, _ in () if lane is None else lane.drop():
            self._lose(socket.other, parcel, "its link closed before it was due")
        name, line = socket.name, body.line()
        body.emit(LinkClosed(now, body.sid, body.inc, line, socket.other, name, why))
        body.linked(socket.other, line, opened=False)

    def _reject(self, socket: Socket, why: str) -> None:
        body = self._body
        now, line = body.clock.now_ns, body.line()
        body.emit(Rejected(now, body.sid, body.inc, line, ELECTION, socket.name, why))

    def _unnamed(self, socket: Socket) -> None:
        if socket.other is None:
            self._close(socket, "no initiation within syncLimit")

    # ---- writing

    def _fill(self, socket: Socket) -> None:
        """Write what is due, then the next message, as long as the buffer has room."""
        other = socket.other
        assert other is not None
        body = self._body
        if body.frozen:
            self._unwritten.append(socket)
        elif body.shimmed:
            self._fill_slowly(socket, other)
        elif socket.unread >= BUFFER_FRAMES:
            socket.stalled = True
        else:
            found = self.cnx.next_message(socket.number)
            if found is not None:
                self._write(socket, other, Part(found))

    def _fill_slowly(self, socket: Socket, to: Sid) -> None:
        now = self._body.clock.now_ns
        lane = self._lane(socket, to)
        while socket.unread < BUFFER_FRAMES:
            part = lane.pop(now)
            if part is not None:
                self._write(socket, to, part)
                continue
            found = None if lane.full else self.cnx.next_message(socket.number)
            if found is None:
                due = lane.alarm_ns(now)
                if due is not None:
                    self._body.later(due, partial(self.writable, socket))
                return
            lost_by = lane.offer(found, now, first=found[1])
            if lost_by:
                self._lose(to, found[0], "lost on its way", lost_by)
        socket.stalled = True

    def _lane(self, socket: Socket, to: Sid) -> Lane[Found]:
        lane = self._lanes.get(socket.number)
        if lane is None:
            lane = Lane(self._body.shim, to, ELECTION.value, _frame)
            self._lanes[socket.number] = lane
        return lane

    def _write(self, socket: Socket, to: Sid, part: Part[Found]) -> None:
        """Once a frame went as bytes, all behind it do: a reader may be in the middle of one."""
        body, ((notification, step, effect), again) = self._body, part.item
        number = socket.frames
        if part.first:
            socket.frames = number + 1
            now, harm = body.clock.now_ns, part.harm
            seq, link = body.line(), socket.name
            who = now, body.sid, body.inc, seq, step, effect, to, link, number, again
            body.emit(Wrote(*who, harm.copied_by, harm.corrupted_by, harm.byte))
        if part.data is None and not socket.raw:
            self._network.send(socket, Frame(notification, number))
            return
        socket.raw = True
        self._network.send(socket, Raw(_frame(part.item) if part.data is None else part.data))

    def _lose(self, to: Sid, parcel: Parcel, why: str, fault: str = "") -> None:
        body = self._body
        now, step, effect = body.clock.now_ns, parcel.step, parcel.effect
        body.emit(Lost(now, body.sid, body.inc, body.line(), step, effect, to, why, fault))


def _frame(found: Found) -> bytes:
    return encode_frame(found[0].notification)
