"""A stored run is judged again, by the checks of today.

Steps, targets and times are those that the history holds. How a step ended that no line of the
history tells, the stored result says; a run that was cut short has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.history.events import Acted, RunEnded, StepBegan, StepEnded
from chaos.history.history import History
from chaos.plan import model
from chaos.plan.model import FaultStep, Plan, tree
from chaos.runner.judge import Case, judge
from chaos.runner.log import StepLog
from chaos.runner.onlooker import Onlooker
from chaos.runner.run import outcome_of
from chaos.runner.stored import StoredRun, open_run
from chaos.verify.gating import GATING
from chaos.verify.traces import ends
from chaos.verify.verdict import KnownMet, Outcome, Verdict

_DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Change:
    """A verdict that is another one now. ``None``: there was, or is, none of that name."""

    name: str
    was: Outcome | None
    now: Outcome | None


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A run as it is judged now, beside what it was told when it ran."""

    run: StoredRun
    verdicts: tuple[Verdict, ...]
    exit_code: int
    headline: str
    known: tuple[KnownMet, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is judged otherwise; nothing for a run that was never judged."""
        result = self.run.result
        return () if result is None else changes(result.verdicts, self.verdicts)


def changes(before: Iterable[Verdict], after: Iterable[Verdict]) -> tuple[Change, ...]:
    """Which verdicts have other outcomes."""
    was = {(one.kind, one.name): one.outcome for one in before}
    now = {(one.kind, one.name): one.outcome for one in after}
    keys = list(dict.fromkeys([*now, *was]))
    return tuple(
        Change(key[1], was.get(key), now.get(key))
        for key in keys
        if was.get(key) is not now.get(key)
    )


def rejudge(folder: Path) -> Rejudged:
    """Judge the run in ``folder``; nothing in it is changed.

    Raises:
        HistoryError: it holds no run, or one that never came to its time zero.
        PlanError: its plan is none to this version.
    """
    run = open_run(folder)
    judged = judge(case_of(run))
    ended = next((event for _, event in run.history.every(RunEnded)), None)
    residue = "" if ended is None or ended.why == _DONE else ended.why
    code, headline = outcome_of(judged.verdicts, residue)
    return Rejudged(run, judged.verdicts, code, headline, judged.known)


def case_of(run: StoredRun) -> Case:
    """What the judge knew when the run was over, put together again."""
    plan, history = run.plan, run.history
    logs = _logs(plan, history)
    for record in () if run.result is None else run.result.steps:
        if record.step in logs:
            logs[record.step].outcome, logs[record.step].why = record.outcome, record.why
    names = {
        log.step.verb.bind: log.targets
        for log in logs.values()
        if isinstance(log.step.verb, FaultStep) and log.step.verb.bind and log.targets
    }
    names |= {
        log.step.when.bind: (log.by,)
        for log in logs.values()
        if log.step.when is not None and log.step.when.bind and log.by is not None
    }
    onlooker = Onlooker(plan)
    for event in history.events:
        onlooker.observe(event)
    return Case(plan, history, logs, names, onlooker.view)


def _logs(plan: Plan, history: History) -> dict[str, StepLog]:
    """What became of each step, as far as the history tells."""
    logs = {step.id: StepLog(step, depth) for depth, step in tree(plan.steps)}
    for event in history.events:
        match event:
            case StepBegan(at_ns=at_ns, step=step, planned_ns=planned, targets=targets):
                for log in _named(step, logs):
                    log.began_ns, log.planned_ns, log.targets = at_ns, planned, targets
                    log.by = event.by
            case Acted(step=step) if not (ends(event.action) or isinstance(event.action, GATING)):
                for log in _named(step, logs):
                    verb = log.step.verb
                    if isinstance(verb, model.Change):
                        continue  # done when it is adopted
                    log.fault = verb.fault if isinstance(verb, FaultStep) else None
                    log.done_ns, log.outcome = event.done_ns, _DONE
            case StepEnded(at_ns=at_ns, step=step, outcome=outcome, why=why):
                for log in _named(step, logs):
                    log.ended_ns, log.outcome, log.why = at_ns, outcome, why
                    log.done_ns = at_ns if log.done_ns is None else log.done_ns
            case _:
                pass
    return logs


def _named(step: str, logs: dict[str, StepLog]) -> Iterable[StepLog]:
    """The step that a line names; the harness acts for itself, too."""
    return (logs[step],) if step in logs else ()
