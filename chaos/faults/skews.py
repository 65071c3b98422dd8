"""Faults inside a peer: its round, its epochs, its last zxid, the speed of its timers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos import actions as act
from chaos.actions import Action
from chaos.election.ids import Sid, wrap64
from chaos.faults.base import Long, Offset, Rate
from chaos.history.view import EnsembleView

_TRUE_RATE = 1_000_000


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of a number: ``by`` so much, or ``to`` a value."""

    by: Long | None = None
    to: Long | None = None

    def __post_init__(self) -> None:
        one_of(self.by, self.to)


def _moved(shift: Shift | None, now: int) -> int | None:
    return None if shift is None else shifted(now, shift.by, shift.to)


def one_of(by: int | None, to: int | None) -> None:
    """Insist on just one of the two.

    Raises:
        ValueError: both are there, or neither.
    """
    if (by is None) == (to is None):
        raise ValueError("give either by: or to:" + (", not both" if by is not None else ""))


def shifted(now: int, by: int | None, to: int | None) -> int:
    """What ``now`` becomes, as a wrapping signed 64-bit number."""
    return wrap64(now + by) if by is not None else wrap64(to or 0)


@dataclass(frozen=True, slots=True)
class SkewLogicalClock:
    """The round (``electionEpoch`` on the wire) moves, backward too."""

    name: str
    by: Long | None = None
    to: Long | None = None
    instant: ClassVar[bool] = True
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.TurnRound})

    def __post_init__(self) -> None:
        one_of(self.by, self.to)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Turn each target's clock."""
        del view
        return [act.TurnRound(sid, self.by, self.to) for sid in targets]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Nothing: the peer goes on from there."""
        del targets, view
        return []


@dataclass(frozen=True, slots=True)
class SkewPeerEpoch:
    """acceptedEpoch, currentEpoch or both: in the memory of a running peer, else on its disk."""

    name: str
    accepted: Shift | None = None
    current: Shift | None = None
    instant: ClassVar[bool] = True
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.SetEpochs})

    def __post_init__(self) -> None:
        if self.accepted is None and self.current is None:
            raise ValueError("name what moves: accepted: {by: …} or current: {to: …}, or both")

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Set each target's epochs, reckoned from what it was last seen to hold."""
        found: list[Action] = []
        for sid in targets:
            peer = view.peers[sid]
            accepted = _moved(self.accepted, peer.accepted_epoch)
            current = _moved(self.current, peer.current_epoch)
            found.append(act.SetEpochs(sid, accepted, current))
        return found

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Nothing: the peer goes on from there."""
        del targets, view
        return []


@dataclass(frozen=True, slots=True)
class SkewZxid:
    """The last logged zxid of a peer."""

    name: str
    by: Long | None = None
    to: Long | None = None
    instant: ClassVar[bool] = True
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.SetZxid})

    def __post_init__(self) -> None:
        one_of(self.by, self.to)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Set each target's zxid, reckoned from what it was last seen to hold."""
        return [
            act.SetZxid(sid, shifted(view.peers[sid].zxid, self.by, self.to)) for sid in targets
        ]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Nothing: the peer goes on from there."""
        del targets, view
        return []


@dataclass(frozen=True, slots=True)
class SkewTimers:
    """A peer's timers run at ``rate`` of true speed, shifted once by ``offset``."""

    name: str
    rate: Rate = _TRUE_RATE
    offset: Offset = 0
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.SkewTimers})

    def __post_init__(self) -> None:
        if self.rate == _TRUE_RATE and self.offset == 0:
            raise ValueError('name what drifts: rate: "1.5", or offset: 50ms, or both')

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Make each target's timers drift."""
        del view
        return [act.SkewTimers(sid, self.rate, self.offset) for sid in targets]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """True speed again, where the peer still runs; what was shifted stays shifted."""
        return [act.SkewTimers(sid) for sid in targets if view.peers[sid].up]
