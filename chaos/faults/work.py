"""A workload: writes that the leader commits while faults go on.

No harm by itself. It is a fault in form, because it has what faults have: a begin, an end,
and evidence that it happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos import actions as act
from chaos.actions import Action
from chaos.election.ids import Sid
from chaos.history.view import EnsembleView


@dataclass(frozen=True, slots=True)
class Workload:
    """``writes_per_s`` transactions a second, of ``payload`` bytes each, by whoever leads."""

    name: str
    writes_per_s: int
    payload: int = 0
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Load, act.Unload})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Have the writes made; the ensemble knows by itself who leads."""
        del targets, view
        return [act.Load(self.name, self.writes_per_s, self.payload)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """No more writes; the evidence counts those that were committed."""
        del targets, view
        return [act.Unload(self.name)]
