"""A stored history seen again: from when to when was a condition true?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from chaos.actions import Pause, Resume
from chaos.election.config import parse_configuration
from chaos.election.effects import Decided, Entered, PersistConfig, Serving, SteppedDown
from chaos.election.ids import Sid
from chaos.history.events import (
    Acted,
    Appeared,
    Began,
    Event,
    Exited,
    Left,
    Seen,
    Stepped,
    config_of,
)
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.verify.docket import Once
from chaos.verify.waits import Condition, LeaderCondition

_TURNS = (Decided, Entered, PersistConfig, Serving, SteppedDown)


@dataclass(frozen=True, slots=True)
class Stretch:
    """``holder`` made a condition true from ``from_ns`` until ``to_ns``.

    ``index`` is the event that began it, ``end`` the one that ended it: ``None`` if the
    history ended first.
    """

    holder: Sid
    from_ns: int
    to_ns: int
    index: int
    end: int | None


def matters(event: Event) -> bool:
    """Whether ``event`` can change who is what in a view."""
    match event:
        case Stepped(effects=effects) | Seen(effects=effects):
            return any(isinstance(effect, _TURNS) for effect in effects)
        case Acted(action=action):
            return isinstance(action, Pause | Resume)
        case _:
            return isinstance(event, Began | Appeared | Exited | Left)


def frames(history: History) -> Iterator[tuple[int, Event, EnsembleView]]:
    """The view after each event that changed it; one view, that changes on the way."""
    first = next((event for _, event in history.births()), None)
    if first is None:
        return
    view = EnsembleView(history.sids, parse_configuration(config_of(first)))
    for index, event in enumerate(history.events):
        if matters(event):
            view.observe(event)
            yield index, event, view


def stretches(history: History, condition: Condition) -> tuple[Stretch, ...]:
    """When ``condition`` was true, in order; instants that took no time are left out."""
    found: list[Stretch] = []
    holder: Sid | None = None
    since, start = 0, 0
    for index, event, view in frames(history):
        now = condition.holder(view)
        if now == holder:
            continue
        if holder is not None and event.at_ns > since:
            found.append(Stretch(holder, since, event.at_ns, start, index))
        holder, since, start = now, event.at_ns, index
    if holder is not None:
        found.append(Stretch(holder, since, history.end_ns, start, None))
    return tuple(found)


def holder_at(history: History, condition: Condition, event: int) -> Sid | None:
    """Who made ``condition`` true at an event of the tester, before what the tester did next.

    In one instant the lines of peers stand behind all of the tester's. Those of them that tell
    what a peer did may be from before the event, so they count as well.
    """
    events, at_ns = history.events, history.events[event].at_ns
    until = index_at(history, at_ns) + 1
    same = (one for one in events[event + 1 : until] if isinstance(one, Stepped | Seen))
    then, holder = History((*events[: event + 1], *same)), None
    for index, _, view in frames(then):
        if index > event and holder is not None:
            break
        holder = condition.holder(view)
    return holder


def _reigns(history: History) -> tuple[Stretch, ...]:
    return stretches(history, LeaderCondition())


reigns = Once(_reigns)  # who led, in the words of EnsembleView.leader


def _times(history: History) -> list[int]:
    events = history.events
    return [events[0].at_ns, *(e.at_ns for e in events[1:-1]), history.end_ns] if events else []


_clock = Once(_times)


def index_at(history: History, at_ns: int) -> int:
    """The last event that is no later than ``at_ns``; the first if there is none."""
    return max(0, bisect_right(_clock(history), at_ns) - 1)


def seconds(history: History, at_ns: int) -> str:
    """``at_ns`` on the plan's clock, as ``2.350 s``."""
    return f"{(at_ns - history.zero_ns) / 1e9:.3f} s"
