"""How a plan names peers: the selector language, and the ends of links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from chaos.election.ids import Sid
from chaos.ensemble import Runs
from chaos.faults.survivors import Leaves
from chaos.faults.targets import (
    EVERY_LINK,
    Between,
    By,
    Group,
    Name,
    OneLink,
    Pick,
    Selector,
    Several,
    Sids,
    Word,
)
from chaos.plan.forms import BROKEN, SID_MAX, Said, Schema
from chaos.plan.model import Where
from chaos.plan.problems import Problems, meant
from chaos.plan.tree import Items, Leaf, Node, Table, kind

_LINKS: Final = "links"  # the word for all of them
_LINK: Final = frozenset({"from", "to"})
_PICK: Final = frozenset(
    {"pick", "of", "except", "runs", "zone", "group", "weight_at_least", "by", "leaves"}
)
_FILTERS: Final = ("zone", "group", "weight_at_least", "runs", "except")  # one is enough
_NESTED: Final = frozenset({"of", "except", "from", "to"})  # keys under which selectors are
_STILL: Final = frozenset({Word.ALL, Word.VOTERS, Word.OBSERVERS})

_Words = TypeVar("_Words", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Aimed:
    """A selector, its place, and the places of the names and sids in it."""

    selector: Selector
    where: Where
    names: tuple[Said, ...] = ()
    sids: tuple[tuple[Sid, Where], ...] = ()
    zones: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The form of a selector.

    ``links``: two sides, ``{from, to}``, are allowed. ``still``: only sets that do not
    change while a run goes on, for what is judged after it.
    """

    links: bool = False
    still: bool = False

    def read(self, node: Node, problems: Problems) -> object:
        """The selector with what it mentions."""
        found = self._selector(node, problems, links=self.links)
        if found is None:
            return BROKEN
        leaves = list(_mentions(node))
        names = tuple(Said(leaf.text[1:], leaf.where) for leaf in leaves if leaf.text[:1] == "$")
        sids = tuple((Sid(leaf.value), leaf.where) for leaf in leaves if type(leaf.value) is int)
        zones = tuple(Said(leaf.text, leaf.where) for leaf in _zones(node))
        return Aimed(found, node.where, names, sids, zones)

    def _selector(self, node: Node, problems: Problems, *, links: bool = False) -> Selector | None:
        match node:
            case Leaf(value="links") if links:
                return EVERY_LINK
            case Leaf():
                return self._leaf(node, problems)
            case Items():
                parts = [self._selector(item, problems) for item in node.items]
                if not parts:
                    problems.add(node.where, "this list of peers is empty")
                known = tuple(part for part in parts if part is not None)
                return Several(known) if known and len(known) == len(parts) else None
            case Table() if links and _is_link(node):
                return self._between(node, problems)
            case Table() if links and _is_link(node.get("of")):
                return self._one_link(node, problems)
            case Table():
                return self._pick(node, problems)

    def _leaf(self, leaf: Leaf, problems: Problems) -> Selector | None:
        known = [word.value for word in Word if not self.still or word in _STILL]
        if type(leaf.value) is int and 0 <= leaf.value <= SID_MAX:
            return Sids((Sid(leaf.value),))
        if isinstance(leaf.value, str) and leaf.text.startswith("$") and len(leaf.text) > 1:
            return Name(leaf.text[1:])
        if leaf.text in known:
            return Group(Word(leaf.text))
        if leaf.text == _LINKS:
            what = "links are whole targets of delay, loss and one_way; name peers here"
            problems.add(leaf.where, what)
        elif leaf.text in list(Word):
            what = "it is judged after the run; name the peers with as:, and use $name"
            problems.add(leaf.where, f'"{leaf.text}" changes while a run goes on, and {what}')
        else:
            advice = meant(leaf.text, known)
            problems.add(leaf.where, f"{kind(leaf)} names no peers{advice}, a sid, or $name")
        return None

    def _between(self, node: Table, problems: Problems) -> Selector | None:
        if not _keys(node, _LINK, problems):
            return None
        ends = [self._needed(node, key, problems) for key in ("from", "to")]
        source, towards = ends
        return None if source is None or towards is None else Between(source, towards)

    def _one_link(self, node: Table, problems: Problems) -> Selector | None:
        if not _keys(node, frozenset({"pick", "of"}), problems):
            return None
        pick = node.get("pick")
        if pick is not None and not (isinstance(pick, Leaf) and pick.text == "1"):
            problems.add(pick.where, "links are drawn one at a time: pick: 1, or a step for each")
            return None
        of = node.get("of")
        assert of is not None
        among = self._between(of, problems) if isinstance(of, Table) else EVERY_LINK
        if not isinstance(among, Between) or pick is None:
            return among
        return OneLink(among)

    def _pick(self, node: Table, problems: Problems) -> Selector | None:
        if not _keys(node, _PICK, problems):
            return None
        before = len(problems)
        of = self._of(node, problems)
        but = node.get("except")
        items = () if but is None else but.items if isinstance(but, Items) else (but,)
        parts = [self._selector(item, problems) for item in items]
        found = Pick(
            Group(Word.ALL) if of is None else of,
            _least(node, "pick", 1, "how many? write pick: 1", problems),
            tuple(part for part in parts if part is not None),
            _one_of(node, "runs", Runs, "which program", problems),
            _zone(node, problems),
            _least(node, "group", 0, "a group is a number, as in the ensemble", problems),
            _least(node, "weight_at_least", 0, "a weight is a number", problems),
            _one_of(node, "by", By, "who first", problems),
            _one_of(node, "leaves", Leaves, "what is to be left", problems),
        )
        self._fitting(node, found, problems)
        return found if len(problems) == before else None

    def _fitting(self, node: Table, pick: Pick, problems: Problems) -> None:
        """What does not go together, or not after the run."""
        said = {key: entry.where for key, entry in node.entries.items()}
        if self.still:
            for key in sorted(said.keys() & {"pick", "by", "leaves"}):
                problems.add(said[key], "nothing is drawn after a run")
        elif pick.by is not None and pick.n is None:
            problems.add(said["by"], "by: says who is picked first; how many? write pick: 1")

    def _of(self, node: Table, problems: Problems) -> Selector | None:
        """Whom it keeps to: of all peers where it only filters."""
        if node.get("of") is None and node.entries.keys() & _FILTERS:
            return Group(Word.ALL)
        return self._needed(node, "of", problems)

    def _needed(self, node: Table, key: str, problems: Problems) -> Selector | None:
        value = node.get(key)
        if value is None:
            problems.add(node.where, f'a target like this needs "{key}"')
            return None
        return self._selector(value, problems)

    def schema(self) -> Schema:
        """A reference to one of the definitions of :func:`definitions`."""
        name = "still" if self.still else "target" if self.links else "selector"
        return {"$ref": f"#/definitions/{name}"}


