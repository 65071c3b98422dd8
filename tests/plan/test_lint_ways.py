"""The linter follows every way in which the draws of a plan can come out."""

from __future__ import annotations

import pytest

from tests.plan.linted import ASK, ELSE, NOISE, UP, WEIGHTED, ZONES, found, pause, plan

# what is asked: the plan that it is for, the rule, the severity, its arithmetic, a plan beside it
WAYS: dict[str, tuple[str, str, str, str, str]] = {
    "a zone of most of the weight": (
        plan(UP, pause("{of: voters, zone: west}"), expect=ELSE, ensemble=ZONES),
        "never-leads",
        "error",
        "weight 3 of 7, where 4 are needed",
        plan(UP, pause("{of: voters, zone: east}"), expect=ELSE, ensemble=ZONES),
    ),
    "those whose loss breaks a quorum": (
        plan(UP, pause("quorum_breaker"), expect=ELSE, ensemble=WEIGHTED),
        "never-leads",
        "error",
        "weight 3 of 7, where 4 are needed",
        plan(UP, pause("minority_third"), expect=ELSE, ensemble=WEIGHTED),
    ),
    "a pick that leaves no quorum": (
        plan(UP, pause("{pick: 2, of: voters, leaves: no_quorum}"), expect=ELSE, ensemble=ZONES),
        "never-leads",
        "error",
        "weight 3 of 7",
        plan(UP, pause("{pick: 2, of: voters, leaves: quorum}"), expect=ELSE, ensemble=ZONES),
    ),
    "the heaviest": (
        plan(UP, pause("{pick: 2, of: voters, by: heaviest}"), expect=ELSE, ensemble=WEIGHTED),
        "never-leads",
        "error",
        "weight 3 of 7",
        plan(UP, pause("{pick: 2, of: voters, by: lightest}"), expect=ELSE, ensemble=WEIGHTED),
    ),
    "noise on top of a lost quorum": (
        plan(UP, pause("[1, 2, 3]", "20s"), NOISE, expect=ELSE),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan(UP, pause("[1, 2]", "20s"), NOISE, expect=ELSE),
    ),
    "asked meanwhile": (
        plan(UP, pause("[1, 2, 3]", "20s"), ASK, expect=ELSE),
        "never-leads",
        "error",
        "2 of 5 voters",
        plan(UP, pause("[1, 2]", "20s"), ASK, expect=ELSE),
    ),
    "a gate that is armed after time zero": (
        plan("{id: f, when: {event: decided}, within: 5s, fault: kill, target: 1}"),
        "armed-late",
        "hint",
        "a few milliseconds after",
        plan("{id: f, at: 0ms, when: {event: decided}, within: 5s, fault: kill, target: 1}"),
    ),
    "a share of a hundred": (
        plan(UP, "{id: f, fault: loss, target: all, with: {percent: 0.3}, for: 1s}"),
        "small-share",
        "hint",
        "hits none is inconclusive",
        plan(UP, "{id: f, fault: loss, target: all, with: {percent: 1..30}, for: 1s}"),
    ),
    "a ring of two": (
        plan(UP, "{id: f, fault: partition, with: {shape: ring}, for: 1s}", ensemble="size: 2"),
        "nothing-cut",
        "error",
        "no link is left out",
        plan(UP, "{id: f, fault: partition, with: {shape: ring}, for: 1s}", ensemble="size: 3"),
    ),
    "nothing at all": (
        "version: 1\nname: x\nensemble: {size: 3}\nsteps: []\n",
        "nothing-judged",
        "warning",
        "without steps is over at once",
        plan(expect="outcome: leader, within: 5s").replace("steps:", "steps: []"),
    ),
    "a quantile of a few runs": (
        plan(
            UP,
            expect="metric: election.peer, p95: {max: 2s, confidence: 0.95}",
            more="repeat: {runs: 58}",
        ),
        "too-few-runs",
        "warning",
        "95 % sure of p95 takes 59",
        plan(
            UP,
            expect="metric: election.peer, p95: {max: 2s, confidence: 0.95}",
            more="repeat: {runs: 59}",
        ),
    ),
}


