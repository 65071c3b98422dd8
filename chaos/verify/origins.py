"""Law E4: a vote that is passed on began with the server that it is for.

Whoever proposes (L, z, e) in round r took it from a message, and the first of them all was a
broadcast of L in round r, of its own initial vote. Judged by the journal of L, where it is
there and whole; no clock is needed for a hit, and for a miss only that L's journal goes on
beyond the moment at which somebody else passed the vote on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.election.ids import Sid
from chaos.history.events import Began, Left, Stepped
from chaos.history.history import History
from chaos.verify.docket import Docket, Law
from chaos.verify.forged import forged
from chaos.verify.rules import Ballot
from chaos.verify.tester import Meddling


@dataclass(slots=True)
class Origins:
    """The votes that peers proposed for themselves, and those that they passed on."""

    own: set[Ballot] = field(default_factory=set)
    passed: dict[Ballot, tuple[Sid, int]] = field(default_factory=dict)  # by whom first, event

    def take(self, sid: Sid, told: dict[Ballot, int]) -> None:
        """Take in what one incarnation of ``sid`` proposed."""
        for ballot, index in told.items():
            if ballot.leader == sid:
                self.own.add(ballot)
            else:
                known = self.passed.get(ballot)
                if known is None or index < known[1]:
                    self.passed[ballot] = (sid, index)


def originate(history: History, origins: Origins, tester: Meddling, docket: Docket) -> None:
    """Look for the beginning of every vote that was passed on."""
    if not origins.passed:
        return
    began = {began.sid for _, began in history.every(Began)}
    own = {_key(ballot, tester) for ballot in origins.own}
    changed = {_key(ballot, tester) for ballot in forged(history).ballots}
    for ballot, (sid, index) in sorted(origins.passed.items(), key=lambda one: one[1][1]):
        if ballot.leader not in began:
            continue  # a server without a journal, or nobody: not judged here
        if _key(ballot, tester) in changed:
            docket.spare(Law.ORIGIN)  # it began with a fault, which changed a byte of a message
            continue
        if _key(ballot, tester) in own:
            docket.held(Law.ORIGIN)
            continue
        why = f"peer {sid} proposed {ballot}, which peer {ballot.leader} never proposed for itself"
        if _goes_on(history, ballot.leader, index) and not docket.gaps:
            docket.case(Law.ORIGIN, why, index)
        else:
            docket.doubt(Law.ORIGIN, f"{why}, as far as its journal tells", index)


def _key(ballot: Ballot, tester: Meddling) -> tuple[int, ...]:
    """A clock that the tester turned says an old vote in a round that its server never saw."""
    return ballot.rank if tester.turned else tuple(ballot)


def _goes_on(history: History, sid: int, index: int) -> bool:
    """Whether the journal of ``sid`` has lines from event ``index`` on."""
    return any(
        isinstance(event, Stepped | Left) and event.sid == sid for event in history.events[index:]
    )
