"""Plan files, read and checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from chaos.errors import PlanError
from chaos.plan.load import load_cells
from chaos.plan.matrix import chosen
from chaos.plan.model import Plan


def read_plan(path: Path, settings: Mapping[str, str], cell: str = "") -> tuple[Plan, ...]:
    """Load one plan file: a plan for each cell of its matrix that has the values of ``cell``.

    Raises:
        PlanError: it cannot be read, is no plan, or has no such cell.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(
            f"{path}: {error.strerror}; name a plan file, as plans/leader-pause.yaml"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: a plan is UTF-8 text, not binary: {error.reason}") from error
    plans = load_cells(text, str(path), settings)
    if not cell:
        return plans
    ids = [plan.cell for plan in plans if plan.cell]
    found = chosen(ids, cell)
    if not found:
        there = f"has the cells {' '.join(ids)}" if ids else "has no matrix"
        raise PlanError(f"{path}: no cell is {cell}; the plan {there}")
    return tuple(plan for plan in plans if plan.cell in found)


def read_plans(paths: Iterable[Path], settings: Mapping[str, str], cell: str = "") -> list[Plan]:
    """Load all of them.

    Raises:
        PlanError: some are bad, or one is given twice; the message names each of them.
    """
    plans: list[Plan] = []
    wrong: list[str] = []
    known: set[Path] = set()
    for path in paths:
        if path.resolve() in known:
            wrong.append(f"{path}: given twice; --repeat runs a plan several times")
            continue
        known.add(path.resolve())
        try:
            plans.extend(read_plan(path, settings, cell))
        except PlanError as error:
            wrong.append(str(error))
    if wrong:
        raise PlanError("\n".join(wrong))
    return plans
