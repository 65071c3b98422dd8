"""The runs of one cell of a plan, one after another or several at once, and what came of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from chaos.campaign.pool import pool
from chaos.campaign.record import RunRecord, counted, record_of
from chaos.campaign.sweep import sweep
from chaos.cli.console import Voice
from chaos.cli.drivers import Driver
from chaos.cli.one_run import Done, Place, perform_order, run_one
from chaos.cli.papers import CellLog
from chaos.cli.request import Request
from chaos.cli.sets import PlanRuns
from chaos.cli.tally import Tally
from chaos.cli.tasks import called, order_of
from chaos.cli.verdicts import change_words, headed, tell
from chaos.errors import ChaosError
from chaos.plan.repeats import Stop
from chaos.runner import codes
from chaos.runner.known import sentence
from chaos.runner.rejudge import changes
from chaos.runner.run import ResidueError
from chaos.runner.show import Show
from chaos.runner.task import Task
from chaos.store import RunResult, load


@dataclass(slots=True)
class Stage:
    """What all runs of a command share. ``latest`` is the folder of the run under way, or last."""

    request: Request
    tally: Tally
    voice: Voice
    latest: Path | None = None

    def began(self, folder: Path) -> None:
        """A run has a folder."""
        self.latest = folder


class CellRuns:
    """The runs of one cell, on one system."""

    def __init__(self, stage: Stage, runs: PlanRuns, log: CellLog) -> None:
        self._stage = stage
        self._request, self._tally, self._voice = stage.request, stage.tally, stage.voice
        self._runs = runs
        self._repeat = runs.repeat
        self._log = log
        self._records = log.records

    def perform(self, tasks: Sequence[Task], driver: Driver, show: Show) -> None:
        """Run them all, or as many as are enough, and tell what they come to."""
        plan, repeat = self._runs.plan, self._repeat
        try:
            if repeat.parallel > 1 and len(tasks) > 1:
                self._at_once(tasks)
            else:
                self._in_turn(tasks, driver, show)
        finally:  # what ended before residue was found counts beside it
            found, missing = counted(self._records, repeat.min_valid)
            self._tally.codes += found
            for code in found:
                too_few = missing if code == codes.INCONCLUSIVE else ""
                self._log.counts(code, too_few or self._headline(code))
        if len(self._records) < len(tasks):
            told = f"{len(self._records)} of {len(tasks)} runs; {self._over()}"
            sys.stderr.write(f"chaos: {called(plan)}: {told}\n")
        elif missing:
            self._tally.fail(f"{called(plan)}: {missing}")
        if not self._request.again:
            self._together()
        self._known()

    def _headline(self, code: int) -> str:
        """What the first run with this exit code says."""
        return next((one.headline for one in self._records if one.exit_code == code), "")

    def _over(self) -> str:
        """Why no further run begins, empty if one may."""
        ends = self._repeat.stop is Stop.FIRST_FAILURE or self._request.fail_fast
        if ends and any(one.failed for one in self._records):
            return "a failure ends them"
        return "all that is asked of them is answered" if self._runs.decided else ""

    def _in_turn(self, tasks: Sequence[Task], driver: Driver, show: Show) -> None:
        place = Place(self._request.out, self._request.network, self._stage.began)
        for task in tasks:
            if self._over():
                return
            try:
                done = run_one(task, driver, place, show)
            except ResidueError:
                raise
            except (ChaosError, OSError) as error:
                self._failed(task, error)
                continue
            show.ended(done.result, done.papers)
            self._ended(done)

    def _at_once(self, tasks: Sequence[Task]) -> None:
        """Each run in a worker of its own; a line for each that ends."""
        by_order = {order_of(task, self._runs.system, self._request): task for task in tasks}
        workers = min(self._repeat.parallel, len(tasks))
        self._stage.began(self._request.out)  # if interrupted, several folders there tell of it
        with pool(workers) as executor:
            for order, future in sweep(
                by_order,
                perform_order,
                executor,
                parallel=workers,
                enough=lambda: bool(self._over()),
            ):
                task = by_order[order]
                try:
                    done = future.result()
                except ResidueError:
                    raise
                except (ChaosError, OSError, BrokenExecutor) as error:
                    self._failed(task, error)
                    continue
                self._stage.began(done.folder)
                if not self._request.quiet:
                    self._tell(done, f"{len(self._records) + 1}/{len(tasks)} ")
                self._ended(done)

    def _tell(self, done: Done, count: str) -> None:
        """A run that nobody watched has ended."""
        said = [count + _line(done.result)]
        if bundle := done.papers.get("bundle"):
            said.append(f"  bundle: {bundle}")
        if done.result.exit_code != codes.PASSED:
            said.append(f"  reproduce: {done.result.reproduce}")
        for line in said:
            self._voice.print(line, soft_wrap=True, markup=False)

    def _failed(self, task: Task, error: BaseException) -> None:
        """The host could not run it: a run that counts, and tells nothing."""
        self._tally.fail(f"{called(task.plan)} seed {task.seed}: {error}")
        record = RunRecord(
            plan=task.plan.name,
            cell=task.plan.cell,
            system="",
            seed=task.seed,
            repeat=task.repeat,
            warmup=task.warmup,
            exit_code=codes.INFRASTRUCTURE,
            headline=str(error),
            folder="",
            reproduce=task.reproduce,
        )
        self._write(record)

    def _ended(self, done: Done) -> None:
        """A run was judged: write it down, and say what there is to say."""
        result, request = done.result, self._request
        for said in done.unwritten:
            self._tally.fail(said)
        if self._runs.asked and not result.warmup:
            history = load(done.folder)[1] if done.history is None else done.history
            self._runs.add(result, history, done.folder)
        self._write(record_of(result, done.folder))
        self._tally.judged(result, done.folder)
        if request.quiet and not request.as_json:
            self._voice.print(_line(result), soft_wrap=True, markup=False)
        if request.again and request.again.result:
            other = changes(request.again.result.verdicts, result.verdicts)
            self._tally.compared(other)
            for line in [change_words(one) for one in other] or [
                "as it was then: every verdict is the same"
            ]:
                self._voice.print(line, soft_wrap=True, markup=False)

    def _write(self, record: RunRecord) -> None:
        self._records.append(record)
        self._tally.written(record, self._request.out)
        self._runs.ended({one.repeat: one.valid for one in self._records if not one.warmup})

    def _known(self) -> None:
        """What became of the plan's known issues in all runs of the cell."""
        case = self._log.case((codes.NOTHING_RAN, ""))
        if len(self._records) > 1 and not self._request.quiet:
            for known in case.known:
                said = f"{called(self._runs.plan)}: {sentence(*known)}"
                self._voice.print(said, soft_wrap=True, markup=False)

    def _together(self) -> None:
        """What the plan asks of all its runs together."""
        outcome = self._runs.outcome()
        if outcome is None:
            return
        self._tally.together(outcome)
        self._log.counts(outcome.exit_code, outcome.headline)
        self._log.together, self._log.known_together = outcome.verdicts, outcome.known
        if not self._request.quiet:
            first = "all" if outcome.look is None else "the first"
            many = "1 run" if outcome.runs == 1 else f"{first} {outcome.runs} runs"
            name = called(self._runs.plan)
            self._voice.print(f"{name}, {many} together:", markup=False)
            tell(self._voice, outcome.verdicts)
        sign, style = headed(outcome.exit_code)
        self._voice.print(Text(f"{sign} {outcome.headline}", style=style), soft_wrap=True)


def _line(result: RunResult) -> str:
    sign = "✓" if result.exit_code == codes.PASSED else "✗"
    cell = f" {result.cell}" if result.cell else ""
    return f"{sign} {result.plan}{cell} seed {result.seed}: {result.headline}"
