"""What a fault is: from targets to actions, and back.

A fault is a frozen dataclass. ``name`` is the id of its step: blocks, delays and losses go
by it, so that the end takes away what the beginning put in place. ``towards``, where a fault
has it, is the far side of the links that it touches. Every other field is a key of ``with:``;
its annotation says how a plan writes it, and the schema and the reader both follow it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Protocol, Self, runtime_checkable

from chaos.actions import Action, Cut
from chaos.election.ids import Sid
from chaos.history.view import EnsembleView


class Unit(StrEnum):
    """How a plan writes an integer."""

    DURATION = "duration"  # "200ms", "5s", "2m": nanoseconds, never negative
    OFFSET = "offset"  # the same, and "-50ms"
    PERCENT = "percent"  # 30, "30%", 0.5: parts per million
    RATE = "rate"  # "1.5", 0.5: parts per million of true speed
    BANDWIDTH = "bandwidth"  # "500B/s", "2KiB/s", "1MiB/s": bytes a second, above zero
    LONG = "long"  # a signed 64-bit number, or quoted hex "0x100000003"


class Direction(StrEnum):
    """Which way the traffic of a target stops."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


Duration = Annotated[int, Unit.DURATION]
Offset = Annotated[int, Unit.OFFSET]
Percent = Annotated[int, Unit.PERCENT]
Rate = Annotated[int, Unit.RATE]
Bandwidth = Annotated[int, Unit.BANDWIDTH]
Long = Annotated[int, Unit.LONG]


@runtime_checkable
class Fault(Protocol):
    """One kind of harm. Pure: it answers actions and never performs one."""

    @property
    def name(self) -> str:
        """The id of the step that it belongs to."""
        ...

    @property
    def needs(self) -> frozenset[type[Action]]:
        """The kinds of action that it may answer; a system must support them all."""
        ...

    @property
    def instant(self) -> bool:
        """Whether it is over when it has begun: it has no end, and ``for`` makes no sense."""
        ...

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """The actions that do harm to ``targets``, in order."""
        ...

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """The actions that undo it; ``targets`` is what it began with."""
        ...


@runtime_checkable
class Directed(Fault, Protocol):
    """A fault of directed links that can be told where they lead."""

    def facing(self, towards: tuple[Sid, ...]) -> Self:
        """The same fault, on the links from its targets to ``towards`` only."""
        ...


def apart(side: tuple[Sid, ...], members: tuple[Sid, ...]) -> tuple[Cut, ...]:
    """The directed links from ``side`` to all other members."""
    others = [sid for sid in members if sid not in side]
    return tuple(Cut(source, target) for source in side for target in others)


def back(cuts: tuple[Cut, ...]) -> tuple[Cut, ...]:
    """The same links in the other direction."""
    return tuple(Cut(cut.target, cut.source) for cut in cuts)
