"""The election port: performs the rules of :class:`~chaos.election.cnx.CnxManager`.

Source: ZooKeeper 3.8 ``QuorumCnxManager`` with its ``Listener``, ``SendWorker`` and
``RecvWorker``, as one thread that never blocks: a silent connection delays no other
(ZooKeeper reads initiations one after another), and a peer that does not read costs one frame.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

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
from chaos.errors import WireError
from chaos.history.codec import Json
from chaos.peer.blocks import Route
from chaos.peer.dials import Dial as Attempt
from chaos.peer.holding import Turns
from chaos.peer.journal import Offer
from chaos.peer.listener import Listener, refused
from chaos.peer.loop import Deadline
from chaos.peer.outbox import ELECTION, Link, Outbox
from chaos.peer.room import Room
from chaos.peer.stream import Stream
from chaos.wire.election import InitiationReader, Skipped, encode_initiation

PENDING_MAX: Final = 64  # connections without an initiation, beside one for each member
STRANGERS_MAX: Final = 64  # links to sids that no configuration names
_MS: Final = 1_000_000
_YIELD_NS: Final = 5 * _MS  # for a larger sid's own dial to come first


class ElectionPort:
    """All election links of one peer. ``turns`` take each notification that was read."""

    def __init__(self, room: Room, addresses: Mapping[Sid, Address], turns: Turns) -> None:
        self._room = room
        self._loop = room.loop
        self._journal = room.journal
        self._turns = turns
        self.cnx: CnxManager[Offer] = CnxManager(room.me, addresses)
        self.listener = Listener(room.loop, room.journal, ELECTION, self._arrived)
        self._links: dict[int, Link] = {}
        self._pending: dict[int, Link] = {}  # accepted, initiation not read; oldest first
        self._strangers: dict[int, Link] = {}
        self._dials: dict[Sid, Attempt] = {}
        self._yielding: dict[Sid, Deadline] = {}  # dials to larger sids that wait a moment
        self._outbox = Outbox(room, self.cnx)
        self._initiation = b""

    # ---- what the peer wants

    def open(self, address: Address, advertised: Address) -> None:
        """Listen on ``address`` and tell others to dial ``advertised``.

        Raises:
            InfrastructureError: it cannot be bound.
        """
        self._initiation = encode_initiation(self._room.me, [advertised])
        self.listener.open(address)

    def send(self, to: tuple[Sid, ...], offer: Offer) -> None:
        """Offer one message to the queues of all of ``to``."""
        for sid in to:
            self._perform(self.cnx.send(sid, offer))

    def connect_all(self) -> None:
        """Dial everybody who has a queue and no link."""
        self._perform(self.cnx.connect_all())

    def restart(
        self, addresses: Mapping[Sid, Address], home: tuple[Address, Address] | None
    ) -> None:
        """Build the layer anew; ``home`` is where it listens now, and what it tells others."""
        self._perform(self.cnx.restart(addresses))
        for attempt in self._dials.values():
            self._room.dials.cancel(attempt)
        self._dials.clear()
        for waiting in self._yielding.values():
            waiting.cancel()
        self._yielding.clear()
        for link in list(self._links.values()):
            self._close(link, "the election layer restarts")
        if home is None:
            return  # no member any more: it stays where it was, as ZooKeeper does
        own, advertised = home
        self._initiation = encode_initiation(self._room.me, [advertised])
        if own != self.listener.address:
            self.listener.keep_open(own)

    def reconsider(self) -> None:
        """Blocks or message faults have changed."""
        for link in list(self._links.values()):
            flow = link.stream.reconsider()
            if flow.reset:
                self._room.blocks.count(link.stream.route, connections=1)
                self._lose(link, "reset by a block", reset=True)
            elif link.spoilt:
                self._lose(link, "a byte on it was changed by a fault that is over")
            elif flow.outward:
                self._outbox.look(link)

    def streams(self) -> list[Stream]:
        """All connections."""
        return [link.stream for link in self._links.values()]

    def fill(self) -> list[Stream]:
        """Put the next message on each link that has room for one, and write it down."""
        return self._outbox.fill()

    def depths(self) -> dict[str, Json]:
        """How much waits, and how many connections there are."""
        links = self._links.values()
        return {
            "links": sum(link.sid is not None for link in links),
            "links_pending": len(self._pending),
            "links_dialing": len(self._dials),
            "links_late": sum(link.late for link in links),
            "links_out_bytes": sum(len(link.stream.out) for link in links),
        }

    def close(self) -> None:
        """Close everything, without a word."""
        self.listener.close()
        for link in self._links.values():
            link.stream.close()
        self._links.clear()

    # ---- performing the rules

    def _perform(self, effects: list[CnxEffect[Offer]]) -> None:
        for effect in effects:
            match effect:
                case Ready():
                    self._outbox.look(self._links[effect.conn])
                case Overwritten():
                    self._journal.lost(effect.message, effect.to, "overwritten in its queue")
                case Dial() if effect.to > self._room.me:
                    self._yield(effect.to, effect.address)
                case Dial():
                    self._dial(effect.to, effect.address)
                case Initiate():
                    self._initiate(self._links[effect.conn])
                case Adopt():
                    self._adopt(self._links[effect.conn], effect.sid)
                case Drop():
                    self._drop(self._links[effect.conn], effect.why)

    def _yield(self, to: Sid, address: Address) -> None:
        """Dial a larger sid in a moment: if it dials me meanwhile, that link is the one to last.

        When a whole ensemble starts at once this saves half of the connections, and the
        links that each of them would tear down.
        """

        def go() -> None:
            del self._yielding[to]
            if self.cnx.has_link(to):
                self.cnx.dial_failed(to)
            elif any(link.stream.route.other == to for link in self._pending.values()):
                self._yield(to, address)  # it is here already, and about to say who it is
            else:
                self._dial(to, address)

        due_ns = self._loop.read_clock() + _YIELD_NS
        self._yielding[to] = self._loop.call_at(due_ns, go)

    def _dial(self, to: Sid, address: Address) -> None:
        def done(sock: socket.socket | None, why: str) -> None:
            self._dials.pop(to, None)
            if sock is None:
                self._journal.link_closed(to, "", why)
                self.cnx.dial_failed(to)
                return
            link = self._open(sock, Route(to, ELECTION, dialed=True))
            self._perform(self.cnx.dialed(to, link.conn))

        route = Route(to, ELECTION, dialed=True)
        dialable = self._room.book.numeric(to, address)
        self._dials[to] = self._room.dials.start(
            route, dialable, self._room.timings.connect_ms, done
        )

    def _initiate(self, link: Link) -> None:
        link.stream.write(self._initiation)
        self._outbox.look(link)

    def _adopt(self, link: Link, sid: Sid) -> None:
        self._outbox.adopt(link, sid)
        stream = link.stream
        if stream.route.other is None:  # its address names nobody, so its word has to do
            stream.route = Route(sid, ELECTION, stream.route.dialed)
        line = self._journal.link_opened(sid, stream.to_there, dialed=stream.route.dialed)
        self._turns.linked(sid, line, opened=True)
        if sid not in self.cnx.addresses:
            self._strangers[link.conn] = link
            if len(self._strangers) > STRANGERS_MAX:
                oldest = next(iter(self._strangers.values()))
                self._lose(oldest, f"more than {STRANGERS_MAX} links to unknown servers")
        stream.got = lambda data: self._frames(link, data)
        stream.start()

    def _drop(self, link: Link, why: str) -> None:
        """Close, but not before what was to be written has gone, if it goes in time."""
        link.why = why
        self._pending.pop(link.conn, None)
        if not link.stream.out:
            self._close(link, why)
            return
        link.stream.stop_reading()
        link.stream.drained = lambda: self._close(link, why)
        self._expire(link, why)

    # ---- connections

    def _arrived(self, sock: socket.socket) -> None:
        route = self._room.book.route_of(sock, ELECTION)
        if refused(sock, route, self._room.blocks):
            return
        link = self._open(sock, route)
        self._pending[link.conn] = link
        if len(self._pending) > PENDING_MAX + len(self.cnx.addresses):
            oldest = next(iter(self._pending.values()))
            self._reject(oldest, f"{len(self._pending)} connections without an initiation")
        reader = InitiationReader()
        link.stream.got = lambda data: self._introduced(link, reader, data)
        self._expire(link, "no initiation within syncLimit")
        link.stream.start()

    def _open(self, sock: socket.socket, route: Route) -> Link:
        conn = self._room.next_conn()
        stream = Stream(self._loop, sock, route, self._room.blocks)
        link = Link(conn, stream)
        self._links[conn] = link
        stream.broken = lambda why: self._lose(link, why)
        stream.drained = lambda: self._outbox.look(link)
        return link

    def _expire(self, link: Link, why: str) -> None:
        def expire() -> None:
            if link.conn in self._pending:
                self._reject(link, why)
            else:
                self._close(link, why)

        due = self._loop.now_ns + self._room.timings.sync_ms * _MS
        link.expiry = self._loop.call_at(due, expire).cancel

    def _introduced(self, link: Link, reader: InitiationReader, data: bytes) -> None:
        try:
            found = reader.feed(data)
        except WireError as error:
            self._reject(link, str(error))
            return
        if found is None:
            return
        del self._pending[link.conn]
        assert link.expiry is not None
        link.expiry()
        if found.sid == self._room.me:
            source = link.stream.other_end
            self._journal.rejected(ELECTION, source, f"server {found.sid} is me")
        address = found.addresses[0] if found.addresses else None
        self._perform(self.cnx.accepted(link.conn, found.sid, address))
        if link.sid is not None and reader.rest:
            self._frames(link, reader.rest)

    def _frames(self, link: Link, data: bytes) -> None:
        assert link.sid is not None
        error = ""
        try:
            found = link.reader.feed(data)
        except WireError as wrong:
            found, error = link.reader.before, str(wrong)
        name = link.stream.from_there
        for message in found:
            frame = link.frames_in
            link.frames_in += 1
            if isinstance(message, Skipped):
                self._journal.rejected(ELECTION, name, message.why)
                continue
            self._turns.step(Deliver(link.sid, message, name, frame))
            if link.why or link.stream.closed:
                return  # that notification ended the link
        if error:
            self._journal.rejected(ELECTION, name, error)
            self._lose(link, error)

    def _reject(self, link: Link, why: str) -> None:
        """End a connection that never became a link."""
        self._journal.rejected(ELECTION, link.stream.other_end, why)
        self._forget(link)
        link.stream.close()

    def _lose(self, link: Link, why: str, *, reset: bool = False) -> None:
        """The link is gone, and the rules are to know."""
        self.cnx.lost(link.conn)
        self._close(link, why, reset=reset)

    def _close(self, link: Link, why: str, *, reset: bool = False) -> None:
        if link.conn not in self._links:
            return
        self._forget(link)
        stream = link.stream
        self._outbox.drop(link)
        other = link.sid if link.sid is not None else stream.route.other
        if other is not None:
            line = self._journal.link_closed(other, stream.to_there, link.why or why)
            if link.sid is not None:
                self._turns.linked(link.sid, line, opened=False)
        elif not link.why:
            self._journal.rejected(ELECTION, stream.other_end, why)
        stream.close(reset=reset)

    def _forget(self, link: Link) -> None:
        for table in (self._links, self._pending, self._strangers):
            table.pop(link.conn, None)
        self._outbox.forget(link)
        if link.expiry is not None:
            link.expiry()
