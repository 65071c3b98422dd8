"""Gates: the moments at which one peer is to hold, and what holds it now.

Pure: a real peer and a simulated one perform what is said here. A peer that holds handles
nothing at all; what it was about to do is done when nothing holds it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chaos.election.effects import Effect, Input
from chaos.election.moments import Awaited, Before, Moment, moments_of


@dataclass(slots=True)
class _Gate:
    awaited: Awaited
    left: int  # moments until it holds; 0: it has held


class Gates:
    """The gates of one peer by name. ``held`` is who holds it now."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self._gates: dict[str, _Gate] = {}
        self._before = Before()

    def arm(self, name: str, awaited: Awaited, before: Before, nth: int = 1) -> None:
        """Hold at the ``nth`` moment from now on; the same name again replaces.

        ``before`` is what the peer is now. It is followed as long as there are gates.
        """
        self._before = before
        if awaited.beyond is not None:
            awaited = replace(awaited, beyond=max(awaited.beyond, self._before.round))
        self._gates[name] = _Gate(awaited, nth)

    def let_go(self, name: str, *, again: bool = False) -> bool:
        """Hold no more because of ``name``, or ``again`` at its next moment.

        Returns whether it held.
        """
        gate = self._gates.get(name)
        if gate is not None and again:
            gate.left = 1
        else:
            self._gates.pop(name, None)
        held = name in self.held
        self.held.discard(name)
        return held

    def moments(self, happened: Input, effects: Sequence[Effect]) -> list[Moment]:
        """What of a step a gate may hold at."""
        if not self._gates:
            return []
        found = moments_of(self._before, happened, effects)
        self._before.follow(happened, effects)
        return found

    def hit(self, moments: Iterable[Moment]) -> tuple[str, ...]:
        """The names of the gates that hold at these moments, which come together."""
        names: list[str] = []
        for moment in moments:
            for name, gate in self._gates.items():
                if gate.left and gate.awaited.fits(moment):
                    gate.left -= 1
                    if not gate.left:
                        names.append(name)
        self.held.update(names)
        return tuple(names)
