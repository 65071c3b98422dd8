"""A whole history, in order, and the spans of time that it describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from chaos.election.effects import Decided, Entered, Phase
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.vote import Vote
from chaos.history.events import (
    Appeared,
    Began,
    Birth,
    Event,
    Exited,
    Held,
    Left,
    LinkClosed,
    LinkOpened,
    Lost,
    Rejected,
    RunBegan,
    RunEnded,
    Seen,
    Source,
    Step,
    Stepped,
    Wrote,
)
from chaos.history.order import order

E = TypeVar("E")


@dataclass(frozen=True)
class History:
    """Events sorted by :func:`order`; an index into ``events`` names a piece of evidence.

    What servers did after the run's last line is left out: the tester was ending them, one after
    another, and who still lives notices the end of the others.
    """

    events: tuple[Event, ...]

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Sort ``events`` into a history."""
        found = sorted(events, key=order)
        last = found[-1] if found else None
        if isinstance(last, RunEnded):
            found = [event for event in found if not _is_over(event, last.at_ns)]
        return cls(tuple(found))

    def every(self, kind: type[E]) -> Iterator[tuple[int, E]]:
        """All events of one kind with their indexes."""
        for index, event in enumerate(self.events):
            if isinstance(event, kind):
                yield index, event

    def births(self) -> Iterator[tuple[int, Birth]]:
        """Every start of a server, of ours or another, with its index."""
        for index, event in enumerate(self.events):
            if isinstance(event, Began | Appeared):
                yield index, event

    def steps(self) -> Iterator[tuple[int, Step]]:
        """What servers did: as told by our peers, or as seen of others, with its index."""
        for index, event in enumerate(self.events):
            if isinstance(event, Stepped | Seen):
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
        return tuple(sorted({birth.sid for _, birth in self.births()}))

    @cached_property
    def foreign(self) -> Mapping[Sid, Appeared]:
        """The servers that are not our peers, as they last appeared."""
        return {event.sid: event for _, event in self.every(Appeared)}

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """What each peer was, from when to when, by peer and time."""
        return tuple(_spans(self))


def _is_over(event: Event, end_ns: int) -> bool:
    """Whether it is something that a server did, and surely after ``end_ns``."""
    match event:
        case Seen(since_ns=since_ns, at_ns=at_ns):
            return since_ns >= end_ns and at_ns > end_ns
        case Stepped() | Wrote() | Lost() | LinkOpened() | LinkClosed() | Rejected() | Held():
            return event.at_ns > end_ns
        case _:
            return False


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
        if not isinstance(event, Stepped | Seen | Exited | Left) or event.sid not in closed:
            continue
        before = open_.get(event.sid)
        new = _opens(event, index, before)
        if new is None or _repeats(event, new, before):
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


def _repeats(event: Event, new: Span, before: Span | None) -> bool:
    """Whether it is old news: of a server that has ended, or of what it is known to be.

    A server's state is seen in several places; only its log can say that it looks once more.
    """
    if before is None or not isinstance(event, Seen) or before.inc != event.inc:
        return False
    if before.state is None:
        return True
    looks = new.state is ServerState.LOOKING and event.source is Source.LOG
    same = (before.state, before.phase, before.vote) == (new.state, new.phase, new.vote)
    return same and not looks


def _opens(event: Step | Exited | Left, index: int, before: Span | None) -> Span | None:
    """The span that ``event`` begins for its peer, its end still open."""
    at, sid = event.at_ns, event.sid
    if not isinstance(event, Stepped | Seen):
        if before is None or before.state is None:
            return None
        return Span(sid, event.inc, None, None, None, at, at, index)
    vote = before.vote if before is not None and before.inc == event.inc else None
    entered: Entered | None = None
    for effect in event.effects:
        match effect:
            case Decided():
                vote = effect.vote
                if isinstance(event, Seen):  # the log may say what it decided in a line of its own
                    entered = Entered(effect.state, Phase.DISCOVERY)
            case Entered():
                entered = effect
            case _:
                pass
    if entered is None:
        return None
    vote = None if entered.state is ServerState.LOOKING else vote
    return Span(sid, event.inc, entered.state, entered.phase, vote, at, at, index)
