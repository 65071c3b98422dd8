"""What a fault inside a peer leaves behind: in its journal, its messages and its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chaos import actions as act
from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import (
    Arm,
    Ignored,
    Input,
    Persist,
    PersistConfig,
    Reconfigure,
    Send,
    SkewEpochs,
    SkewRound,
    SkewZxid,
)
from chaos.election.ids import PeerEpoch, Sid, Zxid, hex64, wrap64
from chaos.errors import ConfigError
from chaos.history.events import Acted, Appeared, Began, Exited, Stepped
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.verify.deeds import deed, facts_of
from chaos.verify.fold import fold


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that one action bit; ``missing`` says what does not, ``shown`` what it was."""

    missing: str
    evidence: tuple[int, ...]
    shown: str = ""


AT_ONCE: Final = "it was over in the instant in which it began"


def ends(action: act.Action) -> bool:
    """Whether ``action`` ends a fault, and is none itself. True timers end skewed ones."""
    match action:
        case act.SkewTimers(rate_ppm=rate, offset_ns=offset):
            return (rate, offset) == (1_000_000, 0)
        case _:
            ending = act.Launch | act.Resume | act.Unblock | act.Clear | act.Unload | act.LetGo
            return isinstance(action, ending | act.CallOff | act.MendDisk | act.Cool)


def inside(index: int, acted: Acted, history: History) -> Proof:
    """The proof of a skew or a configuration."""
    match acted.action:
        case act.TurnRound(sid=sid, by=by, to=to):
            return _announced(index, sid, SkewRound(by, to), history)
        case act.SetEpochs(sid=sid, accepted=accepted, current=current):
            given = {"acceptedEpoch": accepted, "currentEpoch": current}
            values = {name: value for name, value in given.items() if value is not None}
            epochs = SkewEpochs(_epoch(accepted), _epoch(current))
            return _written((index, acted), sid, epochs, values, history)
        case act.SetZxid(sid=sid, zxid=zxid):
            return _written((index, acted), sid, SkewZxid(Zxid(zxid)), {"zxid": zxid}, history)
        case act.Configure(sid=sid) if sid in history.foreign:
            return _taken(index, acted)
        case act.Configure():
            return _configured(index, acted, acted.action, history)
        case act.SkewTimers(sid=sid):
            return _armed((index, acted), sid, history)
        case _:
            raise AssertionError(f"no evidence is known for {deed(acted.action)}")


def _steps(index: int, sid: Sid, history: History) -> Iterator[tuple[int, Stepped]]:
    """The steps of ``sid`` behind event ``index``."""
    for at in range(index + 1, len(history.events)):
        event = history.events[at]
        if isinstance(event, Stepped) and event.sid == sid:
            yield at, event


def _input(index: int, sid: Sid, happened: Input, history: History) -> tuple[int, Stepped] | None:
    """The journal line of ``sid`` that took ``happened`` in."""
    steps = _steps(index, sid, history)
    return next((one for one in steps if one[1].happened == happened), None)


def _announced(index: int, sid: Sid, skew: SkewRound, history: History) -> Proof:
    """The round was set, and a message said so: itself or, in the next election, one more."""
    taken = _input(index, sid, skew, history)
    if taken is None:
        return Proof("the peer's journal does not have it", (index,))
    at, line = taken
    turned = fold(history).turned.get(at)
    if turned is None:
        return Proof("lines are missing from the peer's journal", (index, at))
    before, target = turned
    if before == target:
        return Proof(f"it was in round {target} already", (index, at))
    for later, step in _steps(at - 1, sid, history):
        if step.inc != line.inc:
            break
        for effect in step.effects:
            if (
                isinstance(effect, Send)
                and effect.to
                and effect.notification.round
                in (
                    target,
                    wrap64(target + 1),
                )
            ):
                indexes = tuple(dict.fromkeys((index, at, later)))
                return Proof("", indexes, f"it said so in round {effect.notification.round}")
    return Proof(f"nobody was told of round {target}", (index, at))


def _written(
    acted: tuple[int, Acted], sid: Sid, skew: Input, values: Mapping[str, int], history: History
) -> Proof:
    """The peer took it in and wrote it, or, if it was down, its files were changed."""
    index, facts = acted[0], acted[1].evidence.facts
    if all(facts.get(f"{name} on disk") == value for name, value in values.items()):
        return _filed(index, sid, values, history)
    taken = _input(index, sid, skew, history)
    if taken is None:
        return Proof("the peer's journal does not have it", (index,))
    at, line = taken
    wrote = {e.name: e.value for e in line.effects if isinstance(e, Persist)}
    lost = [name for name, value in values.items() if wrote.get(name) != value]
    if lost:
        return Proof(f"the peer did not write {' and '.join(lost)}: it held that already", (at,))
    return Proof("", (index, at), _of_files(values, "written"))


