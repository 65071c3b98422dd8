"""What no file of the project says: paths of one machine, and work left for later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOPS = (".ci", "chaos", "docs", "plans", "tests")
SUFFIXES = ("", ".py", ".md", ".yaml", ".toml", ".txt", ".svg", ".j2", ".css", ".js", ".json")
HOMES = "|".join(("work", "home", "root", "Users", "mnt"))
MACHINE_PATH = re.compile(rf"(?<![\w.$}}~-])/(?:{HOMES})/\w")
LATER = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + "X|HA" + r"CK)\b")


def _texts() -> Iterator[str]:
    for path in (*ROOT.iterdir(), *(p for top in TOPS for p in (ROOT / top).rglob("*"))):
        if path.is_file() and path.suffix in SUFFIXES and path.name != ".git":
            yield str(path.relative_to(ROOT))


TEXTS = sorted(_texts())


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_names_no_path_of_one_machine(name: str) -> None:
    assert MACHINE_PATH.findall((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_leaves_nothing_for_later(name: str) -> None:
    assert LATER.findall((ROOT / name).read_text(encoding="utf-8")) == []


def test_the_rules_see_what_they_look_for() -> None:
    assert MACHINE_PATH.search("see /" + "home/ann/x")
    assert not MACHINE_PATH.search("https://example.org/" + "home/ann")
    assert LATER.search("# TO" + "DO: later")


def test_the_sources_are_among_the_texts() -> None:
    assert {"pyproject.toml", "Makefile", ".ci/run", "chaos/errors.py"} <= set(TEXTS)
