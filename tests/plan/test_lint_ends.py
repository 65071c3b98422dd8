"""What a run has no time for, and what is left out where nobody leads."""

from __future__ import annotations

import pytest

from tests.plan.linted import UP, found, pause, plan

CHOICE = "{fault: pause, target: 1, for: %s}"
NOISE = "{id: n, random: {count: %d, every: %s, choose: [%s]}}"
YET = "{id: f, at: %s, fault: pause, target: leader, if_ambiguous: %s, for: 1s}"
KILL = "{id: f, fault: kill, target: 1, as: old}"
STATE = "state_changed, state: observing"
OBSERVES = (
    "{id: o, at: 0ms, when: {event: state_changed, state: observing}, within: 5s,"
    " fault: kill, target: 1}"
)
LIMIT = "limits: {run_timeout: 3m}"

# what is asked: the plan that it is for, the rule, the severity, its arithmetic, a plan beside it
ENDS: dict[str, tuple[str, str, str, str, str]] = {
    "a pause at the end": (
        plan(UP, "{id: w, wait: {time: 2m}, why: so}"),
        "outlives-run",
        "error",
        "run_timeout is 1m",
        plan(UP, "{id: w, wait: {time: 2m}, why: so}", more=LIMIT),
    ),
    "a pause at the end that may be left out": (
        plan(
            "{id: up, wait: {outcome: leader}, within: 5s, otherwise: skip}",
            "{id: w, wait: {time: 2m}, why: so}",
        ),
        "outlives-run",
        "warning",
        "run_timeout is 1m",
        plan(UP, "{id: w, wait: {time: 50s}, why: so}"),
    ),
    "held for longer than the run": (
        plan("{id: w, wait: {outcome: leader, hold_for: 61s}, within: 2m}"),
        "outlives-run",
        "error",
        "run_timeout is 1m",
        plan("{id: w, wait: {outcome: leader, hold_for: 30s}, within: 2m}"),
    ),
    "noise of a minute and more": (
        plan(UP, NOISE % (7, "10s", CHOICE % "1s")),
        "outlives-run",
        "error",
        "7 times 10s, the last for 1s",
        plan(UP, NOISE % (5, "10s..20s", CHOICE % "1s")),
    ),
    "one choice that is too long": (
        plan(UP, NOISE % (1, "1s", f"{CHOICE % '1s'}, {CHOICE % '2m'}")),
        "outlives-run",
        "warning",
        "it lasts 2m",
        plan(UP, NOISE % (1, "1s", f"{CHOICE % '1s'}, {CHOICE % '30s..2m'}")),
    ),
    "expected to hold for longer than the run": (
        plan(UP, expect="outcome: leader, within: 5s, hold_for: 2m"),
        "outlives-run",
        "error",
        "2m after time zero",
        plan(UP, expect="outcome: leader, within: 5s, hold_for: 50s"),
    ),
    "expected after the run": (
        plan(UP, expect="outcome: leader, after: {step: up, plus: 70s}, within: 5s"),
        "outlives-run",
        "error",
        "run_timeout is 1m",
        plan(UP, expect="outcome: leader, after: {step: up, plus: 50s}, within: 20s"),
    ),
    "nobody until after the run": (
        plan(UP, expect="outcome: no_leader, among: 1, between: [up, {step: up, plus: 70s}]"),
        "outlives-run",
        "error",
        "run_timeout is 1m",
        plan(UP, expect="outcome: no_leader, among: 1, between: [up, {step: up, plus: 5s}]"),
    ),
    "a wait for who is paused all the while": (
        plan(UP, pause("1"), "{id: w, wait: {outcome: {role: follower}, of: 1}, within: 2s}"),
        "role-of-the-absent",
        "error",
        "f stops peer 1 during all of it",
        plan(UP, pause("1"), "{id: w, wait: {outcome: {role: follower}, of: 1}, within: 8s}"),
    ),
    "a probe of who is killed": (
        plan(
            UP, KILL, "{id: p, probe: roles, target: $old, equals: {reachable: true}, within: 2s}"
        ),
        "role-of-the-absent",
        "error",
        "f stops peer 1",
        plan(UP, KILL, "{id: p, probe: roles, target: $old, equals: {role: down}, within: 2s}"),
    ),
    "a probe of who is started by another fault": (
        plan(
            UP, KILL, "{id: p, probe: roles, target: [1, 2], equals: {role: follower}, within: 2s}"
        ),
        "role-of-the-absent",
        "error",
        "f stops peer 1",
        plan(
            UP,
            KILL,
            "{id: g, fault: disk_full, target: 1, with: {restart: after}, for: 1s}",
            "{id: p, probe: roles, target: [1, 2], equals: {role: follower}, within: 2s}",
        ),
    ),
    "a median that no election keeps": (
        plan(UP, pause("leader"), expect="metric: election.total, of: f, p50: {max: 500ms}"),
        "too-short",
        "error",
        "it takes 900ms",
        plan(UP, pause("leader"), expect="metric: election.total, of: f, p50: {max: 1s}"),
    ),
    "a tail that no election misses": (
        plan(UP, expect="metric: election.peer, p95: {max: 2m}"),
        "never-binds",
        "warning",
        "over after 1m",
        plan(UP, expect="metric: election.peer, p95: {max: 20s}"),
    ),
    "no epoch for a leader": (
        plan(UP, expect="metric: epochs.started, max: 0"),
        "too-few",
        "error",
        "up asks for a leader",
        plan(KILL, expect="metric: epochs.started, max: 0"),
    ),
    "an event of nobody": (
        plan(OBSERVES),
        "never-comes",
        "error",
        "observing is of observers",
        plan(OBSERVES, ensemble="peers: [{id: 1}, {id: 2}, {id: 3}, {id: 4, role: observer}]"),
    ),
    "a packet of nobody": (
        plan(
            OBSERVES.replace("state_changed, state: observing", "packet_sent, packet: OBSERVERINFO")
        ),
        "never-comes",
        "error",
        "OBSERVERINFO is of observers",
        plan(OBSERVES.replace("observing", "following")),
    ),
    "left out for want of a leader": (
        plan(YET % ("1ms", "skip")),
        "no-leader-yet",
        "warning",
        "if_ambiguous: skip leaves the step out",
        plan(YET % ("3s", "skip")),
    ),
}


@pytest.mark.parametrize(("bad", "rule", "severity", "words", "good"), ENDS.values(), ids=ENDS)
def test_what_a_run_has_no_time_for(
    bad: str, rule: str, severity: str, words: str, good: str
) -> None:
    of_rule = [one for one in found(bad) if one.rule == rule]
    assert [one.severity for one in of_rule] == [severity], found(bad)
    assert words in of_rule[0].why
    assert [one for one in found(good) if one.rule == rule] == []
