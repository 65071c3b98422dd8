"""What a shell offers: paths of plans and of stored runs, names of baselines, cells."""

from __future__ import annotations

from pathlib import Path

import typer


def complete_plans(incomplete: str) -> list[str]:
    """Plan files that begin with ``incomplete``, spelt as it begins; for shell completion.

    Those of the folder that it names, else those one level below: ``chaos run <TAB>`` finds
    ``plans/leader-pause.yaml``.
    """
    return _completed(incomplete, ("*.yaml", "*.yml", "*/*.yaml", "*/*.yml"))


def complete_runs(incomplete: str) -> list[str]:
    """Runs that begin with ``incomplete``, likewise: ``reports/latest``, or a bundle."""
    found = _completed(incomplete, ("*/history.jsonl", "*/*/history.jsonl", "*.tar.gz"))
    return [path.removesuffix("/history.jsonl") for path in found]


def complete_baselines(incomplete: str) -> list[str]:
    """Names of baselines that are stored where runs are, unless told otherwise."""
    return sorted(
        file.stem
        for file in Path("reports/baselines").glob("*.json")
        if file.stem.startswith(incomplete)
    )


def complete_sets(incomplete: str) -> list[str]:
    """What can be compared: baselines by name, and runs."""
    return [*complete_baselines(incomplete), *complete_runs(incomplete)]


def complete_cells(context: typer.Context, incomplete: str) -> list[str]:
    """Cells of the plans that were named before, as far as these can be read."""
    from chaos.cli.reading import read_plan
    from chaos.errors import PlanError

    found: set[str] = set()
    for path in context.params.get("plans") or context.args:  # --cell has no value yet
        try:
            found |= {plan.cell for plan in read_plan(Path(path), {}) if plan.cell}
        except PlanError:
            continue  # what is wrong with it is told when it is run
    return sorted(cell for cell in found if cell.startswith(incomplete))


def _completed(incomplete: str, patterns: tuple[str, ...]) -> list[str]:
    folder, slash, _ = incomplete.rpartition("/")
    base = Path(folder + slash)
    found = [
        folder + slash + path.relative_to(base).as_posix()
        for pattern in patterns
        for path in base.glob(pattern)
    ]
    return sorted(path for path in found if path.startswith(incomplete))
