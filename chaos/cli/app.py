"""The commands, their options and their exit codes.

Every command imports what it needs when it runs, so that ``chaos --version`` stays quick.
stdout is data, stderr is talk; exit codes are those of ``docs/plan-format.md``.
"""

from __future__ import annotations

import io
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from chaos.cli import evidence_commands, plan_commands, run_commands, sets_commands
from chaos.cli.completing import complete_runs
from chaos.cli.options import Document, PlanFiles, Settings, settings_of
from chaos.errors import ChaosError, HistoryError, PlanError
from chaos.runner.codes import INFRASTRUCTURE, USAGE
from chaos.texts import visible

app = typer.Typer(
    name="chaos",
    help="The chaos tester for leader election.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


app.command(epilog=plan_commands.RUN_STATUS)(plan_commands.run)


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

    found = settings_of(settings or [])
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


app.command()(plan_commands.replay)


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
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Put a table between the marks of a file.")
    ] = None,
    json_: Document = False,
) -> None:
    """Let peers break one rule each, simulated, and say which check catches them.

    Properties are what a stranger's system would show: waits and expectations of
    a plan, and safety as it is seen from outside. Conformance compares journals
    with the unbroken core and the plain oracle, links with their unbroken twin.

    Exit status: 0 if conformance caught all; 1 if it missed one; 2 for an unknown bug.
    """
    from chaos.cli.zoo import hunt_bugs

    raise typer.Exit(hunt_bugs(bug or [], plans, seeds, as_json=json_, markdown=markdown))


app.command()(sets_commands.compare)
app.command()(evidence_commands.bundle)
app.command()(evidence_commands.report)
app.command()(run_commands.explain)
app.command()(run_commands.show)
app.command()(run_commands.schema)
app.add_typer(sets_commands.baseline, name="baseline")


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
    typer.echo(f"chaos: {visible(str(error))}", err=True)
