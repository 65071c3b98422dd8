"""What is predicted of an election from its timings holds what simulated runs measure."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from chaos.plan.lint.context import Context
from chaos.plan.lint.forecast import Band, forecasts
from chaos.plan.lint.outline import numbers_of, outline
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.runner.run import perform
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult
from chaos.systems.simulated import Simulated
from tests.runner.stage import Heard

ROOT = Path(__file__).parents[2]
PLANS = [
    *("leader-pause", "leader-kill", "isolate-leader", "one-way-block", "partition-halves"),
    *("majority-lost-then-healed", "even-ensemble", "weights-and-groups", "held-ackepoch-killed"),
    *("two-configs-need-both-quorums", "leader-kill-restart-loop", "first-vote-cut"),
]
BANDS = ("election.detect", "election.vote", "election.finalize", "election.total")


def loaded(name: str) -> Plan:
    path = f"plans/{name}.yaml"
    return load_plan((ROOT / path).read_text(encoding="utf-8"), path)


def ran(plan: Plan, seed: int, folder: Path) -> tuple[RunResult, int]:
    with closing(RunFolder.create(folder, plan.name, seed)) as kept:
        system = Simulated(plan.ensemble, seed)
        result, history = perform(Task(plan, seed, "", {}), system, kept, Heard())
    return result, history.end_ns - history.zero_ns


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", PLANS)
def test_a_band_holds_what_runs_measure(name: str, seed: int, tmp_path: Path) -> None:
    plan = loaded(name)
    told = {one.of: one for one in forecasts(Context(plan))}
    result, took_ns = ran(plan, seed, tmp_path)
    judged = 0
    for measure in result.measures:
        if measure.of not in told or measure.name not in BANDS or measure.value_ns is None:
            continue
        band = getattr(told[measure.of], measure.name.removeprefix("election."))
        assert isinstance(band, Band), measure
        assert band.least_ns <= measure.value_ns <= band.most_ns, measure
        judged += 1
    assert judged > 2
    tree = outline(plan)
    assert tree.least_ns <= took_ns <= tree.likely_ns <= tree.most_ns


def test_silence_is_noticed_later_than_a_closed_socket() -> None:
    (_, silent), (_, loud) = (
        forecasts(Context(loaded(f"leader-{how}"))) for how in ("pause", "kill")
    )
    assert silent.detect is not None
    assert loud.detect is not None
    assert (loud.detect.least_ns, silent.detect.least_ns) == (0, 350_000_000)
    assert silent.total.least_ns == 550_000_000


def test_a_fault_that_ends_no_leadership_has_no_forecast() -> None:
    text = (
        "version: 1\nname: x\nensemble: {size: 3}\nsteps:\n"
        "  - {id: up, wait: {outcome: leader}, within: 5s}\n"
        "  - {id: f, fault: delay, target: 1, with: {latency: 5ms}, for: 1s}\n"
    )
    assert [one.of for one in forecasts(Context(load_plan(text, "x.yaml")))] == ["start"]


def test_steps_are_numbered_by_their_place_in_the_tree() -> None:
    assert list(numbers_of([0, 0, 1, 1, 2, 0])) == ["1", "2", "2.1", "2.2", "2.2.1", "3"]


def test_the_tree_tells_times_sets_and_what_hangs_on_a_step() -> None:
    tree = outline(loaded("leader-pause"))
    paused = tree.branches[1]
    assert (paused.number, paused.step) == ("2", "pause-leader")
    assert (paused.begins_least_ns, paused.begins_most_ns) == (300_000_000, 5_000_000_000)
    assert paused.sets == ((1,), (2,), (3,), (4,), (5,))
    assert [text.split(":")[0] for text in paused.expects] == [
        "next",
        "old-follows",
        "election-time",
    ]
