"""Waits for an event of the protocol, and holds whoever comes to it until the step is done.

Gates are armed at everybody that may come to it. The first to hold is taken, the others are
let go, and the fault is done while that one holds. Who cannot hold is only watched: then the
step begins as soon as the harness sees the event, and says how late that was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

from chaos.actions import Hold, LetGo
from chaos.election.ids import Sid
from chaos.election.moments import Awaited
from chaos.ensemble import Runs
from chaos.faults.targets import NoTarget, Selector, Sids
from chaos.history.events import Acted, Event, Held, LinkClosed, LinkOpened, Seen, Stepped
from chaos.history.view import EnsembleView
from chaos.plan.amount_words import span
from chaos.plan.model import Mode, Otherwise, Turn, When, tree
from chaos.runner.log import StepLog
from chaos.runner.pending import Pending
from chaos.runner.scene import Ended, Scene


@dataclass(frozen=True, slots=True)
class Came:
    """``sid`` came to the event at ``at_ns``; ``held`` if it holds there."""

    at_ns: int
    sid: Sid
    held: bool


class Coming(Pending):
    """Until somebody comes; at most ``until_ns``. Nobody is missed while the step itself acts."""

    def __init__(self, comes: Callable[[Event], Iterable[Came]], until_ns: int) -> None:
        self._comes = comes
        self._until_ns = until_ns
        self._up = False
        self.listening = False
        self.found: deque[Came] = deque()

    @property
    def due_ns(self) -> int | None:
        """When it is given up."""
        return self._until_ns

    def heard(self, event: Event) -> None:
        """Whoever comes, in the order of hearing of it."""
        self.found.extend(self._comes(event))

    def passed(self, now_ns: int) -> None:
        """Whether its time is up."""
        self._up = now_ns >= self._until_ns

    def over(self, now_ns: int) -> bool:
        """At once until it is said that it is listened to; then when somebody came."""
        del now_ns
        return not self.listening or bool(self.found) or self._up


class Gate:
    """The event that one step waits for. :meth:`wait`, the step, then :meth:`let_go`."""

    def __init__(self, scene: Scene, log: StepLog, when: When) -> None:
        self._scene = scene
        self._log = log
        self._when = when
        self._awaited = Awaited(when.event)
        self._armed = False
        self._held: tuple[Sid, ...] = ()  # where a gate is armed
        self._watched: frozenset[Sid] = frozenset()  # where nobody can hold
        self._left = when.nth  # until the one that is waited for

    def wait(self) -> Generator[Pending, None, bool]:
        """Until the event has come; whether the step is to be done now.

        Raises:
            Ended: it has not come, and the plan does not go on without it.
        """
        scene, when = self._scene, self._when
        until = min(scene.now_ns + when.within_ns, scene.deadline_ns)
        coming = Coming(self._comes, until)
        yield coming
        coming.listening = True
        if not self._armed:
            self.arm()
        while True:
            yield coming
            came = self._nth(coming)
            if came is not None:
                self._chosen(came)
                return True
            if scene.now_ns >= until:
                return self._ran_out(until)

    def arm(self) -> None:
        """Have everybody who may come to it hold there.

        Raises:
            Ended: nobody can.
        """
        self._armed = True
        scene, when, step = self._scene, self._when, self._log.step
        by = self._whom(when.by)
        peers = () if when.peer is None else self._whom(when.peer)
        latest = max((round_ for round_ in _rounds(scene.view)), default=0)
        self._awaited = Awaited(
            when.event,
            peers,
            when.what,
            round=latest if when.round is Turn.LAST else _number(when.round),
            beyond=latest if when.round is Turn.NEXT else None,
        )
        foreign = scene.view.running(Runs.ZOOKEEPER)
        able = Hold in scene.system.supports and when.mode is not Mode.OBSERVE
        held = tuple(sid for sid in by if able and (sid not in foreign or when.mode is Mode.GATE))
        self._watched = frozenset(by) - frozenset(held)
        if not held:
            return
        nth = 1
        if len(by) == 1:  # it counts by itself, and is not disturbed
            nth, self._left = when.nth, 1
        self._held = held
        self._act(Hold(step.id, held, self._awaited, nth))
        if self._log.evidence.get("Hold: error"):
            why = self._log.evidence["Hold: error"]
            scene.give_up(self._log, f"the gate could not be armed: {why}")

    def let_go(self) -> None:
        """Nobody holds any more because of this step."""
        if self._held:
            held, self._held = self._held, ()
            self._act(LetGo(self._log.step.id, held))

    # ----

    def _whom(self, selector: Selector) -> tuple[Sid, ...]:
        if isinstance(selector, Sids):
            return selector.sids
        try:
            return self._scene.whom(self._log.step, selector)
        except NoTarget as error:
            self._scene.give_up(self._log, str(error))

    def _comes(self, event: Event) -> Iterator[Came]:
        """Once for each time that it came: one step may send several packets."""
        if isinstance(event, Held) and event.name == self._log.step.id:
            yield Came(event.at_ns, event.sid, held=True)
            return
        if not isinstance(event, Stepped | Seen | LinkOpened | LinkClosed):
            return
        if event.sid in self._watched:
            for _ in filter(self._awaited.fits, self._scene.moments):
                yield Came(event.at_ns, event.sid, held=False)

    def _nth(self, coming: Coming) -> Came | None:
        """The one that is waited for; whoever came before it goes on.

        A replay takes no other than who it was then.
        """
        then = self._scene.task.came.get(self._log.step.id)
        if coming.found and coming.found[0].held:
            self._scene.catch_up()  # another may have held a moment earlier
        found = sorted(coming.found, key=lambda came: (came.at_ns, came.sid))
        coming.found.clear()
        for place, came in enumerate(found):
            self._left -= 1
            if self._left <= 0 and then in (None, came.sid):
                coming.found.extend(found[place + 1 :])
                return came
            if came.held:
                self._act(LetGo(self._log.step.id, (came.sid,), again=True))
        return None

    def _chosen(self, came: Came) -> None:
        """It holds, or was seen; the others go on."""
        scene, log, when = self._scene, self._log, self._when
        others = tuple(sid for sid in self._held if not came.held or sid != came.sid)
        self._held = (came.sid,) if came.held else ()
        if others:
            self._act(LetGo(log.step.id, others))
        log.planned_ns, log.by = came.at_ns, came.sid
        if when.bind is not None:
            scene.names[when.bind] = (came.sid,)
        what = when.event.replace("_", " ")
        if came.held:
            scene.tell(log, f"peer {came.sid} holds at {what}")
            return
        late = f"{(scene.now_ns - came.at_ns) / 1e6:.1f} ms"
        log.evidence["seen"] = f"{late} after the event; nobody was held"
        scene.tell(log, f"{what} of peer {came.sid} seen {late} after it; nobody is held")

    def _ran_out(self, until_ns: int) -> bool:
        scene, log, when = self._scene, self._log, self._when
        self.let_go()
        event = when.event.replace("_", " ")
        if until_ns >= scene.deadline_ns:
            up = f"the run's {span(scene.plan.run_timeout_ns)} were up"
            scene.give_up(log, f"{up} before {event} number {when.nth}")
        number = f" number {when.nth}" if when.nth > 1 else ""
        why = f"no {event}{number} within {span(when.within_ns)}"
        match when.otherwise:
            case Otherwise.RUN:
                log.evidence["when"] = why
                scene.tell(log, f"{why}; done all the same")
                return True
            case Otherwise.SKIP:
                for _, step in tree((log.step,)):  # with all that is inside of it
                    scene.begin(scene.logs[step.id], ())
                    scene.end(scene.logs[step.id], "skipped", why)
                return False
            case Otherwise.FAIL:
                scene.begin(log, ())
                scene.end(log, "failed", why)
                raise Ended(log.step.id)

    def _act(self, action: Hold | LetGo) -> None:
        scene, log = self._scene, self._log
        began = scene.now_ns
        evidence = scene.system.apply(action)
        log.proved(action, evidence)
        scene.record(Acted(began, scene.now_ns, log.step.id, action, evidence))
        scene.catch_up()


def _rounds(view: EnsembleView) -> list[int]:
    """Every round that a peer is known to have been in last."""
    votes = [vote for peer in view.peers.values() for vote in (peer.proposal, peer.vote)]
    return [vote.round for vote in votes if vote is not None]


def _number(round_: int | Turn | None) -> int | None:
    return None if isinstance(round_, Turn) else round_
