"""Leads a system through a plan: its steps, the ends of its faults, and what comes after.

Time belongs to the system. Steps say what they wait for (:mod:`chaos.runner.lives`), the
scheduler lets time pass until one of them can go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from chaos.election.ids import Sid
from chaos.history.codec import FORMAT
from chaos.history.events import Event, RunBegan
from chaos.history.view import EnsembleView
from chaos.plan.model import At, FaultStep, InOrder, Note, Parallel, Release, Step, tree
from chaos.runner.judge import DAY
from chaos.runner.lives import Lives
from chaos.runner.log import CUT_SHORT, StepLog
from chaos.runner.pending import Life, Moment
from chaos.runner.scene import Ended, Scene
from chaos.runner.scheduler import Scheduler
from chaos.runner.show import Show
from chaos.runner.spans import Spans
from chaos.runner.surroundings import tool_version
from chaos.runner.task import Task
from chaos.store import RunFolder
from chaos.systems.base import System

CELL: Final = "cell"  # a fact of RunBegan: which cell of the matrix it was
SET: Final = "set "  # a fact of RunBegan: what --set gave to a key of the plan


class Conduct:
    """One run of one plan, from the first step to the last release."""

    def __init__(self, task: Task, system: System, folder: RunFolder, show: Show) -> None:
        self.plan = task.plan
        self.seed = task.seed
        self._scene = Scene(task, system, folder, show)
        self._spans = Spans(self._scene)
        self._scheduler = Scheduler(self._scene, self._spans)
        self._lives = Lives(self._scene, self._spans, self._scheduler)

    # ---- the whole way

    def before_zero(self) -> None:
        """Do the steps of time zero, before any peer looks for a leader.

        The first behind them is armed already, if it is due then and waits for an event.

        Raises:
            Ended: one of them ends the steps.
        """
        early = list(self._early())
        for step in early:
            self._scheduler.finish(self._lives.step(step))
        for step in self.plan.steps[len(early) : len(early) + 1]:
            if step.when is not None and _at_zero(step):
                self._lives.arm(step, step.when)

    def begin(self, zero_ns: int) -> None:
        """Time zero of the plan is known: write it down."""
        self._scene.zero_ns = zero_ns
        for _, step in tree(tuple(self._early())):
            if isinstance(step.start, At):
                self.logs[step.id].planned_ns = zero_ns
        facts: dict[str, int | str] = {"format": FORMAT, "chaos": tool_version()}
        facts |= {CELL: self.plan.cell} if self.plan.cell else {}
        facts |= {f"{SET}{key}": value for key, value in self.plan.overrides}
        facts |= {DAY: self._scene.task.day} if self.plan.known_issues else {}
        name = self._scene.system.name
        self.record(RunBegan(zero_ns, self.plan.name, self.seed, name, facts))

    def steps(self) -> None:
        """Do every other step in its turn.

        Raises:
            Ended: a step failed, found nobody, or the run's time is up.
        """
        early = {step.id for step in self._early()}
        rest = tuple(step for step in self.plan.steps if step.id not in early)
        try:
            self._scheduler.finish(self._lives.in_order(rest))
        except Ended as ended:
            self._scheduler.drop()
            self._cut_short(ended.step)
            raise

    def finish_faults(self) -> None:
        """Let every fault that has a ``for`` run to its end."""
        deadline = self._scene.deadline_ns
        while (due := self._spans.next_release()) is not None:
            self.advance(min(due, deadline))
            if self.now_ns >= deadline:
                return

    def release_all(self) -> None:
        """The steps are over. End every fault that is still active, the youngest first."""
        self._scheduler.calm()
        self._lives.let_go()
        self._spans.release_all()

    def advance(self, until_ns: int) -> None:
        """Let time pass until ``until_ns``; faults whose ``for`` is over end on the way."""

        def until() -> Life:
            yield Moment(until_ns)

        self._scheduler.finish(until())

    def observe(self, event: Event) -> None:
        """Take in one event that the system saw."""
        self._scene.observe(event)

    def record(self, event: Event) -> None:
        """Take in one event of our own doing, and write it down."""
        self._scene.record(event)

    def on_progress(self, told: Callable[[], None]) -> None:
        """Let somebody know whenever a step got on."""
        self._scene.progressed = told

    def words(self, log: StepLog) -> str:
        """The step in words, with what its target resolved to."""
        return self._scene.words(log)

    def stopped(self) -> Mapping[str, str]:
        """For the result: which law was seen to be broken while the run went on, and when."""
        alarm = self._scene.alarm
        if alarm is None:
            return {}
        at = f"{(alarm.at_ns - self.zero_ns) / 1e9:.3f} s"
        return {"stopped early": f"{alarm.name} was seen to be broken at {at}: {alarm.why}"}

    # ---- what is known

    @property
    def zero_ns(self) -> int:
        """Time zero of the plan, 0 until it is known."""
        return self._scene.zero_ns

    @property
    def now_ns(self) -> int:
        """The system's clock."""
        return self._scene.now_ns

    @property
    def events(self) -> list[Event]:
        """Everything that was seen and done so far."""
        return self._scene.events

    @property
    def logs(self) -> Mapping[str, StepLog]:
        """What became of each step."""
        return self._scene.logs

    @property
    def names(self) -> Mapping[str, tuple[Sid, ...]]:
        """Whom each ``as`` has named."""
        return self._scene.names

    @property
    def view(self) -> EnsembleView:
        """The ensemble as last seen."""
        return self._scene.view

    # ----

    def _early(self) -> Iterator[Step]:
        """The steps that lead the plan, are due at 0 ms and take no time."""
        for step in self.plan.steps:
            if not (_at_zero(step) and _takes_no_time(step)):
                return
            yield step

    def _cut_short(self, ending: str) -> None:
        """Steps that were under way when ``ending`` ended all of them are over, too."""
        for log in self.logs.values():
            if log.began_ns is not None and log.done_ns is None:
                self._scene.end(log, "inconclusive", f"{CUT_SHORT}{ending} ended the steps")


def _at_zero(step: Step) -> bool:
    return isinstance(step.start, At) and step.start.at_ns == 0


def _takes_no_time(step: Step) -> bool:
    """Whether it is done as soon as it has begun."""
    if isinstance(step.verb, Parallel):
        begins = all(isinstance(child.start, InOrder) or _at_zero(child) for child in step.nested)
        return begins and all(_takes_no_time(child) for child in step.nested)
    return isinstance(step.verb, FaultStep | Release | Note) and step.when is None
