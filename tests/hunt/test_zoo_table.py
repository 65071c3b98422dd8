"""The table of docs/zoo.md tells of exactly the bugs of the zoo, and can be made again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.hunt.hunt import Caught, Hunted
from chaos.hunt.table import BEGIN, END, table, woven
from chaos.zoo.cage import ZOO

TEXT = (Path(__file__).parents[2] / "docs/zoo.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w-]+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
ROWS = {found[1]: found.groups()[1:] for found in ROW.finditer(TEXT)}
SEEN = Caught("one-leads", "nobody led", "first-election", 1, 2, 1_500_000_000)


def test_the_table_names_exactly_the_bugs_of_the_zoo() -> None:
    assert [found[1] for found in ROW.finditer(TEXT)] == list(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_a_row_tells_of_the_bug_as_the_zoo_has_it(name: str) -> None:
    bug, (rule, shows, properties, conformance) = ZOO[name], ROWS[name]
    assert (rule, shows) == (f"{bug.rule} ({bug.source})", bug.shows)
    assert conformance.startswith("`"), "conformance missed it"
    if bug.missed:
        assert properties == f"no: {bug.missed}"
    else:
        assert any(f"in `{plan}`," in properties for plan in bug.plans), "its own plan goes first"


def test_the_counts_below_are_those_of_the_rows() -> None:
    by_properties = sum(not properties.startswith("no") for _, _, properties, _ in ROWS.values())
    counts = f"{len(ROWS)} bugs: {by_properties} caught by properties, {len(ROWS)} by conformance."
    assert counts in TEXT
    assert by_properties >= 60


def test_a_row_says_which_check_in_which_plan_after_how_long() -> None:
    made = table([Hunted("never-pings", SEEN, SEEN, 2)])
    assert "| `one-leads` in `first-election`, run 2, 1.5 s |" in made
    assert "1 bugs: 1 caught by properties, 1 by conformance." in made


def test_who_was_not_caught_says_why() -> None:
    made = table([Hunted("smaller-keeps-its-link", None, SEEN, 90), Hunted("never-pings")])
    assert f"| no: {ZOO['smaller-keeps-its-link'].missed} |" in made
    assert "| no: not in 0 runs | no: not in 0 runs |" in made


def test_what_stands_around_the_table_stays() -> None:
    once = woven(f"# Head\n\n{BEGIN}\nold\n{END}\n\ntail\n", "new\n")
    assert once == f"# Head\n\n{BEGIN}\nnew\n{END}\n\ntail\n"
    assert woven(once, "new\n") == once
    assert woven("", "new\n") == f"{BEGIN}\nnew\n{END}\n"
