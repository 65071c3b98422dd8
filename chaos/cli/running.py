"""``chaos run``: every plan, every cell, one after another.

All plans are read before the first one runs: a bad one stops the command before any process
exists. A host that fails one run leaves the others their turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from chaos.campaign.asked import without_baseline
from chaos.campaign.pool import Terminated
from chaos.cli.cell_runs import CellRuns, Stage
from chaos.cli.console import put, voice
from chaos.cli.drivers import DEFAULT, DRIVERS, Driver
from chaos.cli.interruption import ended_once
from chaos.cli.linting import warn
from chaos.cli.papers import CellLog, Log, timed, write_papers
from chaos.cli.plan_papers import write_plan_papers
from chaos.cli.reading import read_plans
from chaos.cli.request import Request
from chaos.cli.sets import PlanRuns
from chaos.cli.sharding import Division, division, keep_durations
from chaos.cli.show import showing
from chaos.cli.tally import Tally
from chaos.cli.tasks import repeat_of, tasks_of
from chaos.errors import InfrastructureError, PlanError
from chaos.ledger import recover
from chaos.plan.amount_words import span
from chaos.plan.model import Plan
from chaos.runner import codes
from chaos.runner.run import ResidueError
from chaos.runner.show import Show
from chaos.runner.task import Until


def run_plans(
    request: Request,
    drivers: Mapping[str, Callable[[], Driver]] = DRIVERS,
    now_ns: Callable[[], int] = time.monotonic_ns,
) -> int:
    """Run everything; the most serious exit code. ``now_ns`` is CLOCK_MONOTONIC."""
    tally = Tally()
    command = _Command(request, drivers, tally, now_ns)
    code = command.run()
    keep_durations(command.log, request, tally)
    write_papers(request, command.log, tally, code)
    write_plan_papers(request, command.log, tally, code)
    if request.as_json:
        put(tally.document(code))
    return code


class _Command:
    """One ``chaos run`` under way."""

    def __init__(
        self,
        request: Request,
        drivers: Mapping[str, Callable[[], Driver]],
        tally: Tally,
        now_ns: Callable[[], int],
    ) -> None:
        self._request = request
        self._drivers = drivers
        self._tally = tally
        self.log = Log()
        budget = _until(now_ns(), request.bounds.budget_ns, "the budget of")
        self._stage = Stage(request, tally, voice(stderr=request.as_json), now_ns, budget)
        self._limits: dict[tuple[str, str], Until | None] = {}  # of plans that have begun

    def run(self) -> int:
        """Read all plans, then run them; the exit code."""
        tally = self._tally
        try:
            with ended_once():
                self._all()
        except PlanError as error:
            tally.fail(error)
            return codes.USAGE
        except ResidueError as error:
            tally.fail(error, codes.RESIDUE)
        except OSError as error:  # what came of a run could not be written down
            where = f"what came of a run cannot be written to {self._request.out}: {error}"
            tally.fail(f"{where}; no further run begins", codes.INFRASTRUCTURE)
        except (KeyboardInterrupt, Terminated) as error:
            latest = self._stage.latest
            seen = "nothing was seen" if latest is None else f"what was seen: {latest}"
            tally.fail(f"interrupted; every peer is ended; {seen}")
            return codes.TERMINATED if isinstance(error, Terminated) else codes.INTERRUPTED
        return tally.code

    def _all(self) -> None:
        request, again = self._request, self._request.again
        plans = (
            [again.written] if again else read_plans(request.plans, request.settings, request.cell)
        )
        if request.without_baseline:
            plans = [without_baseline(plan) for plan in plans]
        sets = [
            PlanRuns.open(plan, self._system(plan), repeat_of(plan, request), request.out)
            for plan in plans
        ]
        for runs in sets:
            if runs.seeds is not None and request.seed is not None:
                text = "--seed: pair_with: baseline takes the seeds of the baseline's runs"
                advice = f"--repeat 1 makes a run of seed {request.seed} alone"
                raise PlanError(f"{runs.plan.file}: {text}; {advice}")
        divided = division(sets, request)
        if not again and not request.quiet:
            warn(replace(runs.plan, repeat=runs.repeat) for runs in divided.here)
        cells = [self.log.begin(runs) for runs in divided.here]
        with showing(self._stage.voice, quiet=request.quiet) as show:
            for runs, cell in zip(divided.here, cells, strict=True):
                if request.fail_fast and set(self._tally.codes) & codes.FAILURES:
                    cell.skipped = "not run: --fail-fast"
                    count = runs.repeat.warmup + runs.repeat.runs
                    self._tally.leave(runs.plan, runs.system, (count, count), "--fail-fast")
                    continue
                self._cell(runs, cell, show)
        self._of_shards(divided)

    def _of_shards(self, divided: Division) -> None:
        """A shard in which nothing could run is no failure where another has something to run."""
        self._tally.shard = divided.document()
        if divided.shard is None:
            return
        sys.stderr.write(f"chaos: {divided.told()}\n")
        if not self._tally.codes:
            self._tally.elsewhere = any(
                not self._drivers[runs.system]().lacks(runs.plan) for runs in divided.elsewhere
            )

    def _cell(self, runs: PlanRuns, cell: CellLog, show: Show) -> None:
        """All runs of one cell of a plan, unless the system cannot do what it asks for."""
        request, plan = self._request, runs.plan
        system = runs.system
        driver = self._drivers[system]()
        if lacking := driver.lacks(plan):
            cell.skipped = f"{system} {lacking}"
            self._tally.skip(plan, system, cell.skipped)
            return
        if driver.on_host:
            _sweep()
        until = self._limit(runs)
        tasks = list(tasks_of(runs, request, until))
        ended = timed(cell)
        try:
            CellRuns(self._stage, runs, cell, until).perform(tasks, driver, show)
        except ResidueError as error:
            cell.counts(codes.RESIDUE, str(error))
            raise
        except OSError as error:
            cell.counts(codes.INFRASTRUCTURE, f"what came of it cannot be written: {error}")
            raise
        except KeyboardInterrupt:
            cell.counts(codes.INTERRUPTED, "interrupted")
            raise
        except Terminated:
            cell.counts(codes.TERMINATED, "terminated")
            raise
        finally:
            ended()

    def _limit(self, runs: PlanRuns) -> Until | None:
        """Until when a plan's runs may take, of all its cells; it counts from the first."""
        plan, now_ns = runs.plan, self._stage.now_ns()
        return self._limits.setdefault(
            (plan.file, runs.system),
            _until(now_ns, plan.plan_timeout_ns, "limits.plan_timeout of"),
        )

    def _system(self, plan: Plan) -> str:
        return self._request.system or plan.system or DEFAULT


def _until(now_ns: int, limit_ns: int | None, what: str) -> Until | None:
    return None if limit_ns is None else Until(now_ns + limit_ns, f"{what} {span(limit_ns)}")


def _sweep() -> None:
    """End what dead runs left on this host. What cannot be ended does not stop this run."""
    try:
        swept = recover()
    except InfrastructureError as error:
        swept = [f"not swept: {error}"]
    for line in swept:
        sys.stderr.write(f"chaos: {line}\n")
