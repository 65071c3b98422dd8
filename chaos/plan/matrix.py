"""``matrix``: one run of the plan for each combination of values of its parameters.

A cell overrides ``params``, and has an id that can be printed, typed and stored:
``size=5,jitter=20ms``. Cells come in the order of the text, the last axis fastest; what
``include`` adds comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Final

from chaos.plan.forms import BROKEN, ID, Schema
from chaos.plan.model import Where
from chaos.plan.problems import Problems, meant
from chaos.plan.tree import Entry, Items, Leaf, Node, Table, kind

_CELLS_MAX: Final = 1000
_EXCLUDE: Final = "exclude"
_INCLUDE: Final = "include"
_SPLITS: Final = frozenset(",= \t\n\"'")  # a cell's id would be read as another one

Values = Mapping[str, Leaf]


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination. ``values`` are in the order of the matrix."""

    where: Where
    values: Values

    @property
    def id(self) -> str:
        """``size=5,jitter=20ms``."""
        return ",".join(f"{name}={leaf.text}" for name, leaf in self.values.items())


class Matrix:
    """A mapping of parameters to lists of values, with ``exclude`` and ``include``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The cells, or BROKEN."""
        if not isinstance(node, Table):
            problems.add(node.where, f'"matrix" is a mapping, not {kind(node)}')
            return BROKEN
        lists = {
            name: _axis(name, entry, problems)
            for name, entry in node.entries.items()
            if name not in (_EXCLUDE, _INCLUDE) and not name.startswith("x-")
        }
        excluded = _rows(node.get(_EXCLUDE), _EXCLUDE, problems)
        included = _rows(node.get(_INCLUDE), _INCLUDE, problems)
        axes = {name: found for name, found in lists.items() if found is not None}
        if len(axes) < len(lists) or excluded is None or included is None:
            return BROKEN
        cells = _without(_combined(node, axes, problems), excluded, set(axes), problems)
        _add(cells, included, list(axes), problems)
        if not cells and not problems:
            problems.add(node.where, "the matrix has no cell; write at least one value or include")
        return tuple(cells)

    def schema(self) -> Schema:
        """An object of lists of scalars."""
        scalar: Schema = {"type": ["string", "number", "boolean"]}
        row: Schema = {"type": "object", "minProperties": 1, "additionalProperties": scalar}
        axis: Schema = {"type": "array", "items": scalar, "minItems": 1}
        rows: Schema = {"type": "array", "items": row}
        return {
            "type": "object",
            "properties": {_EXCLUDE: rows, _INCLUDE: rows},
            "patternProperties": {"^x-": {}, f"^(?!({_EXCLUDE}|{_INCLUDE})$){ID}$": axis},
            "additionalProperties": False,
        }


def cells_of(root: Table, problems: Problems) -> tuple[Cell, ...]:
    """The cells of a plan's matrix, none if it has none or a broken one."""
    node = root.get("matrix")
    found = () if node is None else Matrix().read(node, problems)
    if not isinstance(found, tuple):
        return ()
    params = root.get("params")
    known = params.entries if isinstance(params, Table) else {}
    for cell in found:
        for name in cell.values:
            if name not in known:
                problems.add(
                    _place(node, name, cell),
                    f'the matrix varies "{name}", which is none of the params{meant(name, known)}',
                )
    return found


def _place(matrix: Node | None, name: str, cell: Cell) -> Where:
    entry = matrix.entries.get(name) if isinstance(matrix, Table) else None
    return cell.values[name].where if entry is None else entry.where


def fixed(root: Table, cell: Cell) -> Table:
    """``root`` with the params of one cell."""
    params = root.entries["params"]
    assert isinstance(params.value, Table), "a matrix varies params that there are"
    given = {name: Entry(leaf.where, leaf) for name, leaf in cell.values.items()}
    table = replace(params.value, entries={**params.value.entries, **given})
    return replace(root, entries={**root.entries, "params": replace(params, value=table)})


