"""The starts of foreign servers, and the lines that a history has of each."""

from __future__ import annotations

from bisect import bisect_right

from chaos.election.ids import Sid


class Starts:
    """Which start of a foreign server something belongs to, and its next line number.

    Lines count from 1; 0 is that of ``Appeared``.
    """

    def __init__(self) -> None:
        self._since: dict[Sid, list[int]] = {}
        self._lines: dict[tuple[Sid, int], int] = {}

    def began(self, sid: Sid, at_ns: int) -> int:
        """``sid`` was started at ``at_ns``, later than before; the number of this start."""
        since = self._since.setdefault(sid, [])
        since.append(at_ns)
        inc = len(since) - 1
        self._lines[sid, inc] = 1  # others may speak to it before it appears
        return inc

    def start(self, sid: Sid, at_ns: int) -> int | None:
        """The start that ``at_ns`` belongs to.

        ``None``: it is no foreign server, or there was no start yet.
        """
        inc = bisect_right(self._since.get(sid, []), at_ns) - 1
        return inc if inc >= 0 else None

    def since_ns(self, sid: Sid, inc: int) -> int:
        """When that start was."""
        return self._since[sid][inc]

    def number(self, sid: Sid, inc: int) -> int:
        """The number of that start's next line, which then is taken."""
        seq = self._lines[sid, inc]
        self._lines[sid, inc] = seq + 1
        return seq

    def line(self, sid: Sid, at_ns: int) -> tuple[int, int] | None:
        """:meth:`start`, and the number of its next line."""
        inc = self.start(sid, at_ns)
        return None if inc is None else (inc, self.number(sid, inc))
