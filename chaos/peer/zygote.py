"""The zygote: a small process that has imported what a peer needs, and forks peers.

A fork of it is a peer within a few milliseconds and shares most of its memory. Messages are
JSON on a SOCK_SEQPACKET socket::

    {"do": "fork", "birth": {…}} + one descriptor   ->  {"forked": pid} or {"error": text}
                                                    ->  {"exited": pid, "status": n}, unasked

The descriptor becomes the control channel of the peer. A negative status is a signal. At the
end of the socket the zygote kills and reaps every peer, and ends. It imports the standard
library and the floors below, nothing else.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import multiprocessing
import multiprocessing.popen_fork  # else the first start would import it, unfrozen
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Final, NoReturn

from chaos.errors import ChaosError, InfrastructureError
from chaos.history.codec import Json
from chaos.peer import warm
from chaos.peer.birth import Birth
from chaos.peer.process import EXIT_ERROR, run

_MESSAGE_MAX: Final = 1 << 20
_SET_PDEATHSIG: Final = 1  # prctl
_NEWNET: Final = 0x40000000  # CLONE_NEWNET
_FDS: Final = "/dev/fd"
_CONTEXT: Final = multiprocessing.get_context("fork")
_LIBC: Final = ctypes.CDLL(None, use_errno=True)  # loaded once, not by each child


def serve(sock: socket.socket) -> NoReturn:
    """Fork peers as ``sock`` asks, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is the harness's to answer
    sys.stdin = None  # else each child would open it anew, for 200 KiB of memory of its own
    warm.up()
    gc.collect()
    gc.freeze()  # what is here now is shared with all peers: no collection may touch it
    zygote = Zygote(sock)
    try:
        zygote.serve()
    finally:
        zygote.end()
    sys.exit(0)


class Zygote:
    """The peers that were forked and have not ended."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._children: dict[int, BaseProcess] = {}
        self._heard, self._wakes = socket.socketpair()

    def serve(self) -> None:
        """Answer requests and tell of ends until the socket ends."""
        self._heard.settimeout(0)
        self._wakes.settimeout(0)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        with selectors.DefaultSelector() as selector:
            selector.register(self._heard, selectors.EVENT_READ)
            selector.register(self._sock, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._heard in ready:
                    self._heard.recv(4096)
                    self._reap()
                if self._sock in ready and not self._answer():
                    return

    def end(self) -> None:
        """Kill and reap all."""
        signal.set_wakeup_fd(-1)
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.join()
        self._children.clear()

    # ----

    def _answer(self) -> bool:
        """Do one request; whether the socket goes on."""
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _MESSAGE_MAX, 4)
        except ConnectionResetError:
            return False
        if not data:
            return False
        with _owned(fds):
            try:
                said: dict[str, Json] = {"forked": self._fork(_birth(data), fds)}
            except (ChaosError, OSError) as error:
                said = {"error": str(error)}
        return self._say(said)

    def _fork(self, birth: Birth, fds: list[int]) -> int:
        if len(fds) != 1:
            raise InfrastructureError(f"a peer needs one control descriptor, not {len(fds)}")
        child = _CONTEXT.Process(target=_be_peer, args=(birth, fds[0], os.getpid()))
        child.start()
        assert child.pid is not None
        self._children[child.pid] = child
        return child.pid

    def _reap(self) -> None:
        for pid, child in list(self._children.items()):
            status = child.exitcode
            if status is not None:
                del self._children[pid]
                child.close()
                self._say({"exited": pid, "status": status})

    def _say(self, message: dict[str, Json]) -> bool:
        try:
            self._sock.send(json.dumps(message).encode())
        except OSError:
            return False  # the harness is gone; the end of the socket says so too
        return True


def _birth(data: bytes) -> Birth:
    try:
        request = json.loads(data)
    except ValueError as error:
        raise InfrastructureError(f"no request: {error}") from error
    match request:
        case {"do": "fork", "birth": birth}:
            return Birth.of(birth)
    raise InfrastructureError(f'no request: {str(request)[:120]}; {{"do": "fork"}} is known')


def _be_peer(birth: Birth, control_fd: int, parent: int) -> NoReturn:
    """The life of a forked process."""
    _die_with(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    _close_all_but(control_fd)
    control = socket.socket(fileno=control_fd)
    try:
        if birth.netns:
            _enter(birth.netns)
        sys.exit(run(birth, control))
    except ChaosError as error:
        # Before its journal stands a peer has nowhere else to say what is wrong.
        sys.stderr.write(f"peer {birth.spec.sid}: {error}\n")
        with contextlib.suppress(OSError):
            control.send(json.dumps({"error": str(error)}).encode())
        sys.exit(EXIT_ERROR)


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when ``parent`` ends, by whatever signal."""
    if sys.platform == "linux":
        if _LIBC.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise InfrastructureError(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        os._exit(EXIT_ERROR)  # it ended before the kernel was asked


def _enter(netns: str) -> None:
    """Move into a network namespace, before any socket of the peer exists."""
    try:
        descriptor = os.open(netns, os.O_RDONLY)
    except OSError as error:
        raise InfrastructureError(f"cannot enter {netns}: {error.strerror}") from error
    try:
        if _LIBC.setns(descriptor, _NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise InfrastructureError(f"cannot enter {netns}: {reason}")
    finally:
        os.close(descriptor)


def _close_all_but(kept: int) -> None:
    """Close what was inherited; a sibling's descriptor would keep its connections alive."""
    open_now = [int(name) for name in os.listdir(_FDS)]
    for fd in open_now:
        if fd > 2 and fd != kept:
            with contextlib.suppress(OSError):  # the listing's own descriptor is closed already
                os.close(fd)


@contextlib.contextmanager
def _owned(fds: list[int]) -> Iterator[None]:
    """Descriptors that came in a message are closed here, whatever becomes of it."""
    try:
        yield
    finally:
        for fd in fds:
            os.close(fd)


def _noted(_number: int, _frame: object) -> None:
    """The zygote hears of the signal by its wake-up descriptor."""
