"""What the harness hears from the processes of a world, and from which of them."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Sequence
from typing import Final

from chaos.errors import InfrastructureError

MESSAGE_BYTES: Final = 1 << 18
CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid


class Exits:
    """Processes that ended, told on a socket on which other things may be waited for.

    The eventfd keeps :meth:`fileno` readable until :meth:`take` has told all.
    """

    def __init__(self, control: socket.socket) -> None:
        self._found: list[tuple[int, int]] = []
        self._heard = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._heard, select.EPOLLIN)
        self._epoll.register(control, select.EPOLLIN)

    def fileno(self) -> int:
        """Readable when the socket is, or when something is to be taken."""
        return self._epoll.fileno()

    def note(self, pid: int, status: int) -> None:
        """Keep one end until it is taken."""
        if not self._found:
            os.eventfd_write(self._heard, 1)
        self._found.append((pid, status))

    def take(self) -> list[tuple[int, int]]:
        """All that was noted since the last call: pid and status, negative for a signal."""
        found, self._found = self._found, []
        if found:
            os.eventfd_read(self._heard)
        return found

    def close(self) -> None:
        """Let go of the descriptors."""
        self._epoll.close()
        os.close(self._heard)


def readable(end: socket.socket, seconds: float) -> bool:
    """Whether there is something to receive within ``seconds``."""
    poll = select.poll()
    poll.register(end, select.POLLIN)
    return bool(poll.poll(int(seconds * 1000)))


def pid_in(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """The pid that came with a message (SO_PASSCRED), as this PID namespace counts.

    Raises:
        InfrastructureError: none came.
    """
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid, _, _ = CREDENTIALS.unpack(data)
            return int(pid)
    raise InfrastructureError("the kernel did not say which process a message is of (SO_PASSCRED)")
