"""What program each server of a run was, and how it was observed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from chaos.election.ids import Sid
from chaos.history.events import Seen, Source
from chaos.history.history import History
from chaos.report.words import count

_OURS = "chaos"
_SEEN_IN = {
    Source.LOG: ("line of its log", "lines of its log"),
    Source.WIRE: ("packet", "packets"),
    Source.PROBE: ("answer to a question", "answers to questions"),
}


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server. ``observed`` says where everything that the page knows of it comes from."""

    sid: Sid
    program: str
    version: str
    observed: str


def programs(history: History) -> Mapping[Sid, str]:
    """The program of each server, for its lane; nothing where all are our own peers."""
    foreign = history.foreign
    if not foreign:
        return {}
    names = {sid: f"{one.kind} {one.version}" for sid, one in foreign.items()}
    return {sid: names.get(sid, _OURS) for sid in history.sids}


def servers(history: History, version: str) -> tuple[ServerRow, ...]:
    """A row for each server; nothing where all are our own peers, of ``version``."""
    foreign = history.foreign
    if not foreign:
        return ()
    seen = Counter((event.sid, event.source) for _, event in history.every(Seen))
    return tuple(
        ServerRow(sid, foreign[sid].kind, foreign[sid].version, _observed(sid, seen))
        if sid in foreign
        else ServerRow(sid, _OURS, version, "its own journal")
        for sid in history.sids
    )


def _observed(sid: Sid, seen: Counter[tuple[Sid, Source]]) -> str:
    found = [
        count(seen[sid, source], *words) for source, words in _SEEN_IN.items() if seen[sid, source]
    ]
    return "from outside: " + (", ".join(found) or "nothing but its process")
