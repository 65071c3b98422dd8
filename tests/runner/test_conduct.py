"""A system is led through a plan: order, times, ends, and what stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import actions as act
from chaos.election.effects import Entered
from chaos.history.events import Acted, RunBegan, RunEnded, StepBegan, StepEnded, Stepped
from tests.runner.stage import MS, SECOND, Led, Puppet, lead, plan

PAUSE = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 3s}
  - {id: back, after: {step: stop, edge: ended}, wait: {outcome: leader, seen_by: all}, within: 9s}
"""


def begins(led: Led) -> dict[str, int]:
    zero = led.history.zero_ns
    return {one.step: one.at_ns - zero for _, one in led.history.every(StepBegan)}


def ends(led: Led) -> dict[str, int]:
    zero = led.history.zero_ns
    return {one.step: one.at_ns - zero for _, one in led.history.every(StepEnded)}


def test_steps_begin_in_order_and_a_fault_lasts_as_long_as_it_says(tmp_path: Path) -> None:
    led = lead(plan(PAUSE), tmp_path)
    assert led.order() == ["up", "stop", "back"]
    assert led.result.exit_code == 0
    assert ends(led)["stop"] - begins(led)["stop"] == 3 * SECOND
    assert begins(led)["back"] == ends(led)["stop"]
    assert [type(action) for action in led.system.applied] == [act.Pause, act.Resume]


def test_a_run_tells_each_step_as_it_goes(tmp_path: Path) -> None:
    led = lead(plan(PAUSE), tmp_path, seed=9)
    assert led.heard.began_with == ("story", "simulated", "virtual", 9)
    told = [text.partition(":")[::2] for _, text in led.heard.lines]
    assert [(name, words.split()[0]) for name, words in told] == [
        ("up", "wait"),
        ("up", "satisfied;"),
        ("stop", "pause"),
        ("stop", "ended"),
        ("back", "when"),
        ("back", "satisfied;"),
    ]
    assert led.heard.looks > len(led.history.events) / 2, "it is shown all along"


def test_a_history_begins_and_ends_with_its_run(tmp_path: Path) -> None:
    led = lead(plan(PAUSE), tmp_path)
    first, last = led.history.events[0], led.history.events[-1]
    assert isinstance(first, RunBegan)
    assert (first.plan, first.system, first.facts["format"]) == ("story", "simulated", 1)
    assert isinstance(last, RunEnded)
    assert last.why == "done"


def test_a_name_means_in_later_steps_whom_it_meant_first(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
          - {id: stop, fault: pause, target: leader, as: old, for: 5s}
          - {id: others, wait: {outcome: leader, among: {of: all, except: [$old]}}, within: 9s}
          - {id: kill-it, fault: kill, target: $old}
        """),
        tmp_path,
    )
    assert led.step("kill-it").targets == led.step("stop").targets != ()
    assert led.step("stop").sentence.endswith(f"→ {led.step('stop').targets[0]}")


def test_times_count_from_zero_or_from_an_edge(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: one, at: 700ms, fault: pause, target: 1, for: 500ms}
          - id: two
            after: {step: one, edge: started, plus: 100ms}
            fault: pause
            target: 2
            for: 1s
          - {id: three, after: {step: one, edge: ended, plus: 250ms}, fault: kill, target: 3}
        """),
        tmp_path,
    )
    assert begins(led) == {"one": 700 * MS, "two": 800 * MS, "three": 1450 * MS}
    planned = {step.step: step.planned_ns for step in led.result.steps}
    assert planned == {"one": 700 * MS, "two": 800 * MS, "three": 1450 * MS}


def test_a_time_that_is_past_means_at_once(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: later, wait: {time: 2s}, why: to be late}
          - {id: late, at: 1s, fault: kill, target: 1}
        """),
        tmp_path,
    )
    assert begins(led)["late"] == 2 * SECOND
    assert led.step("late").planned_ns == SECOND


def test_a_step_at_zero_acts_before_any_peer_looks(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: early, at: 0ms, fault: pause, target: 3, for: 2s}
          - {id: up, wait: {outcome: leader}, within: 9s}
        """),
        tmp_path,
    )
    acted = next(event for _, event in led.history.every(Acted))
    looks = [
        event.at_ns
        for _, event in led.history.every(Stepped)
        if any(isinstance(effect, Entered) for effect in event.effects)
    ]
    assert acted.at_ns <= led.history.zero_ns <= min(looks)
    woke = [event.at_ns for _, event in led.history.every(Stepped) if event.sid == 3]
    assert min(woke) >= acted.at_ns + 2 * SECOND
    assert led.step("early").planned_ns == 0
    assert led.result.exit_code == 0


def test_a_release_ends_a_fault_before_its_time(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: stop, at: 1s, fault: pause, target: 1, for: 30s}
          - {id: go, at: 2s, release: [stop]}
        """),
        tmp_path,
    )
    assert ends(led)["stop"] == 2 * SECOND
    assert [type(action) for action in led.system.applied] == [act.Pause, act.Resume]


def test_a_run_that_ends_early_ends_its_faults_the_youngest_first(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: stop, at: 1s, fault: pause, target: 1, for: 50s}
          - {id: cut, fault: isolate, target: 2, for: 50s}
          - {id: never, wait: {outcome: leader, among: 1}, within: 1s}
        """),
        tmp_path,
    )
    kinds = [type(action) for action in led.system.applied]
    assert kinds == [act.Pause, act.Block, act.Unblock, act.Resume]
    assert led.result.exit_code == 1


