"""A gate: the peer holds at a named packet of its quorum connections, until it is let go.

While it holds it handles nothing at all and its sockets stay open; the control channel hears
of it. So a harness can do what it likes between two packets of a handshake, which no sleep
could hit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chaos.election.packets import Packet

IN: Final = "in"  # read, and not handled yet
OUT: Final = "out"  # journalled, and not written yet


class Gate:
    """At most one moment at which the peer holds; ``hold`` returns when it is let go."""

    __slots__ = ("_left", "_packet", "_way", "hold")

    def __init__(self) -> None:
        self._way = ""
        self._packet = ""
        self._left = 0
        self.hold: Callable[[str], None] = _go_on

    def set(self, way: str, packet: str, nth: int) -> None:
        """Hold at the ``nth`` ``packet`` from now on, by the name of its record."""
        self._way, self._packet, self._left = way, packet, nth

    def hits(self, way: str, packet: Packet) -> str:
        """What to hold at, empty for nothing: this is the packet that was waited for."""
        if not self._left or way != self._way or type(packet).__name__ != self._packet:
            return ""
        self._left -= 1
        return "" if self._left else f"{way} {self._packet}"


def _go_on(_: str) -> None:
    """A peer without a control channel has nobody to let it go."""
