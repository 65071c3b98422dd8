"""A port that is said where the peers are: ``target: {of: voters, port: election}``.

It means the same as ``with: {port: election}``, and is read as that.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from chaos.history.codec import Json
from chaos.plan.forms import Schema
from chaos.plan.problems import Problems
from chaos.plan.tree import Entry, Leaf, Node, Table

PORT: Final = "port"


def ported(node: Node, able: Collection[str], problems: Problems) -> Node:
    """The fault of ``node`` with its port in ``with``; ``able`` are the faults that have one."""
    target = node.get("target") if isinstance(node, Table) else None
    if not isinstance(node, Table) or not isinstance(target, Table) or PORT not in target.entries:
        return node
    said = target.entries[PORT]
    word, given = node.get("fault"), node.get("with")
    if not isinstance(word, Leaf) or word.text not in able:
        what = word.text if isinstance(word, Leaf) else "this step"
        problems.add(said.where, f"{what} is not of one port; {', '.join(sorted(able))} are")
        return node
    keys = given if isinstance(given, Table) else Table(said.where)
    if PORT in keys.entries:
        problems.add(said.where, "the port is said twice, here and in with")
    peers = {key: entry for key, entry in target.entries.items() if key != PORT}
    return Table(
        node.where,
        {
            **node.entries,
            "target": Entry(target.where, Table(target.where, peers)),
            "with": Entry(keys.where, Table(keys.where, {**keys.entries, PORT: said})),
        },
    )


def either(said: Schema, needed: Schema) -> Schema:
    """The schema of a fault that may have its port in its target: ``with`` needs none then."""
    properties = said["properties"]
    assert isinstance(properties, dict)
    required = said.get("required")
    assert isinstance(required, list)
    rest: list[Json] = [key for key in required if key != PORT]
    others: Schema = {key: value for key, value in properties.items() if key != PORT}
    aside: Schema = {**said, "properties": others, "required": rest}
    return {
        "if": {
            "properties": {"target": {"type": "object", "required": [PORT]}},
            "required": ["target"],
        },
        "then": {"properties": {"with": aside}},
        "else": {"properties": {"with": said}, **needed},
    }
