"""Spans that no fault begins: Zab's phases of each peer, leaders at once, injections that lag.

Source: ``ZabState`` of ZooKeeper 3.6 and later; ``checks`` 1.5 (stale-leader overlap).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.election.effects import Phase
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Acted, StepBegan, unsure_ns
from chaos.history.history import History, Span
from chaos.verify.traces import ends
from chaos.verify.verdict import Measure

_NAMES: Final = {
    Phase.DISCOVERY: ("activation.discovery", (Phase.SYNCHRONIZATION, Phase.BROADCAST)),
    Phase.SYNCHRONIZATION: ("activation.synchronisation", (Phase.BROADCAST,)),
    Phase.BROADCAST: ("activation.broadcast", ()),
}


def phases(history: History) -> Iterator[Measure]:
    """How long each peer was in discovery, synchronisation and broadcast, each time.

    Discovery and synchronisation end with the phase that follows; a peer that leaves earlier
    leaves them censored. Broadcast ends when the peer leaves it. A phase that took no time, as
    in a simulation, is left out.
    """
    by_peer: dict[Sid, list[Span]] = {}
    for span in history.spans:
        by_peer.setdefault(span.sid, []).append(span)
    for sid, spans in by_peer.items():
        nexts: list[Span | None] = [*spans[1:], None]
        for span, after in zip(spans, nexts, strict=True):
            if span.phase is None or span.phase not in _NAMES:
                continue
            name, follows = _NAMES[span.phase]
            yield _phase(history, name, follows, sid, (span, after))


def _phase(
    history: History,
    name: str,
    follows: tuple[Phase, ...],
    sid: Sid,
    place: tuple[Span, Span | None],
) -> Measure:
    span, after = place
    of = f"peer {sid}"
    if after is None:
        return Measure(name, of, None, span.index, None, why="the run ended before")
    if follows and after.phase not in follows:
        state = "ended" if after.state is None else f"was {after.state.name} again"
        return Measure(name, of, None, span.index, after.index, why=f"the peer {state} before")
    more, less = (unsure_ns(history.events[index]) for index in (span.index, after.index))
    took = after.from_ns - span.from_ns
    return Measure(name, of, took, span.index, after.index, less_ns=less, more_ns=more)


def overlaps(history: History) -> Iterator[Measure]:
    """``leader.overlap``: how long two peers served as leader at once. No law forbids it."""
    reigns = sorted(
        (
            span
            for span in history.spans
            if span.state is ServerState.LEADING and span.phase is Phase.BROADCAST
        ),
        key=lambda span: span.from_ns,
    )
    for number, old in enumerate(reigns):
        for new in reigns[number + 1 :]:
            until = min(old.to_ns, new.to_ns)
            if new.sid != old.sid and until > new.from_ns:
                of, took = f"peers {old.sid}, {new.sid}", until - new.from_ns
                yield Measure("leader.overlap", of, took, new.index, _last(history, until))


def _last(history: History, at_ns: int) -> int:
    return next(
        (i for i, event in enumerate(history.events) if event.at_ns >= at_ns and i > 0),
        len(history.events) - 1,
    )


def lateness(history: History) -> Iterator[Measure]:
    """``fault.late``: from the time for which a fault was planned until it was begun."""
    planned: dict[str, tuple[int, int]] = {}
    for index, event in enumerate(history.events):
        match event:
            case StepBegan(step=step, planned_ns=at_ns):
                planned[step] = (index, at_ns)
            case Acted(step=step, action=action) if step in planned and not ends(action):
                began, due = planned.pop(step)
                late = max(0, event.at_ns - due)
                yield Measure("fault.late", step, late, began, index)
            case _:
                pass
