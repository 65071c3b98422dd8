"""The zygote: a small process that has imported what a peer needs, and forks peers.

A fork of it is a peer within a few milliseconds and shares most of its memory. Messages are
JSON on a SOCK_SEQPACKET socket::

    {"do": "fork", "birth": {…}} + one descriptor   ->  {"forked": pid} or {"error": text}
    {"do": "fork", "birth": {…}, "more": n} + one   ->  the same, once n more have come
    {"do": "attack", "orders": {…}} + one           ->  the same, for an outsider
    {"do": "burn", "orders": {…}} + one             ->  the same, for who keeps a core busy
                                                    ->  {"exited": pid, "status": n}, unasked

The descriptor becomes the control channel of the peer. A negative status is a signal. At the
end of the socket the zygote kills and reaps every peer, and ends. It imports the standard
library and the floors below, nothing else.
"""

from __future__ import annotations

import _signal  # as in the peers
import contextlib
import ctypes
import gc
import json
import os
import selectors
import socket
import sys
from dataclasses import dataclass
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
_LIBC: Final = ctypes.CDLL(None, use_errno=True)  # loaded once, not by each child


def serve(sock: socket.socket) -> NoReturn:
    """Fork peers as ``sock`` asks, until it ends."""
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # a terminal's ^C is the harness's to answer
    warm.up()
    gc.freeze()  # what is here now is shared with all peers: no collection may touch it
    gc.enable()
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
        self._asked: list[_Asked] = []  # not forked yet, since more are to come
        self._children: set[int] = set()
        self._heard, self._wakes = socket.socketpair()

    def serve(self) -> None:
        """Answer requests and tell of ends until the socket ends."""
        self._heard.settimeout(0)
        self._wakes.settimeout(0)
        _signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _noted)
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
        _signal.set_wakeup_fd(-1)
        for pid in self._children:
            os.kill(pid, _signal.SIGKILL)  # a child that ended keeps its pid until it is reaped
        for pid in self._children:
            os.waitpid(pid, 0)
        self._children.clear()

    # ----

    def _answer(self) -> bool:
        """Take one request in, and fork unless more are to come; whether the socket goes on."""
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _MESSAGE_MAX, 4)
        except ConnectionResetError:
            return False
        if not data:
            return False
        asked, more = _asked(data, fds)
        self._asked.append(asked)
        return more > 0 or self._fork_all()

    def _fork_all(self) -> bool:
        """Fork everything that was asked for; whether the socket goes on.

        Whatever this process writes to between two forks is a page of its own for the peer
        before: so nothing is done there that can be done before or after.
        """
        batch, self._asked = self._asked, []
        me = os.getpid()
        pids = [0 if one.work is None else _fork(one.work, one.fds[0], me) for one in batch]
        self._children.update(pid for pid in pids if pid > 0)
        for one in batch:
            for fd in one.fds:
                os.close(fd)
        return all(self._say(_told(pid, one)) for pid, one in zip(pids, batch, strict=True))

    def _reap(self) -> None:
        for pid in sorted(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._children.discard(pid)
                self._say({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _say(self, message: dict[str, Json]) -> bool:
        try:
            self._sock.send(json.dumps(message).encode())
        except OSError:
            return False  # the harness is gone; the end of the socket says so too
        return True


_Work = Birth | Json  # a peer's birth, or a request with the orders of somebody else


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom to fork, or ``why`` it cannot be; the descriptors that came with the request."""

    work: _Work
    fds: list[int]
    why: str = ""


def _told(pid: int, asked: _Asked) -> dict[str, Json]:
    """The answer to a request; ``pid`` is negative where the kernel forks no more."""
    if pid > 0:
        return {"forked": pid}
    return {"error": asked.why or f"cannot fork: {os.strerror(-pid)}"}


def _fork(work: _Work, control_fd: int, parent: int) -> int:
    """Fork a peer or an outsider: its pid, or the negative number of an error.

    Not by multiprocessing: what that brings along and does in each child is a tenth of a
    peer's memory, and nothing of it is wanted here.
    """
    try:
        pid = os.fork()
    except OSError as error:
        return -(error.errno or 1)
    if pid:
        return pid
    status = EXIT_ERROR
    try:
        status = _be(work, control_fd, parent)
    finally:
        sys.stderr.flush()
        os._exit(status)


def _asked(data: bytes, fds: list[int]) -> tuple[_Asked, int]:
    """What a message asks for, and how many more will come."""
    try:
        work, more = _work(data)
        if len(fds) != 1:
            raise InfrastructureError(f"a peer needs one control descriptor, not {len(fds)}")
    except ChaosError as error:
        return _Asked(None, fds, str(error)), 0
    return _Asked(work, fds), more


def _work(data: bytes) -> tuple[_Work, int]:
    try:
        request = json.loads(data)
    except ValueError as error:
        raise InfrastructureError(f"no request: {error}") from error
    match request:
        case {"do": "fork", "birth": birth, "more": int(more)}:
            return Birth.of(birth), more
        case {"do": "fork", "birth": birth}:
            return Birth.of(birth), 0
        case {"do": "attack" | "burn", "orders": dict()}:
            return request, 0
    raise InfrastructureError(f"no request: {str(request)[:120]}; fork, attack and burn are known")


def _be(work: _Work, control_fd: int, parent: int) -> int:
    """The life of a forked process; its exit code."""
    _die_with(parent)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    _signal.set_wakeup_fd(-1)
    _close_all_but(control_fd)
    control = socket.socket(fileno=control_fd)
    who = f"peer {work.spec.sid}" if isinstance(work, Birth) else "somebody else"
    try:
        if not isinstance(work, Birth):
            return _be_another(work, control)
        if work.netns:
            _enter(work.netns)
        return run(work, control)
    except ChaosError as error:
        # Before its journal stands a peer has nowhere else to say what is wrong.
        sys.stderr.write(f"{who}: {error}\n")
        with contextlib.suppress(OSError):
            control.send(json.dumps({"error": str(error)}).encode())
        return EXIT_ERROR
    except Exception:  # noqa: BLE001 - told in the log, and by the status
        import traceback  # noqa: PLC0415  only a failing child needs it

        traceback.print_exc()
        return EXIT_ERROR


def _be_another(request: Json, control: socket.socket) -> int:
    """Be no peer, but somebody who makes trouble for peers."""
    from chaos.peer import burner, outsider  # noqa: PLC0415  no peer needs them

    match request:
        case {"do": "attack", "orders": orders}:
            return outsider.run(outsider.Orders.of(orders), control)
        case {"do": "burn", "orders": orders}:
            return burner.run(orders, control)
        case _:
            raise InfrastructureError(f"no request: {str(request)[:120]}")


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when ``parent`` ends, by whatever signal."""
    if sys.platform == "linux":
        if _LIBC.prctl(_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0) != 0:
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


def _noted(_number: int, _frame: object) -> None:
    """The zygote hears of the signal by its wake-up descriptor."""
