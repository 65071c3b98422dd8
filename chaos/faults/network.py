"""Faults of the network: who hears whom no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final

from chaos import actions as act
from chaos.actions import Action, Cut, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.faults.base import Direction, apart, back
from chaos.faults.shapes import bridge, ring
from chaos.history.view import EnsembleView

_NEEDS = frozenset({act.Block, act.Unblock})


@dataclass(frozen=True, slots=True)
class BlockPort:
    """The traffic of a target's listening port. Links that the target dialed itself stay."""

    name: str
    port: Port
    direction: Direction = Direction.BOTH
    how: How = How.SILENT
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Cut each target's port."""
        del view
        ways = {Direction.IN: (True,), Direction.OUT: (False,), Direction.BOTH: (True, False)}
        cuts = (
            PortCut(sid, self.port, inbound) for sid in targets for inbound in ways[self.direction]
        )
        return [act.Block(self.name, tuple(cuts), self.how)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Open it again."""
        del targets, view
        return [act.Unblock(self.name)]


class Shape(StrEnum):
    """What is cut where a plan names no target: by sides, or each from some."""

    HALVES = "halves"
    MAJORITY = "majority"
    MINORITY = "minority"
    RING = "ring"
    BRIDGE = "bridge"


_NO_SIDES: Final = frozenset({Shape.RING, Shape.BRIDGE})


@dataclass(frozen=True, slots=True)
class Partition:
    """The targets on one side, everybody else on the other.

    ``shape`` chooses the targets instead of a selector; the plan's loader makes it one. In a
    ring they are the voters, and each hears a quorum around it; a bridge is the one target.
    """

    name: str
    shape: Shape | None = None
    direction: Direction = Direction.BOTH
    drop: How = How.SILENT
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def __post_init__(self) -> None:
        """A ring and a bridge have no sides that could hear one another one way."""
        if self.shape in _NO_SIDES and self.direction is not Direction.BOTH:
            raise ValueError(f"shape {self.shape} has no two sides; no direction then")

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Cut every link between the sides; ``in`` is what the targets would hear."""
        match self.shape:
            case Shape.RING:
                cuts = ring(targets, view.config.verifier)
            case Shape.BRIDGE:
                cuts = bridge(targets[0], view.members)
            case _:
                cuts = _ways(apart(targets, view.members), self.direction)
        return [act.Block(self.name, cuts, self.drop)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Join the sides again."""
        del targets, view
        return [act.Unblock(self.name)]


@dataclass(frozen=True, slots=True)
class Isolate:
    """Each target alone: cut off from everybody, other targets too."""

    name: str
    direction: Direction = Direction.BOTH
    drop: How = How.SILENT
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Cut every link of each target."""
        cuts = (
            cut for sid in targets for cut in _ways(apart((sid,), view.members), self.direction)
        )
        return [act.Block(self.name, tuple(dict.fromkeys(cuts)), self.drop)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Let them in again."""
        del targets, view
        return [act.Unblock(self.name)]


@dataclass(frozen=True, slots=True)
class OneWay:
    """What the targets send to ``towards`` is lost; the other direction works."""

    name: str
    towards: tuple[Sid, ...] = ()
    drop: How = How.SILENT
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = _NEEDS

    def facing(self, towards: tuple[Sid, ...]) -> OneWay:
        """The same cut, on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Cut the links from the targets."""
        return [act.Block(self.name, links(targets, self.towards or view.members), self.drop)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Join them again."""
        del targets, view
        return [act.Unblock(self.name)]


def links(sources: tuple[Sid, ...], targets: tuple[Sid, ...]) -> tuple[Cut, ...]:
    """Every directed link from one of ``sources`` to one of ``targets``."""
    return tuple(Cut(one, other) for one in sources for other in targets if one != other)


def _ways(outward: tuple[Cut, ...], direction: Direction) -> tuple[Cut, ...]:
    match direction:
        case Direction.OUT:
            return outward
        case Direction.IN:
            return back(outward)
        case Direction.BOTH:
            return outward + back(outward)
