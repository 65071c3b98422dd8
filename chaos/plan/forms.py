"""How values are written: each form reads a node and describes itself as JSON Schema.

The records of :mod:`chaos.plan.written` and the faults are read by their annotations:
:func:`form_of` finds the form of each. So the reader and the schema cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from types import NoneType, UnionType
from typing import (
    Annotated,
    Final,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from chaos.election.ids import Sid
from chaos.faults.base import Unit
from chaos.history.codec import Json
from chaos.plan import values
from chaos.plan.model import Where
from chaos.plan.problems import Problems, meant
from chaos.plan.ranges import at_highest
from chaos.plan.tree import Items, Leaf, Node, Table, kind

T = TypeVar("T")
Schema = dict[str, Json]

SID_MAX: Final = 2**31 - 1
ID: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


class Broken(Enum):
    """Stands for a value that could not be read; why is among the problems."""

    BROKEN = "broken"


BROKEN: Final = Broken.BROKEN


@runtime_checkable
class Form(Protocol):
    """One way to write a value."""

    def read(self, node: Node, problems: Problems) -> object:
        """The value of ``node``, or BROKEN after adding why to ``problems``."""
        ...

    def schema(self) -> Schema:
        """The same as JSON Schema."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """A text and its place, for what other parts of the plan refer to."""

    text: str
    where: Where

    def __str__(self) -> str:
        return self.text


class Text:
    """A text on one line or more."""

    def read(self, node: Node, problems: Problems) -> object:
        """The text; a number has to be quoted."""
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value.strip():
            return node.value.strip()
        advice = f'; quote it: "{node.text}"' if isinstance(node, Leaf) and node.text else ""
        problems.add(node.where, f"a text is needed, not {kind(node)}{advice}")
        return BROKEN

    def schema(self) -> Schema:
        """Any string."""
        return {"type": "string", "minLength": 1}


class Word(Text):
    """A text that remembers its place."""

    def read(self, node: Node, problems: Problems) -> object:
        """The text with its place."""
        text = super().read(node, problems)
        return Said(text, node.where) if isinstance(text, str) else BROKEN


class Id(Word):
    """A word that files, rules and ``--set`` paths can be named by."""

    def read(self, node: Node, problems: Problems) -> object:
        """The word with its place."""
        said = super().read(node, problems)
        if not isinstance(said, Said) or re.fullmatch(ID, said.text):
            return said
        text = f'"{said}" is no id; it has letters, digits, - and _, at most 64 of them'
        problems.add(said.where, text)
        return BROKEN

    def schema(self) -> Schema:
        """A string of a pattern."""
        return {"type": "string", "pattern": f"^{ID}$"}


class Flag:
    """True or false."""

    def read(self, node: Node, problems: Problems) -> object:
        """The truth value."""
        if isinstance(node, Leaf) and isinstance(node.value, bool):
            return node.value
        problems.add(node.where, f"true or false is needed, not {kind(node)}")
        return BROKEN

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number within bounds."""

    low: int
    high: int

    def read(self, node: Node, problems: Problems) -> object:
        """The number."""
        if isinstance(node, Leaf) and type(node.value) is int and self._fits(node.value):
            return node.value
        problems.add(
            node.where,
            f"a whole number from {self.low} to {self.high} is needed, not {kind(node)}",
        )
        return BROKEN

    def _fits(self, number: int) -> bool:
        return self.low <= number <= self.high

    def schema(self) -> Schema:
        """A bounded integer."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit, or one that its text makes exact; ``ranged``: or two, ``a..b``."""

    unit: Unit
    ranged: bool = False

    def read(self, node: Node, problems: Problems) -> object:
        """The number in the unit that the program uses."""
        if not isinstance(node, Leaf) or node.value is None or isinstance(node.value, bool):
            problems.add(node.where, f"a {self.unit.value} is needed, not {kind(node)}")
            return BROKEN
        try:
            return values.quantity(node.text, self.unit, ranged=self.ranged)
        except ValueError as error:
            problems.add(node.where, str(error))
            return BROKEN

    def schema(self) -> Schema:
        """A string of a pattern, or also a number where that is no trap."""
        one = f"({values.PATTERN[self.unit]})"
        again = rf"(\.\.{one})?" if self.ranged else ""
        text: Schema = {"type": "string", "pattern": f"^{one}{again}$"}
        if self.unit not in values.BARE:
            return text
        number = "integer" if self.unit is Unit.LONG else "number"
        return {"anyOf": [{"type": number}, text]}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. ``later`` are words that are known and not supported yet."""

    words: type[StrEnum]
    later: frozenset[str] = frozenset()

    def read(self, node: Node, problems: Problems) -> object:
        """The member of the enumeration."""
        known = [word.value for word in self.words]
        if isinstance(node, Leaf) and node.value in known:
            return self.words(node.text)
        if isinstance(node, Leaf) and node.text in self.later:
            problems.add(node.where, f"not supported yet: {node.text}")
        elif isinstance(node, Leaf) and node.value is not None:
            problems.add(node.where, f'"{node.text}" is none of its words{meant(node.text, known)}')
        else:
            problems.add(node.where, f"one of {', '.join(known)} is needed, not {kind(node)}")
        return BROKEN

    def schema(self) -> Schema:
        """An enumeration."""
        return {"enum": [word.value for word in self.words]}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of one form."""

    item: Form

    def read(self, node: Node, problems: Problems) -> object:
        """A tuple; every item is looked at even if one is broken."""
        if not isinstance(node, Items):
            problems.add(node.where, f"a list is needed, not {kind(node)}; write [a, b]")
            return BROKEN
        found = tuple(self.item.read(item, problems) for item in node.items)
        return BROKEN if BROKEN in found else found

    def schema(self) -> Schema:
        """An array."""
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping whose keys are numbers or names of the author's choice."""

    key: Form | None  # None: any name
    value: Form

    def read(self, node: Node, problems: Problems) -> object:
        """A dictionary."""
        if not isinstance(node, Table):
            problems.add(node.where, f"a mapping is needed, not {kind(node)}")
            return BROKEN
        found: dict[object, object] = {}
        for name, entry in node.entries.items():
            key: object = name
            if self.key is not None:
                value = int(name) if name.isdecimal() else name
                key = self.key.read(Leaf(entry.where, value, name), problems)
            found[key] = self.value.read(entry.value, problems)
        return BROKEN if BROKEN in (*found, *found.values()) else found

    def schema(self) -> Schema:
        """An object of free keys."""
        keys: Schema = {} if self.key is None else {"propertyNames": {"pattern": "^[0-9]+$"}}
        return {"type": "object", "additionalProperties": self.value.schema(), **keys}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str  # of the attribute
    key: str  # in the plan
    form: Form
    required: bool


