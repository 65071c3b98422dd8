"""One run of ``chaos run``, in this process or in a worker's: perform it, store it, draw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chaos.bundle import bundle_of, pack
from chaos.campaign.pool import refuse_if_ended
from chaos.cli.console import told_if_not
from chaos.cli.drivers import Driver, drivers_with
from chaos.errors import ChaosError, OutOfTimeError
from chaos.history.history import History
from chaos.plan.load import load_plan
from chaos.plan.reports import Format, Report
from chaos.runner import codes
from chaos.runner.run import perform
from chaos.runner.show import Show, Silent
from chaos.runner.task import Task, Until
from chaos.store import PLAN, RunFolder, RunResult, put_text

PAGE: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs are stored, on which network, and who is told of a run's folder at once."""

    out: Path
    network: str
    told: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Order:
    """A run for a worker, which reads the plan anew: text travels, and what it means does not."""

    text: str
    file: str
    overrides: tuple[tuple[str, str], ...]
    cell: str
    seed: int
    repeat: int
    warmup: bool
    reproduce: str
    system: str
    network: str
    out: Path
    zookeeper_home: Path | None
    until: Until | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A run that was judged. ``papers`` tell of it, by what they are: a report, a bundle.

    ``unwritten`` says which could not be written, and why. A worker keeps the history
    to itself: it is in the folder, and larger than all else.
    """

    result: RunResult
    folder: Path
    papers: Mapping[str, str]
    unwritten: tuple[str, ...] = ()
    history: History | None = None


def run_one(task: Task, driver: Driver, place: Place, show: Show) -> Done:
    """Perform a run in a folder of its own, and draw its page.

    Raises:
        ChaosError: the host could not run it; the folder holds a readable prefix.
        OutOfTimeError: the task's time was up; likewise, and it names the folder.
    """
    plan = task.plan
    with closing(RunFolder.create(place.out, plan.name, task.seed)) as folder:
        place.told(folder.path)
        (folder.path / PLAN).write_text(plan.text, encoding="utf-8")
        system = driver.make(plan.ensemble, task.seed, folder.path, place.network)
        try:
            result, history = perform(task, system, folder, show)
        except OutOfTimeError as error:
            error.folder = str(folder.path)
            raise
    papers, unwritten = _papers(folder.path, plan.report, result, history)
    return Done(result, folder.path, papers, unwritten, history)


def perform_order(order: Order) -> Done:
    """The same in a worker: nobody watches, and one that was told to end begins nothing."""
    refuse_if_ended()
    plan = load_plan(order.text, order.file, dict(order.overrides), cell=order.cell)
    task = replace(
        Task(plan, order.seed, order.reproduce, repeat=order.repeat, warmup=order.warmup),
        until=order.until,
    )
    driver = drivers_with(order.zookeeper_home)[order.system]()
    done = run_one(task, driver, Place(order.out, order.network, lambda _: None), Silent())
    return replace(done, history=None)


def _papers(
    folder: Path, report: Report, result: RunResult, history: History
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The page if it is wanted, and the bundle of a run that did not pass; what was not written.

    Whatever it is, the verdict stands.
    """
    found: dict[str, str] = {}
    unwritten: list[str] = []
    with told_if_not("the report could not be drawn", unwritten.append):
        if Format.HTML in report.formats:
            found["report"] = str(draw(folder / PAGE, result, history, phases=report.phases))
    if result.exit_code != codes.PASSED:
        bundle = bundle_of(folder)
        try:
            pack(folder, bundle)
        except ChaosError as error:
            unwritten.append(str(error))
        else:
            found["bundle"] = str(bundle)
    return found, tuple(unwritten)


def draw(path: Path, result: RunResult, history: History, *, phases: bool = True) -> Path:
    """Write the page of a run into ``path``."""
    from chaos.report.page import render

    put_text(path, render(result, history, phases=phases))
    return path
