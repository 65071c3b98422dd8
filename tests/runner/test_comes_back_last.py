"""A run does not end before who was started last has said that it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chaos.actions import Action, Evidence, Launch
from chaos.history.events import Event
from tests.runner.stage import HEAD, MS, Puppet, lead, plan

FAST = HEAD.replace("{size: 3}", "{size: 3, timings: {tick: 100ms, init_limit: 5, sync_limit: 3}}")
STEPS = """\
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: gone, fault: kill, target: 1, with: {restart: after}, for: 400ms}
"""


class Slow(Puppet):
    """A start takes 0.2 ms, and what peers write from then on is read 30 ms later."""

    kept: tuple[Event, ...] = ()
    until_ns = 0

    def apply(self, action: Action) -> Evidence:
        """Do it; who is started does something in that time."""
        evidence = super().apply(action)
        if isinstance(action, Launch):
            self.kept = tuple(super().advance(self.now_ns + MS // 5))
            self.until_ns = self.now_ns + 30 * MS
        return evidence

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Everything in its order, some of it late."""
        events = super().advance(until_ns)
        if self.now_ns < self.until_ns:
            self.kept += tuple(events)
        if self.now_ns >= self.until_ns:
            yield from self.kept
            self.kept = ()
            yield from events

    def rest(self) -> Iterator[Event]:
        """What nobody has read until the end."""
        yield from self.kept
        yield from super().rest()


def test_who_comes_back_with_the_last_step_is_waited_for(tmp_path: Path) -> None:
    story = plan(f"steps:\n{STEPS}", FAST)
    led = lead(story, tmp_path, system=Slow(story.ensemble))
    assert led.result.exit_code == 0, led.result.headline
    assert led.verdict("members_serve_in_time")[0] == "holds"
