"""What a command leaves for continuous integration: its cases, and the papers drawn from them.

A paper that cannot be written is told of; the exit code is that of the runs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chaos.campaign.attempts import tried
from chaos.campaign.record import RunRecord
from chaos.cli.console import told_if_not, voice
from chaos.cli.one_run import PAGE
from chaos.cli.request import Request
from chaos.cli.sets import PlanRuns
from chaos.cli.tally import Tally
from chaos.runner import codes
from chaos.store import put_text
from chaos.verify.verdict import KnownMet, Verdict

if TYPE_CHECKING:
    from chaos.report.cases import Case

_CUT: Final = (codes.INTERRUPTED, codes.TERMINATED)


@dataclass(slots=True)
class CellLog:
    """One cell as it goes on. ``found`` are the exit codes that count, each with why.

    ``records`` are of all attempts at all runs; that a run is flaky, only they say.
    """

    runs: PlanRuns
    records: list[RunRecord] = field(default_factory=list)
    found: list[tuple[int, str]] = field(default_factory=list)
    together: tuple[Verdict, ...] = ()
    known_together: tuple[KnownMet, ...] = ()
    compared: tuple[str, ...] = ()  # what it looks like beside other sets, in words
    skipped: str = ""
    took_ns: int = 0

    def counts(self, code: int, why: str) -> None:
        """An exit code counts, for this reason."""
        self.found.append((code, why))

    def case(self, left: tuple[int, str]) -> Case:
        """What came of it; ``left`` is the exit code, and the reason, of one that never ran."""
        from chaos.report.cases import Case

        plan = self.runs.plan
        runs = tried(self.records)
        code = _worst([code for code, _ in self.found]) if self.found else left[0]
        why = next((why for found, why in self.found if found == code), left[1])
        never = not self.found and code == codes.NOTHING_RAN
        return Case(
            plan=plan.name,
            file=plan.file,
            cell=plan.cell,
            system=self.runs.system,
            exit_code=code,
            headline=why,
            runs=tuple(run.record for run in runs),
            together=self.together,
            known_together=self.known_together,
            earlier=tuple(one for run in runs for one in run.earlier),
            retried=tuple(one for run in runs for one in run.retried),
            compared=self.compared,
            skipped=self.skipped or (why if never else ""),
            took_ns=self.took_ns,
            owner=plan.owner,
            tags=plan.tags,
        )


@dataclass(slots=True)
class Log:
    """All cells of a command, in their order."""

    cells: list[CellLog] = field(default_factory=list)

    def begin(self, runs: PlanRuns) -> CellLog:
        """A cell is to be run."""
        self.cells.append(CellLog(runs))
        return self.cells[-1]

    def cases(self, code: int, errors: Sequence[str]) -> tuple[Case, ...]:
        """What came of each; of a command that never got to a plan, a case that says why."""
        from chaos.report.cases import Case

        why = errors[-1] if errors else "not run"
        if code in (codes.USAGE, codes.INTERRUPTED, codes.TERMINATED):
            if not self.cells:
                return (Case("plans", "", "", "chaos", code, why),)
            left = (code, why)
        else:
            left = (codes.NOTHING_RAN, "not run: an earlier one ended the command")
        return tuple(cell.case(left) for cell in self.cells)


def _worst(found: Sequence[int]) -> int:
    """The most serious; what was interrupted is so, unless a failure was seen before."""
    cut = [code for code in found if code in _CUT]
    code = codes.worst(code for code in found if code not in _CUT)
    return cut[0] if cut and code not in codes.FAILURES else code


def worst_case(cases: Iterable[Case]) -> int:
    """The exit code of several cases together."""
    return _worst([codes.NOTHING_RAN if case.skipped else case.exits for case in cases])


def timed(cell: CellLog) -> Callable[[], None]:
    """What says, when it is called, how long a cell took since now."""
    began_ns = time.monotonic_ns()

    def ended() -> None:
        cell.took_ns = time.monotonic_ns() - began_ns

    return ended


def write_papers(
    request: Request, log: Log, tally: Tally, code: int, env: Mapping[str, str] = os.environ
) -> None:
    """Write what the command line asks for, and what the environment has a place for."""
    papers: list[tuple[str, Callable[[tuple[Case, ...]], None]]] = []
    if tally.file is not None:
        page = tally.file.with_suffix(".html")
        papers.append((f"the page {page}", lambda cases: _page(page, cases, request)))
    if (junit_file := request.junit) is not None:
        papers.append((f"the JUnit file {junit_file}", lambda cases: _junit(junit_file, cases)))
    if (markdown_file := request.markdown) is not None:
        papers.append(
            (
                f"the summary {markdown_file}",
                lambda cases: _markdown(markdown_file, cases, request),
            )
        )
    if step := env.get("GITHUB_STEP_SUMMARY"):
        papers.append(
            ("the job's summary", lambda cases: _step_summary(Path(step), cases, request))
        )
    if env.get("GITHUB_ACTIONS") == "true":
        workspace = env.get("GITHUB_WORKSPACE", "")
        papers.append(("the annotations", lambda cases: _annotate(cases, workspace)))
    if not papers:
        return
    cases = log.cases(code, tally.errors)
    for what, write in papers:
        with told_if_not(f"{what} could not be written", tally.fail):
            write(cases)


def _page(file: Path, cases: tuple[Case, ...], request: Request) -> None:
    """All runs on one page, from which that of each can be reached, also once they are moved."""
    from chaos.report.page import render_suite

    def href(run: RunRecord) -> str:
        there = Path(run.folder) / PAGE
        if not run.folder or not there.is_file():
            return ""
        return os.path.relpath(there, file.parent)

    write_text(file, render_suite(cases, href))
    if not request.as_json and not request.quiet:
        voice(stderr=False).print(f"all runs: {file}", soft_wrap=True, markup=False)


def _junit(file: Path, cases: tuple[Case, ...]) -> None:
    from chaos.report.junit import junit

    write_text(file, junit(cases))


def _markdown(file: Path, cases: tuple[Case, ...], request: Request) -> None:
    from chaos.report.markdown import markdown

    write_text(file, markdown(cases, _whole(request, besides=False)))


def _step_summary(file: Path, cases: tuple[Case, ...], request: Request) -> None:
    """Add to what the job's step has already said; its room is for all of it."""
    from chaos.report.markdown import ROOM, markdown

    taken = file.stat().st_size if file.exists() else 0
    text = markdown(cases, _whole(request, besides=True), ROOM - taken)
    with file.open("a", encoding="utf-8", errors="backslashreplace") as out:
        out.write(text)


def _whole(request: Request, *, besides: bool) -> str:
    """Where all is that a summary has no room for."""
    if request.junit is not None:
        return str(request.junit)
    return str(request.markdown if besides and request.markdown is not None else request.out)


def _annotate(cases: tuple[Case, ...], workspace: str) -> None:
    from chaos.report.annotations import workflow_commands

    for line in workflow_commands(cases, str(Path.cwd()), workspace):
        sys.stderr.write(f"{line}\n")


def write_text(file: Path, text: str) -> None:
    """Put a paper into its place, and its folder if there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    put_text(file, text)
