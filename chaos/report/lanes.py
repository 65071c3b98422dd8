"""What each peer was, and which leader all agreed on, as stretches of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chaos.actions import Launch, Pause, Resume
from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import Decided, Entered, PersistConfig, Phase, Serving, SteppedDown
from chaos.election.ids import PeerEpoch, Sid
from chaos.election.notification import ServerState
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
from chaos.history.history import History, Span
from chaos.history.view import EnsembleView
from chaos.report.bands import held, paused


class Look(Enum):
    """What a lane shows: letter, word."""

    LOOKING = ("L", "LOOKING")
    FOLLOWING = ("F", "FOLLOWING")
    LEADING = ("★", "LEADING")
    OBSERVING = ("O", "OBSERVING")
    PAUSED = ("‖", "paused")
    HELD = ("⊣", "held at a gate")
    DOWN = ("×", "down")

    @property
    def letter(self) -> str:
        """The sign that stands for it, beside its colour and its texture."""
        return self.value[0]

    @property
    def word(self) -> str:
        """Its name."""
        return self.value[1]


_LOOKS = {
    ServerState.LOOKING: Look.LOOKING,
    ServerState.FOLLOWING: Look.FOLLOWING,
    ServerState.LEADING: Look.LEADING,
    ServerState.OBSERVING: Look.OBSERVING,
    None: Look.DOWN,
}


@dataclass(frozen=True, slots=True)
class Segment:
    """Peer ``sid`` was this from ``from_ns`` until ``to_ns``.

    ``settled``: its part of the epoch is established (Zab's broadcast phase). ``leader`` is
    whom it then followed, or led as. ``index`` is the event that began it.
    """

    sid: Sid
    look: Look
    settled: bool
    leader: Sid | None
    from_ns: int
    to_ns: int
    index: int


@dataclass(frozen=True, slots=True)
class Reign:
    """From ``from_ns`` until ``to_ns`` these peers led with a quorum behind them."""

    leaders: tuple[tuple[Sid, PeerEpoch], ...]
    from_ns: int
    to_ns: int


def segments(history: History) -> tuple[Segment, ...]:
    """All lanes, by peer and time."""
    still: dict[Sid, list[tuple[int, int, Look]]] = {}
    for look, found in ((Look.PAUSED, paused(history)), (Look.HELD, held(history))):
        for sid, stretches in found.items():
            still.setdefault(sid, []).extend((*one, look) for one in stretches)
    return tuple(
        part
        for span in history.spans
        for part in _parts(span, sorted(still.get(span.sid, []), key=lambda one: one[:2]))
    )


def _parts(span: Span, still: list[tuple[int, int, Look]]) -> Iterator[Segment]:
    """A span, and what of it the peer spent stopped or held."""
    at_ns = span.from_ns
    for begin, end, look in still if span.state is not None else []:
        low, high = max(begin, at_ns), min(end, span.to_ns)
        if low >= high:
            continue
        if at_ns < low:
            yield _segment(span, at_ns, low, _LOOKS[span.state])
        yield _segment(span, low, high, look)
        at_ns = high
    if at_ns < span.to_ns:
        yield _segment(span, at_ns, span.to_ns, _LOOKS[span.state])


def _segment(span: Span, from_ns: int, to_ns: int, look: Look) -> Segment:
    leader = None if span.vote is None or span.vote.leader < 0 else span.vote.leader
    settled = span.phase is Phase.BROADCAST
    return Segment(span.sid, look, settled, leader, from_ns, to_ns, span.index)


def configuration(history: History) -> Configuration | None:
    """What the first server began with; ``None`` when no peer ever did."""
    first = next((event for _, event in history.births()), None)
    return None if first is None else parse_configuration(config_of(first))


def reigns(history: History) -> tuple[Reign, ...]:
    """Who led, from the first event of a peer to the end of the run, without a hole."""
    config = configuration(history)
    if config is None:
        return ()
    view = EnsembleView(history.sids, config)
    found: list[Reign] = []

    def until(to_ns: int) -> None:
        """End the present reign; one that lasted for no time leaves its neighbours one reign."""
        if to_ns <= since:
            return
        if found and found[-1].leaders == now:
            found[-1] = Reign(now, found[-1].from_ns, to_ns)
        else:
            found.append(Reign(now, since, to_ns))

    now: tuple[tuple[Sid, PeerEpoch], ...] = ()
    since = min(history.zero_ns, *(event.at_ns for _, event in history.births()))
    for event in history.events:
        view.observe(event)
        if not matters(event):
            continue
        leaders = tuple(sorted(view.leaders().items()))
        if leaders != now:
            until(event.at_ns)
            now, since = leaders, event.at_ns
    until(history.end_ns)
    return tuple(found)


def matters(event: Event) -> bool:
    """Whether ``event`` can change who leads; most do not."""
    match event:
        case Stepped() | Seen():
            return any(
                isinstance(effect, Entered | Decided | Serving | SteppedDown | PersistConfig)
                for effect in event.effects
            )
        case Acted():
            return isinstance(event.action, Pause | Resume | Launch)
        case _:
            return isinstance(event, Began | Appeared | Exited | Left)
