"""Faults of single messages, on directed links."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Self

from chaos import actions as act
from chaos.actions import Action, Cut, Port
from chaos.election.ids import Sid
from chaos.faults.base import Bandwidth, Duration, Percent, back
from chaos.faults.network import links
from chaos.history.view import EnsembleView
from chaos.wire.spread import Distribution

SIZE_MAX: Final = 1 << 16  # bytes of a piece


@dataclass(frozen=True, slots=True)
class _OfMessages:
    """A fault of what is sent on the links of its targets, until a ``Clear`` ends it.

    Without ``towards`` those are all their links, both ways.
    """

    name: str
    towards: tuple[Sid, ...] = field(default=(), kw_only=True)
    instant: ClassVar[bool] = False

    def facing(self, towards: tuple[Sid, ...]) -> Self:
        """The same on the links to ``towards``."""
        return replace(self, towards=towards)

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Messages go as they are again; what was held back goes at once."""
        del targets, view
        return [act.Clear(self.name)]

    def _cuts(self, targets: tuple[Sid, ...], view: EnsembleView) -> tuple[Cut, ...]:
        if self.towards:
            return links(targets, self.towards)
        outward = links(targets, view.members)
        return tuple(dict.fromkeys(outward + back(outward)))


@dataclass(frozen=True, slots=True)
class Delay(_OfMessages):
    """Messages take ``latency`` longer, with a ``jitter`` about it, on ``port`` or on both."""

    latency: Duration
    jitter: Duration = 0
    distribution: Distribution = Distribution.UNIFORM
    port: Port | None = None
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Slow, act.Clear})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Slow the links."""
        slow, shape = self._cuts(targets, view), self.distribution.value
        return [act.Slow(self.name, slow, self.latency, self.jitter, shape, self.port)]


@dataclass(frozen=True, slots=True)
class Loss(_OfMessages):
    """Some notifications never arrive; the quorum port, a stream, loses none."""

    percent: Percent
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Lose, act.Clear})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Lose messages on the links."""
        return [act.Lose(self.name, self._cuts(targets, view), self.percent)]


@dataclass(frozen=True, slots=True)
class Duplicate(_OfMessages):
    """Some notifications are written twice, one right behind the other.

    The quorum port is a stream that TCP never repeats any of: nothing there expects that.
    """

    percent: Percent
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Duplicate, act.Clear})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Write them twice from now on."""
        return [act.Duplicate(self.name, self._cuts(targets, view), self.percent)]


@dataclass(frozen=True, slots=True)
class Reorder(_OfMessages):
    """Some notifications are overtaken by the next one on their link.

    Each waits for that no longer than ``window``: where nothing comes behind, nothing overtakes.
    """

    percent: Percent
    window: Duration = 200_000_000
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Reorder, act.Clear})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Hold some back from now on."""
        cuts = self._cuts(targets, view)
        return [act.Reorder(self.name, cuts, self.percent, self.window)]


@dataclass(frozen=True, slots=True)
class Throttle(_OfMessages):
    """Each link takes so many bytes a second, on ``port`` or on each of both."""

    rate: Bandwidth
    port: Port | None = None
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Throttle, act.Clear})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Narrow the links."""
        cuts = self._cuts(targets, view)
        return [act.Throttle(self.name, cuts, self.rate, self.port)]


@dataclass(frozen=True, slots=True)
class Corrupt(_OfMessages):
    """In some notifications one byte, length and all, becomes another one.

    The quorum port is left alone: ZooKeeper has no checksum there, so that another byte is
    another transaction, epoch or ack, for which nobody could be blamed.
    """

    percent: Percent
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Corrupt, act.Clear})

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Change bytes from now on."""
        return [act.Corrupt(self.name, self._cuts(targets, view), self.percent)]


@dataclass(frozen=True, slots=True)
class Slice(_OfMessages):
    """Messages are written in pieces of ``size`` bytes, with a ``pause`` between two of them.

    On ``port`` or on both; never what a connection begins with.
    """

    size: int
    pause: Duration = 0
    port: Port | None = None
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Slice, act.Clear})

    def __post_init__(self) -> None:
        if not 1 <= self.size <= SIZE_MAX:
            raise ValueError(f"size: {self.size} is not from 1 to {SIZE_MAX}")

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Cut messages from now on."""
        cuts = self._cuts(targets, view)
        return [act.Slice(self.name, cuts, self.size, self.pause, self.port)]
