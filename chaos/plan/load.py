"""From the text of a plan to a :class:`~chaos.plan.model.Plan`, or to everything wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from chaos.errors import PlanError
from chaos.plan.build import Builder, invariants_of, required_of
from chaos.plan.build_ensemble import ensemble_of
from chaos.plan.forms import Record, read
from chaos.plan.known import known_of
from chaos.plan.matrix import Cell, cells_of, fixed
from chaos.plan.model import Cleanup, Expectation, MetricExpected, Plan, SetTest, Where
from chaos.plan.overrides import fill, override
from chaos.plan.problems import Problems, meant
from chaos.plan.references import check
from chaos.plan.repeats import Repeat, Stop
from chaos.plan.tree import Leaf, Table, kind, parse
from chaos.plan.written import PlanText, RepeatText
from chaos.plan.written_abort import abort_of
from chaos.plan.written_expect import ExpectText
from chaos.plan.written_metric import ExpectMetric

FORM: Final = Record(PlanText, PlanText.title)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def load_plan(
    text: str, file: str, overrides: Mapping[str, str] = _NONE, *, cell: str = ""
) -> Plan:
    """Read and check a plan; ``overrides`` are values by dotted path, as of ``--set``.

    ``cell`` is the id of a cell of its matrix; without it the plan has its params as written.

    Raises:
        PlanError: everything that is wrong, each as ``file:line:column: message`` with the
            source line, a caret, and what would do.
    """
    problems = Problems()
    written = _written(text, file, (overrides, cell), problems)
    problems.stop()
    assert written is not None, "what could not be read left a problem behind"
    ensemble = ensemble_of(written.ensemble, problems)
    check(written, list(ensemble.sids), problems)
    problems.stop()
    builder = Builder(written)
    steps, expectations = builder.steps(), builder.expectations(problems)
    _answerable(written.repeat, expectations, problems)
    expectations = _paired(written, expectations, problems)
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
        abort_when=tuple(map(abort_of, written.limits.abort_when)),
        cleanup=Cleanup(written.cleanup.deadline, written.cleanup.verify),
        known_issues=tuple(map(known_of, written.known_issues)),
        plan_timeout_ns=written.limits.plan_timeout,
        report=written.report,
        description=written.description,
        owner=written.owner,
        tags=written.tags,
        requires=tuple(said.text for said in written.requires),
        required=required_of(written.requires),
        overrides=tuple(overrides.items()),
        params=tuple((name, leaf.text) for name, leaf in written.params.items()),
        repeat=_repeat(written.repeat),
        cell=cell,
        cells=tuple(one.id for one in written.matrix),
    )


def _repeat(said: RepeatText | None) -> Repeat:
    if said is None:
        return Repeat()
    return Repeat(
        said.runs, said.warmup, said.parallel, said.min_valid, said.stop, said.pair_with is not None
    )


def _answerable(
    said: RepeatText | None, expectations: Iterable[Expectation], problems: Problems
) -> None:
    """Refuse to run until something is decided where nothing is asked."""
    asked = any(isinstance(one, MetricExpected) and one.of_sets for one in expectations)
    if said is not None and said.stop is Stop.DECIDED and not asked:
        text = "stop: decided has nothing to decide; expect a quantile, as p95, or a baseline"
        problems.add(said.where, text)


def _paired(
    written: PlanText, expectations: tuple[Expectation, ...], problems: Problems
) -> tuple[Expectation, ...]:
    """Compare pairs where runs are paired; refuse what cannot be."""
    said = written.repeat
    if said is None or said.pair_with is None:
        return expectations
    asked = [one for one in written.expect if isinstance(one, ExpectMetric) and one.baseline]
    named = {one.baseline.text: one for one in asked if one.baseline}
    if not named:
        text = "pair_with: baseline has nothing to pair with; expect {metric: …, baseline: main}"
        problems.add(said.where, text)
    if len(named) > 1:
        text = f"runs are paired with those of one baseline, not of {' and '.join(named)}"
        problems.add(list(named.values())[-1].where, text)
    return tuple(map(_with_pairs, expectations, written.expect))


def _with_pairs(one: Expectation, said: ExpectText) -> Expectation:
    """Where nothing else is said. One seed makes like runs: a test without pairs errs safely."""
    if not isinstance(one, MetricExpected) or one.against is None:
        return one
    assert isinstance(said, ExpectMetric)
    if said.test is not None:
        return one
    return replace(one, against=replace(one.against, test=SetTest.WILCOXON))


def load_cells(text: str, file: str, overrides: Mapping[str, str] = _NONE) -> tuple[Plan, ...]:
    """The plan of each cell of the matrix, in its order; the plan alone if it has no matrix.

    Raises:
        PlanError: as for :func:`load_plan`; what is wrong in one cell only says in which.
    """
    plan = load_plan(text, file, overrides)
    if not plan.cells:
        return (plan,)
    found: list[Plan] = []
    for cell in plan.cells:
        try:
            found.append(load_plan(text, file, overrides, cell=cell))
        except PlanError as error:
            raise PlanError(f"{file}: cell {cell}:\n{error}") from error
    return tuple(found)


def _written(
    text: str, file: str, chosen: tuple[Mapping[str, str], str], problems: Problems
) -> PlanText | None:
    overrides, wanted = chosen
    root = parse(text, file, problems)
    if problems:
        return None
    if root is None or (isinstance(root, Leaf) and root.value is None):
        problems.add(Where(file, 1, 1), "the file is empty; a plan begins with version: 1")
        return None
    if not isinstance(root, Table):
        problems.add(root.where, f"a plan is a mapping of keys, not {kind(root)}")
        return None
    root = override(root, overrides, problems)
    cells = cells_of(root, problems)
    _unvaried(cells, overrides, problems)
    if wanted:
        cell = next((one for one in cells if one.id == wanted), None)
        if cell is None:
            advice = meant(wanted, [one.id for one in cells])
            problems.add(root.where, f'the matrix has no cell "{wanted}"{advice}')
        if cell is None or problems:
            return None
        root = fixed(root, cell)
    filled = fill(root, problems)
    return read(PlanText, FORM, filled, problems)


def _unvaried(cells: Iterable[Cell], overrides: Iterable[str], problems: Problems) -> None:
    """Refuse a setting that every cell would replace."""
    varied = {f"params.{name}": name for cell in cells for name in cell.values}
    for path in overrides:
        if path in varied:
            name = varied[path]
            advice = f"choose with --cell {name}=…, or --set matrix.{name}=[…]"
            problems.add(Where(f"--set {path}", 1, 1), f"the matrix varies it; {advice}")
