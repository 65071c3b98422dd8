"""Every whole plan that a document shows runs as the document says, and shows every word.

An example runs on the simulator, with the seed that it names or any.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from chaos.election.moments import MomentKind
from chaos.history.codec import Json
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.plan.names import ABILITIES, METRICS, SAME_METRIC
from chaos.plan.schema import plan_schema
from chaos.runner import codes
from chaos.runner.run import perform
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult
from chaos.systems.processes import Processes
from chaos.systems.simulated import Simulated
from chaos.verify.checks import INVARIANTS
from tests.runner.stage import Heard

ROOT = Path(__file__).parents[2]
DOCUMENTS = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
FENCED = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
SEEDS = (1, 2, 3)
RETRIES = 2  # of what the load of other tests left undecided, as ``--retries`` does it


def _examples() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in DOCUMENTS:
        for text in FENCED.findall(path.read_text(encoding="utf-8")):
            if "version: 1\n" in text and "\nensemble:" in text:
                found[f"{path.name}: {load_plan(text, path.name).name}"] = text
    return found


EXAMPLES = _examples()


@dataclass
class Words:
    """Keys and values, each as text."""

    keys: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)

    def used(self, node: Json) -> None:
        """Take in what a plan says."""
        match node:
            case dict():
                self.keys |= {str(key) for key in node}
                for value in node.values():
                    self.used(value)
            case list():
                for item in node:
                    self.used(item)
            case _:
                self.values.add(str(node))

    def known(self, schema: Json) -> None:
        """Take in what the schema knows."""
        match schema:
            case {"properties": dict(properties)}:
                self.keys |= set(properties)
            case {"enum": list(words)}:
                self.values |= {str(word) for word in words}
        match schema:
            case dict():
                for value in schema.values():
                    self.known(value)
            case list():
                for item in schema:
                    self.known(item)


SIMULATED = [name for name, text in EXAMPLES.items() if "\nsystem: processes\n" not in text]


@pytest.mark.live
@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - SIMULATED))
def test_an_example_that_needs_a_host_runs_there(name: str, tmp_path: Path) -> None:
    plan = load_plan(EXAMPLES[name], name)
    assert not plan.needs <= Simulated.supports, "it could run on the simulator"
    result = _on_processes(plan, tmp_path)
    for _ in range(RETRIES):
        if result.exit_code == codes.INCONCLUSIVE:
            result = _on_processes(plan, tmp_path)
    assert result.exit_code == codes.PASSED, result.headline


def _on_processes(plan: Plan, out: Path) -> RunResult:
    with closing(RunFolder.create(out, plan.name, 1)) as folder:
        system = Processes(plan.ensemble, 1, folder.path, "auto")
        return perform(Task(plan, 1, ""), system, folder, Heard())[0]


@pytest.mark.parametrize("name", SIMULATED)
def test_an_example_runs_and_everything_holds(name: str, tmp_path: Path) -> None:
    plan = load_plan(EXAMPLES[name], name)
    assert plan.needs <= Simulated.supports
    for seed in SEEDS if plan.seed is None else (plan.seed,):
        with closing(RunFolder.create(tmp_path, plan.name, seed)) as folder:
            system = Simulated(plan.ensemble, seed)
            result, _ = perform(Task(plan, seed, ""), system, folder, Heard())
        assert result.exit_code == codes.PASSED, f"seed {seed}: {result.headline}"


def test_the_examples_show_every_word_of_the_language() -> None:
    shown, known = Words(), Words()
    for text in EXAMPLES.values():
        shown.used(yaml.safe_load(text))
    known.known(plan_schema())
    assert known.keys - shown.keys == set()
    assert known.values - shown.values - shown.keys == set()


def test_the_examples_show_every_metric_property_event_and_ability() -> None:
    shown = Words()
    for text in EXAMPLES.values():
        shown.used(yaml.safe_load(text))
    known = {*METRICS, *SAME_METRIC, *INVARIANTS, *ABILITIES, *(kind.value for kind in MomentKind)}
    assert known - shown.values == set()
