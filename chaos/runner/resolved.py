"""The resolved plan: what a run drew, and whom its steps were done to, next to its events.

``resolved.json`` holds both for a reader; a replay takes the draws from it, so that it does the
same even where a later version of the tool would draw otherwise.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from chaos.documents import document_of
from chaos.errors import HistoryError
from chaos.history.events import StepBegan
from chaos.history.history import History
from chaos.plan.draws import Drawn, Draws, drawn
from chaos.plan.model import Plan
from chaos.runner.task import Task
from chaos.store import plain, put_text

RESOLVED: Final = "resolved.json"
_VERSION: Final = 1


def draws_of(seed: int, earlier: Drawn) -> Draws:
    """Where the numbers of a run with this seed come from."""
    return Draws(lambda name: random.Random(f"{seed}/{name}"), earlier)


def resolve(task: Task, folder: Path) -> Task:
    """The task with everything drawn, which is written down before anything happens."""
    draws = draws_of(task.seed, task.draws)
    plan = drawn(task.plan, draws)
    done = replace(task, plan=plan, draws=draws.made)
    _write(folder, done, {})
    return done


def resolve_targets(task: Task, folder: Path, history: History) -> None:
    """Write down whom each step was done to, too."""
    found = {
        event.step: {"targets": [*event.targets], "towards": [*event.towards]}
        for _, event in history.every(StepBegan)
        if event.targets
    }
    _write(folder, task, found)


def stored_draws(folder: Path) -> Drawn:
    """What the run in ``folder`` drew; nothing for one that left no file of it.

    Raises:
        HistoryError: the file is none of this version's.
    """
    file = folder / RESOLVED
    if not file.exists():
        return {}
    try:
        match document_of(plain(file).read_text(encoding="utf-8")):
            case {"version": 1, "draws": dict(draws)}:
                return {
                    str(step): {str(key): int(value) for key, value in numbers.items()}
                    for step, numbers in draws.items()
                }
            case _:
                raise HistoryError(f"{file} is no resolved plan of version {_VERSION}")
    except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise HistoryError(f"{file} is no resolved plan: {error}") from error


def resolved(plan: Plan, seed: int, folder: Path) -> Plan:
    """``plan`` as the run in ``folder`` did it."""
    return drawn(plan, draws_of(seed, stored_draws(folder)))


def _write(folder: Path, task: Task, targets: Mapping[str, object]) -> None:
    document = {
        "version": _VERSION,
        "plan": task.plan.name,
        "seed": task.seed,
        "draws": {step: dict(numbers) for step, numbers in task.draws.items()},
        "targets": targets,
    }
    put_text(folder / RESOLVED, json.dumps(document, indent=1) + "\n")
