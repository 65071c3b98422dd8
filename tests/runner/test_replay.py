"""A stored run is run again: the same plan, the same dice, and the same peers are hurt."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from chaos.actions import Block, Cut, Pause
from chaos.election.ids import Sid
from chaos.faults.targets import Aim
from chaos.history.events import Acted, StepBegan
from chaos.runner.run import perform
from chaos.runner.stored import open_run
from chaos.runner.task import Task
from chaos.store import RunFolder
from tests.runner.stage import Heard, Puppet, lead, plan

STORY = plan("""\
steps:
  - {id: up, wait: {outcome: leader, among: 3, seen_by: all, hold_for: 300ms}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 1s}
  - id: cut
    fault: one_way
    target: {from: $old, to: {pick: 1, of: voters, except: [$old]}}
    for: 1s
  - {id: settled, wait: {outcome: leader, seen_by: all}, within: 9s}
expect:
  - {id: x, outcome: {role: follower}, of: $old, after: settled, within: 1s}
""")


def test_whom_each_step_was_done_to_is_stored(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path)
    aims = open_run(led.folder).aims
    assert aims["stop"] == Aim((Sid(3),))
    assert aims["cut"].targets == (Sid(3),)
    (towards,) = aims["cut"].towards
    assert towards in (1, 2)
    assert set(aims) == {"stop", "cut"}


@pytest.mark.parametrize("far", [1, 3])
def test_a_fault_is_done_to_whom_it_was_done_then(tmp_path: Path, far: int) -> None:
    """Peer 3 leads, and nobody would draw it; but then it was 2, and the far side was this."""
    fixed = {"stop": Aim((Sid(2),)), "cut": Aim((Sid(2),), (Sid(far),))}
    system, heard = Puppet(STORY.ensemble), Heard()
    with closing(RunFolder.create(tmp_path, "story", 1)) as folder:
        result, history = perform(Task(STORY, 1, "", fixed), system, folder, heard)
    done = [acted.action for _, acted in history.every(Acted)]
    assert Pause(Sid(2)) in done
    assert [one.cuts for one in done if isinstance(one, Block)] == [(Cut(Sid(2), Sid(far)),)]
    began = {event.step: event for _, event in history.every(StepBegan)}
    assert (began["cut"].targets, began["cut"].towards) == ((2,), (far,))
    expected = next(one for one in result.verdicts if one.name == "x")
    assert "{2} as follower" in expected.summary


def test_latest_goes_by_the_name_of_the_run_that_it_is(tmp_path: Path) -> None:
    led = lead(STORY, tmp_path)
    assert open_run(tmp_path / "latest").folder == led.folder
