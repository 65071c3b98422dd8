"""A whole history, in order, and the spans of time that it describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from chaos.election.effects import Decided, Entered, Phase
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.vote import Vote
from chaos.history.events import Began, Event, Exited, Left, RunBegan, RunEnded, Stepped, order

E = TypeVar("E")


@dataclass(frozen=True)
class History:
    """Events sorted by :func:`order`; an index into ``events`` names a piece of evidence."""

    events: tuple[Event, ...]

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Sort ``events`` into a history."""
        return cls(tuple(sorted(events, key=order)))

    def every(self, kind: type[E]) -> Iterator[tuple[int, E]]:
        """All events of one kind with their indexes."""
        for index, event in enumerate(self.events):
            if isinstance(event, kind):
                yield index, event

    @cached_property
    def zero_ns(self) -> int:
        """Time zero of the plan: when every peer was ready."""
        for event in self.events:
            if isinstance(event, RunBegan):
                return event.at_ns
        return self.events[0].at_ns if self.events else 0

    @cached_property
    def end_ns(self) -> int:
        """When the run ended, or the last thing that was seen of it."""
        last = self.events[-1] if self.events else None
        if isinstance(last, RunEnded):
            return last.at_ns
        return max((event.at_ns for event in self.events), default=0)

    @cached_property
    def sids(self) -> tuple[Sid, ...]:
        """All peers of the run, ascending."""
        return tuple(sorted({event.sid for event in self.events if isinstance(event, Began)}))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """What each peer was, from when to when, by peer and time."""
        return tuple(_spans(self))


@dataclass(frozen=True, slots=True)
class Span:
    """Peer ``sid`` was in ``state`` and ``phase`` from ``from_ns`` until ``to_ns``.

    ``state`` is ``None`` while the process was down. ``vote`` is the decision it lives by.
    ``index`` is the event that began it.
    """

    sid: Sid
    inc: int
    state: ServerState | None
    phase: Phase | None
    vote: Vote | None
    from_ns: int
    to_ns: int
    index: int


def _spans(history: History) -> Iterator[Span]:
    open_: dict[Sid, Span] = {}
    closed: dict[Sid, list[Span]] = {sid: [] for sid in history.sids}
    for index, event in enumerate(history.events):
        if not isinstance(event, Stepped | Exited | Left) or event.sid not in closed:
            continue
        before = open_.get(event.sid)
        new = _opens(event, index, before)
        if new is None:
            continue
        if before is not None and new.from_ns > before.from_ns:
            closed[event.sid].append(_until(before, new.from_ns))
        open_[event.sid] = new
    for sid, spans in closed.items():
        yield from spans
        if sid in open_:
            yield _until(open_[sid], history.end_ns)


def _until(span: Span, to_ns: int) -> Span:
    return Span(
        span.sid, span.inc, span.state, span.phase, span.vote, span.from_ns, to_ns, span.index
    )


def _opens(event: Stepped | Exited | Left, index: int, before: Span | None) -> Span | None:
    """The span that ``event`` begins for its peer, its end still open."""
    at, sid = event.at_ns, event.sid
    if not isinstance(event, Stepped):
        if before is None or before.state is None:
            return None
        return Span(sid, event.inc, None, None, None, at, at, index)
    vote = before.vote if before is not None and before.inc == event.inc else None
    entered: Entered | None = None
    for effect in event.effects:
        match effect:
            case Decided():
                vote = effect.vote
            case Entered():
                entered = effect
            case _:
                pass
    if entered is None:
        return None
    vote = None if entered.state is ServerState.LOOKING else vote
    return Span(sid, event.inc, entered.state, entered.phase, vote, at, at, index)
