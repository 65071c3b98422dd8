"""A peer that runs and is no member: it follows without a say, until a change takes it in."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import PlanError
from chaos.plan.lint.linter import lint
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.runner.rejudge import rejudge
from chaos.systems.mixed import refused
from tests.runner.stage import lead

HEAD = """\
version: 1
name: joiner
ensemble: {peers: [{id: 1}, {id: 2}, {id: 3}, {id: 4, member: false}]}
steps:
  - {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 9s}
  - {id: beside, probe: roles, target: 4, equals: {role: follower}, within: 1s}
"""
JOIN = """\
  - {id: join, change: {add: [4]}, within: 5s}
  - {id: in, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, within: 9s}
"""
LOSE = """\
  - {id: lose, fault: kill, target: %s}
  - {id: then, wait: {outcome: %s, hold_for: 2s}, within: 9s}
"""
WAYS = {
    "two of three are no quorum without a vote of the fourth": (LOSE % ("[1]", "leader"), 0),
    "one of three and a follower are none": (LOSE % ("[1, 2]", "no_leader"), 0),
    "nor do they become one": (LOSE % ("[1, 2]", "leader"), 1),
    "three of four are a quorum once it is in": (JOIN + LOSE % ("[1]", "leader"), 0),
    "two of four are none": (JOIN + LOSE % ("[1, 2]", "no_leader"), 0),
    "one and the newcomer are two of three, once another is out": (
        JOIN + "  - {id: out, change: {remove: [1]}, within: 5s}\n" + LOSE % ("2", "leader"),
        0,
    ),
}


def plan(steps: str) -> Plan:
    return load_plan(HEAD + steps, "joiner.yaml")


@pytest.mark.parametrize(("steps", "code"), WAYS.values(), ids=WAYS)
def test_it_counts_from_when_it_is_a_member(steps: str, code: int, tmp_path: Path) -> None:
    led = lead(plan(steps), tmp_path)
    assert led.result.exit_code == code, led.result.headline
    assert [one.name for one in led.result.verdicts if one.outcome.value == "fails"] == (
        ["then"] if code else []
    )
    assert rejudge(led.folder).verdicts == led.result.verdicts


def test_the_linter_knows_that_it_has_no_say() -> None:
    found = lint(plan(LOSE % ("[1, 2]", "leader")))
    assert [one.rule for one in found] == ["never-leads"]
    assert lint(plan(JOIN + LOSE % ("1", "leader"))) == ()


def test_a_server_of_zookeeper_cannot_be_one() -> None:
    ensemble = plan(JOIN).ensemble
    assert refused("zookeeper", ensemble).startswith("cannot bring up peer 4 as no member")


WRONG = {
    "a role": ("{id: 4, member: false, role: observer}", "no role, weight or group here"),
    "a lower id": ("{id: 0, member: false}", "give it one above 3"),
}


@pytest.mark.parametrize(("peer", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(peer: str, message: str) -> None:
    text = HEAD.replace("{id: 4, member: false}", peer)
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    assert message in str(caught.value)


def test_somebody_is_a_member() -> None:
    text = "version: 1\nname: p\nensemble: {peers: [{id: 1, member: false}]}\nsteps: []\n"
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    assert "has no quorum" in str(caught.value)
