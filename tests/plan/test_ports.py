"""A port may be said where the peers are."""

from __future__ import annotations

import pytest
import yaml
from jsonschema import Draft7Validator

from chaos.errors import PlanError
from chaos.plan.load import load_plan
from chaos.plan.schema import plan_schema

HEAD = "version: 1\nname: p\nensemble: {size: 3}\nsteps:\n"
FAULT = "  - {id: a, fault: %s, target: %s, for: 1s}\n"
RANDOM = "  - {id: r, random: {count: 1, every: 1s, choose: [{fault: %s, target: %s, for: 1s}]}}\n"
SCHEMA = Draft7Validator(plan_schema())


def accepts(text: str) -> bool:
    return bool(SCHEMA.is_valid(yaml.safe_load(text)))


WAYS = {
    "a block": (
        "block_port, with: {direction: in}",
        "{of: voters, port: election}",
        "block_port, with: {port: election, direction: in}",
        "{of: voters}",
    ),
    "nothing else": (
        "half_open",
        "{pick: 1, of: voters, port: quorum}",
        "half_open, with: {port: quorum}",
        "{pick: 1, of: voters}",
    ),
}


@pytest.mark.parametrize("step", [FAULT, RANDOM], ids=["a step", "a choice"])
@pytest.mark.parametrize(("fault", "target", "with_", "peers"), WAYS.values(), ids=WAYS)
def test_it_means_the_same_as_in_with(
    step: str, fault: str, target: str, with_: str, peers: str
) -> None:
    one, other = HEAD + step % (fault, target), HEAD + step % (with_, peers)
    assert load_plan(one, "p.yaml").faults == load_plan(other, "p.yaml").faults
    assert accepts(one)
    assert accepts(other)


WRONG = {
    "of a fault without a port": (
        FAULT % ("pause", "{of: voters, port: election}"),
        "pause is not of one port; block_port, ",
    ),
    "twice": (
        FAULT % ("block_port, with: {port: quorum}", "{of: voters, port: election}"),
        "the port is said twice, here and in with",
    ),
    "another": (
        FAULT % ("block_port", "{of: voters, port: client}"),
        '"client" is none of its words',
    ),
    "nowhere": (FAULT % ("block_port", "{of: voters}"), 'needs "port"'),
}


@pytest.mark.parametrize(("step", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(step: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(HEAD + step, "p.yaml")
    assert message in str(caught.value)
    assert "p.yaml:5:" in str(caught.value)
    assert not accepts(HEAD + step) or "pause" in step, "of other faults the loader knows it"
