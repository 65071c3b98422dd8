"""One direction of a TCP connection, from segments as they were captured to bytes in order.

Source: RFC 9293. Sequence numbers wrap at 2^32; here they become offsets from the first byte,
which do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chaos.errors import WireError

AHEAD_MAX: Final = 8 << 20  # bytes that may wait for one that is missing
_SPACE: Final = 1 << 32
_HALF: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Segment:
    """A captured TCP segment; ``source`` and ``target`` are ``ip:port``, time is monotonic.

    ``twice``: it also says that something had come before (a duplicate SACK, RFC 2883).
    """

    at_ns: int
    source: str
    target: str
    seq: int
    ack: int | None
    payload: bytes = b""
    syn: bool = False
    fin: bool = False
    rst: bool = False
    twice: bool = False


class Reassembly:
    """The bytes of one direction in their order, however their segments were captured."""

    __slots__ = ("_ahead", "_next", "_waiting", "acked", "taken")

    def __init__(self, first_seq: int) -> None:
        self._next = first_seq % _SPACE
        self._ahead: dict[int, bytes] = {}
        self._waiting = 0
        self.taken = 0  # offset behind the last byte that was given out
        self.acked = 0  # offset that the other end says it has everything before

    def offset(self, seq: int) -> int:
        """``seq`` as an offset: the one within 2^31 of the byte that is due."""
        return self.taken + (seq - self._next + _HALF) % _SPACE - _HALF

    def take(self, seq: int, payload: bytes) -> bytes:
        """What follows the bytes given out before, now that this segment is known.

        Raises:
            WireError: more waits for a missing byte than is worth holding.
        """
        at = self.offset(seq)
        if at > self.taken:
            self._hold(at, payload)
            return b""
        found = payload[self.taken - at :]
        if not found:
            return b""
        self._advance(len(found))
        return found + self._follow() if self._ahead else found

    def acknowledge(self, ack: int) -> bool:
        """The other end has everything before ``ack``; whether that is news."""
        at = self.offset(ack)
        if not self.acked < at <= self.taken + AHEAD_MAX:
            return False  # old, or of another connection that had these ports
        self.acked = at
        return True

    @property
    def lacks(self) -> bool:
        """Whether the other end has bytes that were not captured, or not yet."""
        return self.acked > self.taken + 1  # an end of stream counts as one

    def _hold(self, at: int, payload: bytes) -> None:
        if len(payload) > len(self._ahead.get(at, b"")):
            self._waiting += len(payload) - len(self._ahead.get(at, b""))
            self._ahead[at] = payload
        if self._waiting > AHEAD_MAX:
            raise WireError(f"byte {self.taken} is missing and {self._waiting} wait for it")

    def _follow(self) -> bytes:
        """What waited for the bytes that have just come."""
        parts: list[bytes] = []
        for at in sorted(self._ahead):
            if at > self.taken:
                break
            payload = self._ahead.pop(at)
            self._waiting -= len(payload)
            part = payload[self.taken - at :]
            self._advance(len(part))
            parts.append(part)
        return b"".join(parts)

    def _advance(self, size: int) -> None:
        self.taken += size
        self._next = (self._next + size) % _SPACE
