"""Steps as a plan writes them. Which keys a step has depends on its verb."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from chaos.faults.base import Duration, Fault, Unit
from chaos.faults.catalogue import FAULTS
from chaos.faults.targets import Ambiguity
from chaos.history.codec import Json
from chaos.plan.forms import BROKEN, Id, Number, Quantity, Record, Said, Schema
from chaos.plan.model import Otherwise, When, Where
from chaos.plan.parts import FaultWord, Outcome, Raw, SaidOutcome
from chaos.plan.ports import PORT, either, ported
from chaos.plan.problems import Problems, meant
from chaos.plan.selectors import Aimed, Target
from chaos.plan.tree import Leaf, Node, Table, kind
from chaos.plan.written_acts import ChangeStep, ProbeStep
from chaos.plan.written_when import Placed, Timed, when_of

WRITES_MAX: Final = 1000  # a second: beyond it a two-core machine measures itself
COUNT_MAX: Final = 1000  # faults of one random step
WEIGHT_MAX: Final = 1_000_000
PAYLOAD_MAX: Final = 100_000  # bytes of one write, well below jute.maxbuffer

Spread = Annotated[int, Quantity(Unit.DURATION, ranged=True)]  # a duration, or a range of them


class Confirm(StrEnum):
    """Whether a fault without evidence makes the run inconclusive."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class SeenBy(StrEnum):
    """How many have to be settled under a leader."""

    MAJORITY = "majority"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class WaitText:
    """What a wait waits for."""

    title: ClassVar[str] = '"wait"'
    where: Where
    outcome: Annotated[SaidOutcome, Outcome()] | None = None
    time: Duration | None = None
    seen_by: SeenBy = SeenBy.MAJORITY
    among: Annotated[Aimed, Target()] | None = None
    of: Annotated[Aimed, Target()] | None = None
    hold_for: Duration = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStep(Placed):
    """``wait``: go on when something is so."""

    title: ClassVar[str] = "a wait step"
    wait: WaitText
    within: Duration | None = None
    otherwise: Otherwise = Otherwise.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultText(Timed):
    """``fault``: do harm, and undo it."""

    title: ClassVar[str] = "a fault step"
    fault: Annotated[Said, FaultWord()]
    target: Annotated[Aimed, Target(links=True)] | None = None
    with_: Annotated[Node | None, Raw()] = None
    as_: Annotated[Said | None, Id()] = None
    for_: Spread | None = None
    confirm: Confirm = Confirm.REQUIRED
    if_ambiguous: Ambiguity = Ambiguity.FAIL


@dataclass(frozen=True, slots=True)
class FaultStep:
    """A fault step, and the fault that its ``fault`` and ``with`` make."""

    text: FaultText
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStep(Timed):
    """``release``: end faults early."""

    title: ClassVar[str] = "a release step"
    release: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class WorkloadText:
    """What is written, and how fast."""

    title: ClassVar[str] = '"workload"'
    writes_per_s: Annotated[int, Number(1, WRITES_MAX)]
    payload: Annotated[int, Number(0, PAYLOAD_MAX)] = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadStep(Timed):
    """``workload``: writes go on until it ends."""

    title: ClassVar[str] = "a workload step"
    workload: WorkloadText
    for_: Duration | None = None
    confirm: Confirm = Confirm.REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStep(Timed):
    """``note``: say something in the history."""

    title: ClassVar[str] = "a note step"
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelStep(Timed):
    """``parallel``: steps that begin together."""

    title: ClassVar[str] = "a parallel step"
    parallel: tuple[Annotated[StepText, Step()], ...]


def event_of(step: object) -> When | None:
    """What a step as written waits for, once ``check_when`` found nothing wrong."""
    record = step.text if isinstance(step, FaultStep) else step
    if not isinstance(record, Timed) or record.when is None or record.within is None:
        return None
    return when_of(record.when, record.within, record.otherwise)


@dataclass(frozen=True, slots=True)
class ChoiceText:
    """One thing that ``random`` may do."""

    title: ClassVar[str] = "a choice"
    where: Where
    fault: Annotated[Said, FaultWord()]
    weight: Annotated[int, Number(1, WEIGHT_MAX)] = 1
    target: Annotated[Aimed, Target(links=True)] | None = None
    with_: Annotated[Node | None, Raw()] = None
    for_: Spread | None = None
    confirm: Confirm | None = None  # that it was in force; it may have met nobody
    if_ambiguous: Ambiguity = Ambiguity.FAIL


@dataclass(frozen=True, slots=True)
class ChoiceStep:
    """A choice, and the fault that its ``fault`` and ``with`` make."""

    text: ChoiceText
    fault: Fault


class Chosen:
    """The form of a choice."""

    def read(self, node: Node, problems: Problems) -> object:
        """A ChoiceStep."""
        node = ported(node, PORTS, problems)
        found = _CHOICE.read(node, problems)
        if not isinstance(node, Table):
            return BROKEN
        fault = _fault(node, "", problems)
        if isinstance(found, ChoiceText) and isinstance(fault, Fault):
            return ChoiceStep(found, fault)
        return BROKEN

    def schema(self) -> Schema:
        """The keys of ``with`` follow the fault."""
        return _followed(_CHOICE.schema())


