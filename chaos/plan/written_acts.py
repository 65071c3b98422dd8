"""Steps that do no harm, as a plan writes them: asking peers, changing the ensemble."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from chaos.election.ids import Sid
from chaos.faults.base import Duration
from chaos.faults.membership import BumpConfigVersion, Members
from chaos.plan import model
from chaos.plan.forms import BROKEN, Choice, Number, Record, Schema
from chaos.plan.model import Otherwise, Where
from chaos.plan.problems import Problems
from chaos.plan.selectors import Aimed, Target
from chaos.plan.tree import Leaf, Node, Table, kind
from chaos.plan.written_when import Timed


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


@dataclass(frozen=True, slots=True)
class AskedText:
    """What is asked of somebody outside."""

    title: ClassVar[str] = '"probe"'
    where: Where
    command: tuple[str, ...] = ()
    http: str = ""

    def __post_init__(self) -> None:
        """One of the two, and a page that can be got."""
        if any("\0" in word for word in self.command):
            raise ValueError("no command has a NUL in a word of it; leave it out")
        if bool(self.command) == bool(self.http):
            raise ValueError("it asks by a command or by http; write {command: [./check.sh]}")
        if self.http and not re.fullmatch(_URL, self.http):
            raise ValueError(f'"{self.http}" is no page; write "http://{{address}}:8080/ready"')
        strange = set(re.findall(r"\{[^}]*\}", self.http)) - {"{address}", "{sid}"}
        if strange:
            raise ValueError(f"{min(strange)} means nothing here; {{address}} and {{sid}} do")


class Probed:
    """``roles``, a command or a page."""

    def read(self, node: Node, problems: Problems) -> object:
        """One of the three."""
        form = _OUTSIDE if isinstance(node, Table) else _ASKED
        return form.read(node, problems)

    def schema(self) -> Schema:
        """An enumeration, or a mapping."""
        return {"anyOf": [_ASKED.schema(), _OUTSIDE.schema()]}


_ASKED: Final = Choice(Asked)
_OUTSIDE: Final = Record(AskedText, AskedText.title)
_URL: Final = r"https?://[^\s]+"


class Printed:
    """A text on one line or more; it may be empty."""

    def read(self, node: Node, problems: Problems) -> object:
        """The text."""
        if isinstance(node, Leaf) and isinstance(node.value, str):
            return node.value
        advice = f'; quote it: "{node.text}"' if isinstance(node, Leaf) and node.text else ""
        problems.add(node.where, f"a text is needed, not {kind(node)}{advice}")
        return BROKEN

    def schema(self) -> Schema:
        """Any string."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class EqualsText:
    """What every answer has to be."""

    title: ClassVar[str] = '"equals"'
    where: Where
    reachable: bool | None = None
    role: Role | None = None
    status: Annotated[int | None, Number(-64, 599)] = None
    stdout: Annotated[str | None, Printed()] = None
    body: Annotated[str | None, Printed()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep(Timed):
    """``probe``: ask peers what they are."""

    title: ClassVar[str] = "a probe step"
    probe: Annotated[Asked | AskedText, Probed()]
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
    wanted, asked = step.equals, step.probe
    question = None
    if isinstance(asked, AskedText):
        text = wanted.stdout if asked.command else wanted.body
        question = model.Question(asked.command, asked.http, wanted.status, text)
    role = None if wanted.role is None else wanted.role.value
    reachable = wanted.reachable is not False
    return model.Probe(step.target.selector, step.within, role, reachable, step.otherwise, question)


def change_of(step: ChangeStep) -> model.Change:
    """The configuration's change; who is added or participates again votes."""
    asked = step.change
    members = Members((*asked.add, *asked.participants), asked.remove, asked.observers)
    fault = BumpConfigVersion(step.id.text, by=1, members=members, weights=dict(asked.weights))
    return model.Change(fault, step.within)


def check_probe(step: ProbeStep, problems: Problems) -> None:
    """An answer is compared with what it can be."""
    equals = step.equals
    given = {
        "reachable": equals.reachable,
        "role": equals.role,
        "status": equals.status,
        "stdout": equals.stdout,
        "body": equals.body,
    }
    said = [key for key, value in given.items() if value is not None]
    if not isinstance(step.probe, AskedText):
        if len(said) != 1 or said[0] not in ("reachable", "role"):
            what = '"equals" has one of the two: {reachable: true} or {role: follower}'
            problems.add(equals.where, what)
        return
    able = ("status", "stdout") if step.probe.command else ("status", "body")
    if not said or not set(said) <= set(able):
        example = "{status: 0, stdout: ok}" if step.probe.command else "{status: 200, body: ok}"
        what = f'"equals" has {able[0]}, {able[1]} or both, as {example}'
        problems.add(equals.where, what)


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
