"""The runs of one cell of a plan, one after another or several at once, and what came of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text

from chaos.campaign.attempts import Tried, tried
from chaos.campaign.pool import pool
from chaos.campaign.record import RunRecord, counted, record_of
from chaos.campaign.shares import shares
from chaos.campaign.sweep import Queue, sweep
from chaos.cli.aftermath import after_cell
from chaos.cli.console import Voice
from chaos.cli.drivers import Driver
from chaos.cli.one_run import Done, Order, Place, perform_order, run_one
from chaos.cli.papers import CellLog
from chaos.cli.request import Request
from chaos.cli.sets import PlanRuns
from chaos.cli.tally import Tally
from chaos.cli.tasks import called, order_of
from chaos.cli.verdicts import change_words, headed, tell
from chaos.errors import ChaosError, OutOfTimeError
from chaos.plan.repeats import Stop
from chaos.runner import codes
from chaos.runner.known import sentence
from chaos.runner.rejudge import changes
from chaos.runner.run import ResidueError
from chaos.runner.show import Show
from chaos.runner.task import Task, Until
from chaos.store import RunResult, load


@dataclass(slots=True)
class Stage:
    """What all runs of a command share. ``latest`` is the folder of the run under way, or last.

    After the ``budget`` no run begins.
    """

    request: Request
    tally: Tally
    voice: Voice
    now_ns: Callable[[], int] = time.monotonic_ns
    budget: Until | None = None
    latest: Path | None = None

    def began(self, folder: Path) -> None:
        """A run has a folder."""
        self.latest = folder


class CellRuns:
    """The runs of one cell, on one system. After ``until`` none begins, nor goes on."""

    def __init__(
        self, stage: Stage, runs: PlanRuns, log: CellLog, until: Until | None = None
    ) -> None:
        self._stage = stage
        self._until = until
        self._request, self._tally, self._voice = stage.request, stage.tally, stage.voice
        self._runs = runs
        self._repeat = runs.repeat
        self._log = log
        self._records = log.records
        self._tries: dict[tuple[bool, int], list[RunRecord]] = {}  # of each run that was begun
        self._valid: dict[int, bool] = {}  # which runs that are not made again tell something
        self._failure = False  # whether one of them, or one that warmed up, shows a failure

    def perform(self, tasks: Sequence[Task], driver: Driver, show: Show) -> None:
        """Run them all, or as many as are enough, and tell what they come to."""
        try:
            if self._repeat.parallel > 1 and len(tasks) > 1:
                self._at_once(tasks)
            else:
                self._in_turn(tasks, driver, show)
        finally:  # what ended before residue was found counts beside it
            missing = self._count()
        if len(self._tries) < len(tasks):
            self._left(len(tasks), missing)
        elif missing:
            self._tally.fail(f"{called(self._runs.plan)}: {missing}")
        if not self._request.again:
            self._together()
        after_cell(self._log, self._request, self._tally, self._voice)
        self._known()
        self._shares()

    def _count(self) -> str:
        """Let the runs that ended count; what is missing of those that should be valid."""
        runs = tried(self._records)
        found, missing = counted([run.record for run in runs], self._repeat.min_valid)
        for run in runs:
            self._tally.tried(run)
            if run.flaky:
                self._tell_flaky(run)
        for code in found:
            too_few = missing if code == codes.INCONCLUSIVE else ""
            self._counts(code, too_few or self._headline(code))
        return missing

    def _tell_flaky(self, run: Tried) -> None:
        first, many = run.earlier[0], len(run.attempts)
        told = f"seed {first.seed} failed, and passed at attempt {many}: {first.headline}"
        line = f"≈ flaky: {called(self._runs.plan)} {told}"
        self._voice.print(line, soft_wrap=True, markup=False)

    def _counts(self, code: int, why: str) -> None:
        self._tally.codes.append(code)
        self._log.counts(code, why)

    def _left(self, all_: int, missing: str) -> None:
        """Not every run was begun. Where there was no time for them, that is inconclusive.

        A plan whose own time was up says with ``min_valid`` how many runs are enough.
        """
        plan, done = self._runs.plan, len(self._tries)
        if why := self._answered():
            sys.stderr.write(f"chaos: {called(plan)}: {done} of {all_} runs; {why}\n")
            return
        until = self._late()
        assert until is not None, "runs begin as long as they are wanted and there is time"
        told = self._tally.leave(plan, self._runs.system, (all_ - done, all_), until.why)
        if until is self._stage.budget or missing or self._repeat.min_valid is None:
            self._counts(codes.INCONCLUSIVE, f"{told}; {missing}" if missing else told)

    def _headline(self, code: int) -> str:
        """What the first run with this exit code says."""
        return next((one.headline for one in self._records if one.exit_code == code), "")

    def _over(self) -> bool:
        """Whether no further run begins."""
        return bool(self._answered()) or self._late() is not None

    def _late(self) -> Until | None:
        """What is used up of the time that there was."""
        now_ns = self._stage.now_ns()
        limits = (self._stage.budget, self._until)
        return next((one for one in limits if one is not None and now_ns >= one.at_ns), None)

    def _answered(self) -> str:
        """Why no further run is wanted, empty if one is."""
        ends = self._repeat.stop is Stop.FIRST_FAILURE or self._request.fail_fast
        if ends and self._failure:
            return "a failure ends them"
        return "all that is asked of them is answered" if self._runs.decided else ""

    def _in_turn(self, tasks: Sequence[Task], driver: Driver, show: Show) -> None:
        for task in tasks:
            if self._over():
                return
            self._one(task, driver, show)
            while self._again(task):
                self._one(task, driver, show)

    def _one(self, task: Task, driver: Driver, show: Show) -> None:
        place = Place(self._request.out, self._request.network, self._stage.began)
        try:
            done = run_one(task, driver, place, show)
        except ResidueError:
            raise
        except OutOfTimeError as error:
            self._broken_off(task, error)
        except (ChaosError, OSError) as error:
            self._failed(task, error)
        else:
            show.ended(done.result, done.papers)
            self._ended(done)

    def _at_once(self, tasks: Sequence[Task]) -> None:
        """Each run in a worker of its own; a line for each that ends."""
        by_order = {order_of(task, self._runs.system, self._request): task for task in tasks}
        workers = min(self._repeat.parallel, len(tasks))
        self._stage.began(self._request.out)  # if interrupted, several folders there tell of it
        waiting = Queue(by_order)
        while waiting and not self._over():  # workers that died are not asked again
            with pool(workers) as executor:
                self._sweep(waiting, by_order, executor, workers)

    def _sweep(
        self,
        waiting: Queue[Order],
        by_order: Mapping[Order, Task],
        executor: Executor,
        workers: int,
    ) -> None:
        """Until nothing is waiting, no run is wanted, or a worker died."""
        died = [False]

        def enough() -> bool:
            return died[0] or self._over()

        for order, future in sweep(
            waiting, perform_order, executor, parallel=workers, enough=enough
        ):
            task = by_order[order]
            try:
                done = future.result()
            except ResidueError:
                raise
            except OutOfTimeError as error:
                self._broken_off(task, error)
            except (ChaosError, OSError, BrokenExecutor) as error:
                died[0] |= isinstance(error, BrokenExecutor)
                self._failed(task, error)
            else:
                self._stage.began(done.folder)
                if not self._request.quiet:
                    number = len(self._tries.keys() | {_number(task)})
                    self._tell(done, f"{number}/{len(by_order)} ")
                self._ended(done)
            if self._again(task):
                waiting.once_more(order)

    def _again(self, task: Task) -> bool:
        """Whether a run is made again; says so. One that is not is settled."""
        run = self._tries[_number(task)]
        ends = [one.exit_code for one in run]
        if not task.warmup and self._request.attempts.wanted(ends) and self._late() is None:
            told = f"{called(task.plan)} seed {task.seed}: attempt {len(run)} ended with {ends[-1]}"
            sys.stderr.write(f"chaos: {told}; once more\n")
            return True
        settled = Tried(tuple(run))
        self._failure |= settled.failed
        if not task.warmup:
            self._valid[task.repeat] = settled.record.valid
        self._runs.ended(self._valid)
        return False

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
        self._write(self._without_verdict(task, codes.INFRASTRUCTURE, str(error)))

    def _without_verdict(self, task: Task, code: int, why: str) -> RunRecord:
        return RunRecord(
            plan=task.plan.name,
            cell=task.plan.cell,
            system="",
            seed=task.seed,
            repeat=task.repeat,
            warmup=task.warmup,
            exit_code=code,
            headline=why,
            folder="",
            reproduce=task.reproduce,
            attempt=self._attempt(task),
        )

    def _broken_off(self, task: Task, error: OutOfTimeError) -> None:
        """There was no time to end it: a run that counts, and tells nothing either."""
        seen = f"; what was seen: {error.folder}" if error.folder else ""
        self._tally.fail(f"{called(task.plan)} seed {task.seed}: {error}{seen}")
        record = self._without_verdict(task, codes.INCONCLUSIVE, f"broken off: {error}")
        self._write(replace(record, folder=error.folder))

    def _ended(self, done: Done) -> None:
        """A run was judged: write it down, and say what there is to say."""
        result, request = done.result, self._request
        for said in done.unwritten:
            self._tally.fail(said)
        if self._runs.asked and not result.warmup:
            history = load(done.folder)[1] if done.history is None else done.history
            self._runs.add(result, history, done.folder)
        attempt = self._attempt(result)
        self._write(record_of(result, done.folder, attempt))
        self._tally.judged(result, done.folder, attempt)
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
        self._tries.setdefault(_number(record), []).append(record)
        self._tally.written(record, self._request.out)

    def _attempt(self, run: Task | RunResult) -> int:
        """Which attempt at a run ends now."""
        return 1 + len(self._tries.get(_number(run), ()))

    def _known(self) -> None:
        """What became of the plan's known issues in all runs of the cell."""
        case = self._log.case((codes.NOTHING_RAN, ""))
        if len(self._records) > 1 and not self._request.quiet:
            for known in case.known:
                said = f"{called(self._runs.plan)}: {sentence(*known)}"
                self._voice.print(said, soft_wrap=True, markup=False)

    def _shares(self) -> None:
        """In how many of the cell's runs each expectation held, and how sure that makes it."""
        if self._request.quiet:
            return
        for share in shares(self._records):
            said = f"{called(self._runs.plan)}: {share.words()}"
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
        said = f"{called(self._runs.plan)}, all runs together: {outcome.headline}"
        told = said if self._request.quiet else outcome.headline
        self._voice.print(Text(f"{sign} {told}", style=style), soft_wrap=True)


def _number(run: Task | RunResult | RunRecord) -> tuple[bool, int]:
    """Which run of its cell it is."""
    return run.warmup, run.repeat


def _line(result: RunResult) -> str:
    sign = "✓" if result.exit_code == codes.PASSED else "✗"
    cell = f" {result.cell}" if result.cell else ""
    warmup = " (warm-up)" if result.warmup else ""
    return f"{sign} {result.plan}{cell} seed {result.seed}{warmup}: {result.headline}"