def _filed(index: int, sid: Sid, values: Mapping[str, int], history: History) -> Proof:
    """The files of a peer that is down were changed, and it may read them."""
    view = EnsembleView(history.sids, Configuration({}))
    for event in history.events[:index]:
        view.observe(event)
    peer = view.peers[sid]
    before = {
        "acceptedEpoch": peer.accepted_epoch,
        "currentEpoch": peer.current_epoch,
        "zxid": peer.zxid,
    }
    if all(before[name] == value for name, value in values.items()):
        return Proof(f"its files held that already: {_of_files(values, 'on disk')}", (index,))
    for at in range(index + 1, len(history.events)):
        match history.events[at]:
            case Acted(action=act.Launch(sid=other, wipe=True)) if other == sid:
                return Proof("its files were wiped before it read them", (index, at))
            case Began(sid=other) | Appeared(sid=other) if other == sid:
                break
            case _:
                pass
    return Proof("", (index,), _of_files(values, "on disk"))


def _of_files(values: Mapping[str, int], how: str) -> str:
    """``acceptedEpoch 3 on disk``; a zxid as hex."""
    told = {name: hex64(n) if name == "zxid" else str(n) for name, n in values.items()}
    return " and ".join(f"{name} {text}" for name, text in told.items()) + f" {how}"


def _configured(index: int, acted: Acted, asked: act.Configure, history: History) -> Proof:
    """The peer wrote it: when it was given it, or when another target of the fault told it."""
    happened = Reconfigure(asked.config, asked.activate)
    taken = _input(index, asked.sid, happened, history)
    if taken is None:
        return Proof("the peer's journal does not have it", (index,))
    at, line = taken
    for effect in line.effects:
        match effect:
            case PersistConfig(config=text):
                if _version(text) == _version(asked.config):
                    return Proof("", (index, at), f"version {_version(text)} written")
            case Ignored(why=why):
                heard = _heard(at, acted.step, asked, history)
                if heard is not None:
                    return Proof("", (index, heard, at), "written when another target told of it")
                return Proof(f"the peer ignored it: {why}", (index, at))
            case _:
                pass
    return Proof("the peer did not write the configuration", (index, at))


def _heard(at: int, step: str, asked: act.Configure, history: History) -> int | None:
    """The line in which a peer wrote what it was to be given, after ``step`` began to give it."""
    given = (
        index
        for index, acted in history.every(Acted)
        if acted.step == step and isinstance(acted.action, act.Configure)
    )
    written = PersistConfig(asked.config, asked.activate)
    steps = _steps(next(given, at), asked.sid, history)
    return next((index for index, line in steps if index < at and written in line.effects), None)


def _taken(index: int, acted: Acted) -> Proof:
    """A foreign server was read back: the configuration that its leader committed is in force."""
    shown = acted.evidence.bit is True and "version in force" in acted.evidence.facts
    told = facts_of(acted)
    return Proof("" if shown else f"it did not take force: {told}", (index,), told)


def _version(text: str) -> int | None:
    try:
        return parse_configuration(text).version
    except ConfigError:
        return None


def _armed(acted: tuple[int, Acted], sid: Sid, history: History) -> Proof:
    """The peer says how its timers run now, and it had one that ran so, or armed one meanwhile."""
    index, facts = acted[0], acted[1].evidence.facts
    end = _true_again(index, sid, history)
    if end is not None and history.events[end].at_ns <= acted[1].done_ns:
        return Proof(AT_ONCE, (index, end))
    until = _until_exit(acted[1], end, history)
    if (armed := facts.get("timers", 0)) != 0:
        return Proof("", (index,), f"timers armed by it {armed}{until}")
    for at, step in _steps(index, sid, history):
        if end is not None and at > end:
            break
        if any(isinstance(effect, Arm) for effect in step.effects):
            return Proof("", (index, at), f"a timer was armed by it{until}")
    return Proof("the peer had no timer meanwhile", (index,))


def _until_exit(acted: Acted, end: int | None, history: History) -> str:
    """For how long timers were skewed whose process ended: its next start has true ones."""
    if end is None or not isinstance(history.events[end], Exited):
        return ""
    return f", until its end, for {(history.events[end].at_ns - acted.done_ns) / 1e9:.3f} s"


def _true_again(index: int, sid: Sid, history: History) -> int | None:
    """The event with which timers that were skewed by event ``index`` went right again."""
    for at in range(index + 1, len(history.events)):
        match history.events[at]:
            case Exited(sid=other) | Acted(action=act.SkewTimers(sid=other)) if other == sid:
                return at
            case _:
                pass
    return None


def _epoch(value: int | None) -> PeerEpoch | None:
    return None if value is None else PeerEpoch(value)
