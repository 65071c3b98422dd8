"""Every plan loads: those of ``plans/``, and those that a document shows in full."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.plan.load import load_plan

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)
PLANS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "plans").glob("**/*.yaml"))
FENCED = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_loads(name: str) -> None:
    load_plan((ROOT / name).read_text(encoding="utf-8"), name)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_says_in_its_first_comment_what_it_is_for(name: str) -> None:
    first = (ROOT / name).read_text(encoding="utf-8").splitlines()[:3]
    assert any(line.startswith("# ") and not line.startswith("# yaml-") for line in first)


def test_there_are_plans() -> None:
    assert "plans/leader-pause.yaml" in PLANS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_whole_plan_in_a_document_loads(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for plan in FENCED.findall(text):
        if "version: 1\n" in plan and "\nensemble:" in plan:
            load_plan(plan, name)
