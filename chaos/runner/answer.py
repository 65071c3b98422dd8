"""What a run answers, from its first moment on: the result that its folder holds.

It is written anew when a step of the plan gets on, after what was done has taken effect, so that
writing delays no fault. The death of the tool, by whatever signal, leaves the steps so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from chaos.plan.model import (
    Change,
    FaultStep,
    Note,
    Parallel,
    Probe,
    Random,
    Release,
    Verb,
    Wait,
)
from chaos.runner import codes
from chaos.runner.conduct import Conduct
from chaos.runner.log import StepLog
from chaos.runner.task import Task
from chaos.store import RunFolder, RunResult, State, StepRecord
from chaos.systems.base import System

_UNDER_WAY: Final = "under way"
_GOES_ON: Final = "it was cut short, or goes on"


class Answer:
    """The result of one run, as far as it is known."""

    def __init__(
        self, task: Task, conduct: Conduct, system: System, facts: Mapping[str, str]
    ) -> None:
        self._task = task
        self._conduct = conduct
        self._system = system
        self._facts = facts

    def so_far(self) -> RunResult:
        """The run as it goes on: what a reader has to think if nobody writes any more."""
        task, plan = self._task, self._task.plan
        return RunResult(
            plan=plan.name,
            plan_file=plan.file,
            plan_text=plan.text,
            seed=task.seed,
            system=self._system.name,
            network=self._system.network,
            exit_code=codes.INFRASTRUCTURE,
            headline=_GOES_ON,
            reproduce=task.reproduce,
            steps=tuple(_record(self._conduct, log) for log in self._conduct.logs.values()),
            environment=self._facts,
            cell=plan.cell,
            repeat=task.repeat,
            warmup=task.warmup,
            state=State.RUNNING,
        )

    def broken(self, why: str, code: int = codes.INFRASTRUCTURE) -> RunResult:
        """The run ends here, without verdicts."""
        return replace(self.so_far(), state=State.BROKEN, headline=why, exit_code=code)

    def write_into(self, folder: RunFolder) -> None:
        """Let the folder hold it now, and whenever a step gets on."""
        folder.progress(self.so_far)
        self._conduct.on_progress(lambda: folder.progress(self.so_far))


def _record(conduct: Conduct, log: StepLog) -> StepRecord:
    zero = conduct.zero_ns

    def relative(at_ns: int | None) -> int | None:
        return None if at_ns is None else at_ns - zero

    return StepRecord(
        step=log.step.id,
        verb=_verb(log.step.verb),
        sentence=conduct.words(log),
        where=str(log.step.where),
        planned_ns=relative(log.planned_ns),
        began_ns=relative(log.began_ns),
        ended_ns=relative(log.ended_ns),
        targets=tuple(map(int, log.targets)),
        outcome=_outcome(log),
        why=log.why,
        evidence=log.evidence,
        depth=log.depth,
    )


def _outcome(log: StepLog) -> str:
    """In words; a step that has begun and is not over is under way."""
    begun = log.began_ns is not None and log.outcome == StepLog(log.step).outcome
    return _UNDER_WAY if begun and log.done_ns is None else log.outcome


_WORDS = {
    Wait: "wait",
    Release: "release",
    Note: "note",
    Parallel: "parallel",
    Random: "random",
    Probe: "probe",
    Change: "change",
}


def _verb(verb: Verb) -> str:
    """The plan's word for it."""
    return verb.kind if isinstance(verb, FaultStep) else _WORDS[type(verb)]