@pytest.mark.parametrize(("bad", "rule", "severity", "words", "good"), WAYS.values(), ids=WAYS)
def test_a_way_is_followed(bad: str, rule: str, severity: str, words: str, good: str) -> None:
    of_rule = [one for one in found(bad) if one.rule == rule]
    assert [one.severity for one in of_rule] == [severity], found(bad)
    assert words in of_rule[0].why
    assert [one for one in found(good) if one.rule == rule] == []


def test_by_the_configuration_that_a_change_brings_fewer_are_enough() -> None:
    fewer = "{id: c, change: {remove: [1, 2]}, within: 5s}"
    text = plan(UP, fewer, pause("[3, 4]", "20s"), expect=ELSE)
    assert [one.rule for one in found(text)] == []  # who has not heard of it may count by the old
    gone = plan(UP, fewer, pause("[3, 4, 5]", "20s"), expect=ELSE)
    (one,) = found(gone)
    assert one.rule == "never-leads"
    assert one.why == "f stops all who may lead (peers 3, 4 and 5)"


def test_who_looks_several_times_needs_more_runs() -> None:
    asks = "metric: election.peer, p95: {max: 2s}"
    text = plan(UP, expect=asks, more="repeat: {runs: 71, stop: decided}")
    (one,) = found(text)
    assert (one.rule, one.severity) == ("too-few-runs", "warning")
    assert "95 % sure of p95 at several looks takes 72" in one.why
    assert found(text.replace("71", "72")) == ()


def test_how_often_a_plan_is_run_may_be_left_to_the_command_line() -> None:
    (one,) = found(plan(UP, expect="metric: election.peer, p50: {max: 2s}"))
    assert (one.rule, one.severity) == ("too-few-runs", "hint")
    assert one.what == "p50 can never hold in 1 run"


def test_noise_may_take_a_leader_away_but_never_brings_one() -> None:
    quiet = plan(UP, pause("1", "30s"), expect="outcome: no_leader, during: f")
    noisy = plan(UP, pause("1", "30s"), NOISE, expect="outcome: no_leader, during: f")
    assert [one.rule for one in found(quiet)] == ["quorum-remains"]
    assert found(noisy) == ()


def test_noise_that_may_start_a_peer_again_leaves_a_plan_undecided() -> None:
    kill = "{fault: kill, target: {pick: 1, of: voters}, with: {restart: after}, for: 1s}"
    noise = f"{{id: noise, random: {{count: 1, every: 1s, choose: [{kill}]}}}}"
    text = plan(UP, "{id: f, fault: kill, target: [1, 2, 3], as: old}", noise, expect=ELSE)
    assert found(text) == ()


KILL = "{id: f, fault: kill, target: 1}"
# what is expected that has no end, or no fault: it is told, or is nobody's business
ENDLESS: dict[str, tuple[str, list[str]]] = {
    "a metric of a wait": (
        plan(UP, expect="metric: election.total, of: up, max: 1s"),
        ["never-measured"],
    ),
    "during what has no end": (
        plan(UP, KILL, expect="outcome: no_leader, during: f"),
        ["empty-span"],
    ),
    "from what has no end": (
        plan(UP, KILL, expect="outcome: no_leader, among: 2, between: [{step: f, edge: ended}, f]"),
        ["empty-span"],
    ),
    "after the end of what is over at once": (
        plan(UP, KILL, "{id: n, after: {step: f, edge: ended}, note: so}"),
        [],
    ),
    "a leader that refuses new links only": (
        plan(
            UP,
            "{id: f, fault: isolate, target: leader, as: old, with: {drop: refuse}, for: 5s}",
            expect="outcome: leader, among: $old, after: {step: f, plus: 2s}, within: 1s",
        ),
        [],
    ),
    "sides that refuse new links only": (
        plan(UP, "{id: f, fault: partition, target: 1, with: {drop: refuse}, for: 1s}"),
        [],
    ),
}


@pytest.mark.parametrize(("text", "rules"), ENDLESS.values(), ids=ENDLESS.keys())
def test_what_never_ends_or_cuts_is_no_mistake_of_the_linter(text: str, rules: list[str]) -> None:
    assert [one.rule for one in found(text)] == rules
