"""A run whose time is up is ended in good order, and one whose time is not is as any other."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from chaos.actions import Pause, Resume
from chaos.errors import OutOfTimeError
from chaos.runner import codes
from chaos.runner.run import perform
from chaos.runner.task import Task, Until
from chaos.store import RunFolder, State, stored_result
from tests.runner.stage import Heard, Puppet, plan

STORY = plan("""\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 3s}
  - {id: again, wait: {outcome: leader, among: {of: voters, except: [$old]}}, within: 5s}
expect:
  - {id: x, outcome: leader, after: stop, within: 3s}
""")
FAR_NS = 2**62


class Hurried(Heard):
    """Somebody by whom the time is up when the leader is paused."""

    def __init__(self, until: Until) -> None:
        super().__init__()
        self._until = until

    def told(self, elapsed_ns: int, text: str) -> None:
        super().told(elapsed_ns, text)
        if text.startswith("stop"):
            object.__setattr__(self._until, "at_ns", 0)  # no clock has to be waited for


def test_a_run_whose_time_is_up_is_ended_in_good_order(tmp_path: Path) -> None:
    until = Until(FAR_NS, "limits.plan_timeout of 1m")
    system = Puppet(STORY.ensemble)
    task = Task(STORY, 1, "", until=until)
    with closing(RunFolder.create(tmp_path, "story", 1)) as folder:
        with pytest.raises(OutOfTimeError, match="plan_timeout of 1m is used up"):
            perform(task, system, folder, Hurried(until))
        result = stored_result(folder.path)
    assert result is not None
    assert (result.state, result.exit_code) == (State.BROKEN, codes.INCONCLUSIVE)
    assert result.steps[1].targets, "the leader was paused"
    assert any(isinstance(action, Pause) for action in system.applied)
    assert not any(isinstance(action, Resume) for action in system.applied), "no waiting for that"
    assert system.closes == 1


def test_a_clock_that_is_looked_at_changes_nothing(tmp_path: Path) -> None:
    found = []
    for until in (None, Until(FAR_NS, "")):
        with closing(RunFolder.create(tmp_path, "story", 1)) as folder:
            system = Puppet(STORY.ensemble)
            found.append(perform(Task(STORY, 1, "", until=until), system, folder, Heard()))
    (one, history), (other, same) = found
    assert one.verdicts == other.verdicts
    assert history.events == same.events
