"""Each rule of the linter finds what it is for, and is silent about the plan beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.plan.lint.linter import lint
from chaos.plan.load import load_plan
from tests.plan.linted import ELSE, GROUPS, NEXT, UP, WEIGHTED, found, pause, plan

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "plans").glob("**/*.yaml"))
# rule: the plan that it is for, the severity, words of its arithmetic, and a plan beside it
RULES: dict[str, tuple[str, str, str, str, str]] = {
    "a majority is paused": (
        plan(UP, pause("[1, 2, 3]"), expect=ELSE),
        "never-leads",
        "error",
        "2 of 5 voters, where a quorum needs 3",
        plan(UP, pause("[1, 2]"), expect=ELSE),
    ),
    "the leader of a side that is cut off": (
        plan(
            UP,
            "{id: f, fault: partition, target: [1, 2, 5], as: old, for: 20s}",
            expect="outcome: leader, among: $old, after: {step: f, plus: 8s}, within: 3s",
            ensemble=WEIGHTED,
        ),
        "never-leads",
        "error",
        "weight 3 of 7, where 4 are needed",
        plan(
            UP,
            "{id: f, fault: partition, target: [1, 2, 3], as: old, for: 20s}",
            expect="outcome: leader, among: $old, after: {step: f, plus: 8s}, within: 3s",
            ensemble=WEIGHTED,
        ),
    ),
    "two groups of three": (
        plan(UP, pause("[1, 3]"), expect=ELSE, ensemble=GROUPS),
        "never-leads",
        "error",
        "a quorum needs 2 of 3 groups",
        plan(UP, pause("[1, 2]"), expect=ELSE, ensemble=GROUPS),
    ),
    "both configurations count": (
        plan(
            UP,
            "{id: b, fault: bump_config_version, target: all,"
            " with: {by: 1, activate: false, members: {remove: [4, 5]}}}",
            pause("[1, 2]", "20s"),
            expect=ELSE,
        ),
        "never-leads",
        "error",
        "1 of 3 voters, where a quorum needs 2",
        plan(
            UP,
            "{id: b, fault: bump_config_version, target: all,"
            " with: {by: 1, activate: false, members: {remove: [4, 5]}}}",
            pause("[1, 4]", "20s"),
            expect=ELSE,
        ),
    ),
    "a quorum is lost in some draws": (
        plan(UP, pause("{pick: 2, of: voters}"), expect=ELSE, ensemble=WEIGHTED),
        "never-leads",
        "warning",
        "in 1 of 10 possible draws",
        plan(UP, pause("{pick: 1, of: voters}"), expect=ELSE, ensemble=WEIGHTED),
    ),
    "a wait that nobody can satisfy": (
        plan("{id: f, at: 0ms, fault: pause, target: [1, 2, 3], for: 20s}", UP),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan("{id: f, at: 0ms, fault: pause, target: [1, 2], for: 20s}", UP),
    ),
    "only who has no weight may lead": (
        plan(
            UP,
            expect="outcome: leader, among: 1, within: 3s",
            ensemble="quorum: weighted, peers: [{id: 1, weight: 0}, {id: 2}, {id: 3}]",
        ),
        "never-leads",
        "error",
        "none of them is a voter with weight",
        plan(UP, expect="outcome: leader, among: 1, within: 3s"),
    ),
    "nobody keeps a leader away": (
        plan(UP, pause("1", "30s"), expect="outcome: no_leader, during: f"),
        "quorum-remains",
        "warning",
        "5 of 5 voters",
        plan(UP, pause("[1, 2, 3]", "30s"), expect="outcome: no_leader, during: f"),
    ),
    "no leader among the stopped": (
        plan(UP, pause("1"), expect="outcome: no_leader, among: $old, during: f"),
        "says-nothing",
        "warning",
        "down or paused",
        plan(UP, pause("1", fault="isolate"), expect="outcome: no_leader, among: 1, during: f"),
    ),
    "a paused follower": (
        plan(UP, pause("1"), expect="outcome: {role: follower}, of: 1, after: f, within: 2s"),
        "role-of-the-absent",
        "error",
        "f stops peer 1",
        plan(UP, pause("1"), expect="outcome: {role: paused}, of: 1, after: f, within: 2s"),
    ),
    "a voter that observes": (
        plan(UP, expect="outcome: {role: observer}, of: 1, within: 2s"),
        "role-of-the-absent",
        "error",
        "peer 1 votes",
        plan(
            UP,
            "{id: b, fault: bump_config_version, target: all,"
            " with: {by: 1, members: {observers: [1]}}}",
            expect="outcome: {role: observer}, of: 1, within: 2s",
        ),
    ),
    "less than a finalize wait": (
        plan("{id: w, wait: {outcome: leader}, within: 100ms}"),
        "too-short",
        "error",
        "one finalize wait, 200ms",
        plan("{id: w, wait: {outcome: leader}, within: 1s}"),
    ),
    "less than silence takes": (
        plan(UP, pause("leader"), expect=f"{NEXT}, within: 800ms"),
        "too-short",
        "error",
        "at least 700ms, and the finalize wait is 200ms",
        plan(UP, pause("leader"), expect=f"{NEXT}, within: 3s"),
    ),
    "back before anybody notices": (
        plan(UP, pause("leader", "400ms"), expect=f"{NEXT}, within: 5s"),
        "shorter-than-detection",
        "error",
        "5 ticks of 200ms",
        plan(UP, pause("leader", "2s"), expect=f"{NEXT}, within: 5s"),
    ),
    "a metric that no election keeps": (
        plan(UP, pause("leader"), expect="metric: election.total, of: f, max: 500ms"),
        "too-short",
        "error",
        "it takes 900ms",
        plan(
            UP,
            "{id: f, fault: kill, target: leader}",
            expect="metric: election.total, of: f, max: 500ms",
        ),
    ),
    "a metric that no election misses": (
        plan(UP, expect="metric: election.peer, max: 2m"),
        "never-binds",
        "warning",
        "over after 1m",
        plan(UP, expect="metric: election.peer, max: 20s"),
    ),
    "a span that is over at once": (
        plan(
            UP,
            pause("1"),
            expect="outcome: no_leader,"
            " between: [{step: f, plus: 2s}, {step: f, edge: started, plus: 1s}]",
        ),
        "empty-span",
        "error",
        "1s before it begins",
        plan(
            UP,
            pause("[1, 2, 3]"),
            expect="outcome: no_leader, between: [{step: f, plus: 2s}, {step: f, edge: ended}]",
        ),
    ),
    "a fault longer than the run": (
        plan(UP, pause("1", "2m")),
        "outlives-run",
        "error",
        "run_timeout is 1m",
        plan(UP, pause("1", "2m"), more="limits: {run_timeout: 3m}"),
    ),
    "a step after the run": (
        plan(UP, "{id: f, at: 61s, fault: kill, target: 1}"),
        "outlives-run",
        "error",
        "1m",
        plan(UP, "{id: f, at: 59s, fault: kill, target: 1}"),
    ),
    "a time that is past": (
        plan("{id: w, wait: {time: 3s}, why: so}", "{id: f, at: 2s, fault: kill, target: 1}"),
        "past-at",
        "warning",
        "take 3s at the least",
        plan("{id: w, wait: {time: 1s}, why: so}", "{id: f, at: 2s, fault: kill, target: 1}"),
    ),
    "released when it is over": (
        plan(UP, pause("1", "1s"), "{id: w, wait: {time: 3s}, why: so}", "{id: r, release: [f]}"),
        "released-late",
        "warning",
        "it lasts 1s, and this comes 3s after",
        plan(UP, pause("1", "4s"), "{id: w, wait: {time: 3s}, why: so}", "{id: r, release: [f]}"),
    ),
    "time without a reason": (
        plan(UP, "{id: w, wait: {time: 3s}}"),
        "plain-pause",
        "warning",
        "a fixed pause",
        plan(UP, "{id: w, wait: {time: 3s}, why: so}"),
    ),
    "a leader before anybody leads": (
        plan("{id: f, at: 1ms, fault: pause, target: leader, for: 1s}"),
        "no-leader-yet",
        "error",
        "nobody decides before 200ms",
        plan(UP, "{id: f, fault: pause, target: leader, for: 1s}"),
    ),
    "a leader before anybody surely leads": (
        plan("{id: f, at: 3s, fault: pause, target: leader, for: 1s}"),
        "no-leader-yet",
        "warning",
        "inconclusive",
        plan(UP, "{id: f, at: 3s, fault: pause, target: leader, for: 1s}"),
    ),
    "re-sends have backed off": (
        plan(
            UP,
            pause("minority", "20s", "partition"),
            expect="outcome: {role: follower}, of: $old, after: {step: f, edge: ended}, within: 5s",
        ),
        "resend-trap",
        "warning",
        "up to 60000ms; after 20s of silence the next may be 20s away",
        plan(
            UP,
            pause("minority", "20s", "partition"),
            expect="outcome: {role: follower}, of: $old, after: {step: f, edge: ended}, within: 5s",
            ensemble="size: 5, timings: {notification: {first: 200ms, max: 1s}}",
        ),
    ),
    "more than there are": (
        plan(UP, pause("{pick: 4, of: followers, except: [1]}")),
        "nobody-left",
        "warning",
        "inconclusive",
        plan(UP, pause("{pick: 3, of: followers, except: [1]}")),
    ),
    "nobody at all": (
        plan(UP, pause("observers")),
        "nobody-left",
        "error",
        "in every draw",
        plan(
            UP,
            pause("observers"),
            ensemble="peers: [{id: 1}, {id: 2}, {id: 3}, {id: 4, role: observer}]",
        ),
    ),
    "nobody dials the largest": (
        plan("{id: f, at: 0ms, fault: block_port, target: 5, with: {port: election}, for: 2s}", UP),
        "dialed-back",
        "warning",
        "0 of 4 links",
        plan("{id: f, at: 0ms, fault: block_port, target: 1, with: {port: election}, for: 2s}", UP),
    ),
    "an idle port": (
        plan(UP, "{id: f, fault: block_port, target: 1, with: {port: election}, for: 2s}"),
        "idle-port",
        "warning",
        "idle",
        plan(UP, "{id: f, fault: block_port, target: 1, with: {port: quorum}, for: 2s}"),
    ),
    "no notification to lose": (
        plan(UP, "{id: f, fault: loss, target: all, with: {percent: 50%}, for: 2s}"),
        "idle-port",
        "warning",
        "met no message",
        plan("{id: f, at: 0ms, fault: loss, target: all, with: {percent: 50%}, for: 2s}", UP),
    ),
    "a disk with nothing to do": (
        plan(UP, "{id: f, fault: disk_full, target: leader, for: 2s}"),
        "idle-disk",
        "warning",
        "no evidence",
        plan(
            UP,
            "{id: w, workload: {writes_per_s: 5}, for: 5s}",
            "{id: f, fault: disk_full, target: leader, for: 2s}",
        ),
    ),
    "a port that only a leader opens": (
        plan(UP, "{id: f, fault: flood, target: followers, with: {port: quorum}, for: 2s}"),
        "closed-port",
        "warning",
        "only a leader listens",
        plan(UP, "{id: f, fault: flood, target: all, with: {port: quorum}, for: 2s}"),
    ),
    "nothing at stake": (
        plan(
            UP,
            "{id: f, fault: kill, target: 3}",
            expect="metric: election.total, of: f, max: 2s",
            ensemble="quorum: weighted, peers: [{id: 1}, {id: 2}, {id: 3, weight: 0}]",
        ),
        "nothing-at-stake",
        "warning",
        "weight 0",
        plan(
            UP,
            "{id: f, fault: kill, target: 3}",
            expect="metric: election.total, of: f, max: 2s",
        ),
    ),
    "waited for already": (
        plan(UP, expect="outcome: leader, after: up, within: 1s"),
        "already-true",
        "warning",
        "up is done only when",
        plan(UP, expect="outcome: leader, after: up, within: 1s, hold_for: 1s"),
    ),
    "nothing before it": (
        plan(
            "{id: f, at: 0ms, fault: pause, target: 1, for: 1s}",
            UP,
            more="invariants: [{name: epoch_monotone, except_after: [f]}]",
        ),
        "nothing-before",
        "warning",
        "begins at time zero",
        plan(
            UP,
            pause("1"),
            more="invariants: [{name: epoch_monotone, except_after: [f]}]",
        ),
    ),
}


@pytest.mark.parametrize(
    ("bad", "rule", "severity", "words", "good"), RULES.values(), ids=RULES.keys()
)
def test_a_rule_finds_what_it_is_for(
    bad: str, rule: str, severity: str, words: str, good: str
) -> None:
    of_rule = [one for one in found(bad) if one.rule == rule]
    assert [one.severity for one in of_rule] == [severity], found(bad)
    assert words in of_rule[0].why
    assert [one for one in found(good) if one.rule == rule] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_plan_gives_no_cause_to_complain(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [str(one) for one in lint(load_plan(text, name))] == []


def test_a_finding_has_the_place_of_what_it_is_about() -> None:
    (one,) = found(plan(UP, "{id: w, wait: {time: 3s}}"))
    assert str(one).startswith("x.yaml:6:5: warning: w: time goes by")


def test_names_and_draws_are_followed_through_a_plan() -> None:
    text = plan(
        UP,
        "{id: a, fault: pause, target: leader, as: old, for: 20s}",
        "{id: f, fault: pause, target: {pick: 1, of: voters, except: [$old]}, for: 20s}",
        expect="outcome: leader, after: f, within: 5s",
        ensemble=WEIGHTED,
    )
    (one,) = [one for one in found(text) if one.rule == "never-leads"]
    assert one.why.startswith("in 2 of 20 possible draws")


@pytest.mark.parametrize(("edge", "rules"), [("ended", []), ("started", ["never-leads"])])
def test_what_ends_in_the_instant_that_is_asked_about_is_over(edge: str, rules: list[str]) -> None:
    asked = f"outcome: leader, after: {{step: f, edge: {edge}}}, within: 0ms"
    text = plan(UP, pause("[1, 2, 3]", "2s"), expect=asked)
    assert [one.rule for one in found(text)] == rules


def test_what_cannot_be_enumerated_leads_to_no_finding_about_quorums() -> None:
    text = plan(UP, pause("{pick: 9, of: voters}", "20s"), expect=ELSE, ensemble="size: 30")
    assert [one.rule for one in found(text)] == []


def test_a_range_is_judged_by_the_end_that_could_still_do() -> None:
    short = plan(UP, pause("leader", "200ms..400ms"), expect=f"{NEXT}, within: 5s")
    long = plan(UP, pause("leader", "200ms..4s"), expect=f"{NEXT}, within: 5s")
    assert [one.rule for one in found(short)] == ["shorter-than-detection"]
    assert found(long) == ()


@pytest.mark.timeout(20)
def test_a_plan_of_many_steps_is_no_riddle() -> None:
    """Bounds between moments are sought from where they change, not from everywhere."""
    assert found(plan(UP, *(f"{{id: s{n}, note: x}}" for n in range(800)))) == ()
