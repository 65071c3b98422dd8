"""What all steps of a run share: the system, what was seen of it, what became of each step."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from chaos.election.ids import Sid
from chaos.election.moments import Moment
from chaos.errors import OutOfTimeError
from chaos.faults.targets import Selector, resolve
from chaos.faults.work import Workload
from chaos.history.events import Event, StepBegan, StepEnded
from chaos.history.moments import Sights
from chaos.plan.model import (
    Change,
    Elapsed,
    FaultStep,
    Mode,
    Note,
    Plan,
    Release,
    Step,
    Wait,
    tree,
)
from chaos.plan.words import sentence
from chaos.runner.log import StepLog
from chaos.runner.onlooker import Onlooker
from chaos.runner.show import Show
from chaos.runner.task import Task
from chaos.store import RunFolder
from chaos.systems.base import System
from chaos.verify.aborts import Guard
from chaos.verify.online import Alarm, Watchman


class Ended(Exception):  # noqa: N818 - the steps end here, which is no mistake by itself
    """No further step is begun. ``step`` is the one that wants it so."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


def watches(plan: Plan) -> bool:
    """Whether a step may have to see an event of the protocol for itself."""
    return any(
        step.when is not None and step.when.mode is not Mode.GATE for step in plan.every_step
    )


class Scene:
    """One run of one plan. ``hear`` is told of every event, as soon as it is seen."""

    def __init__(self, task: Task, system: System, folder: RunFolder, show: Show) -> None:
        self.plan = task.plan
        self.task = task
        self.system = system
        self.zero_ns = 0
        self.events: list[Event] = []
        self.names: dict[str, tuple[Sid, ...]] = {}
        self.logs = {step.id: StepLog(step, depth) for depth, step in tree(task.plan.steps)}
        self.hear: Callable[[Event], None] = lambda _: None
        self.progressed: Callable[[], None] = lambda: None  # told when a step got on
        self.moments: list[Moment] = []  # of the event that was seen last
        self._sights = Sights() if watches(task.plan) else None
        self._folder = folder
        self._show = show
        self._onlooker = Onlooker(task.plan)
        excepted = {one.name for one in task.plan.invariants if one.except_after}
        self._watchman = Watchman(excepted)
        self.guard = Guard(task.plan.abort_when)
        self.view = self._onlooker.view

    # ---- time

    @property
    def now_ns(self) -> int:
        """The system's clock."""
        return self.system.now_ns

    @property
    def elapsed_ns(self) -> int:
        """Time since time zero."""
        return self.now_ns - self.zero_ns if self.zero_ns else 0

    @property
    def deadline_ns(self) -> int:
        """When the run's time is up."""
        return self.zero_ns + self.plan.run_timeout_ns

    @property
    def alarm(self) -> Alarm | None:
        """The first law that was seen to be broken, as long as the run has not ended for it."""
        return None if self.task.to_the_end else self._watchman.found

    def in_time(self) -> None:
        """Go on only if the task may take longer.

        Raises:
            OutOfTimeError: it may not.
        """
        until = self.task.until
        if until is not None and time.monotonic_ns() >= until.at_ns:
            raise OutOfTimeError(until.why)

    # ---- what is seen

    def seen(self, until_ns: int) -> Iterator[Event]:
        """Let the system go on until ``until_ns``; each event that it tells, taken in."""
        for event in self.system.advance(until_ns):
            self.observe(event)
            self.look()
            yield event

    def catch_up(self) -> None:
        """Take in what the system has seen by now; what was done at once is seen at once."""
        for _ in self.seen(self.now_ns):
            pass

    def look(self) -> None:
        """Show the ensemble as it is."""
        self._show.seen(self.view, self.elapsed_ns)

    def observe(self, event: Event) -> None:
        """Take in one event that the system saw."""
        self.events.append(event)
        self._onlooker.observe(event)
        self._watchman.observe(event)
        self.guard.observe(event)
        self.moments = [] if self._sights is None else self._sights.of(event)
        self.hear(event)

    def record(self, event: Event) -> None:
        """Take in one event of our own doing, and write it down."""
        self.observe(event)
        self._folder.append(event)
        self._folder.flush()

    # ---- what becomes of steps

    def begin(self, log: StepLog, targets: tuple[Sid, ...], towards: tuple[Sid, ...] = ()) -> None:
        """A step begins."""
        log.began_ns = self.now_ns
        log.targets = targets
        planned = log.began_ns if log.planned_ns is None else log.planned_ns
        self.record(StepBegan(log.began_ns, log.step.id, planned, targets, towards, log.by))
        self.tell(log, self.words(log))
        if not isinstance(log.step.verb, FaultStep | Release | Change):
            self.progressed()  # what is to be done right away is not delayed by it

    def end(self, log: StepLog, outcome: str, why: str = "") -> None:
        """A step is over."""
        log.ended_ns = self.now_ns
        log.done_ns = log.done_ns or log.ended_ns
        log.outcome, log.why = outcome, why
        self.record(StepEnded(log.ended_ns, log.step.id, outcome, why))
        for text in self._told(log):
            self.tell(log, text)
        self.progressed()

    def give_up(self, log: StepLog, why: str) -> NoReturn:
        """End the steps here: this one could not be done, or nobody can tell whether it was.

        Raises:
            Ended: always.
        """
        log.outcome, log.why = "inconclusive", why
        self.tell(log, f"inconclusive: {why}")
        raise Ended(log.step.id)

    def tell(self, log: StepLog, text: str) -> None:
        """Tell whoever watches."""
        self._show.told(self.elapsed_ns, f"{'  ' * log.depth}{log.step.id}: {text}")

    def abort(self) -> None:
        """Write down, and tell, that a condition of ``abort_when`` ends the steps."""
        found = self.guard.found
        assert found is not None
        self.record(found)
        self._show.told(self.elapsed_ns, f"{found.name}: {found.why}")

    def _told(self, log: StepLog) -> Iterator[str]:
        """What there is to say at a step's end."""
        if isinstance(log.step.verb, Note):
            return  # its begin says it all
        if log.fault is not None and not log.fault.instant:
            yield "ended"
        elif log.why:
            yield f"{log.outcome}: {log.why}"
        elif isinstance(log.step.verb, Wait) and not isinstance(log.step.verb.condition, Elapsed):
            leader = self.view.leader
            yield "satisfied; " + ("nobody leads" if leader is None else f"peer {leader} leads")

    def words(self, log: StepLog) -> str:
        """The step in words, with what its target resolved to."""
        text, verb = sentence(log.step), log.step.verb
        if not log.targets or (isinstance(verb, FaultStep) and isinstance(verb.fault, Workload)):
            return text  # a workload is for whoever leads
        return f"{text} → {', '.join(map(str, log.targets))}"

    # ---- peers

    def whom(self, step: Step, selector: Selector) -> tuple[Sid, ...]:
        """The peers that a selector of ``step`` means now.

        Raises:
            NoTarget: nobody.
        """
        return resolve(selector, self.view, self.names, self.dice(step))

    def dice(self, step: Step) -> random.Random:
        """The step's own stream: no other step's draws move it."""
        return random.Random(f"{self.task.seed}/{step.id}")

    def roles(self) -> str:
        """What every peer is now, in words."""
        return ", ".join(f"{sid} {role}" for sid, role in self.view.roles().items())