class Record:
    """A mapping of known keys, read into a dataclass by its annotations.

    ``title`` is what messages call it. Fields in ``given`` are no keys: their values come from
    elsewhere. A field of type Where is given the place of the mapping. A trailing ``_`` of a
    field's name is dropped. ``ranged``: numbers with units may be ranges.
    """

    def __init__(
        self,
        made: type,
        title: str,
        *,
        given: frozenset[str] = frozenset(),
        ranged: bool = False,
    ) -> None:
        assert is_dataclass(made)
        self.title = title
        self._make: Callable[..., object] = made
        hints = get_type_hints(made, include_extras=True)
        self._places = [f.name for f in fields(made) if hints[f.name] is Where]
        self._fields = [
            _Field(
                f.name,
                f.name.removesuffix("_"),
                form_of(hints[f.name], ranged=ranged),
                f.default is MISSING and f.default_factory is MISSING,
            )
            for f in fields(made)
            if f.name not in given and f.name not in self._places
        ]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it knows."""
        return tuple(field.key for field in self._fields)

    def read(self, node: Node, problems: Problems) -> object:
        """The record."""
        return self.build(node, problems, {})

    def build(self, node: Node, problems: Problems, given: Mapping[str, object]) -> object:
        """The record, with ``given`` for the fields that are no keys."""
        if not isinstance(node, Table):
            problems.add(node.where, f"{self.title} is a mapping, not {kind(node)}")
            return BROKEN
        self._strangers(node, problems)
        found: dict[str, object] = dict.fromkeys(self._places, node.where)
        for field in self._fields:
            entry = node.entries.get(field.key)
            if entry is not None:
                found[field.name] = field.form.read(entry.value, problems)
            elif field.required:
                problems.add(node.where, f'{self.title} needs "{field.key}"')
                found[field.name] = BROKEN
        if BROKEN in found.values():
            return BROKEN
        try:
            made = self._make(**found, **given)
            at_highest(made)  # what a range may become has to make sense, too
        except ValueError as error:
            problems.add(node.where, f"{self.title}: {error}")
            return BROKEN
        return made

    def _strangers(self, node: Table, problems: Problems) -> None:
        known = [field.key for field in self._fields]
        for key, entry in node.entries.items():
            if key in known or key.startswith("x-"):
                continue
            problems.add(entry.where, f'{self.title} has no key "{key}"{meant(key, known)}')

    def schema(self) -> Schema:
        """An object of these keys and of ``x-`` keys."""
        properties: Schema = {field.key: field.form.schema() for field in self._fields}
        needed: list[Json] = [field.key for field in self._fields if field.required]
        return {
            "type": "object",
            "properties": properties,
            "required": needed,
            "additionalProperties": False,
            "patternProperties": {"^x-": {}},
        }


def form_of(hint: object, *, ranged: bool = False) -> Form:
    """The form that an annotation asks for; ``ranged``: its numbers with units may be ranges."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Quantity(inner[1], ranged) if isinstance(inner[1], Unit) else _form(inner[1])
    if origin in (Union, UnionType):
        return form_of(next(one for one in inner if one is not NoneType), ranged=ranged)
    if origin is tuple:
        return Listed(form_of(inner[0], ranged=ranged))
    if origin is Mapping:
        key = None if inner[0] is str else form_of(inner[0])
        return Mapped(key, form_of(inner[1], ranged=ranged))
    return _plain(hint, ranged=ranged)


def _form(marker: object) -> Form:
    assert isinstance(marker, Form), marker
    return marker


def _plain(hint: object, *, ranged: bool) -> Form:
    known: dict[object, Form] = {
        str: Text(),
        Said: Word(),
        bool: Flag(),
        int: Number(0, SID_MAX),
        Sid: Number(0, SID_MAX),
    }
    if hint in known:
        return known[hint]
    assert isinstance(hint, type), hint
    if issubclass(hint, StrEnum):
        return Choice(hint)
    title = str(getattr(hint, "title", f'"{hint.__name__.lower()}"'))
    return Record(hint, title, ranged=ranged)


def read(made: type[T], form: Form, node: Node, problems: Problems) -> T | None:
    """A value of ``made``, or ``None`` after adding to ``problems`` why there is none."""
    found = form.read(node, problems)
    return found if isinstance(found, made) else None
