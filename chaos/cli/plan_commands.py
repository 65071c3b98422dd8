"""``chaos run`` and ``chaos replay``: their options and their help."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from chaos.cli.completing import complete_runs
from chaos.cli.options import (
    RUNS,
    Budget,
    CellId,
    ChosenSystem,
    Document,
    DurationFiles,
    FailFast,
    JunitFile,
    MarkdownFile,
    Network,
    NetworkName,
    Out,
    Parallel,
    ParallelMax,
    Part,
    PlanFiles,
    Quiet,
    Repeats,
    Reruns,
    Retries,
    RetryInconclusive,
    Seed,
    Settings,
    SystemName,
    WithoutBaseline,
    ZookeeperHome,
    settings_of,
)

if TYPE_CHECKING:
    from chaos.cli.request import Request

RUN_STATUS: Final = """\
Exit status, of several runs the worst (7, 8, 1, 6, 3, 4, 5, 0):

0 all held; 1 an expectation failed, or a run is flaky; 2 a bad plan or bad usage; 3 inconclusive;
4 the host failed; 5 nothing ran; 6 slower than a baseline; 7 a safety property is broken;
8 something was left behind; 130 and 143 ended by SIGINT and SIGTERM, after cleaning up.
"""


def run(
    plans: PlanFiles,
    system: ChosenSystem = None,
    seed: Seed = None,
    repeat: Repeats = None,
    parallel: Parallel = None,
    max_parallel: ParallelMax = None,
    fail_fast: FailFast = False,
    cell: CellId = "",
    shard: Part = None,
    durations: DurationFiles = None,
    budget: Budget = None,
    reruns: Reruns = 0,
    retries: Retries = 0,
    retry_inconclusive: RetryInconclusive = False,
    without_baseline: WithoutBaseline = False,
    settings: Settings = None,
    network: Network = NetworkName.AUTO,
    zookeeper_home: ZookeeperHome = None,
    out: Out = RUNS,
    json_: Document = False,
    quiet: Quiet = False,
    junit: JunitFile = None,
    markdown: MarkdownFile = None,
) -> None:
    """Run plans: inject their faults, judge the elections, write a report for each run.

    Every plan is read before the first one runs. A plan that asks for more than the system can do
    is skipped with its reason. The last line of a run is the command that repeats it.
    """
    from chaos.campaign.attempts import Again
    from chaos.cli.drivers import drivers_with
    from chaos.cli.request import Bounds
    from chaos.cli.running import run_plans

    found = settings_of(settings or [])
    asked = _request(tuple(plans), system, (network, zookeeper_home), out, (json_, quiet))
    asked = replace(asked, seed=seed, settings=found, cell=cell, junit=junit, markdown=markdown)
    asked = replace(asked, repeat=repeat, parallel=parallel, fail_fast=fail_fast)
    asked = replace(asked, without_baseline=without_baseline)
    bounds = Bounds(shard, tuple(durations or ()), budget, max_parallel)
    asked = replace(asked, bounds=bounds, attempts=Again(reruns, retries, retry_inconclusive))
    if junit is not None and markdown is not None and junit.resolve() == markdown.resolve():
        raise typer.BadParameter(f"--junit and --markdown: a file of its own for each, not {junit}")
    if retry_inconclusive and not retries:
        raise typer.BadParameter("--retry-inconclusive: say how often, as --retries 1")
    raise typer.Exit(run_plans(asked, drivers_with(zookeeper_home)))


def replay(
    stored: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="The folder of a run, such as reports/latest, or a bundle.",
            autocompletion=complete_runs,
        ),
    ],
    repeat: Annotated[int, typer.Option(min=1, help="How often; each with the same seed.")] = 1,
    system: ChosenSystem = None,
    network: Network = NetworkName.AUTO,
    zookeeper_home: ZookeeperHome = None,
    out: Out = RUNS,
    json_: Document = False,
    quiet: Quiet = False,
) -> None:
    """Run a stored run again: its plan, its seed, and each fault to whom it was done then.

    Nobody is drawn anew: a plan that hurt peers 2 and 4 hurts peers 2 and 4. On real
    processes time is another; simulated, the run is the same to the last line.
    Ends by saying which verdicts are others than then.

    Exit status: that of `chaos run`.
    """
    from chaos.cli.drivers import drivers_with
    from chaos.cli.running import run_plans
    from chaos.runner.stored import open_run

    again = open_run(stored)
    asked = _request((), system, (network, zookeeper_home), out, (json_, quiet))
    asked = replace(asked, seed=again.began.seed, repeat=repeat, again=again)
    asked = replace(asked, system=asked.system or again.began.system)
    raise typer.Exit(run_plans(asked, drivers_with(zookeeper_home)))


def _request(
    plans: tuple[Path, ...],
    system: SystemName | None,
    world: tuple[NetworkName, Path | None],
    out: Path,
    told: tuple[bool, bool],
) -> Request:
    """What both ask for. ``told``: as one JSON document, and with the outcome only."""
    from chaos.cli.request import Request

    network, zookeeper_home = world
    as_json, quiet = told
    return Request(
        plans=plans,
        system=None if system is None else system.value,
        seed=None,
        repeat=None,
        settings={},
        network=network.value,
        out=out,
        as_json=as_json,
        quiet=quiet,
        zookeeper_home=zookeeper_home,
    )
