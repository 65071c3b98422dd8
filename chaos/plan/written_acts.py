"""Steps that do no harm, as a plan writes them: asking peers, changing the ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from chaos.election.ids import Sid
from chaos.faults.base import Duration
from chaos.faults.membership import BumpConfigVersion, Members
from chaos.plan import model
from chaos.plan.forms import BROKEN, Choice, Schema
from chaos.plan.model import Otherwise, Where
from chaos.plan.problems import Problems
from chaos.plan.selectors import Aimed, Target
from chaos.plan.tree import Node, Table
from chaos.plan.written_when import Timed

_PROBES_LATER: Final = ("command", "http")


class Asked(StrEnum):
    """What a probe asks."""

    ROLES = "roles"


class Role(StrEnum):
    """What a peer may answer."""

    LEADER = "leader"
    FOLLOWER = "follower"
    OBSERVER = "observer"
    LOOKING = "looking"
    PAUSED = "paused"
    DOWN = "down"


class Probed:
    """``roles``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The word."""
        later = [key for key in _PROBES_LATER if isinstance(node, Table) and key in node.entries]
        if isinstance(node, Table) and later:
            problems.add(node.entries[later[0]].where, f"not supported yet: {later[0]}")
            return BROKEN
        return _ASKED.read(node, problems)

    def schema(self) -> Schema:
        """An enumeration."""
        return _ASKED.schema()


_ASKED: Final = Choice(Asked)


@dataclass(frozen=True, slots=True)
class EqualsText:
    """What every answer has to be."""

    title: ClassVar[str] = '"equals"'
    where: Where
    reachable: bool | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep(Timed):
    """``probe``: ask peers what they are."""

    title: ClassVar[str] = "a probe step"
    probe: Annotated[Asked, Probed()]
    target: Annotated[Aimed, Target()]
    equals: EqualsText
    within: Duration
    otherwise: Otherwise = Otherwise.FAIL


@dataclass(frozen=True, slots=True)
class ChangeText:
    """What becomes of the members."""

    title: ClassVar[str] = '"change"'
    where: Where
    add: tuple[Sid, ...] = ()
    remove: tuple[Sid, ...] = ()
    observers: tuple[Sid, ...] = ()
    participants: tuple[Sid, ...] = ()
    weights: Mapping[Sid, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStep(Timed):
    """``change``: reconfigure the ensemble."""

    title: ClassVar[str] = "a change step"
    change: ChangeText
    within: Duration


def probe_of(step: ProbeStep) -> model.Probe:
    """What a probe asks for, once its ``equals`` was found right."""
    wanted = step.equals
    role = None if wanted.role is None else wanted.role.value
    reachable = wanted.reachable is not False
    return model.Probe(step.target.selector, step.within, role, reachable, step.otherwise)


def change_of(step: ChangeStep) -> model.Change:
    """The configuration's change; who is added or participates again votes."""
    asked = step.change
    members = Members((*asked.add, *asked.participants), asked.remove, asked.observers)
    fault = BumpConfigVersion(step.id.text, by=1, members=members, weights=dict(asked.weights))
    return model.Change(fault, step.within)


def check_probe(step: ProbeStep, problems: Problems) -> None:
    """An answer is compared with one thing."""
    if (step.equals.role is None) == (step.equals.reachable is None):
        what = '"equals" has one of the two: {reachable: true} or {role: follower}'
        problems.add(step.equals.where, what)


def check_change(step: ChangeStep, *, weighted: bool, problems: Problems) -> None:
    """A change changes something, and says of each peer one thing."""
    asked = step.change
    said = [*asked.add, *asked.remove, *asked.observers, *asked.participants]
    if not said and not asked.weights:
        problems.add(asked.where, "this changes nothing; write {remove: [3]} or {weights: {1: 2}}")
    for sid in sorted({sid for sid in said if said.count(sid) > 1}):
        problems.add(asked.where, f"peer {sid} is here twice: what becomes of it?")
    if asked.weights and not weighted:
        problems.add(asked.where, "a majority counts heads; weights need quorum: weighted")
