"""What somebody answered whom a probe asked: a command beside the run, or a page."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.ids import Sid
from chaos.texts import visible


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to question ``number`` of ``step`` about peer ``sid``, asked at ``since_ns``.

    ``status`` is the exit status of a command, negative for a signal, or that of a page; there is
    none where nobody answered, and ``why`` says so. ``text`` is what was printed, or the page.
    """

    at_ns: int
    since_ns: int
    step: str
    sid: Sid
    number: int
    status: int | None
    text: str = ""
    why: str = ""


_SHOWN = 200


def answer(event: Answered) -> str:
    """An answer in words: ``status 0, "imok"``."""
    if event.status is None:
        return event.why
    text = visible(" ".join(event.text.split()))
    more = "…" if len(text) > _SHOWN else ""
    return f"status {event.status}" + (f', "{text[:_SHOWN]}{more}"' if text else "")
