"""Whether a vote that was delivered was ever sent: the journal of its sender tells.

What a peer sends is in its journal before a byte of it leaves. A message comes over a link, and a
link is of one start of its sender: what an earlier start said is not said again by a later one,
which remembers nothing. Within one start an old message may come once more, however old it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from chaos.election.effects import Deliver, Send
from chaos.election.ids import Sid
from chaos.history.events import (
    Began,
    Left,
    LinkOpened,
    PeerEvent,
    Stepped,
    Wrote,
)
from chaos.history.history import History
from chaos.verify.rules import Ballot, ballot_of
from chaos.verify.verdict import Outcome

_Content = tuple[Sid, int, Ballot]  # to whom, the sender's state, its vote


@dataclass(slots=True)
class _Start:
    """The journal of one start: what it says that it sent, and over which links."""

    lines: dict[int, int] = field(default_factory=dict)  # when, by number
    sent: dict[_Content, int] = field(default_factory=dict)  # when first
    links: set[str] = field(default_factory=set)
    left: int | None = None  # the line with which it ended by itself

    def take(self, event: PeerEvent) -> None:
        """Take one line in."""
        self.lines[event.seq] = event.at_ns
        match event:
            case Stepped(effects=effects, at_ns=at_ns):
                for effect in effects:
                    if isinstance(effect, Send):
                        said = effect.notification
                        for to in effect.to:
                            key = (to, int(said.state), ballot_of(said))
                            self.sent.setdefault(key, at_ns)
            case Wrote(link=link) | LinkOpened(link=link):
                self.links.add(link)
            case Left(seq=seq):
                self.left = seq
            case _:
                pass

    def tells_until(self, at_ns: int) -> bool:
        """Whether nothing is missing of what it did until then: a later line is there."""
        number = 0
        while number in self.lines:
            if self.lines[number] > at_ns or number == self.left:
                return True
            number += 1
        return False


class Senders:
    """The journals of our own peers, as far as they are asked."""

    def __init__(self, history: History) -> None:
        self.events = history.events
        self._history = history

    def answer(self, at: int, event: Stepped, heard: Deliver) -> Outcome:
        """Whether somebody sent what event ``at`` delivered; of strangers nothing is exercised."""
        starts = self._starts.get(heard.sender)
        if starts is None:
            return Outcome.NOT_EXERCISED
        until_ns = self.read_by(at, event)
        over = [one for one in starts.values() if heard.link and heard.link in one.links]
        authors = over or [one for one in starts.values() if one.lines[min(one.lines)] <= until_ns]
        said = heard.notification
        content = (event.sid, int(said.state), ballot_of(said))
        if any(one.sent.get(content, until_ns) < until_ns for one in authors):
            return Outcome.HOLDS
        whole = bool(authors) and all(one.tells_until(until_ns) for one in authors)
        return Outcome.FAILS if whole else Outcome.UNKNOWN

    def read_by(self, at: int, event: Stepped) -> int:
        """When its receiver has surely read what event ``at`` delivered.

        One that reads the clock when it wakes up may then read what was sent since; its next
        line with another time is of a later look at the clock.
        """
        for index in range(at + 1, len(self.events)):
            later = self.events[index]
            mine = isinstance(later, PeerEvent) and later.sid == event.sid
            if mine and later.at_ns > event.at_ns:
                return later.at_ns
        return max(self._history.end_ns, event.at_ns) + 1

    @cached_property
    def _starts(self) -> Mapping[Sid, Mapping[int, _Start]]:
        """Of each of our own peers the journals of its starts."""
        own = {began.sid for _, began in self._history.every(Began)}
        found: dict[Sid, dict[int, _Start]] = {}
        for event in self.events:
            if isinstance(event, PeerEvent) and event.sid in own:
                found.setdefault(event.sid, {}).setdefault(event.inc, _Start()).take(event)
        return found
