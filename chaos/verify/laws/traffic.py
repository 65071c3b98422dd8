"""``stays_within_bounds``, law E11: a peer says no more than what happened to it calls for.

An order of votes that is not transitive, a peer that answers answers, or one that repeats
itself for ever shows up here long before it fills a disk.
"""

from __future__ import annotations

from chaos.election.effects import (
    Deliver,
    Entered,
    Expire,
    Phase,
    Proposed,
    Send,
    TimerKind,
)
from chaos.election.ids import Sid
from chaos.election.notification import Notification, ServerState
from chaos.history.events import Began, Stepped, Wrote
from chaos.verify.docket import Docket, Law
from chaos.verify.laws.watcher import SKEWS
from chaos.verify.rules import Ballot, Electorate, ballot_of
from chaos.verify.standing import Standing
from chaos.verify.tester import Meddling


class Traffic:
    """The notifications of one incarnation: what it may say, and what it says."""

    def __init__(self, began: Began, docket: Docket, tester: Meddling) -> None:
        self._sid = began.sid
        self._docket = docket
        self._tester = tester
        self._due = 0  # notifications that were called for, so far
        self._said = 0
        self._proposal: Ballot | None = None
        self._round = 0
        self._cast: set[Ballot] = set()  # distinct votes of this round
        self._adopted = 0
        self._tainted = False  # the tester moved its vote in this round
        self._written: set[tuple[int, int, int]] = set()  # step, effect, to
        self._repeated: set[str] = set()  # links that began with an old message
        self._before: dict[str, Wrote] = {}  # the last frame of each link

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in."""
        electorate = standing.electorate
        self._called(event, standing, electorate)
        said = 0
        for effect in event.effects:
            match effect:
                case Entered(phase=Phase.ELECTION):
                    self._due += self._others(electorate)
                    self._proposal = None
                case Proposed():
                    self._proposed(ballot_of(effect.vote), electorate, index)
                case Send():
                    said += len(effect.to)
                case _:
                    pass
        self._said += said
        wrong = ""
        if self._said > self._due:
            wrong = (
                f"peer {self._sid} has said {self._said} notifications; what happened to it "
                f"calls for {self._due} at most"
            )
            self._due = self._said  # one flood is told once
        if said:
            self._docket.case(Law.BOUNDS, wrong, index)

    def wrote(self, index: int, line: Wrote) -> None:
        """A message is written once, and once more at most on each new link, as its first.

        Once more, too, right behind itself, where a fault that was put in place says so.
        """
        wrong = ""
        if line.copied_by:
            wrong = self._copy(line)
        elif line.again:
            if line.frame or line.link in self._repeated:
                wrong = f"peer {self._sid} repeated an old message on link {line.link} again"
            self._repeated.add(line.link)
        else:
            key = (line.step, line.index, line.to)
            if key in self._written:
                wrong = f"peer {self._sid} wrote one message twice to peer {line.to}"
            self._written.add(key)
        self._before[line.link] = line
        self._docket.case(Law.BOUNDS, wrong, index)

    def _copy(self, line: Wrote) -> str:
        """What is wrong with a second writing that a fault is said to have asked for."""
        before = self._before.get(line.link)
        asked = line.copied_by in self._tester.duplicates
        same = before is not None and not before.copied_by and _message(before) == _message(line)
        if asked and same:
            return ""
        why = "another message came between" if asked else "which never was in place"
        return (
            f"peer {self._sid} wrote one message twice to peer {line.to} on account of "
            f"{line.copied_by}, {why}"
        )

    # ----

    def _others(self, electorate: Electorate) -> int:
        return len(electorate.voters - {self._sid})

    def _called(self, event: Stepped, standing: Standing, electorate: Electorate) -> None:
        """What the input alone calls for."""
        match event.happened:
            case Deliver(sender=sender, notification=said):
                self._heard(said, standing.state, votes=sender in electorate.voters)
            case Expire(timer=timer) if timer.kind is TimerKind.RESEND:
                self._due += self._others(electorate)
            case skew if isinstance(skew, SKEWS):
                self._due += self._others(electorate)
                self._tainted = True
            case _:
                pass

    def _heard(self, said: Notification, state: ServerState, *, votes: bool) -> None:
        if said.state != ServerState.LOOKING:
            return
        ballot = ballot_of(said)
        looking = state is ServerState.LOOKING
        if not votes or not looking or ballot.round < self._round:
            self._due += 1  # an answer
        if looking and votes and ballot.round == self._round:
            self._cast.add(ballot)

    def _proposed(self, ballot: Ballot, electorate: Electorate, index: int) -> None:
        """A proposal that changes is told to all; within a round it changes only so often."""
        before, self._proposal = self._proposal, ballot
        if before is None or ballot.round != before.round:
            self._round, self._adopted = ballot.round, 0
            self._cast, self._tainted = {ballot}, False
            if before is not None:
                self._due += self._others(electorate)  # a jump
            return
        if ballot == before:
            return  # said again: the timer's doing, or nobody's
        self._due += self._others(electorate)
        self._adopted += 1
        wrong = ""
        if self._adopted > len(self._cast) - 1 and not self._tainted:
            wrong = (
                f"peer {self._sid} changed its proposal {self._adopted} times in round "
                f"{ballot.round}, in which it heard of {len(self._cast)} votes"
            )
        self._docket.case(Law.BOUNDS, wrong, index)


def _message(line: Wrote) -> tuple[int, int, Sid, int]:
    """Which message it is, and which frame it is or repeats."""
    return line.step, line.index, line.to, line.frame - bool(line.copied_by)
