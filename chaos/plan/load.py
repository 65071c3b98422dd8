"""From the text of a plan to a :class:`~chaos.plan.model.Plan`, or to everything wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chaos.plan.build import Builder, invariants_of, required_of
from chaos.plan.build_ensemble import ensemble_of
from chaos.plan.forms import Record, read
from chaos.plan.model import Plan, Where
from chaos.plan.overrides import fill, override
from chaos.plan.problems import Problems
from chaos.plan.references import check
from chaos.plan.tree import Leaf, Table, kind, parse
from chaos.plan.written import PlanText

FORM: Final = Record(PlanText, PlanText.title)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def load_plan(text: str, file: str, overrides: Mapping[str, str] = _NONE) -> Plan:
    """Read and check a plan; ``overrides`` are values by dotted path, as of ``--set``.

    Raises:
        PlanError: everything that is wrong, each as ``file:line:column: message`` with the
            source line, a caret, and what would do.
    """
    problems = Problems()
    written = _written(text, file, overrides, problems)
    problems.stop()
    assert written is not None, "what could not be read left a problem behind"
    ensemble = ensemble_of(written.ensemble, problems)
    check(written, list(ensemble.sids), problems)
    problems.stop()
    builder = Builder(written)
    steps, expectations = builder.steps(), builder.expectations(problems)
    problems.stop()
    return Plan(
        name=written.name.text,
        file=file,
        text=text,
        ensemble=ensemble,
        steps=steps,
        invariants=invariants_of(written.invariants),
        expectations=expectations,
        seed=written.seed,
        system=None if written.system is None else written.system.value,
        run_timeout_ns=written.limits.run_timeout,
        description=written.description,
        owner=written.owner,
        tags=written.tags,
        requires=tuple(said.text for said in written.requires),
        required=required_of(written.requires),
        overrides=tuple(overrides.items()),
        params=tuple((name, leaf.text) for name, leaf in written.params.items()),
    )


def _written(
    text: str, file: str, overrides: Mapping[str, str], problems: Problems
) -> PlanText | None:
    root = parse(text, file, problems)
    if problems:
        return None
    if root is None or (isinstance(root, Leaf) and root.value is None):
        problems.add(Where(file, 1, 1), "the file is empty; a plan begins with version: 1")
        return None
    if not isinstance(root, Table):
        problems.add(root.where, f"a plan is a mapping of keys, not {kind(root)}")
        return None
    filled = fill(override(root, overrides, problems), problems)
    return read(PlanText, FORM, filled, problems)
