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
        self._lines[sid, inc] = 1  # line 0 tells that it appeared, later than others may speak to it
        return inc

    def start(self, sid: Sid, at_ns: int) -> int | None:
        """The start that ``at_ns`` belongs to.

        ``None``: it is no foreign server, or there was no start yet.
        """
        inc = bisect_right(self._since.get(sid, []), at_ns) - 1
        return inc if inc >= 0 else None

    def line(self, sid: Sid, at_ns: int) -> tuple[int, int] | None:
        """:meth:`start`, and the number of its next line, which then is taken."""
        inc = self.start(sid, at_ns)
        if inc is None:
            return None
        seq = self._lines[sid, inc]
        self._lines[sid, inc] = seq + 1
        return inc, seq
