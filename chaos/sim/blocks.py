"""Which packets of the virtual network are stopped, how, and how many were.

Source: what nftables sets do to the real peers (``chaos.sandbox``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from chaos.actions import Block, Cut, How, Port, PortCut
from chaos.election.ids import Sid


class Way(NamedTuple):
    """From whom to whom a packet goes, and whose listening port its connection uses."""

    source: Sid
    target: Sid
    server: Sid
    port: Port


@dataclass(slots=True)
class _Placed:
    block: Block
    packets: int = 0


class Blocks:
    """All blocks in place, the oldest first: like rules of a chain, the first match decides."""

    def __init__(self) -> None:
        self._placed: dict[str, _Placed] = {}
        self._known: dict[tuple[Way, bool], _Placed | None] = {}

    def __bool__(self) -> bool:
        return bool(self._placed)

    def __contains__(self, name: str) -> bool:
        return name in self._placed

    def place(self, block: Block) -> None:
        """Put ``block`` in place."""
        self._placed[block.name] = _Placed(block)
        self._known.clear()

    def lift(self, name: str) -> int | None:
        """Take the block away; how many packets it stopped, ``None`` if there was none."""
        placed = self._placed.pop(name, None)
        self._known.clear()
        return None if placed is None else placed.packets

    def stops(self, way: Way, *, connects: bool = False) -> How | None:
        """What happens to a packet (``connects``: an attempt to connect); counts it."""
        key = (way, connects)
        if key not in self._known:
            self._known[key] = self._find(way, connects)
        placed = self._known[key]
        if placed is None:
            return None
        placed.packets += 1
        return placed.block.how

    def _find(self, way: Way, connects: bool) -> _Placed | None:  # noqa: FBT001 - private
        for placed in self._placed.values():
            if placed.block.how is How.REFUSE and not connects:
                continue
            if any(_matches(cut, way) for cut in placed.block.cuts):
                return placed
        return None


def _matches(cut: Cut | PortCut, way: Way) -> bool:
    if isinstance(cut, Cut):
        return cut.source == way.source and cut.target == way.target
    if cut.owner != way.server or cut.port != way.port:
        return False
    return (way.target if cut.inbound else way.source) == cut.owner
