"""The papers of each plan, as its ``report: {formats: …}`` asks for them, in the output folder.

A paper that cannot be written is told of; the exit code is that of the runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.cli.console import told_if_not
from chaos.cli.papers import Log, worst_case, write_text
from chaos.cli.request import Request
from chaos.cli.tally import FORMAT, Tally
from chaos.plan.model import Plan
from chaos.plan.reports import Format

if TYPE_CHECKING:
    from chaos.report.cases import Case

Paper = Callable[[], str]


def write_plan_papers(request: Request, log: Log, tally: Tally, code: int) -> None:
    """Write what the plans of a command ask for, each beside its runs."""
    plans = {cell.runs.plan.file: cell.runs.plan for cell in log.cells}
    wanted = {file: plan for file, plan in plans.items() if _formats(plan)}
    if request.again or not wanted:
        return
    cases = log.cases(code, tally.errors)
    names = _names(plans)
    for file, plan in wanted.items():
        mine = [case for case in cases if case.file == file]
        for end, paper in _papers(plan, mine, tally, request.out):
            path = request.out / f"{names[file]}{end}"
            with told_if_not(f"{path} could not be written", tally.fail):
                write_text(path, paper())


def _formats(plan: Plan) -> frozenset[Format]:
    """Those that are of a plan as a whole: a page is of a run, or of all that a command ran."""
    return frozenset(plan.report.formats) - {Format.HTML}


def _names(plans: Mapping[str, Plan]) -> Mapping[str, str]:
    """What the papers of each plan are called; plans of one name are numbered."""
    found: dict[str, str] = {}
    for file, plan in plans.items():
        number = sum(plans[other].name == plan.name for other in found) + 1
        found[file] = plan.name if number == 1 else f"{plan.name}.{number}"
    return found


def _papers(
    plan: Plan, cases: Sequence[Case], tally: Tally, out: Path
) -> Iterator[tuple[str, Paper]]:
    from chaos.report.junit import junit
    from chaos.report.markdown import markdown

    formats = _formats(plan)
    if Format.JSON in formats:
        yield ".json", lambda: _document(plan, cases, tally)
    if Format.JUNIT in formats:
        yield ".junit.xml", lambda: junit(cases)
    if Format.MARKDOWN in formats:
        yield ".md", lambda: markdown(cases, str(out))


def _document(plan: Plan, cases: Sequence[Case], tally: Tally) -> str:
    """What ``--json`` prints, of one plan."""
    whole = {
        "version": FORMAT,
        "plan": plan.name,
        "plan_file": plan.file,
        "exit_code": worst_case(cases),
        "cases": [_case(case) for case in cases],
        **tally.of_plan(plan),
    }
    return json.dumps(whole, indent=1) + "\n"


def _case(case: Case) -> dict[str, object]:
    return {
        "cell": case.cell,
        "system": case.system,
        "status": case.status.value,
        "exit_code": case.exits,
        "headline": case.headline,
        "runs": len(case.runs),
        "attempts": len(case.runs) + len(case.earlier) + len(case.retried),
        "took_ns": case.took_ns,
    }
