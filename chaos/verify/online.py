"""Safety, judged while a run goes on, so that it can stop at the first violation.

The fold of the stored history is fed line by line. It needs every line of a journal: where a
driver leaves some out while the run goes on (``System.rest``), that start is followed up to the
first gap only. Beyond it the lines of roles are still there, which tell who leads which epoch.
What needs a whole history (where votes begin, what messages carried, lost writes, liveness,
conformance) is judged at the end alone.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from chaos.election.effects import Entered, Persist
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Began, Event, Stepped
from chaos.verify.docket import Law
from chaos.verify.fold import JOURNAL, Folding
from chaos.verify.laws.watcher import SKEWS
from chaos.verify.tester import ORDERS, Meddling

RECORDED_NS: Final = 1_000_000_000  # how much longer a run is recorded after a violation


@dataclass(frozen=True, slots=True)
class Alarm:
    """A law was seen to be broken, in the event of ``at_ns``."""

    name: str
    why: str
    at_ns: int


class Watchman:
    """Follows a run. ``found`` is the first violation of a law that is not in ``excepted``."""

    def __init__(self, excepted: Set[str] = frozenset()) -> None:
        self.found: Alarm | None = None
        self._excepted = excepted
        self._tester = Meddling()
        self._folding = Folding(self._tester)
        self._index = -1
        self._next: dict[tuple[Sid, int], int] = {}  # the line that is due of each start
        self._states: dict[tuple[Sid, int], ServerState] = {}
        self._led: dict[int, tuple[Sid, int]] = {}
        self._latest: dict[Sid, int] = {}  # the epoch that its last step began to lead

    def observe(self, event: Event) -> None:
        """Take one event in, unless all is said already."""
        self._index += 1
        if self.found is not None:
            return
        self._tester.observe(self._index, event)
        if isinstance(event, Stepped):
            self._leads(event)
        if isinstance(event, Began):
            self._never_led(event)
        if isinstance(event, JOURNAL) and self._whole(event):
            self._folding.take(self._index, event)
            for law, findings in self._folding.folded.docket.breaches.items():
                self._alarm(law, findings[0].why, event.at_ns)

    def _whole(self, event: Event) -> bool:
        """Whether no line of its journal was left out so far."""
        assert isinstance(event, JOURNAL)
        key = (event.sid, event.inc)
        if isinstance(event, Began) and event.seq == 0:
            self._next[key] = 0
        if self._next.get(key) != event.seq:
            self._next.pop(key, None)
            return False
        self._next[key] = event.seq + 1
        return True

    def _leads(self, event: Stepped) -> None:
        """H5, by the lines of roles alone."""
        key = (event.sid, event.inc)
        if not isinstance(event.happened, ORDERS):
            self._latest.pop(event.sid, 0)
        for effect in event.effects:
            match effect:
                case Entered(state=state):
                    self._states[key] = state
                case Persist(name="currentEpoch", value=epoch):
                    leads = self._states.get(key) is ServerState.LEADING
                    if leads and not isinstance(event.happened, SKEWS):
                        self._led_by(epoch, key, event.at_ns)
                case _:
                    pass

    def _never_led(self, began: Began) -> None:
        """Its disk says that the last step before was not performed, nor what it led in it."""
        epoch = self._latest.pop(began.sid, 0)
        leader, _ = self._led.get(epoch, (None, 0))
        if epoch > began.spec.current_epoch and leader == began.sid:
            del self._led[epoch]

    def _led_by(self, epoch: int, key: tuple[Sid, int], at_ns: int) -> None:
        first = self._led.setdefault(epoch, key)
        self._latest[key[0]] = epoch
        excused = self._tester.changes or self._tester.meddled or self._tester.forges
        if first != key and not excused:
            (one, start), (other, again) = first, key
            why = f"epoch {epoch} was led by peer {one} (start {start}) and "
            self._alarm(Law.ONE_LEADER, f"{why}peer {other} (start {again})", at_ns)

    def _alarm(self, law: Law, why: str, at_ns: int) -> None:
        if self.found is None and law.value not in self._excepted:
            self.found = Alarm(law.value, why, at_ns)