@dataclass(frozen=True, slots=True)
class RandomText:
    """How many faults, how often, and which."""

    title: ClassVar[str] = '"random"'
    count: Annotated[int, Number(1, COUNT_MAX)]
    every: Spread
    choose: tuple[Annotated[ChoiceStep, Chosen()], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomStep(Timed):
    """``random``: faults that are drawn."""

    title: ClassVar[str] = "a random step"
    random: RandomText


StepText = (
    WaitStep
    | FaultStep
    | WorkloadStep
    | ReleaseStep
    | NoteStep
    | ParallelStep
    | RandomStep
    | ProbeStep
    | ChangeStep
)

_GIVEN: Final = frozenset({"name", "towards"})
WITH: Final = {
    word: Record(fault, f'"with" of {word}', given=_GIVEN, ranged=True)
    for word, fault in FAULTS.items()
}
PORTS: Final = frozenset(word for word, form in WITH.items() if PORT in form.keys)


def every(steps: Iterable[StepText]) -> Iterator[StepText]:
    """All steps, also those inside others, in the order of the text."""
    for step in steps:
        yield step
        if isinstance(step, ParallelStep):
            yield from every(step.parallel)


def _verb(node: Table, problems: Problems) -> Record | None:
    """The record of a step, by its one verb."""
    found = [verb for verb in _STEPS if verb in node.entries]
    if len(found) == 1:
        return _STEPS[found[0]]
    if len(found) > 1:
        place = node.entries[found[1]].where
        problems.add(place, f"a step has one verb, and this has {' and '.join(found)}")
    else:
        close = [key for key in node.entries if get_close_matches(key, [*_STEPS], 1, 0.7)]
        place = node.entries[close[0]].where if close else node.where
        advice = meant(close[0], _STEPS) if close else ""
        known = f"{', '.join([*_STEPS][:-1])} or {[*_STEPS][-1]}"
        problems.add(place, f"a step has one verb: {known}{advice}")
    return None


class Step:
    """A step: which keys it has depends on its verb, and its ``with`` on its fault."""

    def read(self, node: Node, problems: Problems) -> object:
        """One of the records above; for a fault a FaultStep."""
        if not isinstance(node, Table):
            problems.add(node.where, f"a step is a mapping, not {kind(node)}")
            return BROKEN
        record = _verb(node, problems)
        if record is None:
            return BROKEN
        if record is _STEPS["fault"]:
            node = ported(node, PORTS, problems)
            assert isinstance(node, Table)
        found = record.read(node, problems)
        return _harm(node, found, problems) if record is _STEPS["fault"] else found

    def schema(self) -> Schema:
        """A reference, since steps hold steps."""
        return {"$ref": "#/definitions/step"}

    @staticmethod
    def definition() -> Schema:
        """One record a verb; for a fault step, the keys of ``with`` follow the fault."""
        fault = _followed(_STEPS["fault"].schema())
        records = [fault if verb == "fault" else _STEPS[verb].schema() for verb in _STEPS]
        return {"anyOf": [*records]}


def _followed(fault: Schema) -> Schema:
    """The same schema, where the keys of ``with`` follow the fault."""
    keys: list[Json] = [
        {
            "if": {"properties": {"fault": {"const": word}}, "required": ["fault"]},
            "then": _keys_of(word, record),
        }
        for word, record in WITH.items()
    ]
    return {**fault, "allOf": keys}


def _keys_of(word: str, record: Record) -> Schema:
    if word in PORTS:
        return either(record.schema(), _needs_with(record))
    return {"properties": {"with": record.schema()}, **_needs_with(record)}


def _needs_with(record: Record) -> Schema:
    return {"required": ["with"]} if record.schema()["required"] else {}


def _harm(node: Table, found: object, problems: Problems) -> object:
    """The fault of a fault step; its ``with`` is looked at even if the step is broken."""
    text = found if isinstance(found, FaultText) else None
    fault = _fault(node, "" if text is None else text.id.text, problems)
    return FaultStep(text, fault) if text is not None and isinstance(fault, Fault) else BROKEN


def _fault(node: Table, name: str, problems: Problems) -> object:
    """What ``fault`` and ``with`` make."""
    word, given = node.get("fault"), node.get("with")
    if not isinstance(word, Leaf) or word.text not in WITH:
        return BROKEN
    keys = Table(node.where) if given is None else given
    return WITH[word.text].build(keys, problems, {"name": name})


_CHOICE: Final = Record(ChoiceText, ChoiceText.title)
_STEPS: Final = {
    "wait": Record(WaitStep, WaitStep.title),
    "fault": Record(FaultText, FaultText.title),
    "workload": Record(WorkloadStep, WorkloadStep.title),
    "release": Record(ReleaseStep, ReleaseStep.title),
    "note": Record(NoteStep, NoteStep.title),
    "parallel": Record(ParallelStep, ParallelStep.title),
    "random": Record(RandomStep, RandomStep.title),
    "probe": Record(ProbeStep, ProbeStep.title),
    "change": Record(ChangeStep, ChangeStep.title),
}
