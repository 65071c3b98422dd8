"""What a fault wrote in the place of a peer: frames of which it changed a byte.

Nobody cast the vote that such a frame carries, so nobody answers for it; whoever hears it is held
to what it heard, as always. Where the byte was one of the frame's length, all that the receiver
reads behind it on that connection is cut wrongly, and nobody's word either.

What cannot be told apart any more is what follows from a configuration that nobody wrote and a
peer put in force all the same: a law that is broken from then on may be the fault's doing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from chaos.election.effects import Deliver, PersistConfig, Send
from chaos.election.ids import Sid
from chaos.history.events import Step, Wrote
from chaos.history.history import History
from chaos.verify.docket import Once
from chaos.verify.rules import Ballot, ballot_of
from chaos.verify.verdict import Check, Outcome, Verdict

_LENGTH: Final = 4  # bytes of a frame that say how long it is


class _Frame(NamedTuple):
    at_ns: int
    number: int
    fault: str
    byte: int


@dataclass(slots=True)
class Forged:
    """What was heard of frames that a fault changed.

    ``ballots`` are the votes among it, ``since`` is the event by which a peer first put such a
    configuration in force, and ``fault`` whose doing that is.
    """

    ballots: set[Ballot] = field(default_factory=set)
    since: int | None = None
    fault: str = ""
    _links: dict[tuple[Sid, str], list[_Frame]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any frame was changed."""
        return bool(self._links)

    def wrote(self, heard: Deliver, at_ns: int) -> str:
        """The fault that wrote what a peer read at ``at_ns``; empty if its sender did."""
        frames = self._links.get((heard.sender, heard.link))
        if not frames:
            return ""
        for frame in reversed(frames[: bisect_right(frames, at_ns, key=lambda one: one.at_ns)]):
            exact = frame.number == heard.frame
            if frame.fault and (exact or (frame.byte < _LENGTH and frame.number < heard.frame)):
                return frame.fault
            if frame.number == 0:
                break  # an older connection had the same ports
        return ""

    def learn(self, history: History) -> None:
        """Look at every frame of a link on which any was changed, then at what came of it."""
        lines = [event for _, event in history.every(Wrote)]
        links = {(line.sid, line.link) for line in lines if line.corrupted_by}
        if not links:
            return
        for line in lines:
            if (line.sid, line.link) in links:
                frame = _Frame(line.at_ns, line.frame, line.corrupted_by, line.byte)
                self._links.setdefault((line.sid, line.link), []).append(frame)
        told: set[str] = set()  # configurations that somebody sent
        for index, step in history.steps():
            self._take(index, step, told)
            told |= _sent(step)

    def _take(self, index: int, step: Step, told: set[str]) -> None:
        heard = step.happened
        if not isinstance(heard, Deliver):
            return
        fault = self.wrote(heard, step.at_ns)
        if not fault:
            return
        self.ballots.add(ballot_of(heard.notification))
        takes = any(isinstance(effect, PersistConfig) for effect in step.effects)
        if takes and heard.notification.config not in told and self.since is None:
            self.since, self.fault = index, fault


def _sent(step: Step) -> set[str]:
    return {
        effect.notification.config
        for effect in step.effects
        if isinstance(effect, Send) and effect.notification.config is not None
    }


def _forged(history: History) -> Forged:
    found = Forged()
    found.learn(history)
    return found


forged = Once(_forged)


@dataclass(frozen=True, slots=True)
class Answerable:
    """A check of a law for which peers answer.

    What a forged configuration may have done is not held against them: that is UNKNOWN.
    """

    law: Check

    @property
    def name(self) -> str:
        """That of the law."""
        return self.law.name

    def check(self, history: History) -> Verdict:
        """FAILS only where the breach came before such a configuration."""
        verdict = self.law.check(history)
        found = forged(history)
        if verdict.outcome is not Outcome.FAILS or found.since is None:
            return verdict
        if max(verdict.evidence, default=found.since) < found.since:
            return verdict
        why = (
            f"{verdict.summary}; but a peer had put a configuration in force that nobody wrote, "
            f"by what {found.fault} did to a message"
        )
        evidence = (*verdict.evidence, found.since)
        return replace(verdict, outcome=Outcome.UNKNOWN, summary=why, evidence=evidence)
