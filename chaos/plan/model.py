"""A plan as a runner uses it: read, checked, every duration in nanoseconds.

``chaos.plan.load`` makes it; ``docs/plan-format.md`` describes the text that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from chaos.actions import Action, Ask, Hold, LetGo
from chaos.ensemble import EnsembleSetup
from chaos.faults.base import Fault
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.targets import Selector
from chaos.plan.repeats import Repeat
from chaos.plan.reports import Report
from chaos.plan.times import (
    After,
    At,
    Condition,
    Edge,
    Elapsed,
    InOrder,
    LeaderOutcome,
    Mode,
    NoLeaderOutcome,
    Otherwise,
    RoleOutcome,
    Start,
    Turn,
    When,
    Where,
)
from chaos.verify.aborts import AbortWhen

__all__ = [
    "After",
    "At",
    "Condition",
    "Edge",
    "Elapsed",
    "InOrder",
    "LeaderOutcome",
    "Mode",
    "NoLeaderOutcome",
    "Otherwise",
    "RoleOutcome",
    "Start",
    "Turn",
    "When",
    "Where",
]


# ---- the verbs


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on when ``condition`` has held for ``hold_ns``; give up after ``within_ns``."""

    condition: Condition
    within_ns: int
    hold_ns: int = 0
    otherwise: Otherwise = Otherwise.FAIL


@dataclass(frozen=True, slots=True)
class FaultStep:
    """Do ``fault`` to ``target``; end it after ``for_ns``, or when a step releases it.

    ``kind`` is the plan's word for it. ``bind`` names the targets for later steps.
    ``confirm``: without evidence the run is inconclusive. ``noise``: unless it was in force, and
    met nobody.
    """

    kind: str
    fault: Fault
    target: Selector
    bind: str | None = None
    for_ns: int | None = None
    confirm: bool = True
    noise: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """End the faults of these steps, earlier than their ``for``."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Say ``text`` in the history and in the report."""

    text: str


@dataclass(frozen=True, slots=True)
class Parallel:
    """Begin all of ``steps`` now, each at its own time; done when all of them are."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that ``random`` may do, as often as its ``weight`` says beside the others'."""

    weight: int
    where: Where
    verb: FaultStep


@dataclass(frozen=True, slots=True)
class Random:
    """Do ``count`` of ``choices``, each ``every_ns`` after the one before.

    Once drawn, ``steps`` are what is done, each ``offsets_ns`` after this begins.
    """

    count: int
    every_ns: int
    choices: tuple[Choice, ...]
    steps: tuple[Step, ...] = ()
    offsets_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A command to be run, or a page to be got, for each peer; and the answer that is wanted.

    ``status`` and ``text`` are ``None`` where any will do. In ``url``, ``{address}`` and ``{sid}``
    are those of the peer.
    """

    argv: tuple[str, ...] = ()
    url: str = ""
    status: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask ``of`` what they are, until all answer ``role`` or, without one, all are reachable.

    With a ``question`` it is asked instead, of somebody outside.
    """

    of: Selector
    within_ns: int
    role: str | None = None
    reachable: bool = True
    otherwise: Otherwise = Otherwise.FAIL
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Reconfigure the ensemble; done when a quorum has the new configuration in force."""

    fault: BumpConfigVersion
    within_ns: int


Verb = Wait | FaultStep | Release | Note | Parallel | Random | Probe | Change


@dataclass(frozen=True, slots=True)
class Step:
    """One step: an id, a time and a verb. ``why`` is the author's own reason."""

    id: str
    where: Where
    verb: Verb
    start: Start = field(default_factory=InOrder)
    why: str = ""
    when: When | None = None

    @property
    def nested(self) -> tuple[Step, ...]:
        """The steps inside this one."""
        return self.verb.steps if isinstance(self.verb, Parallel | Random) else ()


def tree(steps: tuple[Step, ...], depth: int = 0) -> Iterator[tuple[int, Step]]:
    """Every step with its depth, in the order of the text: one before those inside it."""
    for step in steps:
        yield depth, step
        yield from tree(step.nested, depth + 1)


# ---- what is to hold


@dataclass(frozen=True, slots=True)
class InvariantRef:
    """A property of the whole run; it may be broken from the begin of ``except_after`` on."""

    name: str
    where: Where
    except_after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaderExpected:
    """A leader of ``among`` serves within ``within_ns`` of ``after``, and stays ``hold_ns``."""

    id: str
    where: Where
    within_ns: int
    among: Selector | None = None
    after: After | None = None  # None: from time zero
    hold_ns: int = 0


@dataclass(frozen=True, slots=True)
class NoLeaderExpected:
    """Nobody of ``among`` serves as leader from ``since`` to ``until``."""

    id: str
    where: Where
    since: After
    until: After
    among: Selector | None = None


