"""What a run drew is stored beside its events, and a replay does the same again."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from chaos.errors import HistoryError
from chaos.history.events import StepBegan
from chaos.runner.rejudge import rejudge
from chaos.runner.resolved import RESOLVED, stored_draws
from chaos.runner.run import perform
from chaos.runner.stored import open_run
from chaos.runner.task import Task
from chaos.store import RunFolder
from tests.runner.stage import MS, Heard, Led, Puppet, lead, plan

NOISE = plan("""\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}
  - id: noise
    random:
      count: 3
      every: 100ms..900ms
      choose:
        - {weight: 2, fault: pause, target: {pick: 1, of: followers}, for: 40ms..60ms}
        - {fault: isolate, target: {pick: 1, of: followers}, for: 300ms}
  - {id: then, note: the last has begun}
""")


def begins(led: Led) -> dict[str, int]:
    zero = led.history.zero_ns
    return {one.step: one.at_ns - zero for _, one in led.history.every(StepBegan)}


def test_what_is_drawn_happens_at_its_time_and_is_not_waited_for(tmp_path: Path) -> None:
    led = lead(NOISE, tmp_path, seed=3)
    draws = stored_draws(led.folder)["noise"]
    at = begins(led)
    assert at["noise.1"] - at["noise"] == draws["every.1"]
    assert at["noise.3"] - at["noise.2"] == draws["every.3"]
    assert at["then"] == at["noise.3"]
    assert {one.depth for one in led.result.steps if one.step.startswith("noise.")} == {1}
    assert led.result.exit_code == 0


def test_the_resolved_plan_has_every_draw_and_every_target(tmp_path: Path) -> None:
    led = lead(NOISE, tmp_path, seed=3)
    stored = json.loads((led.folder / RESOLVED).read_text(encoding="utf-8"))
    assert (stored["plan"], stored["seed"]) == ("story", 3)
    assert set(stored["targets"]) == {"noise.1", "noise.2", "noise.3"}
    assert set(stored["draws"]["noise"]) == {
        f"{key}.{n}" for key in ("every", "choose") for n in (1, 2, 3)
    }


def test_a_replay_takes_the_draws_of_the_run(tmp_path: Path) -> None:
    """Even where a version of the tool would draw otherwise, here by another number in the file."""
    led = lead(NOISE, tmp_path, seed=3)
    file = led.folder / RESOLVED
    stored = json.loads(file.read_text(encoding="utf-8"))
    stored["draws"]["noise"]["every.1"] = 123 * MS
    file.write_text(json.dumps(stored), encoding="utf-8")
    run = open_run(led.folder)
    task = Task(run.written, run.began.seed, "", run.aims, draws=run.draws)
    with closing(RunFolder.create(tmp_path, "again", 3)) as folder:
        result, history = perform(task, Puppet(run.plan.ensemble, 3), folder, Heard())
    again = Led(result, history, Heard(), led.system, folder.path)
    assert begins(again)["noise.1"] - begins(again)["noise"] == 123 * MS
    assert stored_draws(folder.path) == run.draws


def test_a_run_of_draws_is_judged_as_it_was(tmp_path: Path) -> None:
    led = lead(NOISE, tmp_path, seed=3)
    assert rejudge(led.folder).verdicts == led.result.verdicts


def test_a_run_that_left_no_file_is_drawn_by_its_seed(tmp_path: Path) -> None:
    led = lead(NOISE, tmp_path, seed=3)
    (led.folder / RESOLVED).unlink()
    assert rejudge(led.folder).verdicts == led.result.verdicts


NO_DRAWS = {
    "half a file": "{",
    "a list": "[]",
    "a newer version": '{"version": 2}',
    "a step without names": '{"version": 1, "draws": {"a": 1}}',
    "a number that is none": '{"version": 1, "draws": {"a": {"b": null}}}',
    "an endless number": '{"version": 1, "draws": {"a": {"b": Infinity}}}',
    "a bottomless list": "[" * 100_000,
}


@pytest.mark.parametrize("text", NO_DRAWS.values(), ids=NO_DRAWS.keys())
def test_a_file_that_holds_no_draws_is_named(tmp_path: Path, text: str) -> None:
    led = lead(NOISE, tmp_path, seed=3)
    (led.folder / RESOLVED).write_text(text, encoding="utf-8")
    with pytest.raises(HistoryError, match=r"resolved\.json is no resolved plan"):
        open_run(led.folder)
