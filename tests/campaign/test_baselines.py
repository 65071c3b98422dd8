"""Run sets that are kept, and found again by name, folder or file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.campaign.baselines import fingerprint, gather, names, open_sets, run_sets, save
from chaos.campaign.run_set import set_run
from chaos.errors import HistoryError
from tests.campaign.sets import run_set
from tests.runner.stage import lead, plan

STORY = """\
steps:
  - {id: up, wait: {outcome: leader}, within: 5s}
"""
SETS = (run_set([200, None, 300]), run_set([1]))


def test_what_is_saved_is_found_by_its_name_and_by_its_file(tmp_path: Path) -> None:
    file = save("main", "1.0", SETS, tmp_path)
    assert file == tmp_path / "baselines" / "main.json"
    assert open_sets("main", tmp_path) == SETS
    assert open_sets(str(file), Path("elsewhere")) == SETS
    assert names(tmp_path) == ["main"]


def test_a_folder_of_runs_is_a_set(tmp_path: Path) -> None:
    runs = [lead(plan(STORY), tmp_path, seed) for seed in (1, 2, 3)]
    (found,) = gather([tmp_path])
    assert sorted(one.seed for one in found.runs) == [1, 2, 3]
    assert found.key == ("story", "simulated")
    assert open_sets(str(runs[0].folder), tmp_path)[0].runs[0].seed == 1
    assert open_sets(runs[1].folder.name, tmp_path)[0].runs[0].seed == 2
    (live,) = run_sets([(one.result, set_run(one.result, one.history, "x")) for one in runs])
    assert [one.observed for one in live.runs] == [
        one.observed for one in sorted(found.runs, key=lambda one: one.seed)
    ]


def test_runs_in_other_surroundings_are_another_set(tmp_path: Path) -> None:
    led = lead(plan(STORY), tmp_path)
    run = set_run(led.result, led.history, "x")
    real = replace(led.result, system="processes", environment={"cores": "2", "load": "1"})
    assert fingerprint(real) == {"network": led.result.network, "cores": "2"}
    assert fingerprint(led.result) == {"network": led.result.network}
    other = replace(real, environment={"cores": "4", "load": "1"})
    assert len(run_sets([(real, run), (other, run), (real, run)])) == 2


WRONG = {
    "misspelt": ("mian", 'did you mean "main"?'),
    "unknown": ("zzz", "there is main; chaos baseline save zzz RUN… stores one"),
    "a path to nothing": ("./zzz", "there is main$"),
    "no run in it": ("empty", "holds no run"),
    "no baseline": ("broken.json", "is no baseline"),
    "of another version": ("later.json", "is of version 9; this version of chaos reads 1"),
}


@pytest.mark.parametrize(("said", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_names_no_set_says_what_would(said: str, told: str, tmp_path: Path) -> None:
    file = save("main", "1.0", SETS, tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "baselines" / "broken.json").write_text("{}", encoding="utf-8")
    later = file.read_text(encoding="utf-8").replace('"version": 1', '"version": 9')
    for name in ("broken.json", "later.json"):
        text = later if name == "later.json" else "{}"
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "baselines" / "broken.json").unlink()
    where = str(tmp_path / said) if said.endswith(".json") else said
    with pytest.raises(HistoryError, match=told.replace("?", r"\?")):
        open_sets(where, tmp_path)


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden"])
def test_a_name_is_one_that_a_file_may_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="is no name"):
        save(name, "1.0", SETS, tmp_path)
