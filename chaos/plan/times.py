"""When a step of a plan is done, and what it may wait for; every duration in nanoseconds.

``chaos.plan.model`` holds them, too, with the rest of a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from chaos.election.moments import MomentKind
from chaos.faults.targets import Selector


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a plan's text; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that :meth:`__str__` made ``text`` of."""
        file, line, column = text.rsplit(":", 2)
        return cls(file, int(line), int(column))


# ---- when


class Edge(StrEnum):
    """The two moments of a step. A wait has begun when armed and ended when satisfied."""

    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class InOrder:
    """As soon as the step before is done: a wait satisfied, a fault injected and confirmed."""


@dataclass(frozen=True, slots=True)
class At:
    """``at_ns`` after time zero; already past: at once."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class After:
    """``plus_ns`` after an edge of another step."""

    step: str
    edge: Edge
    plus_ns: int = 0


Start = InOrder | At | After

# ---- what a wait waits for


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Time goes by."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class LeaderOutcome:
    """A leader serves with a quorum behind it; ``seen_by`` is ``majority`` or ``all``.

    ``all``: every peer that is up and not paused is settled under it.
    """

    among: Selector | None = None
    seen_by: str = "majority"


@dataclass(frozen=True, slots=True)
class NoLeaderOutcome:
    """Nobody, or nobody of ``among``, serves as leader."""

    among: Selector | None = None


@dataclass(frozen=True, slots=True)
class RoleOutcome:
    """Every peer of ``of`` has ``role``, a word of ``EnsembleView.roles``."""

    role: str
    of: Selector


Condition = Elapsed | LeaderOutcome | NoLeaderOutcome | RoleOutcome


class Otherwise(StrEnum):
    """What becomes of the run when a wait runs out."""

    FAIL = "fail"  # no further step begins, and the run fails
    SKIP = "skip"  # no further step begins, which by itself is no failure
    RUN = "run"  # go on as if it had been satisfied


# ---- an event of the protocol


class Mode(StrEnum):
    """What is done about an event that a step waits for."""

    GATE = "gate"  # who comes to it is held there until the step is done
    OBSERVE = "observe"  # nobody is held: the step begins as soon as it is seen
    EITHER = "gate_or_observe"  # whoever can hold holds


class Turn(StrEnum):
    """A round that is only known when a step is armed."""

    NEXT = "next"  # later than any that a peer was in then
    LAST = "last"  # the latest of them


@dataclass(frozen=True, slots=True)
class When:
    """The ``nth`` such event at any of ``by``, within ``within_ns`` of the step's turn.

    ``what`` is a packet, a state or an epoch, as the event has it. ``bind`` names whoever came
    to it. What ``otherwise`` says is of this step alone.
    """

    event: MomentKind
    by: Selector
    within_ns: int
    peer: Selector | None = None
    what: str = ""
    round: int | Turn | None = None
    nth: int = 1
    mode: Mode = Mode.GATE
    bind: str | None = None
    otherwise: Otherwise = Otherwise.FAIL
