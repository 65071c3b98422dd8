"""The harness's side of programs that are not ours: it starts them, and hears when they end.

Source of the messages: :mod:`chaos.sandbox.spawned`, which is the other side.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from chaos.errors import InfrastructureError
from chaos.sandbox.heard import CREDENTIALS, MESSAGE_BYTES, Exits, pid_in, readable
from chaos.sandbox.libc import ended_within, state_of
from chaos.sandbox.lines import Json, JsonObject

_ANSWER_S: Final = 10
_DESCRIPTOR = struct.Struct("i")
_ROOM: Final = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(_DESCRIPTOR.size)


class ForeignProcess:
    """One program in a world. ``pid`` is the harness's name for it."""

    def __init__(self, spawner: Spawner, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._spawner = spawner
        self._pidfd = pidfd

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, even if its pid has been used again.

        Raises:
            ProcessLookupError: it has ended.
        """
        signal.pidfd_send_signal(self._pidfd, number)

    @property
    def state(self) -> str:
        """The kernel's letter for it: ``R``, ``S``, ``T`` (stopped), ``Z``; empty when gone."""
        return "" if self.status is not None else state_of(self.pid)

    @property
    def status(self) -> int | None:
        """How it ended, negative for a signal; ``None`` while that has not been heard."""
        return self._spawner.status_of(self)

    def ended_within(self, timeout_ms: int) -> bool:
        """Wait up to ``timeout_ms`` until it has ended; it may not be reaped yet."""
        return ended_within(self._pidfd, timeout_ms)

    def wait(self, timeout_s: float) -> int | None:
        """Wait until it is reaped and answer :attr:`status`; ``None`` when time is up.

        Its end is still told among the exits.

        Raises:
            InfrastructureError: the world has ended.
        """
        return self._spawner.wait(self, timeout_s)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._pidfd)


class Spawner:
    """The programs of one world. ``lost`` adds what is known of the world's end to a message."""

    def __init__(self, control: socket.socket, lost: Callable[[str], InfrastructureError]) -> None:
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket = control
        self._lost = lost
        self._exits = Exits(control)
        self._by_inner: dict[int, ForeignProcess] = {}
        self._status: dict[ForeignProcess, int] = {}
        self.processes: list[ForeignProcess] = []

    def fileno(self) -> int:
        """Readable when :meth:`exits` has something to say."""
        return self._exits.fileno()

    def close(self) -> None:
        """Close the connection; the agent ends by that, and the world with it."""
        self._exits.close()
        self._socket.close()

    def start(self, request: JsonObject, *descriptors: int) -> ForeignProcess:
        """Ask for a program; returns when it has been executed.

        Raises:
            InfrastructureError: it cannot be; the message says why.
        """
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
        except OSError as error:
            raise self._lost(f"cannot ask for a program: {error}") from error
        deadline = time.monotonic() + _ANSWER_S
        while True:
            if not readable(self._socket, max(0.0, deadline - time.monotonic())):
                raise self._lost(f"the agent has not answered for {_ANSWER_S} s")
            started = self._listen()
            if started is not None:
                self.processes.append(started)
                return started

    def exits(self) -> list[tuple[int, int]]:
        """Programs that ended since the last call: outer pid and status, negative for a signal.

        Raises:
            InfrastructureError: the world has ended.
        """
        self._hear()
        return self._exits.take()

    def status_of(self, process: ForeignProcess) -> int | None:
        """How it ended, as far as that has been heard."""
        return self._status.get(process)

    def wait(self, process: ForeignProcess, timeout_s: float) -> int | None:
        """Listen until ``process`` has ended or time is up."""
        deadline = time.monotonic() + timeout_s
        while process not in self._status:
            left = deadline - time.monotonic()
            if left <= 0 or not readable(self._socket, left):
                break
            self._listen()
        return self._status.get(process)

    # ----

    def _hear(self) -> None:
        while readable(self._socket, 0):
            self._listen()

    def _listen(self) -> ForeignProcess | None:
        """Take one message in; a process if it is about a start."""
        try:
            data, ancillary, _, _ = self._socket.recvmsg(MESSAGE_BYTES, _ROOM)
        except ConnectionResetError:
            data, ancillary = b"", []
        if not data:
            raise self._lost("the world has ended")
        message: Json = json.loads(data)
        match message:
            case {"spawned": int(inner)}:
                started = ForeignProcess(self, pid_in(ancillary), _pidfd_in(ancillary))
                self._by_inner[inner] = started
                return started
            case {"exited": int(inner), "status": int(status)}:
                ended = self._by_inner.pop(inner)
                self._status[ended] = status
                self._exits.note(ended.pid, status)
                return None
            case {"error": str(text)}:
                raise InfrastructureError(text)
            case _:
                raise InfrastructureError(f"the agent said {message!r}; is it another version?")


def _pidfd_in(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            [descriptor] = _DESCRIPTOR.unpack(data)
            return int(descriptor)
    raise InfrastructureError("the agent sent no pidfd of what it started; too many open files?")
