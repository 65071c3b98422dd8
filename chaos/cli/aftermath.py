"""After the last run of a cell: what ``report`` says of its runs as a set, and of their folders.

First they are shown beside other sets, then kept as the last set of their cell, and only then may
folders go: what was not counted is never lost.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from chaos.bundle import bundle_of
from chaos.campaign.attempts import Tried, tried
from chaos.campaign.beside import Shown, compared, remember
from chaos.campaign.record import RunRecord
from chaos.cli.comparing import row_json
from chaos.cli.console import Voice
from chaos.cli.papers import CellLog
from chaos.cli.request import Request
from chaos.cli.tally import Tally
from chaos.cli.tasks import called
from chaos.errors import HistoryError
from chaos.plan.reports import Keep
from chaos.runner import codes
from chaos.runner.surroundings import tool_version
from chaos.store import known_from
from chaos.verify.verdict import Met, Outcome


def after_cell(log: CellLog, request: Request, tally: Tally, voice: Voice) -> None:
    """Do what the plan's ``report`` asks for; a run that is replayed keeps all."""
    report = log.runs.plan.report
    if request.again or not report.gathers:
        return
    _beside(log, request, tally, voice)
    heads = log.runs.heads
    try:
        if heads:
            remember(tool_version(), heads, request.out)
    except (HistoryError, OSError) as error:
        tally.fail(f"{called(log.runs.plan)}: its runs could not be kept as a set: {error}")
        return
    if report.keep is not Keep.ALL:
        _remove(log, request, tally)


# ---- beside others


def _beside(log: CellLog, request: Request, tally: Tally, voice: Voice) -> None:
    runs = log.runs
    for shown in compared(runs.beside, runs.heads, pairs=runs.repeat.paired):
        tally.beside.append(_document(log, shown))
        log.compared += shown.lines()
    for line in () if request.quiet else log.compared:
        voice.print(f"{called(runs.plan)}: {line}", soft_wrap=True, markup=False)


def _document(log: CellLog, shown: Shown) -> dict[str, object]:
    runs = log.runs
    return {
        "plan": runs.plan.name,
        "cell": runs.plan.cell,
        "system": runs.system,
        "with": shown.name,
        "lacks": shown.lacks,
        "rows": [row_json(row) for row in shown.rows],
    }


# ---- folders


def removable(run: Tried, keep: Keep) -> tuple[RunRecord, ...]:
    """The attempts at a run whose folders go.

    Never one that was cut short, or that left something on the host. ``failures`` also keeps
    what could not tell, what failed though it is expected to, and all of a run that is flaky.
    """
    judged = [one for one in run.attempts if one.folder and one.system]
    if keep is Keep.NONE:
        return tuple(one for one in judged if one.exit_code != codes.RESIDUE)
    if keep is Keep.ALL or run.failed:
        return ()
    return tuple(
        one
        for one in judged
        if one.exit_code == codes.PASSED
        and not any(known_from(known).met is Met.SEEN for known in one.known)
    )


def _remove(log: CellLog, request: Request, tally: Tally) -> None:
    plan, keep = log.runs.plan, log.runs.plan.report.keep
    if keep is Keep.FAILURES and any(_open(one.outcome) for one in log.together):
        return  # together they did not pass: each of them is evidence
    gone: set[str] = set()
    for run in tried(log.records):
        for one in removable(run, keep):
            try:
                shutil.rmtree(one.folder)
                if keep is Keep.NONE:
                    bundle_of(Path(one.folder)).unlink(missing_ok=True)
            except OSError as error:
                tally.fail(f"{one.folder} could not be removed: {error}")
            else:
                gone.add(one.folder)
    if not gone:
        return
    log.records[:] = [replace(one, folder="") if one.folder in gone else one for one in log.records]
    tally.removed(gone)
    latest = request.out / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
    many = "the folder of 1 run is" if len(gone) == 1 else f"the folders of {len(gone)} runs are"
    sys.stderr.write(f"chaos: {called(plan)}: keep: {keep.value}: {many} removed\n")


def _open(outcome: Outcome) -> bool:
    return outcome in (Outcome.FAILS, Outcome.UNKNOWN)
