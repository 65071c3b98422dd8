"""``chaos bundle`` and ``chaos report``: what a stored run is handed on as."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chaos.cli.completing import complete_runs

Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="The folder of a run, such as reports/latest, or a bundle.",
        autocompletion=complete_runs,
    ),
]


def bundle(
    stored: Run,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Beside the folder, if not given."),
    ] = None,
) -> None:
    """Put a stored run into one file, which `judge`, `replay`, `explain` and `report` take.

    It holds the plan, what was drawn, the history, the result, the report, and a
    manifest with the host and the digest of each file. The same run makes the same
    bytes. A run that does not pass gets one by itself.

    Exit status: 0; 2 if the folder holds no run; 4 if the file cannot be written.
    """
    from chaos.cli.bundling import bundle_run

    raise typer.Exit(bundle_run(stored, output))


def report(
    stored: Run,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Beside the run, if not given."),
    ] = None,
) -> None:
    """Draw the page of a stored run by this version, from its folder or its bundle.

    Exit status: 0; 2 if there is no run, one that was cut short, or one whose history
    is not whole.
    """
    from chaos.cli.bundling import report_run

    raise typer.Exit(report_run(stored, output))