def definitions() -> Schema:
    """What the schemas of targets refer to."""
    return {
        "selector": _described([word.value for word in Word], "selector"),
        "still": _described([word.value for word in Word if word in _STILL], "still"),
        "target": {
            "anyOf": [
                {"$ref": "#/definitions/selector"},
                {"const": _LINKS},
                _sides(),
                _object({"pick": {"const": 1}, "of": {"anyOf": [{"const": _LINKS}, _sides()]}}),
            ]
        },
    }


def _described(words: list[str], name: str) -> Schema:
    again: Schema = {"$ref": f"#/definitions/{name}"}
    several: Schema = {"type": "array", "items": again, "minItems": 1}
    properties: Schema = {
        "of": again,
        "except": {"anyOf": [again, several]},
        "runs": {"enum": [runs.value for runs in Runs]},
        "zone": {"type": "string", "minLength": 1},
        "group": {"type": "integer", "minimum": 0},
        "weight_at_least": {"type": "integer", "minimum": 0},
    }
    if name == "selector":
        properties["pick"] = {"type": "integer", "minimum": 1}
        properties["port"] = {"enum": ["election", "quorum"]}  # of a fault that has one
        properties["by"] = {"enum": [by.value for by in By]}
        properties["leaves"] = {"enum": [leaves.value for leaves in Leaves]}
    return {
        "anyOf": [
            {"enum": [*words]},
            {"type": "integer", "minimum": 0, "maximum": SID_MAX},
            {"type": "string", "pattern": r"^\$[^{].*$"},
            several,
            {
                "type": "object",
                "properties": properties,
                "anyOf": [{"required": [key]} for key in ("of", *_FILTERS)],
                "additionalProperties": False,
                "patternProperties": {"^x-": {}},
            },
        ]
    }


