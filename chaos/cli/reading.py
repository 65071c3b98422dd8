"""Plan files, read and checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from chaos.errors import PlanError
from chaos.plan.load import load_plan
from chaos.plan.model import Plan


def read_plan(path: Path, settings: Mapping[str, str]) -> Plan:
    """Load one plan file.

    Raises:
        PlanError: it cannot be read, or is no plan.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(
            f"{path}: {error.strerror}; name a plan file, as plans/leader-pause.yaml"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: a plan is UTF-8 text, not binary: {error.reason}") from error
    return load_plan(text, str(path), settings)


def read_plans(paths: Iterable[Path], settings: Mapping[str, str]) -> list[Plan]:
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
            plans.append(read_plan(path, settings))
        except PlanError as error:
            wrong.append(str(error))
    if wrong:
        raise PlanError("\n".join(wrong))
    return plans
