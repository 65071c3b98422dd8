"""Random plans are made by their seed alone, and unbroken peers pass them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.election.rules import UNBROKEN
from chaos.hunt.drawn import drawn, drawn_text
from chaos.hunt.trial import trial
from chaos.plan.lint.finding import Severity
from chaos.plan.lint.linter import lint
from chaos.plan.load import load_plan
from chaos.plan.model import Change, FaultStep, LeaderOutcome, Parallel, Wait
from tests.bench.told import told, told_text

SHAPES = ("uniform", "normal", "exponential")
# Plans that were judged wrongly once; the first line of each says what was not understood.
ALARMED = sorted((Path(__file__).parent / "alarmed").glob("*.yaml"))


def test_a_seed_is_a_plan() -> None:
    assert drawn_text(7) == drawn_text(7)
    assert drawn_text(7) != drawn_text(8)


def test_the_plans_cover_the_language() -> None:
    plans = [drawn(seed) for seed in range(80)]
    verbs = [(step, step.verb) for p in plans for step in p.every_step]
    kinds = {verb.kind for _, verb in verbs if isinstance(verb, FaultStep)}
    assert {"duplicate", "reorder", "throttle", "corrupt", "slice"} <= kinds
    assert {"pause", "kill", "terminate", "loss", "delay", "skew_timers", "isolate"} <= kinds
    assert {"one_way", "partition", "block_port", "bump_config_version"} <= kinds
    assert {"skew_logical_clock", "skew_peer_epoch", "skew_zxid"} <= kinds
    assert {Change, Parallel} <= {type(verb) for _, verb in verbs}
    assert len({step.when.event for step, _ in verbs if step.when is not None}) > 8
    assert any("wipe: true" in p.text for p in plans)
    assert all(any(shape in p.text for p in plans) for shape in SHAPES)
    assert {p.ensemble.quorum for p in plans} == set(type(plans[0].ensemble.quorum))
    assert {sum(peer.votes for peer in p.ensemble.peers) for p in plans} == set(range(1, 8))
    assert any(not peer.votes for p in plans for peer in p.ensemble.peers)


def test_no_leader_is_demanded_where_an_election_need_not_end() -> None:
    hasty = [drawn(seed) for seed in range(600) if "id: passed" in drawn_text(seed)]
    waits = [step.verb for p in hasty for step in p.every_step if isinstance(step.verb, Wait)]
    assert len(hasty) > 10
    assert not any(isinstance(one.condition, LeaderOutcome) for one in waits)


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_the_linter_finds_no_error_in_a_plan(seed: int) -> None:
    assert [one for one in lint(drawn(seed)) if one.severity is Severity.ERROR] == []


@pytest.mark.parametrize("first", range(0, 16, 4))
def test_unbroken_peers_give_no_alarm(first: int) -> None:
    for seed in range(first, first + 4):
        found = trial(drawn(seed), seed, UNBROKEN)
        assert [*found.properties, *found.conformance] == [], f"seed {seed}"


@pytest.mark.parametrize("first", range(0, 12, 4))
def test_unbroken_peers_give_no_alarm_for_what_they_are_told_at_gates(first: int) -> None:
    for seed in range(first, first + 4):
        found = trial(told(seed), seed, UNBROKEN)
        assert [*found.properties, *found.conformance] == [], f"seed {seed}"


def test_what_is_told_at_gates_covers_events_and_faults() -> None:
    steps = [step for seed in range(80) for step in told(seed).every_step if step.when is not None]
    kinds = {step.verb.kind for step in steps if isinstance(step.verb, FaultStep)}
    assert {"skew_logical_clock", "skew_peer_epoch", "skew_zxid", "bump_config_version"} <= kinds
    assert len({step.when.event for step in steps if step.when is not None}) > 14
    assert told_text(7) == told_text(7) != told_text(8)


@pytest.mark.parametrize("path", ALARMED, ids=[path.stem for path in ALARMED])
def test_what_gave_a_false_alarm_gives_none(path: Path) -> None:
    plan = load_plan(path.read_text(encoding="utf-8"), str(path))
    assert plan.seed is not None
    found = trial(plan, plan.seed, UNBROKEN)
    assert [*found.properties, *found.conformance] == []
