"""What each step does from its turn to its end, as a generator of what it waits for.

Time belongs to the system. A life never lets it pass by itself: it yields, and goes on when
what it waited for is over.
"""

from __future__ import annotations

from typing import Final

from chaos.faults.targets import NoTarget
from chaos.plan.amount_words import span
from chaos.plan.model import (
    After,
    At,
    Change,
    Elapsed,
    FaultStep,
    Note,
    Otherwise,
    Parallel,
    Probe,
    Random,
    Release,
    Step,
    Wait,
    When,
)
from chaos.runner.arming import Gate
from chaos.runner.conditions import condition_of
from chaos.runner.inquiry import inquire
from chaos.runner.log import StepLog
from chaos.runner.patience import but_late
from chaos.runner.pending import EdgeOf, Finished, Life, Moment, Satisfied
from chaos.runner.scene import Ended, Scene
from chaos.runner.scheduler import Scheduler
from chaos.runner.spans import Spans
from chaos.verify.waits import (
    AdoptedCondition,
    Condition,
    ReachableCondition,
    RoleCondition,
    Watch,
)

_LATE_NS: Final = 50_000_000  # a step that begins later than this says so


class Lives:
    """Makes the lives of one run's steps."""

    def __init__(self, scene: Scene, spans: Spans, scheduler: Scheduler) -> None:
        self._scene = scene
        self._spans = spans
        self._scheduler = scheduler
        self._gates: dict[str, Gate] = {}  # by the step

    def in_order(self, steps: tuple[Step, ...]) -> Life:
        """Each begins when the one before it is done."""
        for step in steps:
            yield Finished([self._scheduler.start(self.step(step))])

    def step(self, step: Step) -> Life:
        """One step, from its turn until it is done.

        Raises:
            Ended: no further step is to begin.
        """
        scene, log = self._scene, self._scene.logs[step.id]
        gate = self._gates.get(step.id)  # armed before time zero
        if scene.zero_ns and gate is None:
            yield from self._its_time(log)
        if step.when is None:
            yield from self._does(log)
            return
        if gate is None:
            gate = self._gates[step.id] = Gate(scene, log, step.when)
        if (yield from gate.wait()):
            yield from self._does(log)
        gate.let_go()

    def arm(self, step: Step, when: When) -> None:
        """Arm the gate of a step ahead of its turn.

        Raises:
            Ended: nobody can come to it.
        """
        gate = self._gates[step.id] = Gate(self._scene, self._scene.logs[step.id], when)
        gate.arm()

    def let_go(self) -> None:
        """Nobody is held any more: the steps are over."""
        for gate in self._gates.values():
            gate.let_go()

    def _does(self, log: StepLog) -> Life:
        step = log.step
        match step.verb:
            case Wait():
                yield from self._wait(log, step.verb)
            case FaultStep():
                self._spans.inject(log, step.verb)
            case Release():
                self._release(log, step.verb)
            case Note(text=text):
                self._scene.begin(log, ())
                self._scene.end(log, "done", text)
            case Parallel(steps=steps):
                yield from self._together(log, steps)
            case Random():
                yield from self._by_lot(log, step.verb)
            case Probe():
                yield from self._probe(log, step.verb)
            case Change():
                yield from self._change(log, step.verb)

    # ---- when

    def _its_time(self, log: StepLog) -> Life:
        """Until the step's own time, if it has one."""
        scene = self._scene
        match log.step.start:
            case At(at_ns=at_ns):
                log.planned_ns = scene.zero_ns + at_ns
            case After() as after:
                other = scene.logs[after.step]
                if other.edge(after.edge) is None:
                    yield EdgeOf(other, after.edge, scene.deadline_ns)
                moment = other.edge(after.edge)
                if moment is None:
                    scene.give_up(log, f"{after.step} has not {after.edge} by now")
                log.planned_ns = moment + after.plus_ns
            case _:
                log.planned_ns = None
        yield from self._until_planned(log)

    def _until_planned(self, log: StepLog) -> Life:
        scene = self._scene
        if log.planned_ns is not None:
            yield Moment(min(log.planned_ns, scene.deadline_ns))
            late_ns = scene.now_ns - log.planned_ns
            if late_ns > _LATE_NS:
                log.evidence["late"] = f"began {late_ns / 1e9:.3f} s after its time"
        if scene.now_ns >= scene.deadline_ns:
            scene.give_up(log, f"the run's {span(scene.plan.run_timeout_ns)} were up before it")

    # ---- what

    def _together(self, log: StepLog, steps: tuple[Step, ...]) -> Life:
        self._scene.begin(log, ())
        yield Finished([self._scheduler.start(self.step(step)) for step in steps])
        self._scene.end(log, "done")

    def _by_lot(self, log: StepLog, verb: Random) -> Life:
        """Each fault at its time; done when the last has begun."""
        scene = self._scene
        scene.begin(log, ())
        assert log.began_ns is not None
        for step, offset_ns in zip(verb.steps, verb.offsets_ns, strict=True):
            child = scene.logs[step.id]
            child.planned_ns = log.began_ns + offset_ns
            yield from self._until_planned(child)
            yield from self._does(child)
        scene.end(log, "done")

    def _release(self, log: StepLog, verb: Release) -> None:
        scene = self._scene
        scene.begin(log, ())
        for name in verb.steps:
            other = scene.logs[name]
            if other.outcome == "not reached":
                scene.end(log, "inconclusive", f"{name} has not begun, so there is no fault to end")
                raise Ended(log.step.id)
            self._spans.release(other)
        scene.end(log, "done")

    def _probe(self, log: StepLog, probe: Probe) -> Life:
        scene = self._scene
        try:
            of = scene.whom(log.step, probe.of)
        except NoTarget as error:
            scene.begin(log, ())
            scene.end(log, "inconclusive", str(error))
            raise Ended(log.step.id) from error
        scene.begin(log, of)
        if probe.question is not None:
            until = self._at_most(log, probe.within_ns)
            why = yield from inquire(scene, log, probe.question, until)
            if not why:
                scene.end(log, "done")
            else:
                self._ran_out(log, probe.otherwise, f"{why} within {span(probe.within_ns)}")
            return
        asked = frozenset(of)
        condition: Condition = ReachableCondition(asked, probe.reachable)
        if probe.role is not None:
            condition = RoleCondition(probe.role, asked)
        watch, until = Watch(condition), self._at_most(log, probe.within_ns)
        held = Satisfied(watch, until)
        yield held
        if held.met:
            scene.end(log, "done")
        else:
            yield from self._missed(log, probe, watch, until)

    def _change(self, log: StepLog, change: Change) -> Life:
        """Give everybody who can take it the new configuration, and see who has it in force."""
        scene = self._scene
        config = self._spans.reconfigure(log, change.fault)
        gate = self._gates.get(log.step.id)
        if gate is not None:
            gate.let_go()  # who holds can take nothing: the quorum may need it
        held = Satisfied(Watch(AdoptedCondition(config)), self._at_most(log, change.within_ns))
        yield held
        if held.met:
            log.evidence["adopted"] = f"version {config.version} by a quorum"
            scene.end(log, "done")
            return
        why = f"no quorum had version {config.version} in force within {span(change.within_ns)}"
        scene.end(log, "inconclusive", why)
        raise Ended(log.step.id)

    def _at_most(self, log: StepLog, within_ns: int) -> int:
        assert log.began_ns is not None
        return min(log.began_ns + within_ns, self._scene.deadline_ns)

    def _wait(self, log: StepLog, wait: Wait) -> Life:
        scene = self._scene
        scene.begin(log, ())
        try:
            condition = condition_of(wait, lambda selector: scene.whom(log.step, selector))
        except NoTarget as error:
            scene.end(log, "inconclusive", str(error))
            raise Ended(log.step.id) from error
        assert log.began_ns is not None
        within = wait.condition.time_ns if isinstance(wait.condition, Elapsed) else wait.within_ns
        until = log.began_ns + within
        if condition is None:
            yield Moment(min(until, scene.deadline_ns))
            satisfied = until <= scene.deadline_ns
        else:
            watch = Watch(condition)
            held = Satisfied(watch, min(until, scene.deadline_ns), log.began_ns)
            yield held
            satisfied = held.met
            if not satisfied and until <= scene.deadline_ns:
                yield from self._missed(log, wait, watch, until)
                return
        if satisfied:
            scene.end(log, "done")
            return
        up = f"the run's {span(scene.plan.run_timeout_ns)} were up while it waited"
        scene.end(log, "inconclusive", f"{up}; roles were {scene.roles()}")
        raise Ended(log.step.id)

    def _missed(self, log: StepLog, verb: Wait | Probe, watch: Watch, until_ns: int) -> Life:
        """It was not so in time: the ensemble's doing, unless the host was as late itself."""
        why = f"not so within {span(verb.within_ns)}; roles were {self._scene.roles()}"
        late = ""
        if verb.otherwise is Otherwise.FAIL:
            late = yield from but_late(self._scene, log, watch, until_ns)
        if late:
            self._scene.end(log, "inconclusive", f"{why}; but {late}")
            raise Ended(log.step.id)
        self._ran_out(log, verb.otherwise, why)

    def _ran_out(self, log: StepLog, otherwise: Otherwise, why: str) -> None:
        """What the plan wants of a step whose time is up.

        Raises:
            Ended: it does not want to go on.
        """
        match otherwise:
            case Otherwise.RUN:
                self._scene.end(log, "done", why)
            case Otherwise.SKIP:
                self._scene.end(log, "skipped", why)
                raise Ended(log.step.id)
            case Otherwise.FAIL:
                self._scene.end(log, "failed", why)
                raise Ended(log.step.id)
