"""The harness's side of the zygote: it asks for peers, and hears when they end.

Source of the messages: :mod:`chaos.peer.zygote`, which is the other side.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.errors import InfrastructureError
from chaos.sandbox.heard import CREDENTIALS, MESSAGE_BYTES, Exits, pid_in, readable
from chaos.sandbox.libc import ended_within, state_of
from chaos.sandbox.lines import Json

_ANSWER_S: Final = 10


@dataclass(frozen=True, slots=True)
class PeerProcess:
    """One peer that has said hello. ``pid`` is the harness's name for it, ``inner_pid`` its own."""

    pid: int
    inner_pid: int
    control: socket.socket
    hello: Mapping[str, Json]
    pidfd: int

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, even if its pid has been used again.

        Raises:
            ProcessLookupError: it has ended.
        """
        signal.pidfd_send_signal(self.pidfd, number)

    @property
    def state(self) -> str:
        """The kernel's letter for it: ``R``, ``S``, ``T`` (stopped), ``Z``; empty when gone."""
        return state_of(self.pid)

    def ended_within(self, timeout_ms: int) -> bool:
        """Wait up to ``timeout_ms`` until it has ended."""
        return ended_within(self.pidfd, timeout_ms)

    def close(self) -> None:
        """Forget it: close what the harness holds of it."""
        if self.control.fileno() >= 0:
            self.control.close()
        os.close(self.pidfd)


class Zygote:
    """The zygote of one world. ``lost`` adds what is known of the world's end to a message."""

    def __init__(self, control: socket.socket, lost: Callable[[str], InfrastructureError]) -> None:
        self._socket = control
        self._lost = lost
        self._exits = Exits(control)  # fork() may hear of one while it waits for its answer

    def fileno(self) -> int:
        """Readable when :meth:`exits` has something to say."""
        return self._exits.fileno()

    def close(self) -> None:
        """Close the connection: the zygote kills its peers and ends."""
        self._exits.close()
        self._socket.close()

    def fork(self, birth_json: str) -> PeerProcess:
        """Fork a peer from its birth; returns when the peer has said hello.

        Raises:
            InfrastructureError: it did not come up; the message holds its own reason.
        """
        return self.fork_all([birth_json])[0]

    def fork_all(self, births: Sequence[str]) -> list[PeerProcess]:
        """:meth:`fork` for many: while one starts, the next is already being forked.

        Raises:
            InfrastructureError: one did not come up; its message holds its own reason.
        """
        last = len(births) - 1
        return self._start(
            [
                f'{{"do":"fork","more":{last - place},"birth":{birth}}}'
                for place, birth in enumerate(births)
            ]
        )

    def other(self, do: str, orders_json: str) -> PeerProcess:
        """Fork somebody who is no peer, to ``attack`` or ``burn``; returns after its hello.

        Raises:
            InfrastructureError: it did not come up; the message holds its own reason.
        """
        return self._start([f'{{"do":"{do}","orders":{orders_json}}}'])[0]

    def _start(self, requests: Sequence[str]) -> list[PeerProcess]:
        controls: list[socket.socket] = []
        peers: list[PeerProcess] = []
        try:
            controls.extend(map(self._request, requests))
            inner = [self._forked() for _ in requests]
            peers.extend(map(self._hello, inner, controls))
        except BaseException:
            for peer in peers:
                peer.close()
            for control in controls[len(peers) :]:
                control.close()
            raise
        return peers

    def _request(self, request: str) -> socket.socket:
        """Ask for a process; our end of its control channel."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            try:
                socket.send_fds(self._socket, [request.encode()], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise self._lost(f"cannot ask the zygote: {error}") from error
        return ours

    def exits(self) -> list[tuple[int, int]]:
        """Peers that have ended since the last call: inner pid and status, negative for a signal.

        Raises:
            InfrastructureError: the zygote has ended, and every peer with it.
        """
        while readable(self._socket, 0):
            self._listen()
        return self._exits.take()

    def _forked(self) -> int:
        """Wait for the answer to a fork request."""
        deadline = time.monotonic() + _ANSWER_S
        while True:
            if not readable(self._socket, max(0.0, deadline - time.monotonic())):
                raise self._lost(f"the zygote has not answered for {_ANSWER_S} s")
            inner = self._listen()
            if inner is not None:
                return inner

    def _listen(self) -> int | None:
        """Take one message in; a pid if it is about a fork."""
        try:
            data = self._socket.recv(MESSAGE_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            raise self._lost("the zygote has ended")
        message: Json = json.loads(data)
        match message:
            case {"forked": int(pid)}:
                return pid
            case {"exited": int(pid), "status": int(status)}:
                self._exits.note(pid, status)
                return None
            case {"error": str(text)}:
                raise InfrastructureError(f"the zygote cannot fork a peer: {text}")
            case _:
                raise InfrastructureError(f"the zygote said {message!r}; is it another version?")

    def _hello(self, inner: int, control: socket.socket) -> PeerProcess:
        """Wait for a peer's first message; the kernel says which process sent it."""
        if not readable(control, _ANSWER_S):
            raise self._lost(f"peer process {inner} has not said hello for {_ANSWER_S} s")
        try:
            room = socket.CMSG_SPACE(CREDENTIALS.size)
            data, ancillary, _, _ = control.recvmsg(MESSAGE_BYTES, room)
        except ConnectionResetError:
            data, ancillary = b"", []
        hello: Json = json.loads(data) if data else {"error": "it ended before its hello"}
        if not isinstance(hello, dict) or hello.get("ready") is not True:
            raise self._lost(f"peer process {inner} did not come up: {hello}")
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        pid = pid_in(ancillary)
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError as error:
            raise self._lost(f"peer process {inner} ended after its hello") from error
        return PeerProcess(pid, inner, control, hello, pidfd)
