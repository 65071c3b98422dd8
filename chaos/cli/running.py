"""``chaos run``: every plan, every repeat, one after another.

All plans are read before the first one runs: a bad one stops the command before any process
exists. A host that fails one run leaves the others their turn.
"""

from __future__ import annotations

import random
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.text import Text

from chaos.campaign.pool import Terminated, pool
from chaos.campaign.record import RunRecord, counted, record_of
from chaos.campaign.sweep import sweep
from chaos.cli.console import Voice, put, voice
from chaos.cli.drivers import DEFAULT, DRIVERS, Driver
from chaos.cli.interruption import ended_once
from chaos.cli.linting import warn
from chaos.cli.one_run import Done, Order, Place, perform_order, run_one
from chaos.cli.reading import read_plans
from chaos.cli.sets import PlanRuns
from chaos.cli.show import showing
from chaos.cli.tally import Tally
from chaos.cli.verdicts import change_words, headed, tell
from chaos.errors import ChaosError, InfrastructureError, PlanError
from chaos.ledger import recover
from chaos.plan.model import Plan
from chaos.plan.repeats import Repeat, Stop
from chaos.runner import codes
from chaos.runner.rejudge import changes
from chaos.runner.run import ResidueError
from chaos.runner.show import Show
from chaos.runner.stored import StoredRun
from chaos.runner.task import Task
from chaos.store import RunResult, load

_SEED_MAX: Final = 2**31
Seen = tuple[PlanRuns, list[RunRecord]]  # of one cell, so far


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    plans: tuple[Path, ...]
    system: str | None
    seed: int | None
    repeat: int | None  # None: as the plan says
    settings: Mapping[str, str]
    network: str
    out: Path
    as_json: bool
    quiet: bool
    zookeeper_home: Path | None = None
    cell: str = ""
    parallel: int | None = None  # None: as the plan says
    fail_fast: bool = False
    again: StoredRun | None = None  # to be run again, in the place of ``plans``


def run_plans(request: Request, drivers: Mapping[str, Callable[[], Driver]] = DRIVERS) -> int:
    """Run everything; the most serious exit code."""
    tally = Tally()
    code = _Command(request, drivers, tally).run()
    if request.as_json:
        put(tally.document(code))
    return code


