"""The commands, their options and their exit codes.

Every command imports what it needs when it runs, so that ``chaos --version`` stays quick.
stdout is data, stderr is talk; exit codes are those of ``docs/plan-format.md``.
"""

from __future__ import annotations

import io
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from chaos.cli import evidence_commands, run_commands, sets_commands
from chaos.cli.completing import complete_cells, complete_plans, complete_runs
from chaos.errors import ChaosError, HistoryError, PlanError
from chaos.runner.codes import INFRASTRUCTURE, USAGE

app = typer.Typer(
    name="chaos",
    help="The chaos tester for leader election.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
RUNS: Final = Path("reports")


def _version(wanted: bool) -> None:
    if wanted:
        from chaos.runner.surroundings import tool_version

        typer.echo(f"chaos {tool_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """The chaos tester for leader election."""


@app.command()
def run(
    plans: PlanFiles,
    system: ChosenSystem = None,
    seed: Seed = None,
    repeat: Repeats = None,
    parallel: Parallel = None,
    fail_fast: FailFast = False,
    cell: CellId = "",
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

    Exit status, of several runs the worst (7, 8, 1, 6, 3, 4, 5, 0):

    0 all held; 1 an expectation failed; 2 a bad plan or bad usage; 3 inconclusive;
    4 the host failed; 5 nothing ran; 6 slower than a baseline; 7 a safety property is broken;
    8 something was left behind; 130 and 143 ended by SIGINT and SIGTERM, after cleaning up.
    """
    from chaos.cli.drivers import drivers_with
    from chaos.cli.request import Request
    from chaos.cli.running import run_plans

    request = Request(
        plans=tuple(plans),
        system=None if system is None else system.value,
        seed=seed,
        repeat=repeat,
        cell=cell,
        parallel=parallel,
        fail_fast=fail_fast,
        settings=_settings(settings or []),
        network=network.value,
        out=out,
        as_json=json_,
        quiet=quiet,
        zookeeper_home=zookeeper_home,
        junit=junit,
        markdown=markdown,
    )
    raise typer.Exit(run_plans(request, drivers_with(zookeeper_home)))


@app.command()
def validate(
    plans: PlanFiles,
    settings: Settings = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings make the exit code 2, as errors do.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the plan as a numbered tree, with forecasts.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Read plans and say what is wrong with them, or what they will do.

    A linter follows who is down, paused or cut off at each moment, and which times
    the protocol needs. It finds what can never hold (error), what says nothing or may
    not hold (warning), and what is worth knowing (hint).

    Exit status: 0; 2 for a bad plan or an error.
    """
    from chaos.cli.validating import Asked, validate_plans

    found = _settings(settings or [])
    asked = Asked(as_json=json_, strict=strict, explain=explain)
    raise typer.Exit(validate_plans(tuple(plans), found, asked))


@app.command()
def judge(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="Folders of runs, such as reports/latest, or bundles.",
            autocompletion=complete_runs,
        ),
    ],
    json_: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Judge stored runs again, by the checks of this version, and say what is judged otherwise.

    Nothing is started, and nothing in a run's folder is changed. A run that was
    cut short is judged as far as it went.

    Exit status: that of `chaos run`, of several runs the worst; 2 if a folder holds no run.
    """
    from chaos.cli.judging import judge_runs

    raise typer.Exit(judge_runs(tuple(runs), as_json=json_))


@app.command()
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
    from chaos.cli.request import Request
    from chaos.cli.running import run_plans
    from chaos.runner.stored import open_run

    again = open_run(stored)
    request = Request(
        plans=(),
        system=again.began.system if system is None else system.value,
        seed=again.began.seed,
        repeat=repeat,
        settings={},
        network=network.value,
        out=out,
        as_json=json_,
        quiet=quiet,
        zookeeper_home=zookeeper_home,
        again=again,
    )
    raise typer.Exit(run_plans(request, drivers_with(zookeeper_home)))


@app.command()
def peer(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="A dynamic configuration (server.N=host:quorum:election lines).",
        ),
    ],
    sid: Annotated[int, typer.Option(help="Which of its servers this peer is.")],
    data: Annotated[Path, typer.Option(help="Its data folder.", metavar="DIR")],
    tick_ms: Annotated[int, typer.Option(min=1, help="Milliseconds of a tick.")] = 200,
) -> None:
    """Run one peer in the foreground, the very same that a run forks; for a debugger."""
    from chaos.cli.one_peer import run_peer

    raise typer.Exit(run_peer(config, sid, data, tick_ms))


@app.command()
def doctor(
    json_: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Say what this host can do, what it cannot, and what would help."""
    from chaos.cli.host_report import report_host

    raise typer.Exit(report_host(as_json=json_))


@app.command()
def zoo(
    bug: Annotated[
        list[str] | None, typer.Option("--bug", metavar="NAME", help="Only this one; repeatable.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=0, help="Random plans for each bug, after the shipped ones.")
    ] = 100,
    plans: Annotated[
        Path, typer.Option(metavar="DIR", help="The plans to try first.", file_okay=False)
    ] = Path("plans"),
    json_: Document = False,
) -> None:
    """Let peers break one rule each, simulated, and say which check catches them.

    Properties are what a stranger's system would show: waits and expectations of
    a plan, and safety as it is seen from outside. Conformance compares journals
    with the unbroken core and the plain oracle, links with their unbroken twin.

    Exit status: 0 if conformance caught all; 1 if it missed one; 2 for an unknown bug.
    """
    from chaos.cli.zoo import hunt_bugs

    raise typer.Exit(hunt_bugs(bug or [], plans, seeds, as_json=json_))


app.command()(sets_commands.compare)
app.command()(evidence_commands.bundle)
app.command()(evidence_commands.report)
app.command()(run_commands.explain)
app.command()(run_commands.show)
app.command()(run_commands.schema)
app.add_typer(sets_commands.baseline, name="baseline")


def _settings(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise PlanError(f'--set "{text}": write KEY=VALUE, as in --set ensemble.size=7')
        found[key] = value
    return found


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line, ours if none is given; every error has its line and exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without ✓ is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name="chaos", standalone_mode=True)
    except (PlanError, HistoryError) as error:
        _say(error)
        sys.exit(USAGE)
    except (ChaosError, OSError) as error:
        _say(error)
        sys.exit(INFRASTRUCTURE)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not look like a verdict
        traceback.print_exc()
        typer.echo(f"chaos: this is a mistake in chaos, not in your plan: {error!r}", err=True)
        sys.exit(INFRASTRUCTURE)
    sys.exit(0)


def _say(error: Exception) -> None:
    typer.echo(f"chaos: {error}", err=True)
