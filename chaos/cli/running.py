"""``chaos run``: every plan, every repeat, one after another.

All plans are read before the first one runs: a bad one stops the command before any process
exists. A host that fails one run leaves the others their turn.
"""

from __future__ import annotations

import random
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from rich.text import Text

from chaos.cli.console import Voice, put, voice
from chaos.cli.drivers import DEFAULT, DRIVERS, Driver
from chaos.cli.reading import read_plans
from chaos.cli.sets import PlanRuns
from chaos.cli.show import showing
from chaos.cli.tally import Tally
from chaos.cli.verdicts import change_words, headed, tell
from chaos.errors import ChaosError, InfrastructureError, PlanError
from chaos.history.history import History
from chaos.ledger import recover
from chaos.plan.model import Plan
from chaos.runner import codes
from chaos.runner.rejudge import changes
from chaos.runner.run import ResidueError, perform
from chaos.runner.show import Show
from chaos.runner.stored import StoredRun
from chaos.runner.task import Task
from chaos.store import PLAN, RunFolder, RunResult

_SEED_MAX: Final = 2**31


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    plans: tuple[Path, ...]
    system: str | None
    seed: int | None
    repeat: int
    settings: Mapping[str, str]
    network: str
    out: Path
    as_json: bool
    quiet: bool
    zookeeper_home: Path | None = None
    cell: str = ""
    again: StoredRun | None = None  # to be run again, in the place of ``plans``


class Terminated(BaseException):
    """SIGTERM came: end the run as Ctrl-C does."""


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
            with _sigterm():
                again = request.again
                plans = (
                    [again.written]
                    if again
                    else read_plans(request.plans, request.settings, request.cell)
                )
                sets = [PlanRuns.open(plan, request.out) for plan in plans]
                with showing(self._voice, quiet=request.quiet) as show:
                    for runs in sets:
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
        """All runs of one plan, unless the system cannot do what it asks for."""
        request, plan = self._request, runs.plan
        system = request.system or plan.system or DEFAULT
        driver = self._drivers[system]()
        if lacking := driver.lacks(plan):
            self._tally.skip(plan, system, f"{system} {lacking}")
            return
        if driver.on_host:
            _sweep()
        first = request.seed if request.seed is not None else plan.seed
        if first is None:
            first = random.SystemRandom().randrange(_SEED_MAX)
        for number in range(request.repeat):
            seed = first if request.again else first + number
            try:
                fixed = request.again.aims if request.again else {}
                came = request.again.came if request.again else {}
                draws = request.again.draws if request.again else {}
                command = _reproduce(plan, seed, system, request)
                task = Task(plan, seed, command, fixed, came, draws)
                self._one(task, driver, show, runs)
            except ResidueError:
                raise
            except (ChaosError, OSError) as error:
                self._tally.fail(f"{_called(plan)} seed {seed}: {error}", codes.INFRASTRUCTURE)
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

    def _one(self, task: Task, driver: Driver, show: Show, runs: PlanRuns) -> None:
        request, plan = self._request, task.plan
        with closing(RunFolder.create(request.out, plan.name, task.seed)) as folder:
            self._latest = folder.path
            (folder.path / PLAN).write_text(plan.text, encoding="utf-8")
            system = driver.make(plan.ensemble, task.seed, folder.path, request.network)
            result, history = perform(task, system, folder, show)
        page = _draw(folder.path, result, history)
        show.ended(result, page)
        self._tally.judged(result, folder.path)
        runs.add(result, history, folder.path)
        if request.quiet and not request.as_json:
            self._voice.print(_line(result), soft_wrap=True, markup=False)
        if request.again and request.again.result:
            other = changes(request.again.result.verdicts, result.verdicts)
            self._tally.compared(other)
            for line in [change_words(one) for one in other] or [
                "as it was then: every verdict is the same"
            ]:
                self._voice.print(line, soft_wrap=True, markup=False)


def _sweep() -> None:
    """End what dead runs left on this host. What cannot be ended does not stop this run."""
    try:
        swept = recover()
    except InfrastructureError as error:
        swept = [f"not swept: {error}"]
    for line in swept:
        sys.stderr.write(f"chaos: {line}\n")


def _draw(folder: Path, result: RunResult, history: History) -> str:
    """Write the page. A report that cannot be drawn never changes a verdict."""
    from chaos.report.page import render

    path = folder / "report.html"
    try:
        path.write_text(render(result, history), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - whatever it is, the verdict stands
        sys.stderr.write(f"chaos: the report could not be drawn: {error!r}\n")
        return ""
    return str(path)


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


@contextmanager
def _sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that a run is cleaned up as after Ctrl-C."""

    def handler(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise Terminated

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
