"""Faults as stretches of time, from what was done until what undid it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from chaos.actions import (
    Action,
    Attack,
    Block,
    Burn,
    CallOff,
    Clear,
    Configure,
    Cool,
    Cut,
    Hold,
    Kill,
    Launch,
    LetGo,
    Load,
    Lose,
    MendDisk,
    Messages,
    Pause,
    PortCut,
    Resume,
    SetEpochs,
    SetZxid,
    SkewTimers,
    Slow,
    SpoilDisk,
    Terminate,
    TurnRound,
    Unblock,
    Unload,
)
from chaos.election.ids import Sid
from chaos.history.events import Acted, Exited, Held, StepBegan, StepEnded
from chaos.history.history import History
from chaos.report import words
from chaos.report.words import MS
from chaos.verify.traces import ends

_VERBS: Final[Mapping[type[Action], str]] = {
    Lose: "loss",
    Slow: "delay",
    TurnRound: "turn the round of",
    SetEpochs: "set epochs of",
    SetZxid: "set the zxid of",
    SkewTimers: "skew timers of",
}
_NOTE_MAX: Final = 60  # letters on the timeline; the whole of it shows on hover
_TOGETHER_NS: Final = 50 * MS  # actions of one step and kind this close are one fault


@dataclass(frozen=True, slots=True)
class Band:
    """A fault from ``from_ns`` until ``to_ns``; the same moment if it was over at once.

    ``lanes`` are the peers that it touched, ``links`` the directed pairs that it stopped or
    hindered, ``named`` those whom its step was aimed at where that may not be the same.
    ``done_ns`` is when it had taken effect, ``index`` the event that says so.
    """

    step: str
    verb: str
    text: str
    lanes: tuple[Sid, ...]
    links: frozenset[tuple[Sid, Sid]]
    from_ns: int
    done_ns: int
    to_ns: int
    index: int
    harms: bool = True  # can end a leadership
    instant: bool = False
    named: tuple[Sid, ...] = ()

    @property
    def label(self) -> str:
        """A few words: ``pause 3``, ``block 1, 2, 5``."""
        return f"{self.verb} {', '.join(str(sid) for sid in self.named or self.lanes)}".rstrip()

    def covers(self, at_ns: int) -> bool:
        """Whether it was in place at ``at_ns``."""
        return self.from_ns <= at_ns < self.to_ns


def bands(history: History, verbs: Mapping[str, str]) -> tuple[Band, ...]:
    """All faults of a run by their beginning; one that nothing undid lasts until the end.

    ``verbs`` maps steps to the names that the plan has for their faults.
    """
    found: list[Band] = []
    targets = {event.step: event.targets for _, event in history.every(StepBegan)}
    open_: dict[str, int] = {}  # what would undo it -> its place in ``found``
    for index, event in history.every(Acted):
        undone = _undoes(event.action)
        at = open_.pop(undone, None) if undone is not None else None
        if at is not None:
            found[at] = replace(found[at], to_ns=max(found[at].to_ns, event.done_ns))
        if ends(event.action) or isinstance(event.action, Hold):
            continue
        fresh = _band(event, index, verbs, targets.get(event.step, ()))
        place = _partner(found, fresh)
        if place is None:
            place = len(found)
            found.append(fresh)
        else:
            found[place] = _joined(found[place], fresh)
        if not fresh.instant:
            open_[_key(event.action)] = place
    lasting = set(open_.values())
    return tuple(
        replace(band, to_ns=max(band.to_ns, history.end_ns)) if place in lasting else band
        for place, band in enumerate(found)
    )


def notes(history: History, verbs: Mapping[str, str]) -> tuple[Band, ...]:
    """What the plan says on the way: moments that touch nobody."""
    return tuple(
        Band(
            event.step,
            event.why if len(event.why) <= _NOTE_MAX else event.why[: _NOTE_MAX - 1] + "…",
            f"note: {event.why}",
            (),
            frozenset(),
            event.at_ns,
            event.at_ns,
            event.at_ns,
            index,
            harms=False,
            instant=True,
        )
        for index, event in history.every(StepEnded)
        if verbs.get(event.step) == "note"
    )


def paused(history: History) -> dict[Sid, list[tuple[int, int]]]:
    """When each peer was stopped by SIGSTOP."""
    found: dict[Sid, list[tuple[int, int]]] = {sid: [] for sid in history.sids}
    since: dict[Sid, int] = {}
    for _, event in history.every(Acted):
        match event.action:
            case Pause(sid=sid):
                since.setdefault(sid, event.done_ns)
            case Resume(sid=sid) | Kill(sid=sid) if sid in since:
                found.setdefault(sid, []).append((since.pop(sid), event.at_ns))
            case _:
                pass
    for sid, from_ns in since.items():
        found.setdefault(sid, []).append((from_ns, history.end_ns))
    return found


def held(history: History) -> dict[Sid, list[tuple[int, int]]]:
    """When each peer held at a gate."""
    found: dict[Sid, list[tuple[int, int]]] = {sid: [] for sid in history.sids}
    gates: dict[Sid, dict[str, int]] = {}  # since when, by the name of the gate

    def over(sid: Sid, at_ns: int, *names: str) -> None:
        """The last gate that lets it go ends the stretch that the first began."""
        mine = gates.get(sid, {})
        since = min(mine.values(), default=at_ns)
        for name in names:
            mine.pop(name, None)
        if not mine and at_ns > since:
            found.setdefault(sid, []).append((since, at_ns))

    for event in history.events:
        match event:
            case Held():
                gates.setdefault(event.sid, {})[event.name] = event.at_ns
            case Acted(action=LetGo(name=name, sids=sids)):
                for sid in sids:
                    over(sid, event.at_ns, name)
            case Exited(sid=sid):
                over(sid, event.at_ns, *gates.get(sid, ()))
            case _:
                pass
    for sid, mine in gates.items():
        over(sid, history.end_ns, *mine)
    return found


def _band(event: Acted, index: int, verbs: Mapping[str, str], targets: tuple[Sid, ...]) -> Band:
    done = event.action
    lanes, links = _touched(done, targets)
    instant = isinstance(done, TurnRound | SetEpochs | SetZxid | Configure)
    return Band(
        event.step,
        verbs.get(event.step, _verb(done)).replace("_", " "),
        words.action(done),
        lanes,
        links,
        event.at_ns,
        event.done_ns,
        event.done_ns,
        index,
        harms=not isinstance(done, Configure | Load),
        instant=instant,
        named=tuple(sorted(targets)) if isinstance(done, Block | Messages) else (),
    )


def _partner(found: list[Band], fresh: Band) -> int | None:
    """The band of the same step and kind that ``fresh`` is another part of."""
    for place in range(len(found) - 1, -1, -1):
        band = found[place]
        if fresh.from_ns - band.from_ns > _TOGETHER_NS:
            return None
        if (band.step, band.verb) == (fresh.step, fresh.verb):
            return place
    return None


def _joined(band: Band, fresh: Band) -> Band:
    return replace(
        band,
        text=f"{band.text}; {fresh.text}" if len(band.text) < 300 else band.text,
        lanes=tuple(sorted({*band.lanes, *fresh.lanes})),
        links=band.links | fresh.links,
        done_ns=max(band.done_ns, fresh.done_ns),
        to_ns=max(band.to_ns, fresh.to_ns),
    )


def _verb(done: Action) -> str:
    return _VERBS.get(type(done), type(done).__name__.lower())


def _key(done: Action) -> str:
    """What is in place until something with the same key undoes it."""
    match done:
        case Kill(sid=sid) | Terminate(sid=sid) | Launch(sid=sid):
            return f"down {sid}"
        case Pause(sid=sid) | Resume(sid=sid):
            return f"paused {sid}"
        case SkewTimers(sid=sid):
            return f"timers {sid}"
        case _:
            name = getattr(done, "name", "")
            return f"named {name}" if name and not isinstance(done, Hold | LetGo) else ""


def _undoes(done: Action) -> str | None:
    match done:
        case SkewTimers():
            return _key(done)  # true speed, or another speed in the place of this one
        case _:
            return _key(done) if ends(done) else None


def _touched(
    done: Action, targets: tuple[Sid, ...]
) -> tuple[tuple[Sid, ...], frozenset[tuple[Sid, Sid]]]:
    match done:
        case Block(cuts=cuts):
            pairs = frozenset((cut.source, cut.target) for cut in cuts if isinstance(cut, Cut))
            owners = {cut.owner for cut in cuts if isinstance(cut, PortCut)}
            return _lanes(pairs, owners, targets), pairs
        case _ if isinstance(done, Messages):
            pairs = frozenset((cut.source, cut.target) for cut in done.links)
            return _lanes(pairs, set(), targets), pairs
        case Attack(targets=sids) | SpoilDisk(sids=sids) | Burn(sids=sids):
            return sids, frozenset()
        case (
            Unblock()
            | Clear()
            | Load()
            | Unload()
            | Hold()
            | LetGo()
            | CallOff()
            | MendDisk()
            | Cool()
        ):
            return (), frozenset()
        case _:
            return (done.sid,), frozenset()


def _lanes(
    pairs: frozenset[tuple[Sid, Sid]], owners: set[Sid], targets: tuple[Sid, ...]
) -> tuple[Sid, ...]:
    """Who is touched: the smaller side where the pairs part one side from the rest.

    Of two sides alike it is the one that the step was aimed at.
    """
    ends = set(_flat(pairs))
    for sid in sorted(ends, key=lambda sid: (sid not in targets, sid)):
        group = {sid} | {
            other for other in ends if (sid, other) not in pairs and (other, sid) not in pairs
        }
        whole = {(a, b) for a in group for b in ends - group}
        if whole and pairs <= whole | {(b, a) for a, b in whole} and 2 * len(group) <= len(ends):
            return tuple(sorted(group | owners))
    return tuple(sorted(ends | owners))


def _flat(pairs: frozenset[tuple[Sid, Sid]]) -> Iterator[Sid]:
    for source, target in pairs:
        yield source
        yield target
