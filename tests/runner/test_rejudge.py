"""A stored run is judged again as it was judged, and otherwise where its history says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.actions import Evidence, Pause
from chaos.election.effects import Start
from chaos.election.ids import Sid
from chaos.errors import HistoryError, PlanError
from chaos.history.codec import Writer
from chaos.history.events import (
    Acted,
    Event,
    Exited,
    RunBegan,
    RunEnded,
    StepBegan,
    StepEnded,
    Stepped,
)
from chaos.history.history import History
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.runner import codes
from chaos.runner.rejudge import Change, rejudge
from chaos.store import HISTORY, PLAN, RESULT
from chaos.verify.verdict import Outcome
from tests.runner.stage import Led, Puppet, lead, plan, worse

STORIES = {
    "a fault that is not believed": """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, for: 1s}
  - {id: never, wait: {outcome: no_leader}, within: 5s}
""",
    "a wait that runs out": """\
steps:
  - {id: never, wait: {outcome: no_leader, hold_for: 3s}, within: 1s}
  - {id: after-it, fault: pause, target: 1, for: 1s}
""",
    "nobody to pause": """\
steps:
  - {id: stop, at: 1ms, fault: pause, target: leader, for: 1s}
  - {id: up, wait: {outcome: leader}, within: 5s}
""",
    "what is not reached in time": """\
limits: {run_timeout: 300ms}
steps:
  - {id: up, wait: {outcome: leader}, within: 5s}
  - {id: much-later, wait: {time: 5s}}
expect:
  - {id: x, outcome: leader, after: much-later, within: 1s}
""",
    "a wait that may run out": """\
steps:
  - {id: nobody, wait: {outcome: no_leader, hold_for: 3s}, within: 1s, otherwise: skip}
  - {id: stop, fault: pause, target: leader, for: 1s}
""",
}
BELIEVED = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 2s}
  - {id: back, after: {step: stop, edge: ended}, wait: {outcome: leader, seen_by: all}, within: 5s}
expect:
  - {id: x, outcome: leader, among: {of: voters, except: [$old]}, after: stop, within: 2s}
  - {id: y, outcome: {role: follower}, of: $old, after: {step: stop, edge: ended}, within: 3s}
  - {id: z, metric: election.total, of: stop, max: 5s}
"""


def same(led: Led) -> None:
    """Word for word, but for what nothing but the driver knew."""
    again = rejudge(led.folder)
    assert again.verdicts == led.result.verdicts
    assert (again.exit_code, again.headline) == (led.result.exit_code, led.result.headline)
    assert again.changes == ()


@pytest.mark.parametrize("text", STORIES.values(), ids=STORIES.keys())
def test_a_run_that_went_wrong_is_judged_as_it_was(text: str, tmp_path: Path) -> None:
    story = plan(text)
    led = lead(story, tmp_path, system=Puppet(story.ensemble, 1, doubt=frozenset({Pause})))
    assert led.result.exit_code != codes.PASSED or "otherwise" in text
    same(led)


def test_what_was_left_on_the_host_still_is(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path, system=Puppet(story.ensemble, 1, residue="veth7 is left"))
    assert led.result.exit_code == codes.RESIDUE
    same(led)


