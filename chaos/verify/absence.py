"""``leader.absent``: for how long nobody served, as surely and as possibly as the run tells.

A peer serves *surely* while it leads and a living quorum is settled under it. It *may* serve as
long as it leads at all: cut off, it answers its clients until its own ticks tell it that the
quorum is silent. A window in which nobody surely served is possibly without a leader for its whole
length; certainly from the first moment at which nobody may have served to the last.

A signal takes effect between its sending and the kernel's word that it did: whom it ended or
stopped surely served until the one, and may have until the other.

Source: ``checks`` 1.5 (unavailability, defined); ``Leader.lead`` for the end of a cut leader.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.actions import Kill, Pause, Terminate
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Acted, unsure_ns
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.verify.replay import frames
from chaos.verify.verdict import Measure

NAME = "leader.absent"


@dataclass(slots=True)
class _Window:
    """Nobody has surely served since ``from_ns``; ``none_ns``, ``last_ns`` bound what is certain.

    ``since_ns`` is from when on nobody may serve now, ``None`` while somebody may.
    """

    of: str
    from_ns: int
    index: int
    none_ns: int | None = None
    last_ns: int = 0
    since_ns: int | None = None

    def may(self, at_ns: int, *, serve: bool) -> None:
        """Whether somebody may serve from ``at_ns`` on."""
        if serve and self.since_ns is not None:
            self.last_ns, self.since_ns = at_ns, None
        elif not serve and self.since_ns is None:
            self.since_ns = at_ns
            self.none_ns = at_ns if self.none_ns is None else self.none_ns

    def certain_ns(self, at_ns: int) -> int:
        """How much of it was certain, if it ends at ``at_ns``."""
        if self.none_ns is None:
            return 0
        last = at_ns if self.since_ns is not None else self.last_ns
        return max(0, last - self.none_ns)


class _Signals:
    """Signals that end or stop a peer: when each was sent, and had taken effect."""

    def __init__(self, history: History) -> None:
        self._spans = [
            (event.action.sid, event.at_ns, event.done_ns)
            for _, event in history.every(Acted)
            if isinstance(event.action, Kill | Pause | Terminate)
        ]

    def around(self, sid: Sid, at_ns: int) -> tuple[int, int]:
        """The span of the signal to ``sid`` that was taking effect then; that moment if none."""
        for whom, from_ns, to_ns in self._spans:
            if whom == sid and from_ns <= at_ns <= to_ns:
                return from_ns, to_ns
        return at_ns, at_ns


def absences(history: History) -> Iterator[Measure]:
    """Each window in which nobody surely served, from time zero on; the last may be censored."""
    signals = _Signals(history)
    window: _Window | None = _Window("start", history.zero_ns, 0)
    leader: Sid | None = None
    for index, event, view in frames(history):
        at_ns = max(event.at_ns, history.zero_ns)
        before, leader = leader, view.leader
        if leader is not None and window is not None:
            yield _measure(history, window, index)
            window = None
        elif leader is None and window is None and before is not None:
            sent_ns, _ = signals.around(before, at_ns)
            window = _Window(f"after peer {before}", sent_ns, index)
        if window is not None:
            since_ns = event.done_ns if isinstance(event, Acted) else at_ns
            window.may(since_ns, serve=_may_serve(view))
    if window is not None:
        why = "the run ended before"
        yield Measure(NAME, window.of, None, window.index, None, why=why)


def _may_serve(view: EnsembleView) -> bool:
    return any(
        peer.alive and peer.state is ServerState.LEADING and peer.epoch is not None
        for peer in view.peers.values()
    )


def _measure(history: History, window: _Window, index: int) -> Measure:
    event = history.events[index]
    possible = event.at_ns - window.from_ns
    certain = window.certain_ns(event.at_ns)
    more, less = (unsure_ns(history.events[one]) for one in (window.index, index))
    less = min(possible, possible - certain + less)
    return Measure(NAME, window.of, possible, window.index, index, less_ns=less, more_ns=more)
