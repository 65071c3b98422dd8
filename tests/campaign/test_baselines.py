"""Run sets that are kept, and found again by name, folder or file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.campaign.baselines import fingerprint, gather, names, open_sets, run_sets, save
from chaos.campaign.run_set import set_run
from chaos.errors import HistoryError
from chaos.store import result_text
from tests.campaign.sets import run, run_set
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
    assert found.key == ("story", "", "simulated")
    assert open_sets(str(runs[0].folder), tmp_path)[0].runs[0].seed == 1
    assert open_sets(runs[1].folder.name, tmp_path)[0].runs[0].seed == 2
    (live,) = run_sets([(one.result, set_run(one.result, one.history, "x")) for one in runs])
    assert [one.observed for one in live.runs] == [
        one.observed for one in sorted(found.runs, key=lambda one: one.seed)
    ]


def test_a_file_of_sets_is_gathered_with_folders_but_no_cell_twice(tmp_path: Path) -> None:
    lead(plan(STORY), tmp_path / "runs", 1)
    file = save("kept", "1.0", SETS[:1], tmp_path)
    found = gather([file, tmp_path / "runs"])
    assert {one.key for one in found} == {SETS[0].key, ("story", "", "simulated")}
    with pytest.raises(HistoryError, match="is there twice"):
        gather([file, file])


def test_cells_are_sets_of_their_own_and_who_warmed_up_is_in_none(tmp_path: Path) -> None:
    led = lead(plan(STORY), tmp_path)
    run = set_run(led.result, led.history, "x")
    cells = [replace(led.result, cell=f"size={n}") for n in (3, 5, 3)]
    found = run_sets([(one, run) for one in cells])
    assert [(one.called, len(one.runs)) for one in found] == [
        ("story size=3 on simulated", 2),
        ("story size=5 on simulated", 1),
    ]
    warm = replace(led.result, warmup=True)
    (led.folder / "result.json").write_text(result_text(warm), encoding="utf-8")
    with pytest.raises(HistoryError, match="no run that came to its end"):
        gather([tmp_path])


def test_the_seeds_of_a_set_are_in_the_order_of_its_runs_each_once() -> None:
    runs = [replace(run(seed, 1), repeat=n) for seed, n in ((9, 2), (10, 3), (8, 1), (9, 2))]
    assert replace(run_set([1]), runs=tuple(runs)).seeds == (8, 9, 10)
    assert run_set([1, 2]).seeds == (1, 2)  # as stored before repeats were


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
    "unknown": ("zzz", "baselines there is main; chaos baseline save zzz RUN… --out .* stores one"),
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
