"""Steps that are under way at the same time, each resumed when what it waits for is over.

Nothing happens in an order that depends on anything but the plan and the events: of several
steps that can go on the one that began first does. Faults whose ``for`` is over end before
any step goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.history.events import Event
from chaos.runner.pending import Life, Pending, Running
from chaos.runner.scene import Ended, Scene
from chaos.runner.spans import Spans
from chaos.verify.online import RECORDED_NS

LOOK_NS: Final = 200_000_000  # between two looks at the clock of a run whose time is limited


class Scheduler:
    """The lives of one run."""

    def __init__(self, scene: Scene, spans: Spans) -> None:
        self._scene = scene
        self._spans = spans
        self._running: list[Running] = []
        self._alarmed = False  # the steps have been ended because a law was broken
        self._aborted = False  # or because a condition of the plan says so
        scene.hear = self._heard

    def start(self, life: Life) -> Running:
        """Begin a life, and let it go on until it waits for something.

        Raises:
            Ended: it ends the steps.
        """
        running = Running(life)
        self._running.append(running)
        self._go_on(running)
        return running

    def finish(self, life: Life) -> None:
        """Let a life come to its end, and others go on meanwhile.

        Raises:
            Ended: one of them ends the steps.
        """
        main = self.start(life)
        while not main.over:
            self._stop_if_told()
            self._stop_if_broken()
            ready = next(self._ready(self._scene.now_ns), None)
            if ready is None:
                self._let_time_pass()
            else:
                self._go_on(ready)

    def drop(self) -> None:
        """Nobody goes on any more."""
        for running in self._running:
            running.life.close()
            running.over = True
        self._running.clear()

    def calm(self) -> None:
        """The steps are over: nothing is left to be ended."""
        self._alarmed = self._aborted = True

    # ----

    def _stop_if_told(self) -> None:
        """A condition of ``abort_when`` ends the steps at once.

        Raises:
            Ended: once in a run.
        """
        if self._scene.guard.found is None or self._aborted:
            return
        self.calm()
        self._scene.abort()
        raise Ended("abort_when")

    def _stop_if_broken(self) -> None:
        """A broken law ends the steps, once some more has been recorded.

        Raises:
            Ended: once in a run.
        """
        alarm = self._scene.alarm
        if alarm is None or self._alarmed or self._scene.now_ns < alarm.at_ns + RECORDED_NS:
            return
        self._alarmed = True
        raise Ended(alarm.name)

    def _go_on(self, running: Running) -> None:
        running.pending = next(running.life, None)
        if running.pending is None:
            running.over = True
            self._running.remove(running)
        else:
            running.pending.armed(self._scene.view, self._scene.now_ns)

    def _ready(self, now_ns: int) -> Iterator[Running]:
        """Those that can go on, the eldest first."""
        for running in self._running:
            if running.pending is not None and running.pending.over(now_ns):
                yield running

    def _let_time_pass(self) -> None:
        """As far as the next moment at which something is to be done or decided."""
        pending = list(self._pending())
        dues = [due for one in pending if (due := one.due_ns) is not None]
        release = self._spans.next_release()
        if release is not None:
            dues.append(release)
        if not dues:
            for one in pending:
                one.hopeless()
            return
        alarm = self._scene.alarm
        if alarm is not None and not self._alarmed:
            dues.append(alarm.at_ns + RECORDED_NS)
        limits = [limit for one in pending if (limit := one.limit_ns) is not None]
        self._watch_until(min(*dues, *limits) if limits else min(dues))
        self._spans.release_due()
        self._scene.look()
        for one in self._pending():
            one.passed(self._scene.now_ns)

    def _watch_until(self, until_ns: int) -> None:
        """Let the system go on, no further than the event by which somebody can go on.

        Raises:
            OutOfTimeError: the run may take no longer.
        """
        view, before = self._scene.view, self._stops()
        for look_ns in self._looks(until_ns):
            self._scene.in_time()
            for event in self._scene.seen(look_ns):
                for one in self._pending():
                    one.looked(view, event.at_ns)
                if next(self._ready(event.at_ns), None) is not None or self._stops() != before:
                    return

    def _looks(self, until_ns: int) -> Iterator[int]:
        """Until when to go on at a time: all the way, unless somebody has to look at a clock."""
        if self._scene.task.until is not None:
            yield from range(self._scene.now_ns + LOOK_NS, until_ns, LOOK_NS)
        yield until_ns

    def _stops(self) -> tuple[bool, bool]:
        """Whether a law has been broken, and whether a condition ends the run: time is short."""
        return self._scene.alarm is not None, self._scene.guard.found is not None

    def _heard(self, event: Event) -> None:
        for one in self._pending():
            one.heard(event)

    def _pending(self) -> Iterator[Pending]:
        for running in self._running:
            if running.pending is not None:
                yield running.pending
