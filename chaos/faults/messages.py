"""Faults of single messages, on directed links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from chaos import actions as act
from chaos.actions import Action, Cut
from chaos.election.ids import Sid
from chaos.faults.base import Duration, Percent, back
from chaos.faults.network import links
from chaos.history.view import EnsembleView
from chaos.wire.spread import Distribution


@dataclass(frozen=True, slots=True)
class Delay:
    """Messages of both ports take ``latency`` longer, with a ``jitter`` about it."""

    name: str
    latency: Duration
    jitter: Duration = 0
    distribution: Distribution = Distribution.UNIFORM
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Slow, act.Clear})

    def facing(self, towards: tuple[Sid, ...]) -> Delay:
        """The same delay, on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Slow the links."""
        slow = _touched(targets, self.towards, view)
        return [act.Slow(self.name, slow, self.latency, self.jitter, self.distribution.value)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Full speed again."""
        del targets, view
        return [act.Clear(self.name)]


@dataclass(frozen=True, slots=True)
class Loss:
    """Some notifications never arrive; the quorum port, a stream, loses none."""

    name: str
    percent: Percent
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Lose, act.Clear})

    def facing(self, towards: tuple[Sid, ...]) -> Loss:
        """The same loss, on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Lose messages on the links."""
        return [act.Lose(self.name, _touched(targets, self.towards, view), self.percent)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Lose none any more."""
        del targets, view
        return [act.Clear(self.name)]


def _touched(
    targets: tuple[Sid, ...], towards: tuple[Sid, ...], view: EnsembleView
) -> tuple[Cut, ...]:
    """The links from targets to ``towards``; without it all links of the targets, both ways."""
    if towards:
        return links(targets, towards)
    outward = links(targets, view.members)
    return tuple(dict.fromkeys(outward + back(outward)))
