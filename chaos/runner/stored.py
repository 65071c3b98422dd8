"""A stored run with its plan, as far as it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.actions import Kill, Launch, Pause, Resume, Terminate
from chaos.bundle import unpacked
from chaos.election.ids import Sid
from chaos.errors import HistoryError
from chaos.faults.targets import Aim
from chaos.history.events import Acted, Appeared, Began, Exited, RunBegan, StepBegan
from chaos.history.history import History
from chaos.plan.draws import Drawn
from chaos.plan.load import load_plan
from chaos.plan.model import Plan
from chaos.runner.conduct import CELL, SET
from chaos.runner.resolved import resolved, stored_draws
from chaos.store import HISTORY, PLAN, RunResult, load, plain
from chaos.verify.fold import JOURNAL

_ToAPeer = Kill | Terminate | Launch | Pause | Resume


@dataclass(frozen=True, slots=True)
class StoredRun:
    """``result`` is ``None`` for a run that was cut short.

    ``plan`` is the resolved one, ``written`` has still open what was drawn: ``draws``.
    """

    folder: Path
    began: RunBegan
    plan: Plan
    history: History
    result: RunResult | None
    written: Plan
    draws: Drawn

    @property
    def aims(self) -> Mapping[str, Aim]:
        """Whom each step was done to, by its id, where it was done to anybody."""
        return {
            event.step: Aim(event.targets, event.towards)
            for _, event in self.history.every(StepBegan)
            if event.targets
        }

    @property
    def came(self) -> Mapping[str, Sid]:
        """At whose event of the protocol each step was done that waited for one."""
        return {
            event.step: event.by
            for _, event in self.history.every(StepBegan)
            if event.by is not None
        }


def open_run(folder: Path) -> StoredRun:
    """Read the run in ``folder``; ``latest`` goes by the name of the run that it is now.

    Instead of a folder it may be a bundle, which is looked at and left as it is.

    Raises:
        HistoryError: it holds no run, or one that never came to its time zero.
        PlanError: its plan is none to this version.
    """
    if folder.is_file():
        with unpacked(folder) as inside:
            return replace(open_run(inside), folder=folder)
    if folder.is_symlink():
        folder = folder.parent / folder.readlink()
    result, history = load(folder)
    began = next((event for _, event in history.every(RunBegan)), None)
    if began is None:
        raise HistoryError(f"{folder} holds a run that ended before its time zero")
    written = _plan(folder, result, began)
    plan = resolved(written, began.seed, folder)
    if stray := _stray(plan, history):
        raise HistoryError(f"{folder / HISTORY} {stray}; it was changed, or is of another run")
    return StoredRun(folder, began, plan, history, result, written, stored_draws(folder))


def _stray(plan: Plan, history: History) -> str:
    """What is told of a peer that cannot be; who judges and draws knows those of the plan."""
    members, born = frozenset(plan.ensemble.sids), frozenset(history.sids)
    for event in history.events:
        match event:
            case Began(sid=sid) | Appeared(sid=sid) | Exited(sid=sid) if sid not in members:
                return f"tells of peer {sid}, which its plan does not have"
            case Acted(action=action) if isinstance(action, _ToAPeer) and action.sid not in members:
                return f"tells what was done to peer {action.sid}, which its plan does not have"
            case _ if isinstance(event, JOURNAL) and event.sid not in born:
                return f"tells what peer {event.sid} did, which never began"
            case _:
                pass
    return ""


def _plan(folder: Path, result: RunResult | None, began: RunBegan) -> Plan:
    overrides = {
        key.removeprefix(SET): str(value)
        for key, value in began.facts.items()
        if key.startswith(SET)
    }
    cell = str(began.facts.get(CELL, ""))
    if result is not None:
        return load_plan(result.plan_text, result.plan_file, overrides, cell=cell)
    file = folder / PLAN
    try:
        return load_plan(plain(file).read_text(encoding="utf-8"), str(file), overrides, cell=cell)
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"{folder} holds a run without its plan: {error}") from error
