"""Documents name files that exist, and show lines that can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from chaos.history.codec import Reader
from chaos.history.events import Event
from chaos.verify.checks import ALWAYS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
QUOTED = re.compile(r"`((?:chaos|docs|plans|tests|\.ci)/[\w./-]*\w)`")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_files_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = {(ROOT / name).parent / link for link in LINK.findall(text)}
    named |= {ROOT / path for path in QUOTED.findall(text)}
    assert sorted(str(path) for path in named if not path.exists()) == []


def test_there_are_documents() -> None:
    assert {"README.md", "ARCHITECTURE.md", "docs/history-format.md"} <= set(DOCUMENTS)


def test_the_history_format_shows_a_line_of_every_kind() -> None:
    text = (ROOT / "docs/history-format.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"```jsonl\n(.*?)```", text, re.DOTALL)).splitlines(keepends=True)
    shown = {type(event) for event in Reader().events(lines)}
    assert shown == set(get_args(Event))


def test_the_checks_are_those_that_are_asked_of_every_run() -> None:
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8").split("## When it is unknown")[0]
    rows = re.findall(r"^\| [–A-Z][^|]* \| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(check.name for check in ALWAYS)


def test_each_departure_from_zookeeper_names_the_test_that_holds_it() -> None:
    text = (ROOT / "docs/zookeeper-differences.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "Held by" not in line]
    held = [QUOTED.findall(row.rsplit("|", 2)[1]) for row in rows]
    assert len(rows) > 20
    assert [row for row, paths in zip(rows, held, strict=True) if not paths] == []
    assert [path for paths in held for path in paths if not (ROOT / path).is_file()] == []
