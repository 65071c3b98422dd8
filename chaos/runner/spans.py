"""Faults from their begin to their end: injected, confirmed, released when their time is over."""

from __future__ import annotations

from chaos.actions import Action, Configure
from chaos.election.config import Configuration
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.targets import NoTarget, aim
from chaos.history.events import Acted
from chaos.plan.model import FaultStep
from chaos.runner.log import CUT_SHORT, StepLog
from chaos.runner.overlaps import clashing, ended_by
from chaos.runner.scene import Ended, Scene


class Spans:
    """The faults of one run."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def inject(self, log: StepLog, verb: FaultStep) -> None:
        """Begin a fault, and see that it took effect.

        Raises:
            Ended: it hit nobody, or could not be confirmed.
        """
        scene, step = self._scene, log.step
        try:
            aimed = scene.task.fixed.get(step.id) or aim(
                verb.target, scene.view, scene.names, scene.dice(step)
            )
        except NoTarget as error:
            scene.begin(log, ())
            if error.skip:
                scene.end(log, "skipped", str(error))
                return
            scene.end(log, "inconclusive", str(error))
            raise Ended(step.id) from error
        fault, targets = aimed.of(verb.fault), aimed.targets
        if verb.bind is not None:
            scene.names[verb.bind] = targets
        scene.begin(log, *aimed)
        clash = clashing(fault, targets, scene.logs.values())
        if clash is not None:
            scene.end(log, "inconclusive", clash)
            raise Ended(step.id)
        log.fault = fault
        bit, log.done_ns = self._act(log, fault.begin(targets, scene.view))
        log.outcome = "done"
        if fault.instant:
            scene.end(log, "done")
        for pause in ended_by(log, scene.logs.values(), scene.view):
            scene.end(pause, pause.outcome, f"{step.id} ended its process")
        scene.progressed()
        if not bit and verb.confirm:
            self._doubt(log)

    def reconfigure(self, log: StepLog, change: BumpConfigVersion) -> Configuration:
        """Give every peer that runs the newest configuration in force, changed.

        Raises:
            Ended: nobody runs.
        """
        scene = self._scene
        view = scene.view
        targets = tuple(sorted(sid for sid, peer in view.peers.items() if peer.alive))
        scene.begin(log, targets)
        if not targets:
            scene.end(log, "inconclusive", "no peer runs that could take a configuration")
            raise Ended(log.step.id)
        config = change.changed(view.newest, {**view.config.members, **view.known})
        self._act(log, [Configure(sid, config.text()) for sid in targets])
        return config

    def _doubt(self, log: StepLog) -> None:
        """It may not have bitten."""
        told = [str(fact) for key, fact in log.evidence.items() if key.endswith(": error")]
        why = f": {told[0]}" if told else ""
        self._scene.give_up(log, f"the fault could not be confirmed{why}")

    def release(self, log: StepLog) -> None:
        """End a fault, if it is active."""
        if not log.active:
            return
        assert log.fault is not None
        self._act(log, log.fault.end(log.targets, self._scene.view))
        self._scene.end(log, log.outcome, log.why)

    def next_release(self) -> int | None:
        """When the next ``for`` is over."""
        dues = [due for log in self._scene.logs.values() if (due := log.due_ns) is not None]
        return min(dues, default=None)

    def release_due(self) -> None:
        """End every fault whose ``for`` is over."""
        for log in self._scene.logs.values():
            due = log.due_ns
            if due is not None and self._scene.now_ns >= due:
                self.release(log)

    def release_all(self) -> None:
        """End every fault that is still active, the youngest first."""
        for log in reversed([log for log in self._scene.logs.values() if log.active]):
            due_ns = log.due_ns
            if due_ns is not None and self._scene.now_ns < due_ns and log.outcome == "done":
                log.outcome = "inconclusive"
                left = (due_ns - self._scene.now_ns) / 1e9
                log.why = f"{CUT_SHORT}the run was over {left:.3f} s before its end"
            self.release(log)

    def _act(self, log: StepLog, actions: list[Action]) -> tuple[bool, int]:
        """Apply actions in order; whether none of them failed, and when all had taken effect."""
        scene = self._scene
        bit, done = True, scene.now_ns
        for action in actions:
            began = scene.now_ns
            evidence = scene.system.apply(action)
            log.proved(action, evidence)
            bit = bit and evidence.bit is not False
            done = scene.now_ns
            scene.record(Acted(began, done, log.step.id, action, evidence))
        scene.catch_up()
        return bit, done
