"""What a step waits for, while time and other steps go on.

A step's life is a generator: it yields what it waits for, and the scheduler resumes it when
that is over. What was found is then in the thing that was waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from chaos.history.events import Event
from chaos.history.view import EnsembleView
from chaos.plan.model import Edge
from chaos.runner.log import StepLog
from chaos.verify.waits import Watch


class Pending:
    """Something that is waited for.

    ``due_ns`` is when time alone brings or decides it; ``None`` if only something else does.
    ``limit_ns`` is when it is looked at again although time does not bring it.
    """

    @property
    def due_ns(self) -> int | None:
        """No time by itself."""
        return None

    @property
    def limit_ns(self) -> int | None:
        """No limit."""
        return None

    def armed(self, view: EnsembleView, now_ns: int) -> None:
        """It is waited for from now on."""

    def heard(self, event: Event) -> None:
        """This was seen, or done by the harness."""

    def looked(self, view: EnsembleView, at_ns: int) -> None:
        """The ensemble as the event of ``at_ns`` left it."""

    def passed(self, now_ns: int) -> None:
        """Time has been let go by until now."""

    def hopeless(self) -> None:
        """Nothing is left that could bring it."""

    def over(self, now_ns: int) -> bool:
        """Whether the step goes on."""
        raise NotImplementedError


Life = Generator[Pending, None, None]


class Moment(Pending):
    """Until ``at_ns``. One that is past already still lets the system tell what it has seen."""

    def __init__(self, at_ns: int) -> None:
        self._at_ns = at_ns
        self._come = False

    @property
    def due_ns(self) -> int | None:
        """The moment."""
        return self._at_ns

    def passed(self, now_ns: int) -> None:
        """Whether it has come."""
        self._come = now_ns >= self._at_ns

    def over(self, now_ns: int) -> bool:
        """Once time was let go by that far."""
        del now_ns
        return self._come


class Satisfied(Pending):
    """Until a watch's condition has held for long enough: then ``met``. At most ``until_ns``.

    What is so when it is first looked at was so at ``began_ns``, if that is given.
    """

    def __init__(self, watch: Watch, until_ns: int, began_ns: int | None = None) -> None:
        self._watch = watch
        self._began_ns = began_ns
        self._until_ns = until_ns
        self._up = False
        self.met = False

    @property
    def due_ns(self) -> int | None:
        """When it is decided if nothing happens."""
        due = self._watch.due_ns
        return self._until_ns if due is None else min(due, self._until_ns)

    def armed(self, view: EnsembleView, now_ns: int) -> None:
        """It may hold already."""
        self._watch.observe(view, now_ns if self._began_ns is None else self._began_ns)

    def looked(self, view: EnsembleView, at_ns: int) -> None:
        """It may hold now, or hold no more. What an outsider tells late happened before."""
        self._watch.observe(view, max(at_ns, self._watch.since_ns or 0))

    def passed(self, now_ns: int) -> None:
        """Whether its time is up."""
        self._up = now_ns >= self._until_ns

    def over(self, now_ns: int) -> bool:
        """Held for long enough, or out of time."""
        self.met = self._watch.done(now_ns)
        return self.met or self._up


class Heard(Pending):
    """Until an event that ``matches``: it is then ``event``. At most ``until_ns``.

    It is looked for in all that is seen from now on, also while another step acts.
    """

    def __init__(self, matches: Callable[[Event], bool], until_ns: int) -> None:
        self._matches = matches
        self._until_ns = until_ns
        self._up = False
        self.event: Event | None = None

    @property
    def due_ns(self) -> int | None:
        """When it is given up."""
        return self._until_ns

    def heard(self, event: Event) -> None:
        """The first that matches counts."""
        if self.event is None and self._matches(event):
            self.event = event

    def passed(self, now_ns: int) -> None:
        """Whether its time is up."""
        self._up = now_ns >= self._until_ns

    def over(self, now_ns: int) -> bool:
        """Heard, or out of time."""
        del now_ns
        return self.event is not None or self._up


class EdgeOf(Pending):
    """Until another step's edge, as far as a ``for`` or a step under way will bring it."""

    def __init__(self, log: StepLog, edge: Edge, limit_ns: int) -> None:
        self._log = log
        self._edge = edge
        self._limit_ns = limit_ns
        self._in_vain = False

    @property
    def limit_ns(self) -> int | None:
        """When the run's time is up."""
        return self._limit_ns

    def passed(self, now_ns: int) -> None:
        """Whether the run's time is up."""
        self._in_vain = now_ns >= self._limit_ns

    def hopeless(self) -> None:
        """Nobody will bring it."""
        self._in_vain = True

    def over(self, now_ns: int) -> bool:
        """There, or given up; the log says which."""
        del now_ns
        return self._in_vain or self._log.edge(self._edge) is not None


class Running:
    """A life under way; ``pending`` is what it waits for, ``None`` when it is over."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.pending: Pending | None = None
        self.over = False


class Finished(Pending):
    """Until all of these lives are over."""

    def __init__(self, lives: Iterable[Running]) -> None:
        self._lives = tuple(lives)

    def over(self, now_ns: int) -> bool:
        """All of them."""
        del now_ns
        return all(one.over for one in self._lives)
