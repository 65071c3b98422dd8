"""Blocks that a peer makes itself, where the kernel cannot drop its packets.

Each side of a connection gets the same cuts and keeps its part of them. A silent block holds
bytes back (the kernel would drop and repeat them), a connect hangs when either direction is
cut, since a handshake needs both. Unlike the kernel's, a RESET block breaks a connection at
once rather than at its next packet, and breaks it for both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.ids import Sid


@dataclass(frozen=True, slots=True)
class Route:
    """A connection as this peer sees it: who is at the other end, and who listened where."""

    other: Sid | None
    port: Port
    dialed: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """What blocks leave of a standing connection."""

    outward: bool = True
    inward: bool = True
    reset: bool = False


class Dialing(Enum):
    """What becomes of an attempt to connect."""

    OPEN = "open"
    HANGS = "hangs"
    REFUSED = "refused"


OPEN = Flow()


@dataclass(slots=True)
class _Block:
    cuts: tuple[Cut | PortCut, ...]
    how: How
    frames: int = 0
    bytes: int = 0
    connections: int = 0

    def counts(self) -> dict[str, int]:
        return {"frames": self.frames, "bytes": self.bytes, "connections": self.connections}


class Blocks:
    """The cuts that are in place, by the name of their action."""

    def __init__(self, me: Sid) -> None:
        self._me = me
        self._blocks: dict[str, _Block] = {}

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def add(self, name: str, cuts: tuple[Cut | PortCut, ...], how: How) -> None:
        """Put cuts in place; the same name again replaces them."""
        self._blocks[name] = _Block(cuts, how)

    def remove(self, name: str) -> dict[str, int]:
        """Take cuts away; how many frames, bytes and connections they stopped here.

        All zero for a name without cuts: a peer that started later never saw them.
        """
        return self._blocks.pop(name, _Block((), How.SILENT)).counts()

    def flow(self, route: Route) -> Flow:
        """What is left of a standing connection. REFUSE leaves it alone."""
        if not self._blocks:
            return OPEN
        outward = inward = True
        reset = False
        for block in self._blocks.values():
            if block.how is How.REFUSE:
                continue
            out, into = self._cut(block, route)
            reset = reset or ((out or into) and block.how is How.RESET)
            outward, inward = outward and not out, inward and not into
        return Flow(outward, inward, reset)

    def dialing(self, route: Route) -> Dialing:
        """What becomes of a connect of mine, or of one that arrived.

        Rejected at once when the SYN itself is cut by a block that answers; hanging when
        only the answer is cut, or the block is silent. REFUSE cuts nothing but a SYN.
        """
        fate = Dialing.OPEN
        for block in self._blocks.values():
            out, into = self._cut(block, route)
            syn, answer = (out, into) if route.dialed else (into, out)
            if syn and block.how is not How.SILENT:
                return Dialing.REFUSED
            if (syn or answer) and block.how is not How.REFUSE:
                fate = Dialing.HANGS
        return fate

    def count(self, route: Route, *, frames: int = 0, size: int = 0, connections: int = 0) -> None:
        """Book what the blocks on ``route`` have stopped."""
        for block in self._on(route):
            block.frames += frames
            block.bytes += size
            block.connections += connections

    # ----

    def _on(self, route: Route) -> Iterator[_Block]:
        return (block for block in self._blocks.values() if any(self._cut(block, route)))

    def _cut(self, block: _Block, route: Route) -> tuple[bool, bool]:
        """Whether ``block`` cuts what I send there, and what comes from there."""
        out = into = False
        for cut in block.cuts:
            match cut:
                case Cut():
                    out = out or (cut.source == self._me and cut.target == route.other)
                    into = into or (cut.source == route.other and cut.target == self._me)
                case PortCut():
                    listener = route.other if route.dialed else self._me
                    if cut.port is route.port and cut.owner == listener:
                        towards_listener = cut.inbound
                        out = out or towards_listener is route.dialed
                        into = into or towards_listener is not route.dialed
        return out, into
