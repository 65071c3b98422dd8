"""The commands about sets of runs: ``chaos baseline …`` and ``chaos compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from chaos.cli.completing import complete_baselines, complete_runs, complete_sets

_RUNS: Final = Path("reports")

Out = Annotated[Path, typer.Option(help="Where runs and baselines are stored.", metavar="DIR")]
Name = Annotated[
    str,
    typer.Argument(
        help="The name of the baseline.", metavar="NAME", autocompletion=complete_baselines
    ),
]
First = Annotated[
    str,
    typer.Argument(
        metavar="A",
        help="A baseline's name, a folder of runs, or a file.",
        autocompletion=complete_sets,
    ),
]
Second = Annotated[
    str,
    typer.Argument(
        metavar="B", help="Likewise, compared with the first.", autocompletion=complete_sets
    ),
]

baseline = typer.Typer(help="Store sets of runs to compare others with.", no_args_is_help=True)


@baseline.command()
def save(
    name: Name,
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of runs, a folder of them, or files of sets.",
            metavar="RUN…",
            autocompletion=complete_runs,
        ),
    ],
    out: Out = _RUNS,
) -> None:
    """Store what runs measured, and on what host, under a name; an older one is replaced.

    Runs that warmed up are left out. Cells of a matrix and systems are sets of their own.
    """
    from chaos.cli.baselining import save_baseline

    raise typer.Exit(save_baseline(name, tuple(runs), out))


@baseline.command(name="list")
def list_(out: Out = _RUNS) -> None:
    """Name the stored baselines."""
    from chaos.cli.baselining import list_baselines

    raise typer.Exit(list_baselines(out))


@baseline.command()
def show(name: Name, out: Out = _RUNS) -> None:
    """Say what a baseline measured, and on what host."""
    from chaos.cli.baselining import show_baseline

    raise typer.Exit(show_baseline(name, out))


@baseline.command()
def remove(name: Name, out: Out = _RUNS) -> None:
    """Forget a baseline; the runs that it was made of stay."""
    from chaos.cli.baselining import remove_baseline

    raise typer.Exit(remove_baseline(name, out))


def compare(
    first: First,
    second: Second,
    paired: Annotated[
        bool, typer.Option("--paired", help="Each run with that of the same seed.")
    ] = False,
    gate: Annotated[
        list[str] | None,
        typer.Option(help="A metric to judge; election.total and .leaderless if none is given."),
    ] = None,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Of all rows together.")] = 0.05,
    noise: Annotated[
        float, typer.Option(min=0, max=1000, help="Per cent that are of no account.")
    ] = 5,
    out: Out = _RUNS,
    json_: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Compare two sets of runs: how many times slower the second is, and how sure that is.

    One fresh cluster is one value. Regressed needs all of: p (Holm) below alpha,
    an interval above 1, a ratio beyond the noise. No change needs the whole
    interval within the noise; what is neither is inconclusive, with the number
    of runs that would settle it. A cell is compared with the same cell on the same
    system; where A has none, it is not comparable.

    Exit status: 0 nothing regressed; 6 something did; 3 inconclusive or not
    comparable; 2 no such runs.
    """
    from chaos.campaign.compare import GATED
    from chaos.cli.comparing import Wanted, compare_runs
    from chaos.statistics.rule import Rule

    gated = tuple(gate or GATED)
    rule = Rule(alpha, noise / 100)
    raise typer.Exit(compare_runs(Wanted(first, second, out, rule, gated, paired, json_)))
