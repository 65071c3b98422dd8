"""What servers answer to four-letter words, as events of a history: whenever it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from chaos.election.ids import Sid, hex64
from chaos.history.events import Appeared, Seen, Source
from chaos.systems.starts import Starts
from chaos.zookeeper.polls import Poll
from chaos.zookeeper.words import NOT_SERVING

_SILENT: Final = "timed out"  # as of a server that is stopped


class Probes:
    """Turns answers into events. They prove nothing by themselves and have no effects.

    A connection that is refused is no answer: nobody is there to give one.
    """

    def __init__(self, starts: Starts) -> None:
        self._starts = starts
        self._last: dict[tuple[Sid, int], str] = {}
        self._stood_ns: dict[tuple[Sid, int], int] = {}

    def stands(self, appeared: Appeared) -> None:
        """A start of a server has its first line; what was asked before that is not told."""
        self._stood_ns[appeared.sid, appeared.inc] = appeared.at_ns

    def take(self, polls: Iterable[Poll]) -> Iterator[Seen]:
        """The answers that differ from the one before, other than by a zxid."""
        for poll in polls:
            what = poll.mode or poll.why
            inc = self._starts.start(poll.sid, poll.at_ns)
            stood_ns = None if inc is None else self._stood_ns.get((poll.sid, inc))
            if inc is None or stood_ns is None or poll.since_ns < stood_ns:
                continue  # whose answer it is cannot be told, or that start has no line yet
            if not poll.mode and what not in {NOT_SERVING, _SILENT}:
                continue
            if self._last.get((poll.sid, inc)) == what:
                continue
            self._last[poll.sid, inc] = what
            zxid = "" if poll.zxid is None else f", zxid {hex64(poll.zxid)}"
            seq = self._starts.number(poll.sid, inc)
            yield Seen(
                poll.at_ns,
                poll.sid,
                inc,
                seq,
                poll.since_ns,
                Source.PROBE,
                text=f"srvr: {what}{zxid}",
            )
