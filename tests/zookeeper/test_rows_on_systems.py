"""ZooKeeper's own scenarios as plans: what ``docs/scenario-rows.md`` says of them is so.

In every test run a choice is run for real; ``--every-plan`` runs all, simulated ones too, which
``tests/runner/test_shipped_plans.py`` holds to their word each time.
``python -m tests.zookeeper.test_rows_on_systems`` runs all and writes the table anew.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import pytest

from tests.shipped import simulated
from tests.zookeeper.runs import CANNOT, HOLDS, ROOT, SYSTEMS, run

TABLE = ROOT / "docs" / "scenario-rows.md"
HEAD = f"| Plan | {' | '.join(SYSTEMS)} |\n|---|{'---|' * len(SYSTEMS)}\n"
LINE = re.compile(r"^\| `(plans/rows/[\w.-]+)` \| (.+) \|$", re.MULTILINE)
CHOSEN = {
    "simulated": (),
    "processes": ("row-70", "row-88"),
    "zookeeper": ("row-69", "row-76", "row-87", "row-102"),
    "mixed": ("row-72", "row-88", "row-96"),
}


def told() -> dict[tuple[str, str], str]:
    """The table's cells, by plan and system."""
    found: dict[tuple[str, str], str] = {}
    for plan, cells in LINE.findall(TABLE.read_text(encoding="utf-8")):
        for system, cell in zip(SYSTEMS, cells.split(" | "), strict=True):
            found[plan, system] = cell
    return found


def chosen(plan: str, system: str) -> bool:
    return Path(plan).stem.startswith(tuple(f"{row}-" for row in CHOSEN[system]))


PLANS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "plans" / "rows").glob("*.yaml"))
TOLD = told()


def test_the_table_has_each_plan_on_each_system() -> None:
    assert sorted({plan for plan, _ in TOLD}) == PLANS


def test_a_row_that_is_simulated_is_one_that_passes() -> None:
    hold = {plan for (plan, system), told in TOLD.items() if (system, told) == ("simulated", HOLDS)}
    assert hold == {str(path) for path in simulated("rows/*.yaml")}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "system" not in metafunc.fixturenames:
        return
    every = metafunc.config.getoption("--every-plan")
    cells = [cell for cell in TOLD if every or chosen(*cell)]
    ids = [f"{system}-{Path(plan).stem}" for plan, system in cells]
    metafunc.parametrize(("plan", "system"), cells, ids=ids)


@pytest.mark.live
def test_a_row_comes_out_as_the_table_says(
    request: pytest.FixtureRequest, tmp_path: Path, plan: str, system: str
) -> None:
    if system in ("zookeeper", "mixed"):
        request.getfixturevalue("installation")
    ran = run(Path(plan), system, tmp_path)
    assert ran.outcome == TOLD[plan, system], ran.why
    assert ran.folder is not None or ran.outcome == CANNOT


def rewrite() -> int:
    """Run every plan on every system, and write down what came of it."""
    lines: list[str] = []
    for plan in PLANS:
        cells: list[str] = []
        for system in SYSTEMS:
            with tempfile.TemporaryDirectory() as out:
                ran = run(Path(plan), system, Path(out))
            cells.append(ran.outcome)
            sys.stderr.write(f"{system} {plan}: {ran.outcome}: {ran.why}\n")
        lines.append(f"| `{plan}` | {' | '.join(cells)} |\n")
    before, _, rest = TABLE.read_text(encoding="utf-8").partition(HEAD)
    after = re.sub(r"\A(?:\|.*\n)*", "", rest)
    TABLE.write_text(before + HEAD + "".join(lines) + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(rewrite())