def _sides() -> Schema:
    one: Schema = {"$ref": "#/definitions/selector"}
    return _object({"from": one, "to": one})


def _object(properties: Schema) -> Schema:
    """A mapping that needs all of these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
        "patternProperties": {"^x-": {}},
    }


def _is_link(node: Node | None) -> bool:
    """Whether this is written as links are: the word, or two ends."""
    if isinstance(node, Table):
        return bool(node.entries.keys() & _LINK)
    return isinstance(node, Leaf) and node.value == _LINKS


def _keys(node: Table, known: frozenset[str], problems: Problems) -> bool:
    good = True
    for key in node.keys:
        if key not in known:
            good = False
            problems.add(node.entries[key].where, f'a target has no key "{key}"{meant(key, known)}')
    return good


def _least(node: Table, key: str, least: int, what: str, problems: Problems) -> int | None:
    """A whole number of at least ``least``."""
    value = node.get(key)
    if value is None:
        return None
    if isinstance(value, Leaf) and type(value.value) is int and value.value >= least:
        return value.value
    problems.add(value.where, what)
    return None


def _one_of(
    node: Table, key: str, words: type[_Words], what: str, problems: Problems
) -> _Words | None:
    value = node.get(key)
    if value is None:
        return None
    if isinstance(value, Leaf) and value.text in list(words):
        return words(value.text)
    text = value.text if isinstance(value, Leaf) else ""
    advice = meant(text, [*words]) or f"; write {', '.join(words)}"
    problems.add(value.where, f"{what}? {key} is no {kind(value)}{advice}")
    return None


def _zone(node: Table, problems: Problems) -> str:
    value = node.get("zone")
    if value is None:
        return ""
    if isinstance(value, Leaf) and isinstance(value.value, str) and value.text:
        return value.text
    problems.add(value.where, "a zone is a name, as in the ensemble")
    return ""


def _zones(node: Node) -> Iterator[Leaf]:
    """Every zone that a selector mentions."""
    match node:
        case Items():
            for item in node.items:
                yield from _zones(item)
        case Table():
            for key, entry in node.entries.items():
                if key == "zone" and isinstance(entry.value, Leaf):
                    yield entry.value
                else:
                    yield from _zones(entry.value)
        case Leaf():
            pass


def _mentions(node: Node) -> Iterator[Leaf]:
    match node:
        case Leaf():
            yield node
        case Items():
            for item in node.items:
                yield from _mentions(item)
        case Table():
            for key, entry in node.entries.items():
                if key in _NESTED:
                    yield from _mentions(entry.value)


@dataclass(frozen=True, slots=True)
class Ends:
    """One end of a link in ``ensemble.links``: a zone, or peers; both empty means all."""

    where: Where
    zone: str = ""
    sids: tuple[Sid, ...] = ()


class LinkEnd:
    """The form of such an end: ``{zone: east}``, a sid, a list of sids, or ``all``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The end."""
        match node:
            case Leaf(value="all"):
                return Ends(node.where)
            case Leaf(value=int(sid)) if sid is not True and sid is not False:
                return Ends(node.where, sids=(Sid(sid),))
            case Items() if node.items and all(_is_sid(item) for item in node.items):
                sids = (leaf.value for leaf in _mentions(node))
                return Ends(node.where, sids=tuple(Sid(s) for s in sids if isinstance(s, int)))
            case Table() if node.keys == ("zone",):
                zone = node.get("zone")
                if isinstance(zone, Leaf) and isinstance(zone.value, str):
                    return Ends(node.where, zone=zone.value)
            case _:
                pass
        problems.add(node.where, "an end of a link is {zone: name}, a sid, a list of sids, or all")
        return BROKEN

    def schema(self) -> Schema:
        """The same four."""
        sid: Schema = {"type": "integer", "minimum": 0, "maximum": SID_MAX}
        return {
            "anyOf": [
                {"const": "all"},
                sid,
                {"type": "array", "items": sid, "minItems": 1},
                {
                    "type": "object",
                    "properties": {"zone": {"type": "string"}},
                    "required": ["zone"],
                    "additionalProperties": False,
                    "patternProperties": {"^x-": {}},
                },
            ]
        }


def _is_sid(node: Node) -> bool:
    return isinstance(node, Leaf) and type(node.value) is int
