"""Bugs of the zoo are caught by what the table of docs/zoo.md says, and by nothing bent to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.election.cnx import CnxManager
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.rules import UNBROKEN
from chaos.hunt.drawn import drawn
from chaos.hunt.trial import LINKS, trial
from chaos.plan.load import load_plan
from chaos.zoo.cage import ZOO

ROOT = Path(__file__).parents[2]

PLANS = {
    plan.name: plan
    for path in sorted((ROOT / "plans").rglob("*.yaml"))
    for plan in [load_plan(path.read_text(encoding="utf-8"), str(path))]
}
AIMED = [(bug.name, plan) for bug in ZOO.values() for plan in bug.plans]

# Mistakes that have been made in the field, or that would cost most: what each is called here.
NAMED = {
    "order without the epoch": "order-without-epoch",
    "tie-break reversed": "tie-break-reversed",
    "no finalize wait": "no-finalize-wait",
    "own vote not counted": "own-vote-not-counted",
    "checkLeader skipped": "check-leader-skipped",
    "comparison with the current instead of the initial vote": "compares-with-current",
    "zero-weight elected": "zero-weight-elected",
    "observers counted": "observers-counted",
    "strict equality out of election": "strict-equality-out-of-election",
    "FOLLOWING answers missing": "following-silent",
    "last message not re-sent after a reconnect": "last-message-not-resent",
    "acceptedEpoch not persisted": "accepted-epoch-not-kept",
    "currentEpoch not persisted": "current-epoch-not-kept",
    "equal epoch proposed": "equal-epoch",
    "quorum of the new configuration ignored": "new-quorum-ignored",
    "round not reset after gossip": "round-kept-after-gossip",
    "deaf after a malformed message": "deaf-after-malformed",
    "links torn down endlessly": "links-torn-down",
    "blocking dial": "blocking-dial",
}


@pytest.mark.parametrize("bug", sorted({bug for bug, _ in AIMED}))
def test_the_plans_that_aim_at_a_bug_catch_it_from_outside_and_by_its_journals(bug: str) -> None:
    found = [trial(PLANS[plan], 1, ZOO[bug].rules) for plan in ZOO[bug].plans]
    assert [catch for one in found for catch in one.properties]
    assert [catch for one in found for catch in one.conformance]


@pytest.mark.parametrize("plan", sorted({plan for _, plan in AIMED}))
def test_unbroken_peers_pass_the_same_plan(plan: str) -> None:
    found = trial(PLANS[plan], 1, UNBROKEN)
    assert (found.properties, found.conformance) == ([], [])


def test_every_plan_of_the_zoo_aims_at_a_bug() -> None:
    aimed = {plan for _, plan in AIMED}
    assert {path.stem for path in (ROOT / "plans" / "zoo").glob("*.yaml")} <= aimed


def test_the_bugs_that_matter_most_are_aimed_at() -> None:
    assert {bug for bug, _ in AIMED} >= set(NAMED.values())


@pytest.mark.parametrize("bug", ZOO)
def test_a_bug_is_aimed_at_or_it_is_said_why_no_property_catches_it(bug: str) -> None:
    assert bool(ZOO[bug].plans) is not bool(ZOO[bug].missed)


@pytest.mark.parametrize("bug", ["smaller-keeps-its-link", "last-message-not-resent"])
def test_broken_links_differ_from_their_twin(bug: str) -> None:
    seen = [trial(drawn(seed), seed, ZOO[bug].rules).conformance for seed in range(12)]
    assert LINKS in {one.check for found in seen for one in found}


@pytest.mark.parametrize("bug", ZOO.values(), ids=ZOO.keys())
def test_a_record_says_what_is_broken(bug: object) -> None:
    found = ZOO[getattr(bug, "name", "")]
    assert found.rule
    assert found.source
    assert found.shows
    assert found.rules.peer is not QuorumPeer or found.rules.links is not CnxManager


def test_there_are_as_many_bugs_as_were_asked_for() -> None:
    assert len(ZOO) >= 35
