"""Faults of single messages, on directed links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from chaos import actions as act
from chaos.actions import Action, Cut, Port
from chaos.election.ids import Sid
from chaos.faults.base import Bandwidth, Duration, Percent, back
from chaos.faults.network import links
from chaos.history.view import EnsembleView
from chaos.wire.spread import Distribution

SIZE_MAX: Final = 1 << 16  # bytes of a piece


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


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Some notifications are written twice, one right behind the other.

    The quorum port is a stream that TCP never repeats any of: nothing there expects that.
    """

    name: str
    percent: Percent
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Duplicate, act.Clear})

    def facing(self, towards: tuple[Sid, ...]) -> Duplicate:
        """The same on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Write them twice from now on."""
        return [act.Duplicate(self.name, _touched(targets, self.towards, view), self.percent)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Once is enough."""
        del targets, view
        return [act.Clear(self.name)]


@dataclass(frozen=True, slots=True)
class Reorder:
    """Some notifications are overtaken by the next one on their link.

    Each waits for that no longer than ``window``: where nothing comes behind, nothing overtakes.
    """

    name: str
    percent: Percent
    window: Duration = 200_000_000
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Reorder, act.Clear})

    def facing(self, towards: tuple[Sid, ...]) -> Reorder:
        """The same on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Hold some back from now on."""
        cuts = _touched(targets, self.towards, view)
        return [act.Reorder(self.name, cuts, self.percent, self.window)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """In order again."""
        del targets, view
        return [act.Clear(self.name)]


@dataclass(frozen=True, slots=True)
class Throttle:
    """Each link takes so many bytes a second, on ``port`` or on each of both."""

    name: str
    rate: Bandwidth
    port: Port | None = None
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Throttle, act.Clear})

    def facing(self, towards: tuple[Sid, ...]) -> Throttle:
        """The same on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Narrow the links."""
        cuts = _touched(targets, self.towards, view)
        return [act.Throttle(self.name, cuts, self.rate, self.port)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Full width again; what waited goes at once."""
        del targets, view
        return [act.Clear(self.name)]


@dataclass(frozen=True, slots=True)
class Corrupt:
    """In some notifications one byte, length and all, becomes another one.

    The quorum port is left alone: ZooKeeper has no checksum there, so that another byte is
    another transaction, epoch or ack, for which nobody could be blamed.
    """

    name: str
    percent: Percent
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Corrupt, act.Clear})

    def facing(self, towards: tuple[Sid, ...]) -> Corrupt:
        """The same on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Change bytes from now on."""
        return [act.Corrupt(self.name, _touched(targets, self.towards, view), self.percent)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Change none any more; links that carried such a byte are closed."""
        del targets, view
        return [act.Clear(self.name)]


@dataclass(frozen=True, slots=True)
class Slice:
    """Messages are written in pieces of ``size`` bytes, with a ``pause`` between two of them.

    On ``port`` or on both; never what a connection begins with.
    """

    name: str
    size: int
    pause: Duration = 0
    port: Port | None = None
    towards: tuple[Sid, ...] = ()
    instant: ClassVar[bool] = False
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Slice, act.Clear})

    def __post_init__(self) -> None:
        if not 1 <= self.size <= SIZE_MAX:
            raise ValueError(f"size: {self.size} is not from 1 to {SIZE_MAX}")

    def facing(self, towards: tuple[Sid, ...]) -> Slice:
        """The same on the links to ``towards``."""
        return replace(self, towards=towards)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Cut messages from now on."""
        cuts = _touched(targets, self.towards, view)
        return [act.Slice(self.name, cuts, self.size, self.pause, self.port)]

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """In one piece again."""
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
