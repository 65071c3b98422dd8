"""What a packet capture tells about foreign servers, as events of a history.

A notification becomes the ``Seen`` and ``Wrote`` of its sender and the ``Seen`` of its
receiver; a packet of the quorum port the ``Seen`` of both. A new link that begins with what
was said last on an older one repeats it, as ``QuorumCnxManager.SendWorker`` does. Of our own
peers nothing is told: they keep journals, which name links alike. PINGs are counted only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from chaos.election.effects import (
    ConnectLeader,
    Deliver,
    Effect,
    Input,
    PacketRead,
    Send,
    SendPacket,
)
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.election.packets import LearnerHello, Packet, Ping, Snap
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.history.events import Event, Seen, Source, Wrote
from chaos.systems.starts import Starts
from chaos.wire.conversation import Arrived, Conversations, Garbled, Sent, Sighting
from chaos.wire.election import Initiation, Skipped
from chaos.wire.reassembly import Segment

_INSTANT_NS: Final = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What a capture had that no event tells."""

    segments: int = 0
    pings: int = 0
    unbegun: int = 0  # connections whose beginning was not captured
    garbled: int = 0  # directions that were given up


class _Last(NamedTuple):
    """What a server said last to another, and the line that tells of it."""

    notification: Notification
    step: int
    at_ns: int


class Sightings:
    """Turns segments into events; to be fed for the whole of a run.

    ``servers`` has the host of every server, ours too; ``foreign`` those to tell about.
    """

    def __init__(
        self, servers: Mapping[str, Sid], foreign: Collection[Sid], starts: Starts
    ) -> None:
        self._servers = dict(servers)
        self._foreign = frozenset(foreign)
        self._starts = starts
        self._conversations = Conversations(ELECTION_PORT, QUORUM_PORT)
        self._wanted: dict[tuple[str, str], bool] = {}  # by both ends of a segment
        self._last: dict[tuple[Sid, int, Sid], _Last] = {}
        self._segments = 0
        self._pings = 0
        self._garbled = 0

    @property
    def tally(self) -> Tally:
        """What was counted so far."""
        return Tally(self._segments, self._pings, self._conversations.unbegun, self._garbled)

    def take(self, segments: Iterable[Segment]) -> Iterator[Event]:
        """What became known by these segments, in the order of becoming known.

        An arrival is known when it is acknowledged and told with the time of its packet, so
        events may be some tens of milliseconds out of order.
        """
        for sighting in self._conversations.take(filter(self._concerns, segments)):
            yield from self._events(sighting)

    def _concerns(self, segment: Segment) -> bool:
        key = (segment.source, segment.target)
        wanted = self._wanted.get(key)
        if wanted is None:
            source, target = (self._servers.get(_host(end)) for end in key)
            known = source is not None and target is not None
            wanted = known and not self._foreign.isdisjoint((source, target))
            self._wanted[key] = wanted
        self._segments += wanted
        return wanted

    def _events(self, sighting: Sighting) -> Iterator[Event]:
        match sighting:
            case Sent(message=Ping()):
                self._pings += 1
            case Arrived(sent=Sent(message=Ping())):
                pass
            case Sent():
                yield from self._sent(sighting)
            case Arrived(at_ns, sent):
                yield from self._arrived(at_ns, sent)
            case Garbled(at_ns, link, why):
                self._garbled += 1
                for sid in dict.fromkeys(self._ends(link)):
                    yield from self._seen(sid, at_ns, text=f"{link}: {why}")

    def _sent(self, sent: Sent) -> Iterator[Event]:
        source, target = self._ends(sent.link)
        match sent.message:
            case Initiation():
                return
            case Skipped(why):
                yield from self._seen(source, sent.at_ns, text=f"{sent.link}: {why}")
            case Notification() as told:
                yield from self._wrote(sent, told, source, target)
            case packet:
                effect = SendPacket(sent.conn, _light(packet))
                calls = isinstance(packet, LearnerHello)
                effects = (ConnectLeader(target, 0), effect) if calls else (effect,)
                yield from self._seen(source, sent.at_ns, effects=effects, text=_name(packet))

    def _wrote(self, sent: Sent, told: Notification, source: Sid, target: Sid) -> Iterator[Event]:
        inc = self._starts.start(source, sent.at_ns)
        if inc is None or source not in self._foreign:
            return
        last = self._last.get((source, inc, target))
        again = sent.number == 0 and last is not None and last.notification == told
        if last is None or not again:
            seen = self._told(sent, Send((target,), told), source, inc, last)
            last = self._last[source, inc, target] = _Last(told, seen.seq, sent.at_ns)
            yield seen
        seq = self._starts.number(source, inc)
        link, frame = sent.link, sent.number
        yield Wrote(sent.at_ns, source, inc, seq, last.step, 0, target, link, frame, again)

    def _told(self, sent: Sent, effect: Send, source: Sid, inc: int, last: _Last | None) -> Seen:
        """The queue of a server without a link keeps one message until there is one."""
        seq = self._starts.number(source, inc)
        if sent.number:
            since_ns, text = sent.at_ns - _INSTANT_NS, "notification"
        else:
            since_ns = self._starts.since_ns(source, inc) if last is None else last.at_ns
            text = "notification, the first of its link: it may have waited for one"
        wire = Source.WIRE
        return Seen(sent.at_ns, source, inc, seq, since_ns, wire, effects=(effect,), text=text)

    def _arrived(self, at_ns: int, sent: Sent) -> Iterator[Event]:
        source, target = self._ends(sent.link)
        match sent.message:
            case Initiation() | Skipped():
                return
            case Notification() as told:
                happened: Input = Deliver(source, told, sent.link, sent.number)
                text = "notification"
            case packet:
                happened = PacketRead(sent.conn, _light(packet))
                text = _name(packet)
        yield from self._seen(target, at_ns, happened=happened, text=text)

    def _seen(
        self,
        sid: Sid,
        at_ns: int,
        *,
        happened: Input | None = None,
        effects: tuple[Effect, ...] = (),
        text: str,
    ) -> Iterator[Seen]:
        line = self._starts.line(sid, at_ns) if sid in self._foreign else None
        if line is not None:
            since_ns = at_ns - _INSTANT_NS
            yield Seen(at_ns, sid, *line, since_ns, Source.WIRE, happened, effects, text)

    def _ends(self, link: str) -> tuple[Sid, Sid]:
        source, _, target = link.partition(">")
        return self._servers[_host(source)], self._servers[_host(target)]


def _host(end: str) -> str:
    return end.rpartition(":")[0]


def _name(packet: Packet) -> str:
    if isinstance(packet, Snap):
        return f"Snap of {len(packet.tree)} bytes"
    return type(packet).__name__


def _light(packet: Packet) -> Packet:
    """A history names every packet, and is no place for whole trees."""
    return Snap(packet.zxid, b"") if isinstance(packet, Snap) else packet
