"""Shards of a command: every cell in exactly one, however the jobs name their plans."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.campaign.durations import Lasted, keep, place, read
from chaos.campaign.shards import Shard, divide, shard
from chaos.errors import HistoryError

COST = st.none() | st.integers(0, 10**12)
COSTS = st.lists(COST, max_size=40)
PARTS = st.integers(1, 12)


def cells(costs: list[int | None]) -> list[tuple[str, ...]]:
    return [("plan", f"size={number}") for number in range(len(costs))]


@given(COSTS, PARTS, st.integers(0, 2**32))
def test_every_cell_is_in_one_part_in_whatever_order_plans_are_named(
    costs: list[int | None], parts: int, seed: int
) -> None:
    named = list(zip(cells(costs), costs, strict=True))
    found = dict(zip(cells(costs), divide(cells(costs), costs, parts), strict=True))
    assert set(found.values()) <= set(range(1, parts + 1))
    random.Random(seed).shuffle(named)
    again = divide([cell for cell, _ in named], [cost for _, cost in named], parts)
    assert dict(zip([cell for cell, _ in named], again, strict=True)) == found


@given(st.integers(0, 40), PARTS)
def test_where_no_duration_is_known_parts_differ_by_one_cell_at_most(many: int, parts: int) -> None:
    nothing: list[int | None] = [None] * many
    counted = Counter(divide(cells(nothing), nothing, parts))
    sizes = [counted[part] for part in range(1, parts + 1)]
    assert sum(sizes) == many
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40), PARTS)
def test_no_part_takes_more_than_its_share_and_one_cell(costs: list[int], parts: int) -> None:
    found = divide(cells([*costs]), [*costs], parts)
    loads = [
        sum(cost for cost, part in zip(costs, found, strict=True) if part == number)
        for number in range(1, parts + 1)
    ]
    longest = max(costs)
    assert max(loads) * parts <= sum(costs) + longest * (parts - 1)


def test_a_long_cell_is_alone_and_an_unknown_one_counts_as_the_median() -> None:
    costs = [90, 30, None, 30]
    assert divide(cells(costs), costs, 2) == [1, 2, 2, 2]


@pytest.mark.parametrize("text", ["", "2", "0/3", "4/3", "1/0", "-1/3", "1/2/3", "1/99999", "a/b"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no shard"):
        shard(text)


def test_a_shard_is_a_number_of_so_many() -> None:
    assert shard("2/5") == Shard(2, 5)
    assert str(Shard(2, 5)) == "2/5"


# ---- durations


def lasted(cell: str, runs: int = 2, took_ns: int = 100) -> Lasted:
    return Lasted("p", cell, "simulated", runs, took_ns)


def test_durations_add_up_and_the_last_word_of_a_cell_counts(tmp_path: Path) -> None:
    file = place(tmp_path / "new", Shard(2, 5))
    assert file.name == "durations-2-of-5.json"
    keep(file, [lasted("a"), lasted("b")])
    keep(file, [lasted("b", 3, 900)])
    other = tmp_path / "other.json"
    keep(other, [lasted("c"), lasted("a", 1, 7)])
    found = read([file, other])
    assert {key[1]: one.for_runs(6) for key, one in found.items()} == {"a": 42, "b": 1800, "c": 300}


CELL = '"plan": "p", "cell": "", "system": "s"'
OTHER = {
    "nothing": "",
    "a list": "[]",
    "another version": '{"version": 2, "cells": []}',
    "half a cell": '{"version": 1, "cells": [{"plan": "p"}]}',
    "no run": f'{{"version": 1, "cells": [{{{CELL}, "runs": 0, "took_ns": 1}}]}}',
    "a negative time": f'{{"version": 1, "cells": [{{{CELL}, "runs": 1, "took_ns": -1}}]}}',
}


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER.keys())
def test_a_file_that_holds_something_else_is_named_and_left_alone(
    text: str, tmp_path: Path
) -> None:
    file = tmp_path / "durations.json"
    file.write_text(text, encoding="utf-8")
    for work in (lambda: read([file]), lambda: keep(file, [lasted("a")])):
        with pytest.raises(HistoryError, match=r"durations\.json"):
            work()
    assert file.read_text(encoding="utf-8") == text
