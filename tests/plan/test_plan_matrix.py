"""One plan for each combination of values of its params."""

from __future__ import annotations

import pytest

from chaos.errors import PlanError
from chaos.plan.load import load_cells, load_plan
from chaos.plan.matrix import chosen

HEAD = """\
version: 1
name: p
params: {size: 3, tick: 100ms, least: 1}
ensemble: {size: "${size}", timings: {tick: "${tick}"}}
steps: []
matrix:
"""
CELLS = {
    "one axis": ("  size: [3, 5]\n", ["size=3", "size=5"]),
    "the last axis is the fastest": (
        "  size: [3, 5]\n  tick: [50ms, 80ms]\n",
        ["size=3,tick=50ms", "size=3,tick=80ms", "size=5,tick=50ms", "size=5,tick=80ms"],
    ),
    "a row excludes what agrees with it": (
        "  size: [3, 5]\n  tick: [50ms, 80ms]\n  exclude: [{size: 5}]\n",
        ["size=3,tick=50ms", "size=3,tick=80ms"],
    ),
    "an included row comes last, in the order of the axes": (
        "  size: [3]\n  tick: [50ms]\n  include: [{tick: 9ms, size: 7}]\n",
        ["size=3,tick=50ms", "size=7,tick=9ms"],
    ),
    "only included": ("  include: [{size: 7}]\n", ["size=7"]),
}
WRONG = {
    "no such param": ("  sise: [3]\n", 'p.yaml:7:3: the matrix varies "sise"', 'mean "size"?'),
    "no cell": ("  x-note: 1\n", "p.yaml:7:3: the matrix has no cell", ""),
    "no value": ("  size: []\n", 'p.yaml:7:9: "size" has no value', ""),
    "everything excluded": (
        "  size: [3]\n  exclude: [{size: 3}]\n",
        "p.yaml:7:3: the matrix has no cell",
        "",
    ),
    "an exclude that excludes nothing": (
        "  size: [3]\n  exclude: [{size: 4}]\n",
        "p.yaml:8:13: no cell is size=4: this excludes nothing",
        "",
    ),
    "a value twice": ("  size: [3, 3]\n", "p.yaml:7:13: 3 is here twice", ""),
    "a cell twice": (
        "  size: [3]\n  include: [{size: 3}]\n",
        "p.yaml:8:13: the cell size=3 is there already",
        "",
    ),
    "an id that cannot be read": ('  size: ["3,5"]\n', 'p.yaml:7:10: "3,5" is no value', ""),
    "wrong in one cell only": ("  tick: [50ms, 5]\n", "p.yaml: cell tick=5:", "p.yaml:4:"),
    "no list": ("  size: 3\n", 'p.yaml:7:9: "size" is a list of values', "write [a, b]"),
}


@pytest.mark.parametrize(("matrix", "ids"), CELLS.values(), ids=CELLS.keys())
def test_cells_come_in_the_order_of_the_text(matrix: str, ids: list[str]) -> None:
    assert [plan.cell for plan in load_cells(HEAD + matrix, "p.yaml")] == ids


@pytest.mark.parametrize(("matrix", "place", "advice"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_matrix_is_told_at_its_place(matrix: str, place: str, advice: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_cells(HEAD + matrix, "p.yaml")
    assert place in str(caught.value)
    assert advice in str(caught.value)


def test_the_values_of_a_cell_take_the_place_of_the_params_and_keep_their_type() -> None:
    plans = load_cells(HEAD + "  size: [5]\n  tick: [50ms]\n", "p.yaml")
    assert [len(plan.ensemble.peers) for plan in plans] == [5]
    assert plans[0].ensemble.timings.tick_ms == 50


def test_a_plan_without_a_cell_has_its_params_as_written() -> None:
    plan = load_plan(HEAD + "  size: [5, 7]\n", "p.yaml")
    assert len(plan.ensemble.peers) == 3
    assert plan.cells == ("size=5", "size=7")


def test_a_setting_that_every_cell_would_replace_is_refused() -> None:
    with pytest.raises(PlanError, match=r"--set params\.size:1:1: the matrix varies it"):
        load_cells(HEAD + "  size: [5]\n", "p.yaml", {"params.size": "9"})


def test_a_cell_that_is_not_there_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(PlanError, match='no cell "size=6"; did you mean "size=5"'):
        load_plan(HEAD + "  size: [5]\n", "p.yaml", cell="size=6")


def test_values_choose_every_cell_that_has_them_in_any_order() -> None:
    ids = ["a=1,b=1", "a=1,b=2", "a=2,b=1", "a=11,b=1"]
    assert chosen(ids, "a=1") == ["a=1,b=1", "a=1,b=2"]
    assert chosen(ids, "b=1,a=2") == ["a=2,b=1"]
    assert chosen(ids, "a=3") == []
