"""YAML text as a tree in which every node knows its place. Strict where YAML 1.1 surprises.

Scalars follow the core schema of YAML 1.2. What means one thing in YAML 1.1 and another in
1.2 (``on``, ``1:30``, ``010``, a date) has to be quoted, or is an error that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

import yaml

from chaos.plan.model import Where
from chaos.plan.problems import Problems

_BYTES_MAX: Final = 1_000_000
_NODES_MAX: Final = 20_000  # with every alias written out
_DEPTH_MAX: Final = 30
_TOO_MUCH: Final = f"a plan is nested at most {_DEPTH_MAX} deep and has at most {_NODES_MAX} values"

_NULL: Final = re.compile(r"~|null|Null|NULL|")
_TRUE: Final = re.compile(r"true|True|TRUE")
_FALSE: Final = re.compile(r"false|False|FALSE")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}")
_BASED: Final = re.compile(r"0x[0-9a-fA-F]{1,16}|0o[0-7]{1,22}")
_DECIMAL: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?"
)

_TRAPS: Final = (
    (re.compile(r"(?i:yes|no|on|off)"), 'is a truth value in YAML 1.1; write true, false, or "{}"'),
    (re.compile(r"[-+]?0[0-9]+"), 'is octal in YAML 1.1; write it without the leading 0, or "{}"'),
    (
        re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"),
        'counts in sixties in YAML 1.1; write "{}"',
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?"),
        'is a date in YAML 1.1; write "{}"',
    ),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*"), "is a number in YAML 1.1; write it without the _"),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar. ``text`` is as written, so that ``1.10`` keeps its zero."""

    where: Where
    value: bool | int | Decimal | str | None
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    where: Where
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping, at its place, and what it holds."""

    where: Where
    value: Node


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, in the order of the text."""

    where: Where
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """What ``key`` holds, if it is there."""
        entry = self.entries.get(key)
        return None if entry is None else entry.value

    @property
    def keys(self) -> tuple[str, ...]:
        """Its keys, but for the author's own, which begin with ``x-``."""
        return tuple(key for key in self.entries if not key.startswith("x-"))


Node = Leaf | Items | Table


def kind(node: Node) -> str:
    """What sort of thing a node is, for messages."""
    match node:
        case Items():
            return "a list"
        case Table():
            return "a mapping"
        case Leaf(value=None):
            return "nothing"
        case Leaf():
            return f'"{node.text}"' if isinstance(node.value, str) else node.text
    raise AssertionError(node)


def parse(text: str, file: str, problems: Problems) -> Node | None:
    """The tree of one YAML document; ``None`` after adding to ``problems`` why there is none."""
    problems.source(file, text)
    start = Where(file, 1, 1)
    if len(text.encode("utf-8", "surrogatepass")) > _BYTES_MAX:
        problems.add(start, f"a plan has at most {_BYTES_MAX} bytes")
        return None
    try:
        _refuse(text, file, problems)
        root = None if problems else yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        problems.add(_place(file, error.problem_mark or error.context_mark), _said(error))
        return None
    except yaml.YAMLError as error:
        problems.add(start, f"this is no YAML: {str(error).splitlines()[0]}")
        return None
    return None if root is None else _Planter(file, problems).plant(root, 0)


class _Planter:
    """Turns YAML nodes into ours, and counts them."""

    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._count = 0

    def plant(self, node: yaml.Node, depth: int) -> Node:
        where = _place(self._file, node.start_mark)
        self._count += 1
        if depth > _DEPTH_MAX or self._count > _NODES_MAX:
            self._problems.add(where, _TOO_MUCH)
            self._problems.stop()
        match node:
            case yaml.MappingNode():
                return self._table(node, where, depth)
            case yaml.SequenceNode():
                return Items(where, tuple(self.plant(item, depth + 1) for item in node.value))
            case _:
                return self._leaf(node, where)

    def _leaf(self, node: yaml.Node, where: Where) -> Leaf:
        text = str(node.value)
        plain = getattr(node, "style", None) is None
        for trap, advice in _TRAPS:
            if plain and trap.fullmatch(text):
                self._problems.add(where, f"{text} {advice.format(text)}")
                return Leaf(where, text, text)
        return Leaf(where, scalar(text) if plain else text, text)

    def _table(self, node: yaml.MappingNode, where: Where, depth: int) -> Table:
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            place = _place(self._file, key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self._problems.add(place, "a key is a word, not a list or a mapping")
                continue
            name = self._leaf(key, place).text
            if name == "<<":
                self._problems.add(place, "merge keys are not supported: write the keys out")
            elif name in entries:
                first = entries[name].where.line
                self._problems.add(place, f'"{name}" is here twice; the first is in line {first}')
            else:
                entries[name] = Entry(place, self.plant(value, depth + 1))
        return Table(where, entries)


def scalar(text: str) -> bool | int | Decimal | str | None:
    """What an unquoted scalar means in the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def leaves(node: Node) -> Iterator[Leaf]:
    """Every scalar of a tree, in the order of the text."""
    match node:
        case Leaf():
            yield node
        case Items():
            for item in node.items:
                yield from leaves(item)
        case Table():
            for entry in node.entries.values():
                yield from leaves(entry.value)


def _refuse(text: str, file: str, problems: Problems) -> None:
    """Tags, and nesting that nobody wrote by hand; seen before any tree is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            problems.add(_place(file, event.start_mark), f"tags are not supported: {tag}")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            problems.add(_place(file, event.start_mark), _TOO_MUCH)
            return


class _Mark(Protocol):
    line: int
    column: int


def _place(file: str, mark: _Mark | None) -> Where:
    return Where(file, 1, 1) if mark is None else Where(file, mark.line + 1, mark.column + 1)


def _said(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context)
    if "'\\t'" in problem or "found a tab" in problem:
        return "a tab; YAML is indented with spaces"
    if "expected a single document" in str(error.context):
        return "a file holds one plan; this is a second document"
    return f"this is no YAML: {problem}"
