"""Faults of the host that a peer runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from chaos import actions as act
from chaos.actions import Action
from chaos.election.ids import Sid
from chaos.faults.base import Percent
from chaos.history.view import EnsembleView

_MILLION: Final = 1_000_000
WORKERS_MAX: Final = 16  # beside one peer


@dataclass(frozen=True, slots=True)
class CpuStress:
    """Each target is held to its core, beside ``workers`` that want ``load`` of that each."""

    name: str
    load: Percent = _MILLION
    workers: int = 2
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Burn, act.Cool})

    def __post_init__(self) -> None:
        if self.load < _MILLION // 10:
            raise ValueError("load: below 10% nobody would notice; write 10% to 100%")
        if not 1 <= self.workers <= WORKERS_MAX:
            raise ValueError(f"workers: {self.workers} is not from 1 to {WORKERS_MAX}")

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Put the workers beside the targets."""
        del view
        return [act.Burn(self.name, targets, self.load, self.workers)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Take them away, and let the targets run where they like."""
        del targets, view
        return [act.Cool(self.name)]
