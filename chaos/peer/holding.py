"""What a peer does in its turn, and how it holds: one thing at a time, in order.

While it holds at a gate it handles nothing at all and its sockets stay open; the control
channel is served. So a harness can do what it likes between two effects of a step, which no
sleep could hit. What happens meanwhile waits behind what the peer was about to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from chaos.election.effects import Effect, Input
from chaos.election.gates import Gates
from chaos.election.ids import Sid
from chaos.election.moments import BEFORE_ALL, Awaited, Before, Moment, link_moment
from chaos.peer.journal import Journal


class Acting(Protocol):
    """The peer whose turns these are."""

    journal: Journal

    def decide(self, happened: Input) -> list[Effect]:
        """What its rules answer."""
        ...

    def before(self) -> Before:
        """What it is now."""
        ...

    def perform(self, effect: Effect, step: int, index: int) -> None:
        """Do one effect of line ``step``."""
        ...

    def write(self) -> bool:
        """Put what was asked before on its way; whether there was anything."""
        ...

    def hold(self) -> bool:
        """Serve orders until nothing holds the peer any more; false if it is to end."""
        ...


class Turns:
    """The steps of one peer, and the gates between their effects."""

    def __init__(self, peer: Acting) -> None:
        self.gates = Gates()
        self._peer = peer
        self._decided: deque[Callable[[], None]] = deque()  # goes first: in the order decided
        self._waiting: deque[Input] = deque()
        self._busy = False
        self._over = False

    def step(self, happened: Input) -> None:
        """Let something happen: now, or when the peer is done with what it is at."""
        self._waiting.append(happened)
        self.go_on()

    def tell(self, happened: Input) -> int:
        """Let something happen by order, also while the peer holds.

        Its line is written at once, and its number returned; what it brings is performed
        by the next :meth:`go_on`, behind what was decided before and ahead of what was not.
        """
        effects, seq, moments = self._decide(happened)
        self._decided.append(partial(self._perform, effects, seq, moments))
        return seq

    def arm(self, name: str, awaited: Awaited, nth: int) -> None:
        """Hold at the ``nth`` such moment from now on."""
        self.gates.arm(name, awaited, self._peer.before(), nth)

    def linked(self, other: Sid, line: int, *, opened: bool) -> None:
        """A link's line is written: a gate there holds before anything else is done or written."""
        names = self.gates.hit([link_moment(other, opened=opened)])
        if names:
            self._decided.appendleft(partial(self._hold, names, line, BEFORE_ALL))

    def go_on(self) -> None:
        """Do what waits, unless somebody is at it."""
        if self._busy:
            return
        self._busy = True
        try:
            while (self._decided or self._waiting) and not self._over:
                if self._decided:
                    self._decided.popleft()()
                else:
                    self._perform(*self._decide(self._waiting.popleft()))
        finally:
            self._busy = False

    # ----

    def _decide(self, happened: Input) -> tuple[list[Effect], int, list[Moment]]:
        effects = self._peer.decide(happened)
        seq = self._peer.journal.stepped(happened, effects)
        return effects, seq, self.gates.moments(happened, effects)

    def _perform(self, effects: Sequence[Effect], seq: int, moments: Sequence[Moment]) -> None:
        perform = self._peer.perform
        if moments:
            self._pass(moments, seq, BEFORE_ALL)
        for index, effect in enumerate(effects):
            if moments:
                self._pass(moments, seq, index)
            if self._over:
                return
            perform(effect, seq, index)

    def _pass(self, moments: Iterable[Moment], seq: int, index: int) -> None:
        """Come to effect ``index``, and hold there if a gate says so."""
        names = self.gates.hit(moment for moment in moments if moment.index == index)
        if names and not self._over:
            while self._peer.write():
                pass
            self._hold(names, seq, index)

    def _hold(self, names: Iterable[str], line: int, index: int) -> None:
        for name in names:
            self._peer.journal.held(name, line, index)
        self._peer.journal.flush()
        self._over = not self._peer.hold()
