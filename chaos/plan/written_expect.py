"""Expectations as a plan writes them. Which keys one has depends on its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from chaos.faults.base import Duration
from chaos.history.codec import Json
from chaos.plan.forms import BROKEN, Form, Id, Record, Said, Schema
from chaos.plan.model import Where
from chaos.plan.parts import Between, Moment, Outcome, SaidMoment, SaidOutcome
from chaos.plan.problems import Problems
from chaos.plan.selectors import Aimed, Target
from chaos.plan.tree import Node, Table, kind
from chaos.plan.written_metric import ExpectMetric, Metric


@dataclass(frozen=True, slots=True)
class ExpectLeader:
    """Somebody leads in time."""

    title: ClassVar[str] = "an expectation of a leader"
    where: Where
    id: Annotated[Said, Id()]
    outcome: Annotated[SaidOutcome, Outcome()]
    within: Duration
    among: Annotated[Aimed, Target(still=True)] | None = None
    after: Annotated[SaidMoment, Moment()] | None = None
    hold_for: Duration = 0


@dataclass(frozen=True, slots=True)
class ExpectNoLeader:
    """Nobody leads for a while."""

    title: ClassVar[str] = "an expectation of no leader"
    where: Where
    id: Annotated[Said, Id()]
    outcome: Annotated[SaidOutcome, Outcome()]
    among: Annotated[Aimed, Target(still=True)] | None = None
    during: Said | None = None
    between: Annotated[tuple[SaidMoment, SaidMoment] | None, Between()] = None


@dataclass(frozen=True, slots=True)
class ExpectSame:
    """The same peer leads at two moments."""

    title: ClassVar[str] = "an expectation of the same leader"
    where: Where
    id: Annotated[Said, Id()]
    outcome: Annotated[SaidOutcome, Outcome()]
    between: Annotated[tuple[SaidMoment, SaidMoment], Between()]


@dataclass(frozen=True, slots=True)
class ExpectRole:
    """Peers take up a role in time."""

    title: ClassVar[str] = "an expectation of a role"
    where: Where
    id: Annotated[Said, Id()]
    outcome: Annotated[SaidOutcome, Outcome()]
    of: Annotated[Aimed, Target(still=True)]
    within: Duration
    after: Annotated[SaidMoment, Moment()] | None = None
    hold_for: Duration = 0


ExpectText = ExpectLeader | ExpectNoLeader | ExpectSame | ExpectRole | ExpectMetric

_EXPECT: Final[dict[str, Form]] = {
    "leader": Record(ExpectLeader, ExpectLeader.title),
    "no_leader": Record(ExpectNoLeader, ExpectNoLeader.title),
    "same_leader": Record(ExpectSame, ExpectSame.title),
    "role": Record(ExpectRole, ExpectRole.title),
    "metric": Metric(),
}


class Expect:
    """An expectation: which keys it has depends on its outcome."""

    def read(self, node: Node, problems: Problems) -> object:
        """One of the five records."""
        if not isinstance(node, Table):
            problems.add(node.where, f"an expectation is a mapping, not {kind(node)}")
            return BROKEN
        if "metric" in node.entries:
            return _EXPECT["metric"].read(node, problems)
        outcome = node.get("outcome")
        if outcome is None:
            problems.add(node.where, 'an expectation needs "outcome" or "metric"')
            return BROKEN
        said = Outcome().read(outcome, problems)
        return _EXPECT[said.word].read(node, problems) if isinstance(said, SaidOutcome) else BROKEN

    def schema(self) -> Schema:
        """One of five, told apart by the outcome."""
        kinds: list[Json] = []
        for word, record in _EXPECT.items():
            one = record.schema()
            properties = one["properties"]
            assert isinstance(properties, dict)
            if word not in ("metric", "role"):
                properties["outcome"] = {"const": word}
            elif word == "role":
                properties["outcome"] = Outcome.role_schema()
            kinds.append(one)
        return {"anyOf": kinds}
