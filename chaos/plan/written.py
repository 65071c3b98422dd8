"""A whole plan as it is written; the reader and the JSON Schema both come from its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from chaos.faults.base import Duration
from chaos.plan.forms import BROKEN, Choice, Id, Number, Said
from chaos.plan.known import KnownText
from chaos.plan.matrix import Cell, Matrix
from chaos.plan.model import Cleanup, Where
from chaos.plan.parts import Invariant, Params, SaidInvariant
from chaos.plan.problems import Problems
from chaos.plan.repeats import Stop
from chaos.plan.reports import Report
from chaos.plan.tree import Leaf, Node
from chaos.plan.written_abort import Abort, AbortText
from chaos.plan.written_ensemble import EnsembleText
from chaos.plan.written_expect import Expect, ExpectText
from chaos.plan.written_steps import Step, StepText

LANGUAGE: Final = 1


class LanguageVersion(Number):
    """The version of the language that a plan is written in."""

    def read(self, node: Node, problems: Problems) -> object:
        """The number."""
        if isinstance(node, Leaf) and type(node.value) is int and node.value != LANGUAGE:
            what = f"plans of version {LANGUAGE} are read here, not of version {node.value}"
            problems.add(node.where, what)
            return BROKEN
        return super().read(node, problems)


Version = Annotated[int, LanguageVersion(LANGUAGE, LANGUAGE)]


class System(StrEnum):
    """The systems under test."""

    PROCESSES = "processes"
    SIMULATED = "simulated"
    ZOOKEEPER = "zookeeper"
    MIXED = "mixed"


_SYSTEMS_LATER: Final = frozenset({"etcd", "sentinel"})


@dataclass(frozen=True, slots=True)
class LimitsText:
    """What a run may take, and all runs of a plan."""

    title: ClassVar[str] = '"limits"'
    run_timeout: Duration = 60_000_000_000
    plan_timeout: Duration | None = None
    abort_when: tuple[Annotated[AbortText, Abort()], ...] = ()

    def __post_init__(self) -> None:
        """No run begins when the time of all of them is over."""
        if self.plan_timeout == 0:
            raise ValueError("no run begins in no time; write plan_timeout: 30m")


@dataclass(frozen=True, slots=True)
class CleanupText:
    """How a run leaves the host."""

    title: ClassVar[str] = '"cleanup"'
    deadline: Duration = Cleanup().deadline_ns
    verify: bool = True

    def __post_init__(self) -> None:
        """Nothing ends in no time."""
        if not self.deadline:
            raise ValueError("nothing ends in no time; write deadline: 5s")


class PairWith(StrEnum):
    """Whose draws the runs have."""

    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class RepeatText:
    """How often a cell is run."""

    title: ClassVar[str] = '"repeat"'
    where: Where
    runs: Annotated[int, Number(1, 1_000_000)] = 1
    warmup: Annotated[int, Number(0, 1000)] = 0
    parallel: Annotated[int, Number(1, 1000)] = 1
    min_valid: Annotated[int | None, Number(1, 1_000_000)] = None
    stop: Stop = Stop.NEVER
    pair_with: PairWith | None = None

    def __post_init__(self) -> None:
        """Refuse what no number of runs can satisfy."""
        if self.min_valid is not None and self.min_valid > self.runs:
            raise ValueError(f"min_valid is {self.min_valid}, and there are {self.runs} runs")


@dataclass(frozen=True, slots=True)
class PlanText:
    """A whole plan."""

    title: ClassVar[str] = "a plan"
    version: Version
    name: Annotated[Said, Id()]
    ensemble: EnsembleText
    steps: tuple[Annotated[StepText, Step()], ...]
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    system: Annotated[System | None, Choice(System, _SYSTEMS_LATER)] = None
    requires: tuple[Said, ...] = ()
    seed: Annotated[int | None, Number(0, 2**63 - 1)] = None
    params: Annotated[Mapping[str, Leaf], Params()] = field(default_factory=dict)
    repeat: RepeatText | None = None
    matrix: Annotated[tuple[Cell, ...], Matrix()] = ()
    invariants: tuple[Annotated[SaidInvariant, Invariant()], ...] = ()
    expect: tuple[Annotated[ExpectText, Expect()], ...] = ()
    limits: LimitsText = LimitsText()
    cleanup: CleanupText = CleanupText()
    known_issues: tuple[KnownText, ...] = ()
    report: Report = field(default_factory=Report)