class _Command:
    """One ``chaos run`` under way."""

    def __init__(
        self, request: Request, drivers: Mapping[str, Callable[[], Driver]], tally: Tally
    ) -> None:
        self._request = request
        self._drivers = drivers
        self._tally = tally
        self._voice: Voice = voice(stderr=request.as_json)
        self._latest: Path | None = None  # the folder of the run under way, or of the last one

    def run(self) -> int:
        """Read all plans, then run them; the exit code."""
        request, tally = self._request, self._tally
        try:
            with ended_once():
                again = request.again
                plans = (
                    [again.written]
                    if again
                    else read_plans(request.plans, request.settings, request.cell)
                )
                sets = [PlanRuns.open(plan, request.out) for plan in plans]
                if not again and not request.quiet:
                    warn(replace(plan, repeat=_repeat(plan, request)) for plan in plans)
                with showing(self._voice, quiet=request.quiet) as show:
                    for runs in sets:
                        if request.fail_fast and set(tally.codes) & codes.FAILURES:
                            sys.stderr.write(f"chaos: {_called(runs.plan)}: not run: --fail-fast\n")
                            continue
                        self._repeats(runs, show)
        except PlanError as error:
            tally.fail(error)
            return codes.USAGE
        except ResidueError as error:
            tally.fail(error, codes.RESIDUE)
        except (KeyboardInterrupt, Terminated) as error:
            seen = "nothing was seen" if self._latest is None else f"what was seen: {self._latest}"
            tally.fail(f"interrupted; every peer is ended; {seen}")
            return codes.TERMINATED if isinstance(error, Terminated) else codes.INTERRUPTED
        return tally.code

    def _repeats(self, runs: PlanRuns, show: Show) -> None:
        """All runs of one cell of a plan, unless the system cannot do what it asks for."""
        request, plan = self._request, runs.plan
        system = request.system or plan.system or DEFAULT
        driver = self._drivers[system]()
        if lacking := driver.lacks(plan):
            self._tally.skip(plan, system, f"{system} {lacking}")
            return
        if driver.on_host:
            _sweep()
        repeat = _repeat(plan, request)
        tasks = list(_tasks(plan, system, repeat, request))
        records: list[RunRecord] = []
        try:
            if repeat.parallel > 1 and len(tasks) > 1:
                self._at_once(tasks, system, repeat, (runs, records))
            else:
                self._in_turn(tasks, (driver, show), repeat, (runs, records))
        finally:  # what ended before residue was found counts beside it
            found, missing = counted(records, repeat.min_valid)
            self._tally.codes += found
        if len(records) < len(tasks):
            told = f"{len(records)} of {len(tasks)} runs; a failure ends them"
            sys.stderr.write(f"chaos: {_called(plan)}: {told}\n")
        elif missing:
            self._tally.fail(f"{_called(plan)}: {missing}")
        if not request.again:
            self._together(runs)

    def _together(self, runs: PlanRuns) -> None:
        """What the plan asks of all its runs together."""
        outcome = runs.outcome()
        if outcome is None:
            return
        self._tally.together(outcome)
        if not self._request.quiet:
            many = "1 run" if outcome.runs == 1 else f"all {outcome.runs} runs"
            self._voice.print(f"{outcome.plan}, {many} together:", markup=False)
            tell(self._voice, outcome.verdicts)
        sign, style = headed(outcome.exit_code)
        self._voice.print(Text(f"{sign} {outcome.headline}", style=style), soft_wrap=True)

    def _enough(self, repeat: Repeat, records: Sequence[RunRecord]) -> bool:
        """Whether a failure ends the runs, and there is one."""
        ends = repeat.stop is Stop.FIRST_FAILURE or self._request.fail_fast
        return ends and any(one.failed for one in records)

    def _in_turn(
        self,
        tasks: Sequence[Task],
        who: tuple[Driver, Show],
        repeat: Repeat,
        seen: Seen,
    ) -> None:
        driver, show = who
        _, records = seen
        place = Place(self._request.out, self._request.network, self._began)
        for task in tasks:
            if self._enough(repeat, records):
                return
            try:
                done = run_one(task, driver, place, show)
            except ResidueError:
                raise
            except (ChaosError, OSError) as error:
                self._failed(task, error, records)
                continue
            show.ended(done.result, done.papers)
            self._ended(done, seen)

    def _at_once(self, tasks: Sequence[Task], system: str, repeat: Repeat, seen: Seen) -> None:
        """Each run in a worker of its own; a line for each that ends."""
        _, records = seen
        by_order = {_order(task, system, self._request): task for task in tasks}
        workers = min(repeat.parallel, len(tasks))
        self._latest = self._request.out  # if it is interrupted, several folders there tell of it
        with pool(workers) as executor:
            for order, future in sweep(
                by_order,
                perform_order,
                executor,
                parallel=workers,
                enough=lambda: self._enough(repeat, records),
            ):
                task = by_order[order]
                try:
                    done = future.result()
                except ResidueError:
                    raise
                except (ChaosError, OSError, BrokenExecutor) as error:
                    self._failed(task, error, records)
                    continue
                self._began(done.folder)
                if not self._request.quiet:
                    count = f"{len(records) + 1}/{len(tasks)} "
                    self._voice.print(count + _line(done.result), soft_wrap=True, markup=False)
                    if bundle := done.papers.get("bundle"):
                        self._voice.print(f"  bundle: {bundle}", soft_wrap=True, markup=False)
                    if done.result.exit_code != codes.PASSED:
                        told = f"  reproduce: {done.result.reproduce}"
                        self._voice.print(told, soft_wrap=True, markup=False)
                self._ended(done, seen)

    def _began(self, folder: Path) -> None:
        self._latest = folder

    def _failed(self, task: Task, error: BaseException, records: list[RunRecord]) -> None:
        """The host could not run it: a run that counts, and tells nothing."""
        said = f"{_called(task.plan)} seed {task.seed}: {error}"
        self._tally.fail(said)
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
        self._write(record, records)

    def _ended(self, done: Done, seen: Seen) -> None:
        """A run was judged: write it down, and say what there is to say."""
        result, request = done.result, self._request
        for said in done.unwritten:
            self._tally.fail(said)
        runs, records = seen
        if runs.asked and not result.warmup:
            history = load(done.folder)[1] if done.history is None else done.history
            runs.add(result, history, done.folder)
        self._write(record_of(result, done.folder), records)
        self._tally.judged(result, done.folder)
        quietly = request.quiet and not request.as_json
        if quietly:
            self._voice.print(_line(result), soft_wrap=True, markup=False)
        if request.again and request.again.result:
            other = changes(request.again.result.verdicts, result.verdicts)
            self._tally.compared(other)
            for line in [change_words(one) for one in other] or [
                "as it was then: every verdict is the same"
            ]:
                self._voice.print(line, soft_wrap=True, markup=False)

    def _write(self, record: RunRecord, records: list[RunRecord]) -> None:
        records.append(record)
        self._tally.written(record, self._request.out)


