"""Every notification from its sender to the rules of its receiver, or to where it was lost.

A ``Wrote`` and a ``Deliver`` are one message when link and frame agree. Ports come back, so a
link's name may: a delivery belongs to the latest frame of that name before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chaos.election.effects import Deliver, Send
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.history.events import Exited, LinkClosed, Lost, Rejected, Seen, Wrote
from chaos.history.history import History
from chaos.report.bands import Band, paused
from chaos.report.words import MS, SECOND

_Frame = tuple[Sid, Sid, str, int]  # sender, receiver, link, frame

_CAPTURE_NS: Final = 5 * MS  # a packet may be captured before its writer has noted it
_SOON_NS: Final = SECOND  # an end this soon after a message was written is why nobody read it


class Fate(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    LOST = "lost"  # its sender says so: overwritten, or the doing of a fault
    UNDELIVERED = "not delivered"  # written, and never read


@dataclass(frozen=True, slots=True)
class Message:
    """One notification from ``source`` to ``target``; ``index`` is the event that tells of it.

    ``sent_ns`` is when it was written, or lost before that. ``why`` is the cause where it did
    not arrive; ``routine``: a newer one took its place, as ZooKeeper's queues of one have it.
    ``origin`` names the effect that asked for it: incarnation, step, place.
    """

    source: Sid
    target: Sid
    sent_ns: int
    read_ns: int | None
    fate: Fate
    note: Notification | None
    why: str
    index: int
    origin: tuple[int, int, int]
    routine: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One notification as it was said to several peers at once; at least one message."""

    parts: tuple[Message, ...]

    @property
    def source(self) -> Sid:
        """Who said it."""
        return self.parts[0].source

    @property
    def at_ns(self) -> int:
        """When the first of them was written."""
        return self.parts[0].sent_ns

    @property
    def note(self) -> Notification | None:
        """What was said, unless the history lost it."""
        return self.parts[0].note

    @property
    def to(self) -> tuple[Sid, ...]:
        """To whom."""
        return tuple(sorted({part.target for part in self.parts}))


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages from ``source`` to ``target``.

    ``offered`` counts what the rules asked for. A new link repeats the last message, and a fault
    may repeat any, so more may be delivered. ``replaced`` made way for a newer one before they
    were written, ``lost`` had another reason. ``queued`` is what was neither written nor lost.
    """

    source: Sid
    target: Sid
    offered: int = 0
    delivered: int = 0
    replaced: int = 0
    lost: int = 0
    undelivered: int = 0
    queued: int = 0


def messages(history: History, faults: Iterable[Band]) -> tuple[Message, ...]:
    """All messages that were written or lost, by time."""
    return tuple(_messages(history, _Causes(history, tuple(faults))))


def sayings(found: Iterable[Message]) -> tuple[Said, ...]:
    """Messages that came from one effect together, by the time of the first."""
    groups: dict[tuple[Sid, int, int, int], list[Message]] = defaultdict(list)
    for message in found:
        groups[message.source, *message.origin].append(message)
    return tuple(sorted((Said(tuple(parts)) for parts in groups.values()), key=lambda s: s.at_ns))


def tallies(history: History, found: Iterable[Message]) -> tuple[Tally, ...]:
    """What became of the messages of each pair that had something to say."""
    offered, queued = _offers(history)
    fates: dict[tuple[Sid, Sid, Fate], int] = defaultdict(int)
    replaced: _Pairs = defaultdict(int)
    for message in found:
        if message.routine:
            replaced[message.source, message.target] += 1
        else:
            fates[message.source, message.target, message.fate] += 1
    pairs = sorted({*offered, *replaced, *((source, target) for source, target, _ in fates)})
    return tuple(
        Tally(
            source,
            target,
            offered[source, target],
            fates[source, target, Fate.DELIVERED],
            replaced[source, target],
            fates[source, target, Fate.LOST],
            fates[source, target, Fate.UNDELIVERED],
            queued[source, target],
        )
        for source, target in pairs
    )


def _messages(history: History, causes: _Causes) -> Iterator[Message]:
    notes = _notes(history)
    reads = _reads(history)
    for index, event in enumerate(history.events):
        routine = False
        match event:
            case Wrote():
                read_ns = reads.get(index)
                fate = Fate.UNDELIVERED if read_ns is None else Fate.DELIVERED
                why = _why(event, causes) if read_ns is None else ""
            case Lost():
                read_ns, fate = None, Fate.LOST
                routine = not event.fault and event.why.startswith("overwritten")
                why = f"{event.why} (step {event.fault})" if event.fault else event.why
            case _:
                continue
        origin = (event.inc, event.step, event.index)
        note = notes.get((event.sid, *origin))
        yield Message(
            event.sid, event.to, event.at_ns, read_ns, fate, note, why, index, origin, routine
        )


def _why(sent: Wrote, causes: _Causes) -> str:
    """Why nobody read a message that was written."""
    if sent.corrupted_by:
        return f"step {sent.corrupted_by} changed byte {sent.byte} of it"
    return causes.of(sent)


def _notes(history: History) -> dict[tuple[Sid, int, int, int], Notification]:
    return {
        (step.sid, step.inc, step.seq, place): effect.notification
        for _, step in history.steps()
        for place, effect in enumerate(step.effects)
        if isinstance(effect, Send)
    }


def _reads(history: History) -> dict[int, int]:
    """By the index of each ``Wrote`` that arrived: when its receiver read it."""
    written: dict[_Frame, list[tuple[int, int]]] = defaultdict(list)
    for index, event in history.every(Wrote):
        written[event.sid, event.to, event.link, event.frame].append((event.at_ns, index))
    found: dict[int, int] = {}
    for _, step in history.steps():
        happened = step.happened
        if not isinstance(happened, Deliver):
            continue
        frames = written.get((happened.sender, step.sid, happened.link, happened.frame), [])
        late_ns = step.at_ns + (_CAPTURE_NS if isinstance(step, Seen) else 0)
        before = [
            (at_ns, index) for at_ns, index in frames if at_ns <= late_ns and index not in found
        ]
        if before:
            at_ns, index = before[-1]
            found[index] = max(at_ns, step.at_ns)
    return found


_Pairs = dict[tuple[Sid, Sid], int]


def _offers(history: History) -> tuple[_Pairs, _Pairs]:
    """How many messages each pair was to exchange, and how many never left the queue."""
    told = {
        (event.sid, event.inc, event.step, event.index, event.to)
        for event in history.events
        if isinstance(event, Wrote | Lost)
    }
    offered: _Pairs = defaultdict(int)
    queued: _Pairs = defaultdict(int)
    for _, step in history.steps():
        for place, effect in enumerate(step.effects):
            if not isinstance(effect, Send):
                continue
            for to in effect.to:
                offered[step.sid, to] += 1
                if (step.sid, step.inc, step.seq, place, to) not in told:
                    queued[step.sid, to] += 1
    return offered, queued


class _Causes:
    """Why a written message was never read, as far as the history tells."""

    def __init__(self, history: History, faults: tuple[Band, ...]) -> None:
        self._faults = faults
        self._paused = paused(history)
        self._end_ns = history.end_ns
        self._exits: dict[Sid, list[int]] = defaultdict(list)
        self._closed: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for event in history.events:
            match event:
                case Exited():
                    self._exits[event.sid].append(event.at_ns)
                case LinkClosed():
                    self._closed[event.link].append((event.at_ns, event.why))
                case Rejected():
                    self._closed[event.source].append((event.at_ns, f"refused: {event.why}"))
                case _:
                    pass

    def of(self, sent: Wrote) -> str:
        at_ns = sent.at_ns
        for band in self._faults:
            if band.covers(at_ns) and (sent.sid, sent.to) in band.links:
                return f"while step {band.step} was in place: {band.text}"
        if any(begin <= at_ns < end for begin, end in self._paused.get(sent.to, [])):
            return f"peer {sent.to} was paused"
        for sid in (sent.to, sent.sid):
            if any(0 <= end - at_ns < _SOON_NS for end in self._exits[sid]):
                return f"peer {sid} ended first"
        for closed_ns, why in self._closed[sent.link]:
            if closed_ns >= at_ns:
                return f"its link closed: {why}"
        if self._end_ns - at_ns < _SOON_NS:
            return "still on its way when the run ended"
        return "the history does not tell why"
