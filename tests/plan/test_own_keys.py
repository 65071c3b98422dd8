"""Keys that begin with ``x-`` are the author's, wherever a mapping is; others are errors there."""

from __future__ import annotations

import pytest
import yaml
from jsonschema import Draft7Validator

from chaos.errors import PlanError
from chaos.plan.load import load_plan
from chaos.plan.schema import plan_schema

SCHEMA = Draft7Validator(plan_schema())
PLAN = """\
version: 1
name: p
# plan
ensemble:
  # ensemble
  peers: [{id: 1, zone: a, %s}, {id: 2}, {id: 3}]
  links: {pairs: [{from: {zone: a, %s}, to: 2, latency: 1ms}]}
steps:
  - {id: up, wait: {outcome: leader, %s}, within: 5s, %s}
  - {id: f, fault: pause, target: {pick: 1, of: {of: voters, %s}, %s}, as: o, for: 1s}
  - {id: g, after: {step: f, %s}, wait: {outcome: {role: down, %s}, of: $o}, within: 5s}
  - {id: d, fault: delay, target: {from: all, to: leader, %s}, with: {latency: 1ms, %s}, for: 1s}
invariants: [{name: epoch_monotone, %s}]
expect: [{id: e, outcome: leader, within: 5s, %s}]
cleanup: {deadline: 5s, %s}
limits: {abort_when: [{event: peer_crashed, %s}]}
"""
PLACES = PLAN.count("%s")


def written(key: str, at: int | None = None) -> str:
    """The plan with ``key`` in the mapping number ``at``, or in each."""
    mine = [f"{key}: 1" if at in (None, n) else f"x-{n}: {{a: [b]}}" for n in range(PLACES)]
    return PLAN % tuple(mine)


def test_the_author_may_say_anything_under_them() -> None:
    text = written("x-why")
    assert load_plan(text, "p.yaml").faults == load_plan(written("x-y"), "p.yaml").faults
    assert SCHEMA.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("at", range(PLACES))
def test_any_other_key_is_an_error_with_its_place(at: int) -> None:
    text = written("y-why", at)
    line = 1 + text[: text.index("y-why")].count("\n")
    with pytest.raises(PlanError) as caught:
        load_plan(text, "p.yaml")
    assert f"p.yaml:{line}:" in str(caught.value)
    assert not SCHEMA.is_valid(yaml.safe_load(text))