WAITS = {
    "fail": ("failed", 1, ["never"]),
    "skip": ("skipped", 3, ["never"]),
    "run": ("done", 0, ["never", "after"]),
}


@pytest.mark.parametrize(("outcome", "code", "order"), WAITS.values(), ids=WAITS.keys())
def test_a_wait_that_runs_out(
    outcome: str, code: int, order: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    otherwise = request.node.callspec.id
    led = lead(
        plan(f"""\
        steps:
          - id: never
            wait: {{outcome: no_leader, hold_for: 9s}}
            within: 4s
            otherwise: {otherwise}
          - {{id: after, wait: {{outcome: leader}}, within: 1s}}
        """),
        tmp_path,
    )
    assert led.order() == order
    assert led.step("never").outcome == outcome
    assert led.step("never").why.startswith("not so within 4s; roles were 1 follower, ")
    assert led.result.exit_code == code


def test_a_wait_holds_for_as_long_as_it_says(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: up, wait: {outcome: leader}, within: 5s}
          - {id: held, wait: {outcome: leader, hold_for: 700ms}, within: 5s}
        """),
        tmp_path,
    )
    assert ends(led)["held"] - begins(led)["held"] == 700 * MS


def test_a_fault_at_nobody_ends_the_steps_and_proves_nothing(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: stop, at: 10ms, fault: pause, target: leader, for: 1s}
          - {id: after, wait: {outcome: leader}, within: 5s}
        """),
        tmp_path,
    )
    assert led.order() == ["stop"]
    assert led.verdict("stop") == ("unknown", "no peer leads now")
    assert led.verdict("after") == ("unknown", "the run ended before this step")
    assert led.result.exit_code == 3
    assert led.system.applied == []


def test_a_fault_at_nobody_before_zero_leaves_a_whole_history(tmp_path: Path) -> None:
    step = "{id: stop, at: 0ms, fault: pause, target: leader, for: 1s}"
    led = lead(plan(f"steps: [{step}]\n"), tmp_path)
    assert led.result.exit_code == 3
    assert isinstance(led.history.events[0], RunBegan)
    assert led.step("stop").began_ns == led.step("stop").planned_ns == 0


def test_a_fault_may_go_on_without_anybody(tmp_path: Path) -> None:
    led = lead(
        plan("""\
        steps:
          - {id: stop, at: 10ms, fault: pause, target: leader, if_ambiguous: skip, for: 1s}
          - {id: after, wait: {outcome: leader}, within: 5s}
        """),
        tmp_path,
    )
    assert led.step("stop").outcome == "skipped"
    assert led.step("after").outcome == "done"


def test_a_fault_that_did_not_bite_ends_the_steps_and_is_undone(tmp_path: Path) -> None:
    story = plan(PAUSE)
    system = Puppet(story.ensemble, doubt=frozenset({act.Pause}))
    led = lead(story, tmp_path, system=system)
    assert led.result.exit_code == 3
    assert led.verdict("stop") == ("unknown", "the fault could not be confirmed")
    assert led.order() == ["up", "stop"]
    assert [type(action) for action in system.applied] == [act.Pause, act.Resume]


def test_a_plan_may_do_without_confirmation(tmp_path: Path) -> None:
    story = plan(PAUSE.replace("as: old", "as: old, confirm: optional"))
    led = lead(story, tmp_path, system=Puppet(story.ensemble, doubt=frozenset({act.Pause})))
    assert led.order() == ["up", "stop", "back"]


LATE = {
    "a step that is due later": "{id: x, at: 1m, fault: kill, target: 1}",
    "a wait that goes on": "{id: x, wait: {outcome: no_leader, hold_for: 9s}, within: 50s}",
    "time that does not go by": "{id: x, wait: {time: 50s}, why: too long}",
    "a fault that goes on": "{id: x, after: {step: long, edge: ended}, fault: kill, target: 1}",
}


@pytest.mark.parametrize("step", LATE.values(), ids=LATE.keys())
def test_the_time_of_a_run_ends_it_without_a_verdict(step: str, tmp_path: Path) -> None:
    led = lead(
        plan(f"""\
        limits: {{run_timeout: 5s}}
        steps:
          - {{id: long, at: 3s, fault: pause, target: 1, for: 50s}}
          - {step}
        """),
        tmp_path,
    )
    assert led.result.exit_code == 3
    outcome, why = led.verdict("x")
    assert outcome == "unknown"
    assert why.startswith(("the run's 5s were up", "long has not ended by now"))
    last = led.history.events[-1]
    assert last.at_ns - led.history.zero_ns <= 6 * SECOND
    assert [type(action) for action in led.system.applied] == [act.Pause, act.Resume]
