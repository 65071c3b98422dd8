"""Faults of whole processes: stopped, killed, asked to leave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from chaos import actions as act
from chaos.actions import Action
from chaos.election.ids import Sid
from chaos.history.view import EnsembleView


class Restart(StrEnum):
    """Whether a peer that was ended comes back."""

    AFTER = "after"  # when the fault ends
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP, and SIGCONT at the end."""

    name: str
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Pause, act.Resume})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Stop each target."""
        del view
        return [act.Pause(sid) for sid in targets]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Let those go on that are still there."""
        return [act.Resume(sid) for sid in targets if view.peers[sid].up]


@dataclass(frozen=True, slots=True)
class _Ending:
    """What ends a process, and may bring it back."""

    name: str
    restart: Restart = Restart.NEVER
    wipe: bool = False
    action: ClassVar[type[act.Kill | act.Terminate]]

    def __post_init__(self) -> None:
        _may_wipe(self.restart, wipe=self.wipe)

    @property
    def instant(self) -> bool:
        """There is no end unless the peer comes back."""
        return self.restart is Restart.NEVER

    @property
    def needs(self) -> frozenset[type[Action]]:
        """What it answers."""
        return frozenset({self.action} if self.instant else {self.action, act.Launch})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """End each target."""
        del view
        return [self.action(sid) for sid in targets]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Start each target again, unless it is up already."""
        return _launch(self.restart, targets, view, wipe=self.wipe)


@dataclass(frozen=True, slots=True)
class Kill(_Ending):
    """SIGKILL; with ``restart: after`` the peer comes back, with its data unless ``wipe``."""

    action: ClassVar[type[act.Kill | act.Terminate]] = act.Kill


@dataclass(frozen=True, slots=True)
class Terminate(_Ending):
    """SIGTERM: the peer ends by itself. It comes back as after a kill."""

    action: ClassVar[type[act.Kill | act.Terminate]] = act.Terminate


def _may_wipe(restart: Restart, *, wipe: bool) -> None:
    if wipe and restart is Restart.NEVER:
        raise ValueError("wipe forgets the data of a peer that comes back; add restart: after")


def _launch(
    restart: Restart, targets: tuple[Sid, ...], view: EnsembleView, *, wipe: bool
) -> list[Action]:
    if restart is Restart.NEVER:
        return []
    return [act.Launch(sid, wipe) for sid in targets if not view.peers[sid].up]
