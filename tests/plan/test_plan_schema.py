"""The JSON Schema and the loader agree."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from chaos.errors import PlanError
from chaos.faults.catalogue import FAULTS
from chaos.plan.forms import Schema
from chaos.plan.load import load_plan
from chaos.plan.schema import plan_schema

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "plans" / "schema" / "plan-v1.json"
PLANS = sorted((ROOT / "plans").glob("*.yaml"))
HEAD = "version: 1\nname: p\nensemble: {size: 3}\nsteps:\n"
PARAMS = """\
version: 1
name: p
ensemble: {size: "${n}"}
steps: [{id: w, wait: {time: "${t}"}}]
"""


def _fits(schema: Schema, text: str) -> bool:
    value = yaml.load(text, Loader=yaml.SafeLoader)
    return bool(jsonschema.Draft7Validator(schema).is_valid(value))


@pytest.fixture(scope="module")
def schema() -> Schema:
    return plan_schema()


def test_it_is_a_schema(schema: Schema) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


def test_the_shipped_schema_is_the_loaders_own(schema: Schema) -> None:
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == schema


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_shipped_plan_satisfies_it(path: Path, schema: Schema) -> None:
    text = path.read_text(encoding="utf-8")
    assert load_plan(text, path.name).name == path.stem
    assert _fits(schema, text)
    assert text.startswith("# yaml-language-server: $schema=schema/plan-v1.json\n# ")


SAME = {
    "smallest": ("version: 1\nname: p\nensemble: {size: 3}\nsteps: []\n", True),
    "x- keys": ("version: 1\nname: p\nensemble: {size: 3, x-a: 1}\nsteps: []\nx-b: 2\n", True),
    "parameter": (f"params: {{n: 3, t: 1s}}\n{PARAMS}", True),
    "fault with keys": (
        HEAD + "  - {id: a, fault: block_port, target: 1, with: {port: quorum}, for: 1s}\n",
        True,
    ),
    "percentage": (
        HEAD + "  - {id: a, fault: loss, target: 1, with: {percent: 0.5}, for: 1s}\n",
        True,
    ),
    "skewed epoch": (
        HEAD + "  - {id: a, fault: skew_peer_epoch, target: 1, with: {current: {by: -1}}}\n",
        True,
    ),
    "weights by sid": (
        HEAD + "  - {id: a, fault: bump_config_version, target: 1, "
        "with: {by: 1, weights: {1: 2}}}\n",
        True,
    ),
    "no version": ("name: p\nensemble: {size: 3}\nsteps: []\n", False),
    "unknown key": ("version: 1\nname: p\nensemble: {sise: 3}\nsteps: []\n", False),
    "unknown fault": (HEAD + "  - {id: a, fault: puase, target: 1, for: 1s}\n", False),
    "number without unit": (HEAD + "  - {id: w, wait: {time: 5}}\n", False),
    "key of another fault": (
        HEAD + "  - {id: a, fault: pause, target: 1, with: {port: quorum}, for: 1s}\n",
        False,
    ),
    "fault without a key that it needs": (
        HEAD + "  - {id: a, fault: loss, target: 1, for: 1s}\n",
        False,
    ),
    "bad selector": (HEAD + "  - {id: a, fault: kill, target: {pick: 1}}\n", False),
    "a filter alone": (HEAD + "  - {id: a, fault: kill, target: {weight_at_least: 1}}\n", True),
    "all but some": (HEAD + "  - {id: a, fault: kill, target: {pick: 1, except: [2]}}\n", True),
    "unsupported word": (HEAD + "  - {id: a, probe: roles}\n", False),
}


@pytest.mark.parametrize(("text", "good"), SAME.values(), ids=SAME.keys())
def test_schema_and_loader_say_the_same(text: str, good: bool, schema: Schema) -> None:
    assert _fits(schema, text) is good
    if good:
        assert load_plan(text, "p.yaml").name == "p"
    else:
        with pytest.raises(PlanError):
            load_plan(text, "p.yaml")


@pytest.mark.parametrize("word", FAULTS)
def test_every_fault_is_in_it(word: str, schema: Schema) -> None:
    assert f'"const": "{word}"' in json.dumps(schema)


def test_every_fault_is_in_a_shipped_plan() -> None:
    used = {
        word for word in FAULTS for path in PLANS if f"fault: {word}" in path.read_text("utf-8")
    }
    assert set(FAULTS) == used
