"""What a plan counts is counted as it is written: elections, events, holds, what was cut short."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.election.effects import SendPacket
from chaos.election.ids import Sid
from chaos.election.packets import Ping
from chaos.history.events import Stepped
from chaos.history.view import EnsembleView
from chaos.runner.pending import Satisfied
from chaos.verify.verdict import Measure, Outcome, Verdict, lasted_ns
from chaos.verify.waits import Watch
from tests.election.story import configuration
from tests.runner.stage import Led, lead, plan

UP = "{id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 10s}"
ISOLATED = "fault: isolate, target: leader, as: old, for: 3s"
SLOWED = "fault: delay, target: followers, with: {latency: 1ms}, for: 1s"
NEXT = "{id: next, wait: {outcome: leader, among: {except: [$old]}}, within: 5s}"
GATED = (
    "{id: g, at: 0ms, when: {event: quorum_seen, by: all, as: x}, within: 3s, fault: kill,"
    " target: $x, with: {restart: after}, for: 100ms}"
)
BESIDE = {
    "later": [
        f"{{id: iso, {ISOLATED}}}",
        f"{{id: d, after: {{step: iso, edge: started, plus: 900ms}}, {SLOWED}}}",
    ],
    "in the same instant": [
        f"{{id: both, parallel: [{{id: iso, {ISOLATED}}}, {{id: d, {SLOWED}}}]}}"
    ],
}


def story(steps: list[str], expect: str) -> str:
    return "\n".join(["steps:", *(f"  - {step}" for step in steps), f"expect: [{expect}]", ""])


def verdict(led: Led, name: str) -> Verdict:
    return next(one for one in led.result.verdicts if one.name == name)


def measured(led: Led, name: str, of: str) -> list[Measure]:
    return [one for one in led.result.measures if (one.name, one.of) == (name, of)]


@pytest.mark.parametrize("faults", BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize("of", ["", "of: iso, "])
def test_an_election_is_of_the_fault_that_holds_who_led(
    faults: list[str], of: str, tmp_path: Path
) -> None:
    """A leader that nobody hears needs a second to give up; a fault on others is not to blame."""
    asked = f"{{id: q, metric: election.total, {of}max: 400ms, from: {{step: iso, edge: started}}}}"
    led = lead(plan(story([UP, *faults, NEXT], asked)), tmp_path)
    assert not measured(led, "election.total", "d")
    (total,) = measured(led, "election.total", "iso")
    assert total.value_ns is not None
    assert total.value_ns > 900_000_000
    assert verdict(led, "q").outcome is Outcome.FAILS


def test_a_fault_that_is_over_is_not_to_blame(tmp_path: Path) -> None:
    steps = [
        UP,
        "{id: slow, fault: delay, target: leader, with: {latency: 1ms}, for: 200ms}",
        "{id: rest, wait: {time: 500ms}, why: it is over then}",
        "{id: gone, fault: kill, target: followers}",
        "{id: none, wait: {outcome: no_leader}, within: 5s}",
    ]
    led = lead(plan(story(steps, "{id: q, metric: election.detect, max: 9s}")), tmp_path)
    assert not measured(led, "election.total", "slow")
    assert measured(led, "election.total", "gone")


def test_what_was_cut_short_lasted_until_then(tmp_path: Path) -> None:
    """The peer that saw a quorum died in that instant; the run goes on for seconds."""
    steps = [
        GATED,
        UP,
        "{id: rest, wait: {time: 4s}, why: the run goes on}",
    ]
    led = lead(plan(story(steps, "{id: q, metric: election.finalize, max: 3s}")), tmp_path)
    (finalize,) = measured(led, "election.finalize", "start")
    assert finalize.value_ns is None
    assert lasted_ns(led.history, finalize) < 10_000_000
    found = verdict(led, "q")
    assert found.outcome is Outcome.UNKNOWN
    assert "was cut short after" in found.summary


def test_rounds_of_before_are_left_out(tmp_path: Path) -> None:
    steps = [
        "{id: l, at: 0ms, fault: skew_logical_clock, target: 3, with: {to: 9}}",
        UP,
        "{id: k, fault: kill, target: leader, as: old}",
        "{id: next, wait: {outcome: leader, hold_for: 300ms}, within: 5s}",
    ]
    led = lead(plan(story(steps, "{id: q, metric: rounds, max: 1, from: up}")), tmp_path)
    assert verdict(led, "q").outcome is Outcome.HOLDS


@pytest.mark.parametrize("mode", ["gate", "observe"])
def test_nth_counts_events_however_they_are_seen(mode: str, tmp_path: Path) -> None:
    """A leader of two sends two pings in one step: the fourth comes in the second of them."""
    when = f"{{event: packet_sent, packet: PING, by: 3, nth: 4, mode: {mode}}}"
    steps = [UP, f"{{id: g, when: {when}, within: 3s, note: the fourth}}"]
    led = lead(plan(story(steps, "{id: q, metric: rounds, max: 9}")), tmp_path)
    pings = [
        event.at_ns
        for _, event in led.history.every(Stepped)
        for effect in event.effects
        if isinstance(effect, SendPacket) and event.sid == 3 and isinstance(effect.packet, Ping)
    ]
    up = led.step("up").ended_ns
    began = led.step("g").began_ns
    assert up is not None
    assert began is not None
    zero = led.history.zero_ns
    later = [at_ns for at_ns in pings if at_ns >= zero + up]
    assert later[0] < later[3] == zero + began


def test_a_throttle_that_starves_them_has_bitten(tmp_path: Path) -> None:
    steps = [
        UP,
        "{id: c, fault: throttle, target: all, with: {rate: 10B/s}, for: 2s}",
        "{id: none, wait: {outcome: no_leader}, within: 2s}",
    ]
    led = lead(plan(story(steps, "{id: q, metric: rounds, max: 9}")), tmp_path)
    assert led.step("none").outcome == "done"
    assert verdict(led, "c").outcome is Outcome.HOLDS


SKEW = "{id: %s, fault: skew_timers, target: 3, with: {rate: 3}, for: %s}"
KILL = "{id: k, fault: kill, target: 3, with: {restart: after}, for: 100ms}"
SOON = "{id: soon, wait: {time: 200ms}, why: the timers run so for a while}"
BACK = "{id: back, wait: {outcome: leader, seen_by: all}, within: 9s}"


def test_a_skew_ends_with_its_process_and_another_may_begin(tmp_path: Path) -> None:
    steps = [UP, SKEW % ("t", "5s"), SOON, KILL, BACK, SKEW % ("t2", "300ms")]
    led = lead(plan(story(steps, "{id: q, metric: rounds, max: 9}")), tmp_path)
    assert led.result.exit_code == 0, led.result.headline
    assert "until its end, for 0.2" in verdict(led, "t").summary
    assert "until its end" not in verdict(led, "t2").summary


@dataclass(frozen=True)
class Always:
    """What peer 1 has made true from the beginning."""

    hold_ns: int

    def holder(self, view: EnsembleView) -> Sid | None:
        del view
        return Sid(1)

    def met(self, view: EnsembleView) -> bool:
        return self.holder(view) is not None


def test_what_is_so_from_the_beginning_of_a_wait_holds_for_all_of_it() -> None:
    """On a host some time goes by between a step's beginning and the first look."""
    view = EnsembleView((Sid(1),), configuration("1"))
    held = Satisfied(Watch(Always(hold_ns=1000)), 1500, 500)
    held.armed(view, 507)
    assert held.due_ns == 1500
    held.passed(1500)
    assert held.over(1500)
    assert held.met
