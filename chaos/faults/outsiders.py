"""Faults of somebody who is no member: connections to a peer's port that make no sense.

They come from an address of the run's own world that no peer has.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from chaos import actions as act
from chaos.actions import Action, Port
from chaos.election.ids import Sid
from chaos.history.view import EnsembleView
from chaos.wire.nonsense import Nonsense

RATE_MAX: Final = 1_000  # connections a second to one peer
SIZE_MAX: Final = 1 << 16  # bytes on one of them
BYTES_MAX: Final = 8 << 20  # a second to one peer
OPEN_MAX: Final = 256  # connections that stand at once
_OPEN: Final = 32
_FEW: Final = 16
_NEEDS: Final = frozenset({act.Attack, act.CallOff})


@dataclass(frozen=True, slots=True)
class Flood:
    """Connections without end, each with ``size`` bytes of garbage."""

    name: str
    port: Port
    per_s: int = 100
    size: int = 1024
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def __post_init__(self) -> None:
        _within("per_s", self.per_s, RATE_MAX)
        _within("size", self.size, SIZE_MAX)
        if self.per_s * self.size > BYTES_MAX:
            raise ValueError(
                f"{self.per_s} connections a second of {self.size} bytes each are "
                f"{self.per_s * self.size} bytes a second; at most {BYTES_MAX}"
            )

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Let an outsider begin."""
        del view
        kind = Nonsense.GARBAGE.value
        return [act.Attack(self.name, targets, self.port, kind, self.per_s, _OPEN, self.size)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Call it off."""
        del targets, view
        return [act.CallOff(self.name)]


class Broken(StrEnum):
    """What is wrong with what is said."""

    GARBAGE = "garbage"
    OVERSIZE = "oversize"
    TRUNCATED = "truncated"
    VERSION = "version"
    MESSAGE = "message"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Malformed:
    """Now and then a connection on which something is said that is wrong in one way."""

    name: str
    port: Port
    kind: Broken
    per_s: int = 10
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def __post_init__(self) -> None:
        _within("per_s", self.per_s, RATE_MAX)
        if self.kind is Broken.CONFIG and self.port is not Port.ELECTION:
            raise ValueError("a configuration comes with a vote, so config is for port: election")

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Let an outsider begin."""
        del view
        size = _GARBAGE if self.kind is Broken.GARBAGE else 0
        kind = self.kind.value
        return [act.Attack(self.name, targets, self.port, kind, self.per_s, _FEW, size)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Call it off."""
        del targets, view
        return [act.CallOff(self.name)]


_GARBAGE: Final = 256


class Half(StrEnum):
    """How much of a handshake there is."""

    SILENT = "silent"
    SLOW = "slow"
    HANDSHAKE = "handshake"


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """``connections`` that stand and say next to nothing; what a peer closes is opened again."""

    name: str
    port: Port
    kind: Half = Half.SILENT
    connections: int = 8
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def __post_init__(self) -> None:
        _within("connections", self.connections, OPEN_MAX)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Let an outsider begin; all of its connections stand within a second."""
        del view
        kind, many = self.kind.value, self.connections
        return [act.Attack(self.name, targets, self.port, kind, max(many, _FEW), many)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Call it off."""
        del targets, view
        return [act.CallOff(self.name)]


def _within(key: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise ValueError(f"{key}: {number} is not from 1 to {most}")
