"""Every notification from its queue to the rules of its receiver, or to where it was lost.

A ``Wrote`` and a ``Deliver`` are one message when link and frame agree. Ports come back, so a
link's name may: a delivery belongs to the latest frame of that name before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chaos.election.effects import Deliver, Send
from chaos.election.ids import Sid
from chaos.election.notification import Notification
from chaos.history.events import Lost, RunEnded, Stepped, Wrote
from chaos.history.history import History
from chaos.report.faults import Band, Touch

_Step = tuple[Sid, int, int]  # sid, incarnation, line
_Frame = tuple[Sid, Sid, str, int]  # sender, receiver, link, frame


class Fate(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    LOST = "lost"  # its sender says so: overwritten, or a fault of the link
    UNDELIVERED = "not delivered"  # written, and never read


@dataclass(frozen=True, slots=True)
class Message:
    """One notification from ``source`` to ``target``; ``index`` is the event that sent it.

    ``sent_ns`` is when it was written or lost. ``why`` names the cause where it did not arrive.
    """

    source: Sid
    target: Sid
    sent_ns: int
    read_ns: int | None
    fate: Fate
    note: Notification | None
    why: str
    index: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages from ``source`` to ``target``. ``queued`` were never written, nor lost."""

    source: Sid
    target: Sid
    offered: int
    delivered: int
    lost: int
    undelivered: int
    queued: int


class Post:
    """All messages of a history, by the time they were sent."""

    def __init__(self, history: History, bands: Iterable[Band]) -> None:
        self._bands = tuple(bands)
        self._end_ns = history.end_ns
        self._whole = any(True for _ in history.every(RunEnded))
        self._steps: dict[_Step, Stepped] = {}
        self._read = _reads(history)
        self._offers: dict[tuple[Sid, Sid], int] = defaultdict(int)
        self._spoken: dict[tuple[Sid, Sid], set[tuple[int, int, int]]] = defaultdict(set)
        for _, step in history.every(Stepped):
            self._steps[step.sid, step.inc, step.seq] = step
            for effect in step.effects:
                if isinstance(effect, Send):
                    for to in effect.to:
                        self._offers[step.sid, to] += 1
        self.messages = tuple(self._all(history))

    def _all(self, history: History) -> Iterator[Message]:
        for index, event in enumerate(history.events):
            match event:
                case Wrote():
                    self._spoken[event.sid, event.to].add((event.inc, event.step, event.index))
                    yield self._written(event, index)
                case Lost():
                    self._spoken[event.sid, event.to].add((event.inc, event.step, event.index))
                    why = f"{event.why} ({event.fault})" if event.fault else event.why
                    note = self._note(event)
                    yield Message(
                        event.sid, event.to, event.at_ns, None, Fate.LOST, note, why, index
                    )
                case _:
                    pass

    def _note(self, event: Wrote | Lost) -> Notification | None:
        step = self._steps.get((event.sid, event.inc, event.step))
        if step is None or event.index >= len(step.effects):
            return None
        effect = step.effects[event.index]
        return effect.notification if isinstance(effect, Send) else None

    def _written(self, event: Wrote, index: int) -> Message:
        read_ns = self._read.pop((event.sid, event.to, event.link, event.frame), event.at_ns)
        fate = Fate.UNDELIVERED if read_ns is None else Fate.DELIVERED
        why = self._cause(event.sid, event.to, event.at_ns) if read_ns is None else ""
        return Message(
            event.sid, event.to, event.at_ns, read_ns, fate, self._note(event), why, index
        )

    def _cause(self, source: Sid, target: Sid, at_ns: int) -> str:
        """The fault that stood in the way of a message written at ``at_ns``, if one did."""
        return ""

    def tallies(self) -> tuple[Tally, ...]:
        """Counts for each pair that had something to say, by sender and receiver."""
        return ()
