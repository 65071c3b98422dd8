"""A step that ran out of time while the host was as late decides nothing; any other one fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.history.events import Event, Sampled
from chaos.runner.rejudge import rejudge
from tests.runner.stage import HEAD, MS, SECOND, Led, Puppet, lead, plan

FAST = HEAD.replace("{size: 3}", "{size: 3, timings: {tick: 100ms, finalize_wait: 200ms}}")
WAIT = "steps: [{id: soon, wait: {outcome: leader, seen_by: all}, within: 100ms%s}]"
PROBE = """\
steps:
  - {id: soon, probe: roles, target: 3, equals: {role: leader}, within: 100ms%s}
"""
STEPS = {"wait": WAIT, "probe": PROBE}


ZERO_NS = SECOND  # when a simulated plan begins


class Late(Puppet):
    """Its host's canary woke ``late_ns`` late at ``at_ns`` of the plan, and on time otherwise."""

    late_ns = 0
    at_ns = 50 * MS
    said = False

    def advance(self, until_ns: int) -> Iterator[Event]:
        """What its peers do, and what the canary says of the host."""
        yield Sampled(self.now_ns, 0, 0, 0)
        yield from super().advance(until_ns)
        at_ns = ZERO_NS + self.at_ns
        if not self.said and self.now_ns >= at_ns:
            self.said = True
            yield Sampled(at_ns, 0, 0, self.late_ns)


def led(out: Path, step: str, late_ms: int, at_ms: int = 50) -> Led:
    story = plan(step, FAST)
    system = Late(story.ensemble)
    system.late_ns, system.at_ns = late_ms * MS, at_ms * MS
    return lead(story, out, system=system)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_what_comes_no_later_than_the_host_was_late_is_unknown(tmp_path: Path, step: str) -> None:
    found = led(tmp_path, step % "", late_ms=2500)
    outcome, why = found.verdict("soon")
    assert found.result.exit_code == 3
    assert outcome == "unknown"
    assert why.startswith("not so within 100ms; roles were 1 looking")
    assert " ms later; the host was 2500 ms late meanwhile, 2500 ms in all" in why
    again = rejudge(found.folder)
    assert (again.exit_code, again.verdicts) == (3, found.result.verdicts)


NO_EXCUSE = {
    "on time": (0, 50),
    "late by less than a quarter of a tick": (24, 50),
    "late by less than the leader was": (40, 50),
    "late when it was over": (2500, 2500),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
@pytest.mark.parametrize(("late_ms", "at_ms"), NO_EXCUSE.values(), ids=NO_EXCUSE.keys())
def test_anything_else_fails(tmp_path: Path, step: str, late_ms: int, at_ms: int) -> None:
    found = led(tmp_path, step % "", late_ms, at_ms)
    assert found.result.exit_code == 1
    assert found.verdict("soon")[0] == "fails"
    assert "later" not in found.verdict("soon")[1]


def test_where_the_plan_goes_on_nobody_waits_for_longer(tmp_path: Path) -> None:
    found = led(tmp_path, WAIT % ", otherwise: run", late_ms=2500)
    assert found.result.exit_code == 0
    assert found.step("soon").why.startswith("not so within 100ms")


def test_where_nobody_samples_the_host_it_fails_at_once(tmp_path: Path) -> None:
    found = lead(plan(WAIT % "", FAST), tmp_path)
    assert found.result.exit_code == 1
    ended = found.step("soon")
    assert ended.ended_ns is not None
    assert ended.began_ns is not None
    assert ended.ended_ns - ended.began_ns == 100 * MS
