"""What a cell of a plan is to be run as: how often, with which seeds, by which command again."""

from __future__ import annotations

import random
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from chaos.cli.one_run import Order
from chaos.cli.request import Request
from chaos.cli.sets import PlanRuns
from chaos.plan.model import Plan
from chaos.plan.repeats import Repeat
from chaos.runner.task import Task, Until

_SEED_MAX: Final = 2**31


def repeat_of(plan: Plan, request: Request) -> Repeat:
    """What the plan asks for, unless the command line says how often."""
    asked = plan.repeat
    if request.repeat is not None:
        asked = Repeat(runs=request.repeat, parallel=asked.parallel)
    parallel = asked.parallel if request.parallel is None else request.parallel
    if request.bounds.parallel_max is not None:
        parallel = min(parallel, request.bounds.parallel_max)
    return replace(asked, parallel=1 if request.again else parallel)


def tasks_of(runs: PlanRuns, request: Request, until: Until | None = None) -> Iterator[Task]:
    """The runs that warm up, then the others; run k has seed + k, and those that warm up go on.

    Runs that are paired have the seeds of those that they are paired with.
    """
    plan, system, repeat = runs.plan, runs.system, runs.repeat
    first = request.seed if request.seed is not None else plan.seed
    if first is None:
        first = random.SystemRandom().randrange(_SEED_MAX)
    again = request.again
    for number in range(repeat.warmup):
        seed = first + repeat.runs + number
        command = reproduce(plan, seed, system, request)
        yield Task(plan, seed, command, repeat=number + 1, warmup=True, until=until)
    for number in range(repeat.runs):
        seed = first if again else first + number
        if runs.seeds is not None:
            seed = runs.seeds[number]
        yield Task(
            plan,
            seed,
            reproduce(plan, seed, system, request),
            again.aims if again else {},
            again.came if again else {},
            again.draws if again else {},
            repeat=number + 1,
            until=until,
        )


def order_of(task: Task, system: str, request: Request) -> Order:
    """The same task for a worker."""
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
        until=task.until,
    )


def reproduce(plan: Plan, seed: int, system: str, request: Request) -> str:
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
    if request.without_baseline:
        words += ["--without-baseline"]
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


def called(plan: Plan) -> str:
    """A plan's name, with its cell if it has one."""
    return f"{plan.name} {plan.cell}" if plan.cell else plan.name
