"""A history told from outside: what capture and log would show of peers that kept a journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chaos import actions as act
from chaos.election import effects as fx
from chaos.history.events import (
    Acted,
    Appeared,
    Began,
    Event,
    Held,
    LinkClosed,
    LinkOpened,
    Lost,
    Rejected,
    Seen,
    Source,
    Stepped,
    Wrote,
)
from chaos.history.history import History

_LOGGED = (fx.Entered, fx.Decided, fx.Serving, fx.SteppedDown)
_UNSEEN = (Lost, LinkOpened, LinkClosed, Rejected)
LOG_NS = 1_000_000  # a log's stamp is a whole millisecond


def from_outside(history: History, *sids: int, log_ns: int = LOG_NS) -> History:
    """The same run with servers ``sids`` (default: all) as foreign ones.

    What a log tells is known to ``log_ns``; the moment itself is the end of that span.
    """
    seqs: dict[tuple[int, int], dict[int, int]] = {}
    undone = _undone(history)
    told: list[Event] = []
    for event in history.events:
        if getattr(event, "sid", None) not in (sids or history.sids):
            told.append(event)
            continue
        known = seqs.setdefault((getattr(event, "sid", 0), getattr(event, "inc", 0)), {})
        if isinstance(event, Stepped):
            done = undone.get((event.sid, event.inc, event.seq), len(event.effects))
            event = replace(event, effects=event.effects[:done])  # noqa: PLW2901 - as it came out
        told += _told(event, known, log_ns)
    return History.of(told)


def _undone(history: History) -> dict[tuple[int, int, int], int]:
    """Steps of peers that died at a gate, and before which of their effects.

    A journal has a step before it is performed: what lay behind the gate nobody saw.
    """
    deeds = [(at, event) for at, event in history.every(Acted)]
    last = {(held.sid, held.inc): (at, held) for at, held in history.every(Held)}
    went_on = {
        (event.sid, event.inc)
        for event in history.events
        if isinstance(event, Stepped | Wrote)
        and (event.sid, event.inc) in last
        and event.seq > last[event.sid, event.inc][1].seq
    }
    return {
        (held.sid, held.inc, held.line): max(0, held.index)
        for key, (at, held) in last.items()
        if key not in went_on and _died_there(at, held, deeds)
    }


def _died_there(at: int, held: Held, deeds: list[tuple[int, Acted]]) -> bool:
    """Whether the peer was killed before it was let go. In virtual time that may be at once."""
    for index, acted in deeds:
        if index < at and acted.at_ns < held.at_ns:
            continue
        match acted.action:
            case act.LetGo(again=False) as go if go.name == held.name and held.sid in go.sids:
                return False
            case act.Kill(sid=sid) | act.Terminate(sid=sid) if sid == held.sid:
                return True
            case _:
                pass
    return False


def _told(event: Event, known: dict[int, int], log_ns: int) -> Iterator[Event]:
    """``known`` maps the journal's lines to those that tell of them; -1 counts."""
    match event:
        case Began(spec=spec):
            known[-1] = 0
            yield Appeared(
                event.at_ns,
                event.sid,
                event.inc,
                0,
                event.pid,
                "zookeeper",
                "3.8.0",
                spec.config,
                spec.accepted_epoch,
                spec.current_epoch,
                spec.last_zxid,
            )
        case Stepped():
            yield from _step(event, known, log_ns)
        case Wrote():
            known[-1] += 1
            step = known.get(event.step, -1)
            yield replace(event, seq=known[-1], step=step, index=0)
        case _ if not isinstance(event, _UNSEEN):
            yield event
        case _:
            pass


def _step(event: Stepped, known: dict[int, int], log_ns: int) -> Iterator[Event]:
    happened = event.happened
    if isinstance(happened, fx.Deliver | fx.PacketRead):
        yield _seen(event, known, Source.WIRE, 0, happened)
    for effect in event.effects:
        if isinstance(effect, fx.ConnectLeader):
            yield _seen(event, known, Source.WIRE, 0, None, effect)
        elif isinstance(effect, fx.Send | fx.SendPacket):
            yield _seen(event, known, Source.WIRE, 0, None, effect)
            if isinstance(effect, fx.Send):
                known[event.seq] = known[-1]
        elif isinstance(effect, _LOGGED):
            yield _seen(event, known, Source.LOG, log_ns, None, effect)


def _seen(
    event: Stepped,
    known: dict[int, int],
    source: Source,
    width_ns: int,
    happened: fx.Input | None,
    *effects: fx.Effect,
) -> Seen:
    known[-1] += 1
    since = event.at_ns - width_ns
    return Seen(event.at_ns, event.sid, event.inc, known[-1], since, source, happened, effects)