def chosen(ids: Iterable[str], wanted: str) -> list[str]:
    """Those cells that have every value of ``wanted``, in any order."""
    parts = set(wanted.split(","))
    return [one for one in ids if parts <= set(one.split(","))]


def _axis(name: str, entry: Entry, problems: Problems) -> tuple[Leaf, ...] | None:
    node = entry.value
    if not isinstance(node, Items):
        problems.add(node.where, f'"{name}" is a list of values, not {kind(node)}; write [a, b]')
        return None
    if not node.items:
        problems.add(node.where, f'"{name}" has no value, so the matrix has no cell')
        return None
    found: dict[str, Leaf] = {}
    for item in node.items:
        leaf = _value(item, problems)
        if leaf is not None and leaf.text in found:
            problems.add(leaf.where, f"{leaf.text} is here twice: a cell would be run twice")
        elif leaf is not None:
            found[leaf.text] = leaf
    return tuple(found.values()) if len(found) == len(node.items) else None


def _value(node: Node, problems: Problems) -> Leaf | None:
    if not isinstance(node, Leaf) or node.value is None:
        problems.add(node.where, f"a single value is needed, not {kind(node)}")
        return None
    if not node.text or "${" in node.text or _SPLITS & set(node.text):
        problems.add(
            node.where,
            f'"{node.text}" is no value of a cell: its id has none of , = blank quote ${{…}}',
        )
        return None
    return node


def _rows(node: Node | None, word: str, problems: Problems) -> list[Cell] | None:
    """Mappings of single values."""
    if node is None:
        return []
    if not isinstance(node, Items):
        problems.add(node.where, f'"{word}" is a list of mappings, not {kind(node)}')
        return None
    found: list[Cell] = []
    for item in node.items:
        if not isinstance(item, Table) or not item.entries:
            problems.add(item.where, f'"{word}" has mappings as {{size: 5}}, not {kind(item)}')
            continue
        read = {name: _value(entry.value, problems) for name, entry in item.entries.items()}
        values = {name: leaf for name, leaf in read.items() if leaf is not None}
        if len(values) == len(read):
            found.append(Cell(item.where, values))
    return found if len(found) == len(node.items) else None


def _combined(node: Node, axes: Mapping[str, tuple[Leaf, ...]], problems: Problems) -> list[Cell]:
    count = prod(len(values) for values in axes.values())
    if count > _CELLS_MAX:
        problems.add(node.where, f"the matrix has {count} cells; at most {_CELLS_MAX} are run")
        return []
    if not axes:
        return []
    return [
        Cell(node.where, dict(zip(axes, values, strict=True))) for values in product(*axes.values())
    ]


def _without(
    cells: list[Cell], excluded: list[Cell], axes: set[str], problems: Problems
) -> list[Cell]:
    for row in excluded:
        for name, leaf in row.values.items():
            if name not in axes:
                problems.add(leaf.where, f'the matrix does not vary "{name}"{meant(name, axes)}')
        if not any(_agrees(cell, row) for cell in cells):
            problems.add(row.where, f"no cell is {row.id}: this excludes nothing")
    return [cell for cell in cells if not any(_agrees(cell, row) for row in excluded)]


def _agrees(cell: Cell, row: Cell) -> bool:
    return all(
        name in cell.values and cell.values[name].text == leaf.text
        for name, leaf in row.values.items()
    )


def _add(cells: list[Cell], included: list[Cell], axes: list[str], problems: Problems) -> None:
    """Each row of ``include`` is a cell of its own, its values in the order of the axes."""
    for row in included:
        order = [name for name in axes if name in row.values]
        order += [name for name in row.values if name not in axes]
        cell = Cell(row.where, {name: row.values[name] for name in order})
        if any(one.id == cell.id for one in cells):
            problems.add(row.where, f"the cell {cell.id} is there already")
        else:
            cells.append(cell)
