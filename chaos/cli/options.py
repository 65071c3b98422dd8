"""Options that several commands share, and the many of ``chaos run``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from chaos.campaign.shards import Shard, shard
from chaos.cli.completing import complete_cells, complete_plans
from chaos.errors import PlanError

RUNS: Final = Path("reports")
TRIES_MAX: Final = 100


def _shard(text: str) -> Shard:
    """A parser of an option, whose errors are told as those of every option are."""
    try:
        return shard(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _duration(text: str) -> int:
    from chaos.plan.values import duration_ns

    try:
        found = duration_ns(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return found


class SystemName(StrEnum):
    """The systems under test."""

    PROCESSES = "processes"
    SIMULATED = "simulated"
    ZOOKEEPER = "zookeeper"
    MIXED = "mixed"


class NetworkName(StrEnum):
    """How blocks are made."""

    AUTO = "auto"
    KERNEL = "kernel"
    IN_PROCESS = "in-process"


PlanFiles = Annotated[
    list[Path],
    typer.Argument(
        help="Plans to run, in this order.", autocompletion=complete_plans, metavar="PLAN…"
    ),
]


ChosenSystem = Annotated[
    SystemName | None,
    typer.Option("--system", help="The system under test; the plan's own, else processes."),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Seed of every draw; the plan's own, else drawn."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the plan by path."),
]
Network = Annotated[
    NetworkName, typer.Option(help="Blocks in the kernel, or by the peers themselves.")
]
ZookeeperHome = Annotated[
    Path | None,
    typer.Option(
        envvar="ZOOKEEPER_HOME",
        help="An unpacked ZooKeeper release; the installed package if not given.",
        metavar="DIR",
        exists=True,
        file_okay=False,
    ),
]
Document = Annotated[
    bool,
    typer.Option(
        "--json", help="One JSON document on stdout, even for a bad plan; talk goes to stderr."
    ),
]
Out = Annotated[Path, typer.Option(help="Where runs are stored.", metavar="DIR")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show the outcome only.")]
Repeats = Annotated[
    int | None,
    typer.Option(min=1, help="Runs of each plan, in place of its repeat; run k has seed + k."),
]
Parallel = Annotated[
    int | None, typer.Option(min=1, help="Runs at once, each in a process; the plan's own.")
]
ParallelMax = Annotated[
    int | None,
    typer.Option("--max-parallel", min=1, help="Never more runs at once, whatever plans say."),
]
Part = Annotated[
    Shard | None,
    typer.Option(
        "--shard",
        parser=_shard,
        metavar="K/N",
        help="Only part K of N of all cells: N jobs, each with its own K, run each cell once.",
    ),
]
DurationFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--durations",
        metavar="FILE",
        help="Balance the shards by the durations that earlier commands kept; repeatable.",
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        parser=_duration,
        metavar="TIME",
        help="No run begins after so long, as 30m; what was not run is inconclusive.",
    ),
]
Reruns = Annotated[
    int,
    typer.Option(
        min=0,
        max=TRIES_MAX,
        help="Run again with the same seed what failed; if it then passes it is flaky.",
    ),
]
Retries = Annotated[
    int,
    typer.Option(min=0, max=TRIES_MAX, help="Run again what the host failed (exit code 4)."),
]
RetryInconclusive = Annotated[
    bool, typer.Option("--retry-inconclusive", help="--retries is for exit code 3 as well.")
]
WithoutBaseline = Annotated[
    bool,
    typer.Option(
        "--without-baseline",
        help="Compare with no baseline: for the runs that become one.",
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="End at the first failure.")]
CellId = Annotated[
    str,
    typer.Option(
        "--cell",
        metavar="ID",
        help="Only the cells of the matrix with these values: size=5,jitter=5ms.",
        autocompletion=complete_cells,
    ),
]
JunitFile = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML there.")
]
MarkdownFile = Annotated[
    Path | None, typer.Option("--markdown", metavar="FILE", help="Write a summary there.")
]


def settings_of(texts: list[str]) -> dict[str, str]:
    """Values by their paths in the plan, as ``--set`` gives them.

    Raises:
        PlanError: a text is no ``KEY=VALUE``.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise PlanError(f'--set "{text}": write KEY=VALUE, as in --set ensemble.size=7')
        found[key] = value
    return found
