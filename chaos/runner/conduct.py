"""Leads a system through a plan: waits, faults at their times, releases.

Time belongs to the system. This module only says until when it may go on, looks at what was
seen meanwhile, and acts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final, NoReturn

from chaos.actions import Action
from chaos.election.ids import Sid
from chaos.faults.targets import NoTarget, Selector, aim, resolve
from chaos.faults.work import Workload
from chaos.history.codec import FORMAT
from chaos.history.events import Acted, Event, RunBegan, StepBegan, StepEnded
from chaos.plan.model import (
    After,
    At,
    Edge,
    Elapsed,
    FaultStep,
    Otherwise,
    Release,
    Step,
    Wait,
)
from chaos.plan.words import sentence, span
from chaos.runner.conditions import condition_of
from chaos.runner.log import StepLog
from chaos.runner.onlooker import Onlooker
from chaos.runner.overlaps import clashing, ended_by
from chaos.runner.show import Show
from chaos.runner.surroundings import tool_version
from chaos.runner.task import Task
from chaos.store import RunFolder
from chaos.systems.base import System
from chaos.verify.waits import Watch

SET: Final = "set "  # a fact of RunBegan: what --set gave to a key of the plan
_LATE_NS: Final = 50_000_000  # a step that begins later than this says so


class Ended(Exception):  # noqa: N818 - the steps end here, which is no mistake by itself
    """No further step is begun."""


class Conduct:
    """One run of one plan, from the first step to the last release."""

    def __init__(self, task: Task, system: System, folder: RunFolder, show: Show) -> None:
        self.plan = plan = task.plan
        self.seed = task.seed
        self._fixed = task.fixed
        self.zero_ns = 0
        self.events: list[Event] = []
        self.names: dict[str, tuple[Sid, ...]] = {}
        self.logs = {step.id: StepLog(step) for step in plan.steps}
        self._system = system
        self._folder = folder
        self._show = show
        self._onlooker = Onlooker(plan)
        self.view = self._onlooker.view

    # ---- the whole way

    def before_zero(self) -> None:
        """Do the steps of time zero, before any peer looks for a leader.

        Raises:
            Ended: one of them ends the steps.
        """
        for step in self._early():
            self._step(step)

    def begin(self, zero_ns: int) -> None:
        """Time zero of the plan is known: write it down."""
        self.zero_ns = zero_ns
        for step in self._early():
            self.logs[step.id].planned_ns = zero_ns
        facts: dict[str, int | str] = {"format": FORMAT, "chaos": tool_version()}
        facts |= {f"{SET}{key}": value for key, value in self.plan.overrides}
        self.record(RunBegan(zero_ns, self.plan.name, self.seed, self._system.name, facts))

    def steps(self) -> None:
        """Do every other step in its turn.

        Raises:
            Ended: a step failed, found nobody, or the run's time is up.
        """
        early = {step.id for step in self._early()}
        for step in self.plan.steps:
            if step.id not in early:
                self._step(step)

    def finish_faults(self) -> None:
        """Let every fault that has a ``for`` run to its end."""
        while (due := self._next_release()) is not None:
            self.advance(min(due, self._deadline))
            if self._system.now_ns >= self._deadline:
                return

    def release_all(self) -> None:
        """End every fault that is still active, the youngest first."""
        for log in reversed([log for log in self.logs.values() if log.active]):
            due_ns = log.due_ns
            if due_ns is not None and self.now_ns < due_ns and log.outcome == "done":
                log.outcome = "inconclusive"
                left = (due_ns - self.now_ns) / 1e9
                log.why = f"cut short: the run was over {left:.3f} s before its end"
            self._release(log)

    def advance(self, until_ns: int, watch: Watch | None = None) -> bool:
        """Let time pass until ``until_ns``, or until what is watched has held for long enough.

        Faults whose ``for`` is over end on the way.
        """
        if watch is not None:
            watch.observe(self.view, self._system.now_ns)
        while True:
            now = self._system.now_ns
            if watch is not None and watch.done(now):
                return True
            self._pass(min(self._dues(until_ns, watch)), watch)
            self._release_due()
            self._show.seen(self.view, self.elapsed_ns)
            now = self._system.now_ns
            if now >= until_ns:
                return watch is not None and watch.done(now)

    def _dues(self, until_ns: int, watch: Watch | None) -> Iterator[int]:
        """The moments at which something is to be done or decided."""
        yield until_ns
        if watch is not None and watch.due_ns is not None:
            yield watch.due_ns
        release = self._next_release()
        if release is not None:
            yield release

    def _pass(self, until_ns: int, watch: Watch | None) -> None:
        """Let the system go on, no further than the event that satisfies the watch."""
        for event in self._system.advance(until_ns):
            self.observe(event)
            self._show.seen(self.view, self.elapsed_ns)
            if watch is None:
                continue
            watch.observe(self.view, max(event.at_ns, watch.since_ns or 0))
            if watch.done(event.at_ns):
                return

    def observe(self, event: Event) -> None:
        """Take in one event that the system saw."""
        self.events.append(event)
        self._onlooker.observe(event)

    def record(self, event: Event) -> None:
        """Take in one event of our own doing, and write it down."""
        self.observe(event)
        self._folder.append(event)
        self._folder.flush()

    @property
    def now_ns(self) -> int:
        """The system's clock."""
        return self._system.now_ns

    @property
    def elapsed_ns(self) -> int:
        """Time since time zero."""
        return self._system.now_ns - self.zero_ns if self.zero_ns else 0

    # ---- steps

    @property
    def _deadline(self) -> int:
        return self.zero_ns + self.plan.run_timeout_ns

    def _early(self) -> Iterator[Step]:
        """The steps that lead the plan and are due at 0 ms."""
        for step in self.plan.steps:
            if not (isinstance(step.start, At) and step.start.at_ns == 0):
                return
            yield step

    def _step(self, step: Step) -> None:
        log = self.logs[step.id]
        if self.zero_ns:
            log.planned_ns = self._planned(log)
            if log.planned_ns is not None:
                self.advance(min(log.planned_ns, self._deadline))
                late_ns = self.now_ns - log.planned_ns
                if late_ns > _LATE_NS:
                    log.evidence["late"] = f"began {late_ns / 1e9:.3f} s after its time"
            if self.now_ns >= self._deadline:
                self._give_up(log, f"the run's {span(self.plan.run_timeout_ns)} were up before it")
        match step.verb:
            case Wait():
                self._wait(log, step.verb)
            case FaultStep():
                self._inject(log, step.verb)
            case Release():
                self._begin(log, ())
                for name in step.verb.steps:
                    self._release(self.logs[name])
                self._end(log, "done")

    def _give_up(self, log: StepLog, why: str) -> NoReturn:
        """End the steps before this one began."""
        log.outcome, log.why = "inconclusive", why
        self._show.told(self.elapsed_ns, f"{log.step.id}: inconclusive: {why}")
        raise Ended

    def _planned(self, log: StepLog) -> int | None:
        """When the step is due, once what it comes after has happened."""
        match log.step.start:
            case At(at_ns=at_ns):
                return self.zero_ns + at_ns
            case After() as after:
                other = self.logs[after.step]
                self._await(other, after.edge)
                moment = other.edge(after.edge)
                if moment is None:
                    self._give_up(log, f"{after.step} has not {after.edge} by now")
                return moment + after.plus_ns
            case _:
                return None

    def _await(self, other: StepLog, edge: Edge) -> None:
        """Let time pass until an edge of another step, as far as a ``for`` will bring it."""
        while other.edge(edge) is None:
            due = self._next_release()
            if due is None or self._system.now_ns >= self._deadline:
                return
            self.advance(min(due, self._deadline))

    def _wait(self, log: StepLog, wait: Wait) -> None:
        self._begin(log, ())
        try:
            condition = condition_of(wait, lambda selector: self._resolve(log.step, selector))
        except NoTarget as error:
            self._end(log, "inconclusive", str(error))
            raise Ended from error
        assert log.began_ns is not None
        watch = None if condition is None else Watch(condition)
        within = wait.condition.time_ns if isinstance(wait.condition, Elapsed) else wait.within_ns
        until = log.began_ns + within
        satisfied = self.advance(min(until, self._deadline), watch)
        if satisfied or (watch is None and until <= self._deadline):
            self._end(log, "done")
            return
        if until > self._deadline:
            up = f"the run's {span(self.plan.run_timeout_ns)} were up while it waited"
            self._end(log, "inconclusive", f"{up}; roles were {self._roles()}")
            raise Ended
        why = f"not so within {span(wait.within_ns)}; roles were {self._roles()}"
        match wait.otherwise:
            case Otherwise.RUN:
                self._end(log, "done", why)
            case Otherwise.SKIP:
                self._end(log, "skipped", why)
                raise Ended
            case Otherwise.FAIL:
                self._end(log, "failed", why)
                raise Ended

    def _inject(self, log: StepLog, verb: FaultStep) -> None:
        rng = self._dice(log.step)
        try:
            aimed = self._fixed.get(log.step.id) or aim(verb.target, self.view, self.names, rng)
        except NoTarget as error:
            self._begin(log, ())
            if error.skip:
                self._end(log, "skipped", str(error))
                return
            self._end(log, "inconclusive", str(error))
            raise Ended from error
        fault, targets = aimed.of(verb.fault), aimed.targets
        if verb.bind is not None:
            self.names[verb.bind] = targets
        self._begin(log, *aimed)
        clash = clashing(fault, targets, self.logs.values())
        if clash is not None:
            self._end(log, "inconclusive", clash)
            raise Ended
        log.fault = fault
        bit, log.done_ns = self._act(log, fault.begin(targets, self.view))
        log.outcome = "done"
        if fault.instant:
            self._end(log, "done")
        for pause in ended_by(log, self.logs.values()):
            self._end(pause, pause.outcome, f"{log.step.id} ended its process")
        if not bit and verb.confirm:
            told = [str(fact) for key, fact in log.evidence.items() if key.endswith(": error")]
            why = f": {told[0]}" if told else ""
            self._give_up(log, f"the fault could not be confirmed{why}")

    def _release(self, log: StepLog) -> None:
        if not log.active:
            return
        assert log.fault is not None
        self._act(log, log.fault.end(log.targets, self.view))
        self._end(log, log.outcome, log.why)

    def _act(self, log: StepLog, actions: list[Action]) -> tuple[bool, int]:
        """Apply actions in order; whether none of them failed, and when all had taken effect."""
        bit, done = True, self._system.now_ns
        for action in actions:
            began = self._system.now_ns
            evidence = self._system.apply(action)
            log.proved(action, evidence)
            bit = bit and evidence.bit is not False
            done = self._system.now_ns
            self.record(Acted(began, done, log.step.id, action, evidence))
        self._pass(self._system.now_ns, None)  # what it did at once is seen at once
        return bit, done

    # ---- small things

    def _begin(self, log: StepLog, targets: tuple[Sid, ...], towards: tuple[Sid, ...] = ()) -> None:
        log.began_ns = self._system.now_ns
        log.targets = targets
        planned = log.began_ns if log.planned_ns is None else log.planned_ns
        self.record(StepBegan(log.began_ns, log.step.id, planned, targets, towards))
        self._show.told(self.elapsed_ns, f"{log.step.id}: {self.words(log)}")

    def _end(self, log: StepLog, outcome: str, why: str = "") -> None:
        log.ended_ns = self._system.now_ns
        log.done_ns = log.done_ns or log.ended_ns
        log.outcome, log.why = outcome, why
        self.record(StepEnded(log.ended_ns, log.step.id, outcome, why))
        for text in self._told(log):
            self._show.told(self.elapsed_ns, f"{log.step.id}: {text}")

    def _told(self, log: StepLog) -> Iterator[str]:
        """What there is to say at a step's end."""
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

    def _resolve(self, step: Step, selector: Selector) -> tuple[Sid, ...]:
        return resolve(selector, self.view, self.names, self._dice(step))

    def _dice(self, step: Step) -> random.Random:
        return random.Random(f"{self.seed}/{step.id}")

    def _roles(self) -> str:
        return ", ".join(f"{sid} {role}" for sid, role in self.view.roles().items())

    def _next_release(self) -> int | None:
        dues = [due for log in self.logs.values() if (due := log.due_ns) is not None]
        return min(dues, default=None)

    def _release_due(self) -> None:
        for log in self.logs.values():
            due = log.due_ns
            if due is not None and self._system.now_ns >= due:
                self._release(log)
