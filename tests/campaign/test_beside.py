"""What a set is shown beside: told, never a gate, and what is missing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.campaign.baselines import save
from chaos.campaign.beside import compared, place, remember, wanted
from chaos.errors import HistoryError
from chaos.plan.reports import PREVIOUS
from tests.campaign.sets import run_set, spread_ms

KEY = ("crash", "", "processes")


def test_a_slower_set_is_told_beside_each_that_is_there(tmp_path: Path) -> None:
    save("main", "1", (run_set(spread_ms(40)),), tmp_path)
    remember("1", (run_set(spread_ms(40, 2.0)),), tmp_path)
    beside = wanted(("main", PREVIOUS, "gone"), KEY, tmp_path)
    head = run_set(spread_ms(40, 2.0, seed=2))
    main, previous, gone = compared(beside, (head,), pairs=False)
    (line,) = main.lines()
    assert line.startswith("compared with main: election.total stop: regressed: ×2")
    assert "election.total stop: regressed" not in "".join(previous.lines())
    assert previous.rows
    (missing,) = gone.lines()
    assert missing.startswith('not compared with gone: no baseline is called "gone"')


LACKS = {
    "no earlier set": (PREVIOUS, "no earlier command kept a set of it"),
    "another plan": ("other", "other holds no runs of crash on processes"),
}


@pytest.mark.parametrize(("name", "why"), LACKS.values(), ids=LACKS.keys())
def test_what_is_missing_is_said(name: str, why: str, tmp_path: Path) -> None:
    save("other", "1", (replace(run_set([1.0]), plan="else"),), tmp_path)
    (beside,) = wanted((name,), KEY, tmp_path)
    assert why in beside.lacks
    (shown,) = compared((beside,), (run_set([1.0]),), pairs=False)
    assert why in shown.lines()[0]


def test_a_cell_without_a_run_is_beside_nothing(tmp_path: Path) -> None:
    save("main", "1", (run_set([1.0]),), tmp_path)
    (shown,) = compared(wanted(("main",), KEY, tmp_path), (), pairs=False)
    assert shown.lines() == ("not compared with main: no run came to its end",)


def test_another_text_of_the_plan_is_said(tmp_path: Path) -> None:
    save("main", "1", (replace(run_set(spread_ms(9)), plan_digest="d0"),), tmp_path)
    (shown,) = compared(wanted(("main",), KEY, tmp_path), (run_set(spread_ms(9)),), pairs=False)
    assert shown.lines()[0].endswith("; the plan is not the same text")


def test_the_last_set_of_each_cell_is_kept(tmp_path: Path) -> None:
    cells = [replace(run_set([float(n)]), cell=f"size={n}") for n in (3, 5)]
    for one in cells:
        remember("1", (one,), tmp_path)
    newer = replace(run_set([9.0, 9.0]), cell="size=5")
    remember("1", (newer,), tmp_path)
    for cell, kept in (("size=3", cells[0]), ("size=5", newer)):
        (beside,) = wanted((PREVIOUS,), ("crash", cell, "processes"), tmp_path)
        assert beside.sets == (kept,)


def test_a_file_that_is_no_set_is_left_alone(tmp_path: Path) -> None:
    file = place(tmp_path, "crash", "processes")
    file.parent.mkdir()
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(HistoryError, match="is no baseline"):
        remember("1", (run_set([1.0]),), tmp_path)
    assert file.read_text(encoding="utf-8") == "mine"


def test_no_baseline_takes_the_name_of_the_last_set(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="what plans call the set of the command before"):
        save(PREVIOUS, "1", (run_set([1.0]),), tmp_path)