def test_what_was_set_on_the_way_is_set_again(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    wider = load_plan(story.text, "story.yaml", {"ensemble.size": "7", "expect.0.within": "1ms"})
    led = lead(wider, tmp_path)
    assert led.result.exit_code == codes.FAILED
    same(led)


# ---- what is judged otherwise


def rewritten(folder: Path, events: tuple[Event, ...]) -> None:
    writer = Writer()
    text = "".join(writer.lines(event) for event in events)
    (folder / HISTORY).write_text(text, encoding="utf-8")


def test_what_an_older_check_let_pass_is_told(tmp_path: Path) -> None:
    led = lead(plan(BELIEVED), tmp_path)
    rewritten(led.folder, tuple(worse(event) for event in led.history.events))
    again = rejudge(led.folder)
    assert again.exit_code == codes.UNSAFE
    assert Change("vote_order_respected", Outcome.HOLDS, Outcome.FAILS) in again.changes
    assert again.run.result is not None
    assert again.run.result.exit_code == codes.PASSED


def test_a_check_that_there_was_not_is_told(tmp_path: Path) -> None:
    led = lead(plan(BELIEVED), tmp_path)
    path = led.folder / RESULT
    older = path.read_text(encoding="utf-8").replace('"both_quorums"', '"older_check"')
    path.write_text(older, encoding="utf-8")
    assert set(rejudge(led.folder).changes) == {
        Change("both_quorums", None, Outcome.NOT_EXERCISED),
        Change("older_check", Outcome.NOT_EXERCISED, None),
    }


# ---- runs that were cut short, and folders that hold none


def cut(led: Led, story: Plan, upto: type[Event] | None, nth: int = 1) -> None:
    """Nothing behind the ``nth`` event of a kind was written, and no result."""
    kept: list[Event] = []
    for event in led.history.events:
        kept.append(event)
        nth -= upto is not None and isinstance(event, upto)
        if nth == 0:
            break
    rewritten(led.folder, tuple(kept))
    (led.folder / RESULT).unlink()
    (led.folder / PLAN).write_text(story.text, encoding="utf-8")


def test_a_run_that_was_cut_short_is_judged_as_far_as_it_went(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path)
    cut(led, story, StepEnded)  # the wait is over; the fault has not begun
    again = rejudge(led.folder)
    outcomes = {verdict.name: verdict.outcome for verdict in again.verdicts}
    assert (again.run.result, again.changes) == (None, ())
    assert again.exit_code == codes.INCONCLUSIVE
    assert outcomes["up"] is Outcome.HOLDS
    assert outcomes["stop"] is outcomes["x"] is outcomes["y"] is Outcome.UNKNOWN
    assert outcomes["vote_order_respected"] is Outcome.HOLDS


def test_a_violation_is_found_in_a_run_that_was_cut_short(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path)
    bad = History(tuple(worse(event) for event in led.history.events))
    cut(replace(led, history=bad), story, Stepped, 120)
    assert rejudge(led.folder).exit_code == codes.UNSAFE


def test_a_whole_history_without_its_result_is_judged_by_its_lines_alone(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path)
    cut(led, story, RunEnded)
    assert rejudge(led.folder).verdicts == tuple(
        replace(one, where=one.where.replace("story.yaml", str(led.folder / PLAN)))
        for one in led.result.verdicts
    )


def test_a_run_that_never_began_is_none(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path)
    before = tuple(e for e in led.history.events if not isinstance(e, RunBegan))
    cut(replace(led, history=History(before)), story, None)
    with pytest.raises(HistoryError, match="ended before its time zero"):
        rejudge(led.folder)


STRAYS: dict[str, tuple[Event, str]] = {
    "who never began": (
        Stepped(5, Sid(9), 0, 1, Start(), ()),
        "what peer 9 did, which never began",
    ),
    "a death of nobody": (Exited(5, Sid(9), 0, -9), "of peer 9, which its plan does not have"),
    "nobody is paused": (
        Acted(5, 5, "stop", Pause(Sid(9)), Evidence(True)),
        "was done to peer 9, which its plan does not have",
    ),
}


@pytest.mark.parametrize(("line", "why"), STRAYS.values(), ids=STRAYS.keys())
def test_a_history_of_peers_that_cannot_be_is_none(line: Event, why: str, tmp_path: Path) -> None:
    led = lead(plan(BELIEVED), tmp_path)
    with (led.folder / HISTORY).open("a", encoding="utf-8") as history:
        history.write(Writer().lines(line))
    with pytest.raises(HistoryError, match=rf"history\.jsonl tells .*{why}"):
        rejudge(led.folder)


def test_a_run_without_its_plan_is_none(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path)
    cut(led, story, RunEnded)
    (led.folder / PLAN).unlink()
    with pytest.raises(HistoryError, match="without its plan"):
        rejudge(led.folder)


def test_a_plan_that_is_none_any_more_says_where(tmp_path: Path) -> None:
    story = plan(BELIEVED)
    led = lead(story, tmp_path)
    cut(led, story, RunEnded)
    (led.folder / PLAN).write_text(story.text.replace("pause", "freeze"), encoding="utf-8")
    with pytest.raises(PlanError, match=r"plan\.yaml:6:"):
        rejudge(led.folder)


@pytest.mark.parametrize(
    ("kind", "step", "why"),
    [
        (Acted, "slow", "the history has nothing that was done by it"),
        (StepBegan, "up", "the history does not say from when to when it was"),
        (StepEnded, "up", "the history does not say from when to when it was"),
    ],
)
def test_a_step_of_which_the_history_lacks_a_line_is_not_green(
    kind: type[Acted | StepBegan | StepEnded], step: str, why: str, tmp_path: Path
) -> None:
    slow = "  - {id: slow, fault: delay, target: all, with: {latency: 5ms}, for: 500ms}\n"
    up = "  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 5s}\n"
    led = lead(plan(f"steps:\n{up}{slow}"), tmp_path)
    assert led.result.exit_code == codes.PASSED, led.result.headline
    kept = [e for e in led.history.events if not isinstance(e, kind) or e.step != step]
    rewritten(led.folder, tuple(kept))
    again = rejudge(led.folder)
    assert again.exit_code == codes.INCONCLUSIVE
    assert {one.summary for one in again.verdicts if one.name == step} == {why}
