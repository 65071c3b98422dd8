"""Faults of a peer's disk: its epochs, its log and its configurations cannot be kept, or late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from chaos import actions as act
from chaos.actions import Action
from chaos.election.ids import Sid
from chaos.faults.base import Duration
from chaos.faults.processes import Restart
from chaos.history.view import EnsembleView

LAG_NS_MAX: Final = 1_000_000_000  # of one write; a peer waits for each of them


@dataclass(frozen=True, slots=True)
class DiskFull:
    """The next write of a target fails with ENOSPC: what it promised is not kept, so it ends.

    With ``restart: after`` who is down then starts again when there is room.
    """

    name: str
    restart: Restart = Restart.NEVER
    instant: ClassVar[bool] = False

    @property
    def needs(self) -> frozenset[type[Action]]:
        """What it answers."""
        again = {act.Launch} if self.restart is Restart.AFTER else set[type[Action]]()
        return frozenset({act.SpoilDisk, act.MendDisk, *again})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """No room from now on."""
        del view
        return [act.SpoilDisk(self.name, targets)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Room again."""
        down = [sid for sid in targets if not view.peers[sid].up]
        again = down if self.restart is Restart.AFTER else []
        return [act.MendDisk(self.name), *(act.Launch(sid) for sid in again)]


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """Each write of a target takes ``latency`` longer, and the target waits for it."""

    name: str
    latency: Duration
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.SpoilDisk, act.MendDisk})

    def __post_init__(self) -> None:
        if not 0 < self.latency <= LAG_NS_MAX:
            raise ValueError("latency: a write takes longer than 0ms, and at most 1s")

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Slow from now on."""
        del view
        return [act.SpoilDisk(self.name, targets, self.latency)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Full speed again."""
        del targets, view
        return [act.MendDisk(self.name)]
