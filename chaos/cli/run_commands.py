"""``chaos explain``, ``chaos show`` and ``chaos schema``: their options and their help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chaos.cli.completing import complete_runs

StoredRunFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="The folder of a run, such as reports/latest, or a bundle.",
        autocompletion=complete_runs,
    ),
]


def explain(
    stored: StoredRunFolder,
    sibling: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="A run to compare with; else one that passed, stored beside it."
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Say why a stored run did not pass, and where it parts from one that did.

    Each verdict that does not hold is told with the events around its evidence. Then the
    run is laid beside a passing run of the same plan, of the same seed if there is one:
    the first thing that a peer or the plan did in one and not in the other.

    Exit status: 0 when it was told; 2 if a folder holds no run.
    """
    from chaos.cli.explaining import explain_run

    raise typer.Exit(explain_run(stored, sibling, as_json=json_))


def show(
    stored: StoredRunFolder,
    json_: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Print the tree of a stored run's plan, with the outcome of each step.

    It is the tree of `chaos validate --explain`; where the run failed is marked.

    Exit status: that of `chaos judge`.
    """
    from chaos.cli.explaining import show_run

    raise typer.Exit(show_run(stored, as_json=json_))


class Document(StrEnum):
    """What has a published schema."""

    PLAN = "plan"
    RESULT = "result"


def schema(
    of: Annotated[Document, typer.Argument(help="Of what.", metavar="[plan|result]")] = (
        Document.PLAN
    ),
) -> None:
    """Print the JSON Schema of a plan, for editors, or of a run's result."""
    import json

    from chaos.cli.console import put
    from chaos.plan.schema import plan_schema
    from chaos.store import result_schema

    found = plan_schema() if of is Document.PLAN else result_schema()
    put(json.dumps(found, indent=2) + "\n")
