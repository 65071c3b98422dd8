"""``--set dotted.path=value`` and ``${param}``, both on the tree, before anything is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from chaos.plan.model import Where
from chaos.plan.problems import Problems, meant
from chaos.plan.tree import Entry, Items, Leaf, Node, Table, kind, parse

_PARAM: Final = re.compile(r"\$\{([^}]*)\}")


def override(root: Table, settings: Mapping[str, str], problems: Problems) -> Table:
    """``root`` with each setting in its place.

    A path goes through keys, through list items by number (from 0), or by their ``id``.
    """
    for path, text in settings.items():
        file = f"--set {path}={text}"
        value = parse(text, file, problems) if text else Leaf(Where(file, 1, 1), None, "")
        if value is None:
            continue
        changed = _put(root, path.split("."), value, problems)
        if isinstance(changed, Table):
            root = changed
    return root


def _put(node: Node, path: list[str], value: Node, problems: Problems) -> Node | None:
    """``node`` with ``value`` at the end of ``path``; ``None`` after a problem."""
    name, *rest = path
    match node:
        case Table():
            return _put_key(node, name, (rest, value), problems)
        case Items():
            names = [_name(item, number) for number, item in enumerate(node.items)]
            place = names.index(name) if name in names else -1
            if name.isdecimal() and int(name) < len(names):
                place = int(name)
            if place < 0:
                problems.add(value.where, f'nothing here is called "{name}"{meant(name, names)}')
                return None
            item = _put(node.items[place], rest, value, problems) if rest else value
            if item is None:
                return None
            return replace(node, items=(*node.items[:place], item, *node.items[place + 1 :]))
        case Leaf():
            problems.add(value.where, f'there is no "{name}" in {kind(node)}')
            return None


def _put_key(
    node: Table, name: str, goal: tuple[list[str], Node], problems: Problems
) -> Node | None:
    rest, value = goal
    entry = node.entries.get(name)
    if not rest:
        return Table(node.where, {**node.entries, name: Entry(value.where, value)})
    inside: Node = Table(value.where) if entry is None else entry.value
    if entry is None and name not in _ROOMS:
        advice = meant(name, {*node.entries} or _ROOMS)
        problems.add(value.where, f'the plan has no "{name}" here{advice}')
        return None
    changed = _put(inside, rest, value, problems)
    place = value.where if entry is None else entry.where
    return (
        None
        if changed is None
        else replace(node, entries={**node.entries, name: Entry(place, changed)})
    )


_ROOMS: Final = frozenset({"params", "limits", "timings", "defaults", "notification", "with"})


def _name(item: Node, number: int) -> str:
    found = item.get("id") if isinstance(item, Table) else None
    return found.text if isinstance(found, Leaf) else str(number)


def fill(root: Table, problems: Problems) -> Table:
    """``root`` with each value that is only ``${x}`` replaced by what ``params`` has for x.

    The value keeps its type and takes the place of its use.
    """
    params = root.get("params")
    known = params.entries if isinstance(params, Table) else {}
    entries = {
        key: entry if key == "params" else Entry(entry.where, _filled(entry.value, known, problems))
        for key, entry in root.entries.items()
    }
    return Table(root.where, entries)


def _filled(node: Node, known: Mapping[str, Entry], problems: Problems) -> Node:
    match node:
        case Items():
            return replace(node, items=tuple(_filled(item, known, problems) for item in node.items))
        case Table():
            entries = {
                key: Entry(entry.where, _filled(entry.value, known, problems))
                for key, entry in node.entries.items()
            }
            return replace(node, entries=entries)
        case Leaf():
            return _filled_leaf(node, known, problems)


def _filled_leaf(leaf: Leaf, known: Mapping[str, Entry], problems: Problems) -> Node:
    found = _PARAM.search(leaf.text)
    if found is None:
        return leaf
    name = found.group(1)
    if _PARAM.fullmatch(leaf.text) is None:
        problems.add(leaf.where, "${…} stands alone: it is no part of a longer text")
    elif name not in known:
        problems.add(leaf.where, f'no parameter is called "{name}"{meant(name, known)}')
    elif isinstance(known[name].value, Leaf):
        return replace(known[name].value, where=leaf.where)
    return leaf
