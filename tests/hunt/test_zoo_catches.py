"""Bugs of the zoo are caught by what the table of docs/zoo.md says, and by nothing bent to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.election.cnx import CnxManager
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.rules import UNBROKEN
from chaos.hunt.drawn import drawn
from chaos.hunt.trial import LINKS, Trial, trial
from chaos.plan.load import load_plan
from chaos.zoo.cage import ZOO

ROOT = Path(__file__).parents[2]

CAUGHT = {  # by a property, in the shipped plan of this name
    "order-without-zxid": ("config-bump-while-looking", "vote_order_respected"),
    "tie-break-reversed": ("election-port-blocked", "vote_order_respected"),
    "ties-are-quorums": ("even-ensemble", "settled"),
    "quorum-one-short": ("config-bump-changes-members", "established_by_quorum"),
    "quorum-one-more": ("follower-pause-minority", "one-epoch"),
    "observers-counted": ("rows/row-25-group-without-weight", "established_by_quorum"),
    "new-quorum-ignored": ("two-configs-need-both-quorums", "settled"),
    "own-vote-not-counted": ("partition-halves", "large-side-leads"),
    "never-adopts": ("config-bump-changes-members", "up"),
    "settled-answers-ignored": ("config-bump-changes-members", "settled"),
    "following-silent": ("config-bump-changes-members", "settled"),
    "leading-silent": ("config-bump-changes-members", "settled"),
    "gossip-ignored": ("config-bump-while-looking", "settled"),
    "accepted-epoch-not-kept": ("config-bump-while-looking", "epoch_monotone"),
    "current-epoch-not-kept": ("leader-kill-restart-loop", "epoch_monotone"),
    "equal-epoch": ("config-bump-while-looking", "at_most_one_leader_per_epoch"),
    "lower-epoch-followed": ("promise-overtakes", "it-follows-at-last"),
}


def one_run(bug: str, plan: str) -> Trial:
    path = ROOT / "plans" / f"{plan}.yaml"
    return trial(load_plan(path.read_text(encoding="utf-8"), str(path)), 1, ZOO[bug].rules)


@pytest.mark.parametrize("bug", CAUGHT)
def test_a_shipped_plan_catches_a_bug_from_outside_and_by_its_journals(bug: str) -> None:
    plan, check = CAUGHT[bug]
    found = one_run(bug, plan)
    assert check in {one.check for one in found.properties}
    assert found.conformance


@pytest.mark.parametrize("plan", sorted({plan for plan, _ in CAUGHT.values()}))
def test_unbroken_peers_pass_the_same_plan(plan: str) -> None:
    path = ROOT / "plans" / f"{plan}.yaml"
    found = trial(load_plan(path.read_text(encoding="utf-8"), str(path)), 1, UNBROKEN)
    assert (found.properties, found.conformance) == ([], [])


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
