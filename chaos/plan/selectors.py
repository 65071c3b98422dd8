"""How a plan names peers: the selector language, and the ends of links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chaos.election.ids import Sid
from chaos.ensemble import Runs
from chaos.faults.targets import Between, Group, Name, Pick, Selector, Several, Sids, Word
from chaos.plan.forms import BROKEN, SID_MAX, Said, Schema
from chaos.plan.model import Where
from chaos.plan.problems import Problems, meant
from chaos.plan.tree import Items, Leaf, Node, Table, kind

_WORDS_LATER: Final = frozenset({"minority_third", "quorum_breaker", "links"})
_KEYS_LATER: Final = frozenset({"by", "zone", "group", "weight_at_least", "leaves"})
_STILL: Final = frozenset({Word.ALL, Word.VOTERS, Word.OBSERVERS})


@dataclass(frozen=True, slots=True)
class Aimed:
    """A selector, its place, and the places of the names and sids in it."""

    selector: Selector
    where: Where
    names: tuple[Said, ...] = ()
    sids: tuple[tuple[Sid, Where], ...] = ()


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
        return Aimed(found, node.where, names, sids)

    def _selector(self, node: Node, problems: Problems, *, links: bool = False) -> Selector | None:
        match node:
            case Leaf():
                return self._leaf(node, problems)
            case Items():
                parts = [self._selector(item, problems) for item in node.items]
                if not parts:
                    problems.add(node.where, "this list of peers is empty")
                known = tuple(part for part in parts if part is not None)
                return Several(known) if known and len(known) == len(parts) else None
            case Table() if links and ("from" in node.entries or "to" in node.entries):
                return self._between(node, problems)
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
        if leaf.text in _WORDS_LATER:
            problems.add(leaf.where, f"not supported yet: {leaf.text}")
        elif leaf.text in list(Word):
            what = "it is judged after the run; name the peers with as:, and use $name"
            problems.add(leaf.where, f'"{leaf.text}" changes while a run goes on, and {what}')
        else:
            advice = meant(leaf.text, known)
            problems.add(leaf.where, f"{kind(leaf)} names no peers{advice}, a sid, or $name")
        return None

    def _between(self, node: Table, problems: Problems) -> Selector | None:
        if not _keys(node, frozenset({"from", "to"}), problems):
            return None
        ends = [self._needed(node, key, problems) for key in ("from", "to")]
        source, towards = ends
        return None if source is None or towards is None else Between(source, towards)

    def _pick(self, node: Table, problems: Problems) -> Selector | None:
        if not _keys(node, frozenset({"pick", "of", "except", "runs"}), problems):
            return None
        runs = node.get("runs")
        if runs is not None and not (isinstance(runs, Leaf) and runs.text in list(Runs)):
            problems.add(runs.where, f"which program? write {' or '.join(Runs)}")
            return None
        of = self._needed(node, "of", problems)
        pick, but = node.get("pick"), node.get("except")
        number: int | None = None
        if pick is not None:
            number = pick.value if isinstance(pick, Leaf) and type(pick.value) is int else 0
            if number < 1 or self.still:
                what = "nothing is drawn after a run" if self.still else "how many? write pick: 1"
                problems.add(pick.where, what)
                return None
        parts: list[Selector | None] = []
        if but is not None:
            items = but.items if isinstance(but, Items) else (but,)
            parts = [self._selector(item, problems) for item in items]
        known = tuple(part for part in parts if part is not None)
        if of is None or len(known) < len(parts):
            return None
        return Pick(of, number, known, Runs(runs.text) if isinstance(runs, Leaf) else None)

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
        "target": {"anyOf": [{"$ref": "#/definitions/selector"}, _sides()]},
    }


def _described(words: list[str], name: str) -> Schema:
    again: Schema = {"$ref": f"#/definitions/{name}"}
    several: Schema = {"type": "array", "items": again, "minItems": 1}
    properties: Schema = {
        "of": again,
        "except": {"anyOf": [again, several]},
        "runs": {"enum": [runs.value for runs in Runs]},
    }
    if name == "selector":
        properties["pick"] = {"type": "integer", "minimum": 1}
    return {
        "anyOf": [
            {"enum": [*words]},
            {"type": "integer", "minimum": 0, "maximum": SID_MAX},
            {"type": "string", "pattern": r"^\$[^{].*$"},
            several,
            {
                "type": "object",
                "properties": properties,
                "required": ["of"],
                "additionalProperties": False,
            },
        ]
    }


def _sides() -> Schema:
    one: Schema = {"$ref": "#/definitions/selector"}
    return {
        "type": "object",
        "properties": {"from": one, "to": one},
        "required": ["from", "to"],
        "additionalProperties": False,
    }


def _keys(node: Table, known: frozenset[str], problems: Problems) -> bool:
    good = True
    for key, entry in node.entries.items():
        if key in known:
            continue
        good = False
        if key in _KEYS_LATER:
            problems.add(entry.where, f"not supported yet: {key}")
        else:
            problems.add(entry.where, f'a target has no key "{key}"{meant(key, known)}')
    return good


def _mentions(node: Node) -> Iterator[Leaf]:
    match node:
        case Leaf():
            yield node
        case Items():
            for item in node.items:
                yield from _mentions(item)
        case Table():
            for key, entry in node.entries.items():
                if key not in ("pick", "runs"):
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
            case Table() if list(node.entries) == ["zone"]:
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
                },
            ]
        }


def _is_sid(node: Node) -> bool:
    return isinstance(node, Leaf) and type(node.value) is int
