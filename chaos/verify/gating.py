"""Whether a gate held: who held, what was done meanwhile, and that nothing came before it.

A gate is precise if the fault of its step began after a peer held and was in effect before
that peer was let go, and the peer's journal shows nothing of its own in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos import actions as act
from chaos.election.effects import Reconfigure, SkewEpochs, SkewRound, SkewZxid, Work
from chaos.history.events import Acted, Held, StepBegan, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.traces import Proof

_ORDERED: Final = (SkewRound, SkewEpochs, SkewZxid, Reconfigure, Work)
GATING: Final = (act.Hold, act.LetGo)


def gated(index: int, hold: act.Hold, history: History) -> Proof | None:
    """The proof that the gate of ``hold`` held for what its step did; ``None`` if nobody came."""
    acted = history.events[index]
    assert isinstance(acted, Acted)
    held = [(at, e) for at, e in history.every(Held) if at > index and e.name == hold.name]
    done = [
        (at, event)
        for at, event in history.every(Acted)
        if at > index and event.step == acted.step and not isinstance(event.action, GATING)
    ]
    if not held:
        return None
    if not done:
        return Proof("", (index, held[-1][0]), f"peer {held[-1][1].sid} held")
    for at, event in held:
        free_ns = _free_ns(event, history)
        first = done[0][1]
        if event.at_ns <= first.at_ns and (free_ns is None or first.done_ns <= free_ns):
            own = next(_own(at, event, free_ns, history), None)
            if own is not None:
                why = f"peer {event.sid} went on before it was let go"
                return Proof(why, (at, own, done[0][0]))
            words = f"peer {event.sid} held {(first.at_ns - event.at_ns) / 1e6:.1f} ms before"
            return Proof("", (index, at, done[0][0]), words)
    return Proof("it was not in effect while a peer held", (index, held[0][0], done[0][0]))


def observed(step: str, history: History) -> Iterator[str]:
    """How late a step was that could only watch for its event, in words."""
    for _, began in history.every(StepBegan):
        if began.step != step or began.by is None:
            continue
        if not any(e.name == step and e.sid == began.by for _, e in history.every(Held)):
            late = (began.at_ns - began.planned_ns) / 1e6
            yield f"{late:.1f} ms after peer {began.by} came to the event, which was only observed"


def _free_ns(held: Held, history: History) -> int | None:
    """When the peer was let go, as it was asked; ``None`` if it never was.

    In virtual time that may be the moment at which it came, and then is no later in a history.
    """
    return min(
        (
            event.at_ns
            for _, event in history.every(Acted)
            if isinstance(event.action, act.LetGo)
            and event.action.name == held.name
            and held.sid in event.action.sids
            and event.at_ns >= held.at_ns
        ),
        default=None,
    )


def _own(at: int, held: Held, free_ns: int | None, history: History) -> Iterator[int]:
    """What the peer did of itself before ``free_ns``: what it was told to is not that."""
    for later in range(at + 1, len(history.events)):
        event = history.events[later]
        if free_ns is not None and event.at_ns >= free_ns:
            return
        if isinstance(event, Wrote | Stepped) and (event.sid, event.inc) == (held.sid, held.inc):
            if event.seq < held.seq:
                continue
            if isinstance(event, Wrote) or not isinstance(event.happened, _ORDERED):
                yield later
