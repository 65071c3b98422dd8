"""The table of ZooKeeper's own tests is whole, and its files say the rows that they cover."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = "docs/scenario-rows.md"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
FILE = re.compile(r"`((?:plans|tests)/[\w./-]+\w)`")
NAMED = re.compile(r"rows?[ _-](\d+(?:(?: to |-|, | and )\d+)*)", re.IGNORECASE)


def rows() -> list[tuple[int, str, str]]:
    text = (ROOT / TABLE).read_text(encoding="utf-8")
    return [(int(row), asks, covered) for row, asks, covered in ROW.findall(text)]


def named(text: str) -> set[int]:
    """The rows that a text names: ``row 16``, ``test_row_2_…``, ``rows 46 to 48``."""
    found: set[int] = set()
    for match in NAMED.findall(text):
        for part in re.split(r", | and ", match):
            first, *last = re.split(r" to |-", part)
            found.update(range(int(first), int(last[-1] if last else first) + 1))
    return found


NAMES = {
    "one": ("a test of row 16 here", {16}),
    "in a test's name": ("def test_row_2_a_second_election", {2}),
    "in a file's name": ("row-21-23-bad.txt", {21, 22, 23}),
    "from to": ("Rows 46 to 48: the epoch", {46, 47, 48}),
    "several": ("rows 101, 102 and 103.", {101, 102, 103}),
    "none": ("400 rows of 7 seats", set[int]()),
}


@pytest.mark.parametrize(("text", "numbers"), NAMES.values(), ids=NAMES.keys())
def test_a_text_names_rows(text: str, numbers: set[int]) -> None:
    assert named(text) == numbers


def test_the_table_has_each_row_once() -> None:
    assert [row for row, _, _ in rows()] == list(range(1, 109))


def test_a_row_is_covered_or_says_what_it_needs() -> None:
    unsaid = [
        row for row, _, covered in rows() if bool(FILE.findall(covered)) == ("not yet:" in covered)
    ]
    assert unsaid == []


COVERED = [(row, name) for row, _, covered in rows() for name in FILE.findall(covered)]


@pytest.mark.parametrize(("row", "name"), COVERED, ids=[f"{row}-{name}" for row, name in COVERED])
def test_a_file_says_the_row_that_it_covers(row: int, name: str) -> None:
    path = ROOT / name
    assert path.is_file()
    assert row in named(path.read_text(encoding="utf-8"))


def test_a_row_that_a_test_names_is_not_said_to_be_missing() -> None:
    missing = {row for row, _, covered in rows() if not FILE.findall(covered)}
    here = Path(__file__)
    texts = [path for path in (ROOT / "tests").rglob("*") if path.suffix in (".py", ".txt")]
    said = {
        row: str(path.relative_to(ROOT))
        for path in texts
        if path != here
        for row in named(path.read_text(encoding="utf-8")) & missing
    }
    assert said == {}