def _repeat(plan: Plan, request: Request) -> Repeat:
    """What the plan asks for, unless the command line says how often."""
    asked = plan.repeat
    if request.repeat is not None:
        asked = Repeat(runs=request.repeat, parallel=asked.parallel)
    parallel = asked.parallel if request.parallel is None else request.parallel
    return replace(asked, parallel=1 if request.again else parallel)


def _tasks(plan: Plan, system: str, repeat: Repeat, request: Request) -> Iterator[Task]:
    """The runs that warm up, then the others; run k has seed + k, and those that warm up go on."""
    first = request.seed if request.seed is not None else plan.seed
    if first is None:
        first = random.SystemRandom().randrange(_SEED_MAX)
    again = request.again
    for number in range(repeat.warmup):
        seed = first + repeat.runs + number
        command = _reproduce(plan, seed, system, request)
        yield Task(plan, seed, command, repeat=number + 1, warmup=True)
    for number in range(repeat.runs):
        seed = first if again else first + number
        yield Task(
            plan,
            seed,
            _reproduce(plan, seed, system, request),
            again.aims if again else {},
            again.came if again else {},
            again.draws if again else {},
            repeat=number + 1,
        )


def _order(task: Task, system: str, request: Request) -> Order:
    plan = task.plan
    return Order(
        text=plan.text,
        file=plan.file,
        overrides=plan.overrides,
        cell=plan.cell,
        seed=task.seed,
        repeat=task.repeat,
        warmup=task.warmup,
        reproduce=task.reproduce,
        system=system,
        network=request.network,
        out=request.out,
        zookeeper_home=request.zookeeper_home,
    )


def _sweep() -> None:
    """End what dead runs left on this host. What cannot be ended does not stop this run."""
    try:
        swept = recover()
    except InfrastructureError as error:
        swept = [f"not swept: {error}"]
    for line in swept:
        sys.stderr.write(f"chaos: {line}\n")


def _reproduce(plan: Plan, seed: int, system: str, request: Request) -> str:
    """The command that does this very run again."""
    if request.again:
        words = [_program(), "replay", _path(str(request.again.folder))]
    else:
        words = [_program(), "run", _path(plan.file), "--system", system, "--seed", str(seed)]
    if system != "simulated" and request.network != "auto":
        words += ["--network", request.network]
    if system in ("zookeeper", "mixed") and request.zookeeper_home is not None:
        words += ["--zookeeper-home", str(request.zookeeper_home)]
    if plan.repeat != Repeat() and not request.again:
        words += ["--repeat", "1"]
    if plan.cell and not request.again:
        words += ["--cell", plan.cell]
    for key, value in request.settings.items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)


def _path(path: str) -> str:
    """A path that no command takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def _program() -> str:
    """How this very command can be called again: by name where the shell would find it."""
    called = Path(sys.argv[0])
    if called.name != "chaos" or shutil.which("chaos") is not None:
        return "chaos"
    return str(called)


def _line(result: RunResult) -> str:
    sign = "✓" if result.exit_code == codes.PASSED else "✗"
    cell = f" {result.cell}" if result.cell else ""
    return f"{sign} {result.plan}{cell} seed {result.seed}: {result.headline}"


def _called(plan: Plan) -> str:
    return f"{plan.name} {plan.cell}" if plan.cell else plan.name
