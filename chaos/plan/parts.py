"""Forms of the small parts of steps and expectations: outcomes, moments, fault words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from chaos.election.ids import Sid
from chaos.faults.base import Duration
from chaos.faults.catalogue import FAULTS
from chaos.plan import values
from chaos.plan.forms import BROKEN, Broken, Record, Said, Schema, Word
from chaos.plan.model import Edge, Where
from chaos.plan.problems import Problems, meant
from chaos.plan.tree import Items, Leaf, Node, Table, kind

OUTCOMES: Final = ("leader", "no_leader", "same_leader")
ROLES: Final = ("leader", "follower", "observer", "looking", "paused", "down")

_WORD: Final = Word()


class Raw:
    """Any node, to be read later by who knows its form."""

    def read(self, node: Node, problems: Problems) -> object:
        """The node itself."""
        del problems
        return node

    def schema(self) -> Schema:
        """Anything."""
        return {}


class FaultWord:
    """A word of the fault catalogue."""

    def read(self, node: Node, problems: Problems) -> object:
        """The word with its place."""
        said = _WORD.read(node, problems)
        if not isinstance(said, Said) or said.text in FAULTS:
            return said
        problems.add(said.where, f'no fault is called "{said}"{meant(said.text, FAULTS)}')
        return BROKEN

    def schema(self) -> Schema:
        """One of the catalogue."""
        return {"enum": [*FAULTS]}


@dataclass(frozen=True, slots=True)
class SaidOutcome:
    """``leader``, ``no_leader``, ``same_leader``, or ``role`` with the role in ``role``."""

    word: str
    where: Where
    role: str = ""


class Outcome:
    """What a wait or an expectation is about."""

    def read(self, node: Node, problems: Problems) -> object:
        """The outcome."""
        if isinstance(node, Table):
            return self._role(node, problems)
        said = _WORD.read(node, problems)
        if not isinstance(said, Said):
            return BROKEN
        if said.text not in OUTCOMES:
            advice = meant(said.text, (*OUTCOMES, "{role: …}"))
            problems.add(said.where, f'no outcome is called "{said}"{advice}')
            return BROKEN
        return SaidOutcome(said.text, said.where)

    def _role(self, node: Table, problems: Problems) -> SaidOutcome | Broken:
        role = node.get("role")
        if role is None or len(node.keys) > 1:
            problems.add(node.where, "an outcome is a word, or {role: follower}")
            return BROKEN
        if isinstance(role, Leaf) and role.text in ROLES:
            return SaidOutcome("role", node.where, role.text)
        text = role.text if isinstance(role, Leaf) else ""
        problems.add(role.where, f"no role is called {kind(role)}{meant(text, ROLES)}")
        return BROKEN

    def schema(self) -> Schema:
        """A word, or a role."""
        return {"anyOf": [{"enum": [*OUTCOMES]}, self.role_schema()]}

    @staticmethod
    def role_schema() -> Schema:
        """A role."""
        return {
            "type": "object",
            "properties": {"role": {"enum": [*ROLES]}},
            "required": ["role"],
            "additionalProperties": False,
            "patternProperties": {"^x-": {}},
        }


@dataclass(frozen=True, slots=True)
class SaidMoment:
    """An edge of a step, or its usual one, and some time after it."""

    title: ClassVar[str] = "a moment"
    step: Said
    edge: Edge | None = None
    plus: Duration = 0


class Moment:
    """``step-id``, or ``{step: step-id, edge: started | ended, plus: 100ms}``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The moment."""
        if isinstance(node, Table):
            return _MOMENT.read(node, problems)
        said = _WORD.read(node, problems)
        return SaidMoment(said) if isinstance(said, Said) else BROKEN

    def schema(self) -> Schema:
        """An id, or a mapping."""
        return {"anyOf": [_WORD.schema(), _MOMENT.schema()]}


class Between:
    """Two moments."""

    def read(self, node: Node, problems: Problems) -> object:
        """A pair."""
        if not isinstance(node, Items) or len(node.items) != 2:
            problems.add(node.where, "two moments are needed; write [first, second]")
            return BROKEN
        first, second = (Moment().read(item, problems) for item in node.items)
        return BROKEN if BROKEN in (first, second) else (first, second)

    def schema(self) -> Schema:
        """An array of two."""
        return {"type": "array", "items": Moment().schema(), "minItems": 2, "maxItems": 2}


@dataclass(frozen=True, slots=True)
class SaidInvariant:
    """A property that has to hold, except after the begin of some steps."""

    title: ClassVar[str] = "an invariant"
    name: Said
    except_after: tuple[Said, ...] = ()


class Invariant:
    """``name``, or ``{name, except_after: [step-id]}``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The property."""
        if isinstance(node, Table):
            return _INVARIANT.read(node, problems)
        said = _WORD.read(node, problems)
        return SaidInvariant(said) if isinstance(said, Said) else BROKEN

    def schema(self) -> Schema:
        """A name, or a mapping."""
        return {"anyOf": [_WORD.schema(), _INVARIANT.schema()]}


@dataclass(frozen=True, slots=True)
class SaidPeer:
    """A sid at its place."""

    sid: Sid
    where: Where


class Whose:
    """What a measure belongs to: the id of a fault's step, or a peer's sid."""

    def read(self, node: Node, problems: Problems) -> object:
        """One of the two."""
        if isinstance(node, Leaf) and type(node.value) is int:
            return SaidPeer(Sid(node.value), node.where)
        return _WORD.read(node, problems)

    def schema(self) -> Schema:
        """An id, or a sid."""
        return {"anyOf": [_WORD.schema(), {"type": "integer", "minimum": 0}]}


class Params:
    """Free names for single values."""

    def read(self, node: Node, problems: Problems) -> object:
        """The leaves by name; what uses them has been filled in before."""
        if not isinstance(node, Table):
            problems.add(node.where, f'"params" is a mapping, not {kind(node)}')
            return BROKEN
        found: dict[str, Leaf] = {}
        for name, entry in node.entries.items():
            if isinstance(entry.value, Leaf):
                found[name] = entry.value
            else:
                problems.add(
                    entry.value.where, f"{name} is a single value, not {kind(entry.value)}"
                )
        return found

    def schema(self) -> Schema:
        """Any scalars."""
        scalars: Schema = {"type": ["string", "number", "boolean"]}
        return {"type": "object", "additionalProperties": scalars}


class Amount:
    """A duration or a count; which of them, the metric says."""

    def read(self, node: Node, problems: Problems) -> object:
        """The leaf, to be read by the metric's unit."""
        if isinstance(node, Leaf) and node.value is not None:
            return node
        problems.add(node.where, f"a duration or a count is needed, not {kind(node)}")
        return BROKEN

    def schema(self) -> Schema:
        """Either."""
        duration: Schema = {"type": "string", "pattern": f"^({values.DURATION})$"}
        return {"anyOf": [{"type": "integer", "minimum": 0}, duration]}


_MOMENT: Final = Record(SaidMoment, SaidMoment.title)
_INVARIANT: Final = Record(SaidInvariant, SaidInvariant.title)