@dataclass(frozen=True, slots=True)
class SameLeaderExpected:
    """The same peer leads at two moments: the ends of two waits, leaders or steps, by id."""

    id: str
    where: Where
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class RoleExpected:
    """All of ``of`` have ``role`` within ``within_ns`` of ``after``, and keep it ``hold_ns``."""

    id: str
    where: Where
    role: str
    of: Selector
    within_ns: int
    after: After | None = None
    hold_ns: int = 0


class SetTest(StrEnum):
    """How two sets of runs are compared."""

    MANN_WHITNEY = "mann_whitney"  # any runs with any others
    WILCOXON = "wilcoxon"  # each with the run of the same seed


class WhenUndecided(StrEnum):
    """What a comparison that decides nothing does to the outcome."""

    INCONCLUSIVE = "inconclusive"
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class QuantileMax:
    """The quantile ``share``, called ``name``, is at most ``max``, with ``confidence``."""

    name: str
    share: float
    max: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Against:
    """No slower than the runs of ``baseline``, but for ``noise``; 0.1 is 10 %."""

    baseline: str
    test: SetTest
    noise: float
    alpha: float
    when_undecided: WhenUndecided


@dataclass(frozen=True, slots=True)
class MetricExpected:
    """Each value of ``metric`` since ``since`` is at most ``max``, in ns or as a count.

    ``of`` keeps to the measures of one fault's step, or of ``peer 3``. ``quantiles`` and
    ``against`` are asked of all runs of the plan together.
    """

    id: str
    where: Where
    metric: str
    max: int | None
    unit: str  # "ns" or "count"
    of: str | None = None
    since: After | None = None
    quantiles: tuple[QuantileMax, ...] = ()
    against: Against | None = None

    @property
    def of_sets(self) -> bool:
        """Whether something of it is asked of all runs together."""
        return bool(self.quantiles) or self.against is not None


Expectation = LeaderExpected | NoLeaderExpected | SameLeaderExpected | RoleExpected | MetricExpected


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """Failures of this ``signature``, a glob perhaps, are expected through the day ``until``."""

    signature: str
    issue: str
    until: str  # ISO 8601
    where: Where


@dataclass(frozen=True, slots=True)
class Cleanup:
    """A run is off the host within ``deadline_ns``; ``verify``: that is looked for."""

    deadline_ns: int = 15_000_000_000
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. ``text`` is what was read, ``overrides`` what was set on the way.

    ``requires`` is what the plan asks of a system by name; ``needs`` adds its faults.
    """

    name: str
    file: str
    text: str
    ensemble: EnsembleSetup
    steps: tuple[Step, ...]
    invariants: tuple[InvariantRef, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    seed: int | None = None
    system: str | None = None
    run_timeout_ns: int = 60_000_000_000
    abort_when: tuple[AbortWhen, ...] = ()
    known_issues: tuple[KnownIssue, ...] = ()
    cleanup: Cleanup = Cleanup()
    plan_timeout_ns: int | None = None  # for all runs of all cells
    report: Report = field(default_factory=Report)
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    required: frozenset[type[Action]] = frozenset()
    overrides: tuple[tuple[str, str], ...] = ()
    params: tuple[tuple[str, str], ...] = field(default=())
    repeat: Repeat = field(default_factory=Repeat)
    cell: str = ""  # of the matrix, if this is one of its cells
    cells: tuple[str, ...] = ()  # the ids of all of them

    @property
    def every_step(self) -> tuple[Step, ...]:
        """All steps, also those inside others, in the order of the text."""
        return tuple(step for _, step in tree(self.steps))

    @property
    def faults(self) -> tuple[tuple[str, FaultStep], ...]:
        """Everything that may be done to peers, each with its step's id."""
        found: list[tuple[str, FaultStep]] = []
        for step in self.every_step:
            if isinstance(step.verb, FaultStep):
                found.append((step.id, step.verb))
            if isinstance(step.verb, Random) and not step.verb.steps:
                found += [(step.id, choice.verb) for choice in step.verb.choices]
        return tuple(found)

    @property
    def needs(self) -> frozenset[type[Action]]:
        """Every kind of action that a system must support to run it."""
        found = set(self.required)
        for _, verb in self.faults:
            found |= verb.fault.needs
        for step in self.every_step:
            if isinstance(step.verb, Change):
                found |= step.verb.fault.needs
            if isinstance(step.verb, Probe) and step.verb.question is not None:
                found.add(Ask)
            if step.when is not None and step.when.mode is Mode.GATE:
                found |= {Hold, LetGo}
        return frozenset(found)
