"""A run stops soon after a law was seen to be broken, and is judged again from what it stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.history.events import Event, Stepped
from chaos.history.history import History
from chaos.runner.rejudge import rejudge
from chaos.verify.checks import INVARIANTS
from chaos.verify.docket import Finding, Law
from chaos.verify.fold import fold
from chaos.verify.online import RECORDED_NS, Watchman
from chaos.verify.verdict import Outcome, Verdict
from tests.runner.stage import SECOND, Puppet, lead, plan, worse
from tests.verify.lockstep import Lockstep
from tests.verify.test_safety import hasty, lost_disks, re_elected, stubborn

STEPS = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: longer, wait: {time: 20s}}
"""


class Liar(Puppet):
    """From ``from_ns`` on its peers write down proposals that they should not make."""

    from_ns = 0

    def advance(self, until_ns: int) -> Iterator[Event]:
        for event in super().advance(until_ns):
            yield worse(event) if event.at_ns >= self.from_ns else event


def test_the_first_violation_ends_the_run_a_second_later(tmp_path: Path) -> None:
    story = plan(STEPS)
    led = lead(story, tmp_path, system=Liar(story.ensemble))
    assert led.result.exit_code == 7
    stopped = led.result.environment["stopped early"]
    assert "was seen to be broken at 0.00" in stopped
    assert led.history.end_ns - led.history.zero_ns < RECORDED_NS + SECOND // 10
    assert led.step("longer").outcome == "inconclusive"
    name, _, why = stopped.partition(" was seen to be broken at ")
    assert led.verdict(name)[0] == "fails"
    assert why.partition(": ")[2] in {one.why for one in _breaches(led.history, name)}


def test_the_stored_run_says_the_same_words(tmp_path: Path) -> None:
    story = plan(STEPS)
    led = lead(story, tmp_path, system=Liar(story.ensemble))
    again = rejudge(led.folder)
    assert again.changes == ()
    assert again.headline == led.result.headline


def test_a_law_that_a_step_may_break_ends_nothing(tmp_path: Path) -> None:
    """The plan says so of every law that this peer breaks."""
    broken = [one.name for one in _found(tmp_path) if one.outcome is Outcome.FAILS]
    named = "".join(f"  - {{name: {name}, except_after: [up]}}\n" for name in broken)
    story = plan(STEPS + "invariants:\n" + named)
    led = lead(story, tmp_path, system=Liar(story.ensemble))
    assert "stopped early" not in led.result.environment
    assert led.history.end_ns - led.history.zero_ns > 20 * SECOND


def _found(out: Path) -> list[Verdict]:
    story = plan(STEPS)
    return list(lead(story, out, system=Liar(story.ensemble)).result.verdicts)


def _breaches(history: History, name: str) -> list[Finding]:
    return fold(history).docket.breaches[Law(name)]


def watched(events: tuple[Event, ...]) -> Watchman:
    watchman = Watchman()
    for event in events:
        watchman.observe(event)
    return watchman


STORIES = {"a stubborn peer": stubborn, "a hasty peer": hasty, "lost disks": lost_disks}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_is_seen_at_once_is_what_the_history_shows(story: Callable[[], Lockstep]) -> None:
    history = story().history()
    found = watched(history.events).found
    assert found is not None
    verdict = INVARIANTS[found.name].check(history)
    assert verdict.outcome is Outcome.FAILS
    assert found.why in verdict.summary


def test_two_leaders_of_an_epoch_are_seen_by_the_lines_of_roles_alone() -> None:
    events = [e for e in lost_disks().history().events if not isinstance(e, Stepped) or e.effects]
    sparse = tuple(e for e in events if not (isinstance(e, Stepped) and e.seq == 1))
    found = watched(sparse).found
    assert found is not None
    assert found.name == "at_most_one_leader_per_epoch"


def test_nothing_is_seen_of_correct_peers() -> None:
    assert watched(re_elected().history().events).found is None
