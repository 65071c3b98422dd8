"""What a check or a measurement answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from chaos.history.events import Acted, unsure_ns
from chaos.history.history import History


class Outcome(StrEnum):
    """Three values, and a fourth for a property that nothing in the run exercised."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    NOT_EXERCISED = "not exercised"


class Kind(StrEnum):
    """Which part of a plan a verdict answers; failing ones have different exit codes."""

    INVARIANT = "invariant"  # broken: exit code 7
    EXPECTATION = "expectation"  # broken: exit code 1
    REGRESSION = "regression"  # slower than a baseline: exit code 6
    STEP = "step"  # a wait that ran out: exit code 1
    EVIDENCE = "evidence"  # a fault that cannot be confirmed: exit code 3
    ABORT = "abort"  # what the plan lets end a run: exit code 1, or 3 if it decides nothing
    HOST = "host"  # the same where the host is to blame: exit code 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question about a history.

    ``evidence`` holds indexes into the history's events. ``judged`` counts the cases that
    were looked at, so that a green verdict can show that it is not vacuous. ``where`` is
    ``file:line:column`` of the plan, empty for checks that every run gets. ``signature`` is what
    a failure is called, the same in every run; ``known`` the issue that the plan expects it by.
    """

    name: str
    kind: Kind
    outcome: Outcome
    summary: str
    evidence: tuple[int, ...] = ()
    judged: int = 0
    where: str = ""
    signature: str = ""
    known: str = ""


class Met(StrEnum):
    """What became of a known issue."""

    SEEN = "seen"  # and expected
    OVER = "over"  # seen although its day is past: it fails
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class KnownMet:
    """A known issue in one run or in a set of runs. ``names`` are the verdicts that it explains."""

    signature: str
    issue: str
    until: str
    met: Met
    names: tuple[str, ...] = ()


class Check(Protocol):
    """A property of histories."""

    @property
    def name(self) -> str:
        """Its plan-level name, such as ``at_most_one_leader_per_epoch``."""
        ...

    def check(self, history: History) -> Verdict:
        """Judge ``history``."""
        ...


@dataclass(frozen=True, slots=True)
class Measure:
    """A span that was measured: ``value_ns`` from event ``start`` to event ``end``.

    ``value_ns`` is ``None`` when the end never came (censored): ``end`` is then the event from
    which on it could come no more, or ``None`` if that is the run's own. ``unit`` is ``ns`` or
    ``count``. ``of`` says which peer, election or fault it belongs to. Where an end was seen from
    outside, the true span may be ``less_ns`` shorter or ``more_ns`` longer. ``why`` says why the
    end never came, where that is known. Times are those of the history's one clock.
    """

    name: str
    of: str
    value_ns: int | None
    start: int
    end: int | None
    unit: str = "ns"
    less_ns: int = 0
    more_ns: int = 0
    why: str = ""


def start_ns(history: History, one: Measure) -> int:
    """When it began; a fault when it was known to be in effect."""
    event = history.events[one.start]
    return event.done_ns if isinstance(event, Acted) else event.at_ns


def lasted_ns(history: History, one: Measure) -> int:
    """Its value; where its end never came, how long it surely went on."""
    if one.value_ns is not None:
        return one.value_ns
    until_ns = history.end_ns
    if one.end is not None:
        cut = history.events[one.end]
        until_ns = cut.at_ns - unsure_ns(cut)
    return max(0, until_ns - start_ns(history, one))


_WORST: Final = (Outcome.FAILS, Outcome.UNKNOWN, Outcome.HOLDS, Outcome.NOT_EXERCISED)


def worst(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """Of all verdicts of one name the worst: a step is judged as a step and as a fault."""
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        known = found.get(verdict.name)
        if known is None or _WORST.index(verdict.outcome) < _WORST.index(known.outcome):
            found[verdict.name] = verdict
    return found


def not_green(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """What fails or is unknown, by name: see :func:`worst`."""
    bad = (Outcome.FAILS, Outcome.UNKNOWN)
    return {name: one for name, one in worst(verdicts).items() if one.outcome in bad}
