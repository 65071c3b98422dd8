"""The writing half of a peer's election links: which message goes when, and what faults do to it.

Source: ZooKeeper 3.8 ``QuorumCnxManager.SendWorker``. A message waits in its queue, where a newer
one replaces it, until its link has nothing to write; what a fault holds back waits in a lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chaos.actions import Port
from chaos.election.cnx import CnxManager
from chaos.election.ids import Sid
from chaos.peer.journal import Offer
from chaos.peer.room import Room
from chaos.peer.stream import Stream
from chaos.wire.election import FrameReader
from chaos.wire.lane import Lane, Part

ELECTION: Final = Port.ELECTION

Found = tuple[Offer, bool]  # a message, and whether it is the old last one again


class Link:
    """One connection of the election port, from its first byte to its last."""

    __slots__ = (
        "conn",
        "expiry",
        "frames_in",
        "frames_out",
        "lane",
        "reader",
        "sid",
        "stream",
        "why",
    )

    def __init__(self, conn: int, stream: Stream) -> None:
        self.conn = conn
        self.stream = stream
        self.sid: Sid | None = None  # of the other side, once it is adopted
        self.lane: Lane[Found] | None = None  # likewise
        self.reader = FrameReader()
        self.frames_in = 0
        self.frames_out = 0
        self.why = ""  # it closes, once what waits is flushed
        self.expiry: Callable[[], None] | None = None

    @property
    def late(self) -> int:
        """How many messages a fault holds back."""
        return 0 if self.lane is None else len(self.lane)

    @property
    def spoilt(self) -> bool:
        """Whether its reader may be out of step because of a fault that is over."""
        return self.lane is not None and self.lane.spoilt


class Outbox:
    """Writes what the rules of connections have for each link."""

    def __init__(self, room: Room, cnx: CnxManager[Offer]) -> None:
        self._room = room
        self._cnx = cnx
        self._ready: dict[int, Link] = {}  # have something to write, perhaps

    def adopt(self, link: Link, sid: Sid) -> None:
        """``link`` leads to ``sid``."""
        link.sid = sid
        link.lane = Lane(self._room.shim, sid, ELECTION.value, lambda found: found[0].frame)

    def look(self, link: Link) -> None:
        """There may be something to write on ``link``."""
        self._ready[link.conn] = link

    def forget(self, link: Link) -> None:
        """``link`` closes."""
        self._ready.pop(link.conn, None)

    def fill(self) -> list[Stream]:
        """Put the next message on each link that has room for one, and write it down."""
        ready, self._ready = self._ready, {}
        for link in ready.values():
            self._fill(link)
        return [link.stream for link in ready.values() if link.stream.out]

    def drop(self, link: Link) -> None:
        """Write down what a closing link will not write any more."""
        if link.lane is not None and link.sid is not None:
            for offer, _ in link.lane.drop():
                self._room.journal.lost(offer, link.sid, "its link closed before it was due")

    # ----

    def _fill(self, link: Link) -> None:
        """Write what is due; else ask for the next message, while nothing waits."""
        sid, lane, stream = link.sid, link.lane, link.stream
        if sid is None or lane is None or link.why:
            return
        now_ns = self._room.loop.now_ns
        while not stream.out:
            part = lane.pop(now_ns)
            if part is not None:
                self._put(link, sid, part)
                continue
            found = None if lane.full else self._cnx.next_message(link.conn)
            if found is None:
                self._wait(link, lane, now_ns)
                return
            if lane.idle:
                self._put(link, sid, Part(found))
                continue
            lost_by = lane.offer(found, now_ns, first=found[1])
            if lost_by:
                self._room.journal.lost(found[0], sid, "lost on its way", lost_by)

    def _put(self, link: Link, to: Sid, part: Part[Found]) -> None:
        offer, again = part.item
        if part.first:
            there = link.stream.to_there, link.frames_out
            self._room.journal.wrote(offer, to, there, part.harm, again=again)
            link.frames_out += 1
        link.stream.write(offer.frame if part.data is None else part.data)

    def _wait(self, link: Link, lane: Lane[Found], now_ns: int) -> None:
        due_ns = lane.alarm_ns(now_ns)
        if due_ns is not None:
            self._room.loop.call_at(due_ns, lambda: self._due(link))

    def _due(self, link: Link) -> None:
        if not link.stream.closed:
            self.look(link)
