"""A condition of the plan ends a run: in good order, healed, and with the verdict that it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.errors import PlanError
from chaos.history.events import Aborted, Event, Exited, Sampled
from chaos.plan.lint.linter import lint
from chaos.plan.load import load_plan
from chaos.runner.rejudge import rejudge
from tests.runner.stage import HEAD, SECOND, Led, Puppet, lead, plan

STORY = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: pause, target: leader, as: old, for: 6s}
  - id: next
    wait: {outcome: leader, among: {of: voters, except: [$old]}, hold_for: 9s}
    within: 20s
expect:
  - {id: again, outcome: leader, after: {step: stop, edge: ended}, within: 5s}
limits:
  abort_when:
"""
BUSY = "    - {metric: host.load, above: 0.9, for: 1s, verdict: %s}\n"
CRASH = "    - {event: peer_crashed, unless: injected, verdict: %s}\n"


class Busy(Puppet):
    """Its host is busy from ``from_ns`` on; peer 2 crashes at ``crash_ns``."""

    from_ns = 3 * SECOND
    crash_ns = 0

    def advance(self, until_ns: int) -> Iterator[Event]:
        """What its peers do, and what its host looks like."""
        for event in super().advance(until_ns):
            yield event
            yield from self._beside(event.at_ns)
        yield from self._beside(self.now_ns)

    def _beside(self, at_ns: int) -> Iterator[Event]:
        tenths = getattr(self, "_tenths", 0)
        while tenths * SECOND // 10 <= at_ns:
            now = tenths * SECOND // 10
            busy = max(0, now - self.from_ns) // 1_000_000
            self._tenths = tenths = tenths + 1
            yield Sampled(now, 0, 1, 0, busy, now // 1_000_000)
        if self.crash_ns and at_ns >= self.crash_ns:
            self.crash_ns = 0
            yield Exited(at_ns, Sid(2), 0, -11)


def ended(out: Path, condition: str, **told: int) -> Led:
    story = plan(STORY + condition)
    system = Busy(story.ensemble)
    for name, value in told.items():
        setattr(system, name, value)
    return lead(story, out, system=system)


CODES = [("infrastructure", 4), ("fail", 1), ("inconclusive", 3)]


@pytest.mark.parametrize(("verdict", "code"), CODES)
def test_a_busy_host_ends_the_run_with_the_verdict_of_the_plan(
    tmp_path: Path, verdict: str, code: int
) -> None:
    led = ended(tmp_path, BUSY % verdict)
    assert led.result.exit_code == code
    assert "host.load: " in led.result.headline
    assert led.step("next").why == "cut short: abort_when ended the steps"
    assert [type(one) for one in led.system.applied] == [act.Pause, act.Resume], "it is healed"
    assert led.system.closes == 1
    assert led.history.end_ns - led.history.zero_ns < 5 * SECOND
    assert any(text.startswith("host.load: ") for _, text in led.heard.lines)


@pytest.mark.parametrize(("verdict", "code"), CODES)
def test_a_crash_ends_the_run_with_the_verdict_of_the_plan(
    tmp_path: Path, verdict: str, code: int
) -> None:
    led = ended(tmp_path, CRASH % verdict, crash_ns=2 * SECOND)
    assert led.result.exit_code == code
    assert "peer 2 ended by signal 11, and no fault did it" in led.result.headline
    index = led.result.verdicts[0].evidence[-1]
    assert isinstance(led.history.events[index], Aborted)


def test_what_the_stored_run_says_is_judged_alike(tmp_path: Path) -> None:
    led = ended(tmp_path, BUSY % "infrastructure")
    again = rejudge(led.folder)
    assert again.verdicts == led.result.verdicts
    assert again.exit_code == 4


def test_a_condition_that_does_not_hold_ends_nothing(tmp_path: Path) -> None:
    led = ended(tmp_path, BUSY % "fail" + CRASH % "fail", from_ns=10**12)
    assert led.result.exit_code == 0, led.result.headline
    assert "abort_when" not in led.result.environment


def test_where_nobody_samples_the_host_that_is_told(tmp_path: Path) -> None:
    led = lead(plan(STORY + BUSY % "fail"), tmp_path)
    assert led.result.exit_code == 0, led.result.headline
    assert led.result.environment["abort_when"] == "host.load: not sampled here"


WRONG = {
    "no such metric": ("{metric: host.lod, above: 0.9, for: 1s}", 'did you mean "host.load"?'),
    "no such event": ("{event: crash}", '"crash" is none of its words'),
    "neither": ("{above: 0.9, for: 1s}", "has a metric, as host.load, or an event"),
    "both": ("{metric: host.load, event: peer_crashed}", "has a metric, as host.load, or an event"),
    "more than there is": ("{metric: host.load, above: 90, for: 1s}", "write 0.9 or 90%"),
    "no time": ("{metric: host.load, above: 0.9}", 'needs "for"'),
    "a time for a share": ("{metric: host.load, above: 9ms, for: 1s}", "is a share of the time"),
    "a share for a time": ("{metric: host.lateness, above: 0.9, for: 1s}", "is a time; write"),
    "another verdict": ("{event: peer_crashed, verdict: pass}", '"pass" is none of its words'),
    "nothing at all": ("{metric: host.load, above: 0.9, for: 0s}", "write for: 5s"),
}


@pytest.mark.parametrize(("condition", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_its_place(condition: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(f"{HEAD}steps: []\nlimits:\n  abort_when:\n    - {condition}\n", "story.yaml")
    assert message in str(caught.value)
    assert "story.yaml:7:" in str(caught.value)


@pytest.mark.parametrize(
    ("system", "condition", "found"),
    [
        ("simulated", "{metric: host.load, above: 90%, for: 1s}", ["never-aborts"]),
        ("processes", "{metric: host.load, above: 90%, for: 1s}", []),
        ("processes", "{metric: host.load, above: 90%, for: 60s}", ["never-aborts"]),
        ("simulated", "{event: peer_crashed, unless: injected}", []),
    ],
)
def test_the_linter_names_what_can_never_hold(
    system: str, condition: str, found: list[str]
) -> None:
    steps = "steps: [{id: up, wait: {outcome: leader}, within: 5s}]"
    text = f"{HEAD}system: {system}\n{steps}\nlimits: {{abort_when: [{condition}]}}\n"
    assert [one.rule for one in lint(load_plan(text, "story.yaml"))] == found
