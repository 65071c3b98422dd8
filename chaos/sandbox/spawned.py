"""Programs that are not ours, started by the first process of a world in one of its namespaces.

Messages are JSON on a SOCK_SEQPACKET socket::

    {"do": "spawn", "sid": 1, "argv": […], "cwd": …, "log": …, "env": {…}}
    {"do": "capture", "path": …} + its control descriptor
                                             ->  {"spawned": pid} + its pidfd, or {"error": text}
                                             ->  {"exited": pid, "status": n}, unasked

Without a sid (``null``) a program runs in the hub, as captures do, whose ends are not told:
they say more on their control channel. Pids are those of the
world's own PID namespace; a negative status is a signal. The harness's side is
:mod:`chaos.sandbox.spawner`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox import libc
from chaos.sandbox.child import run_child
from chaos.sandbox.heard import CREDENTIALS
from chaos.sandbox.lines import Json, JsonObject

_MESSAGE_BYTES: Final = 1 << 18
_NO_EXEC: Final = 127
_DESCRIPTORS: Final = 1 << 20
_DEFAULT: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT)  # what Python changes


@dataclass(frozen=True, slots=True)
class _Program:
    """What is to run, and in which network namespace (``None``: the hub)."""

    argv: list[str]
    cwd: str
    log: str
    env: Mapping[str, str]
    namespace: int | None


class Spawned:
    """The programs of one world that have not ended."""

    def __init__(self, control: socket.socket, namespaces: Mapping[Sid, int]) -> None:
        """``namespaces`` are descriptors of the servers' network namespaces."""
        self._socket = control
        self._namespaces = namespaces
        self._running: set[int] = set()

    def fileno(self) -> int:
        """Readable when :meth:`answer` has something to do."""
        return self._socket.fileno()

    def answer(self) -> bool:
        """Do one request; whether the socket goes on."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, _MESSAGE_BYTES, 1)
        except ConnectionResetError:
            return False
        if not data:
            return False
        try:
            pid = self._do(json.loads(data), descriptors)
        except (InfrastructureError, OSError) as error:
            return self._say({"error": str(error)})
        finally:
            for one in descriptors:
                os.close(one)
        return self._introduce(pid)

    def ended(self, pid: int, status: int) -> None:
        """Tell of the end of a program; captures and orphans are none."""
        if pid in self._running:
            self._running.discard(pid)
            self._say({"exited": pid, "status": status})

    # ----

    def _introduce(self, pid: int) -> bool:
        """Say what was started in a way that the kernel translates: the harness has other pids."""
        pidfd = os.pidfd_open(pid)
        who = CREDENTIALS.pack(pid, os.getuid(), os.getgid())
        ancillary = [
            (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, who),
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", pidfd)),
        ]
        try:
            self._socket.sendmsg([json.dumps({"spawned": pid}).encode()], ancillary)
        except OSError:
            return False
        finally:
            os.close(pidfd)
        return True

    def _do(self, asked: Json, descriptors: list[int]) -> int:
        match asked:
            case {"do": "capture", "path": str(path)} if len(descriptors) == 1:
                return run_child(lambda: _record(path, descriptors[0]))
            case {
                "do": "spawn",
                "sid": int() | None as sid,
                "argv": [str(), *_] as argv,
                "cwd": str(cwd),
                "log": str(log),
                "env": dict(env),
            }:
                words, extra = [str(word) for word in argv], {k: str(v) for k, v in env.items()}
                pid = _start(_Program(words, cwd, log, extra, self._namespace(sid)))
                self._running.add(pid)
                return pid
            case _:
                raise InfrastructureError(f"the spawner does not know {str(asked)[:200]}")

    def _namespace(self, sid: int | None) -> int | None:
        if sid is None:
            return None
        found = self._namespaces.get(Sid(sid))
        if found is None:
            raise InfrastructureError(
                f"server {sid} has no network namespace; open the world with it among its servers"
            )
        return found

    def _say(self, message: JsonObject) -> bool:
        try:
            self._socket.send(json.dumps(message).encode())
        except OSError:
            return False  # the harness is gone; the end of the socket says so too
        return True


def _start(program: _Program) -> int:
    """Fork and execute; the pid once the program runs.

    Raises:
        InfrastructureError: it cannot be executed.
    """
    told, tells = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(program, tells)
    os.close(tells)
    with open(told, "rb") as pipe:
        complaint = pipe.read().decode()
    if complaint:
        raise InfrastructureError(f"cannot start {program.argv[0]}: {complaint}")
    return pid


def _record(path: str, control: int) -> int:
    """Be a capture, in the hub: a fork needs no interpreter of its own."""
    from chaos.sandbox import capture  # noqa: PLC0415  the zygote is to be light, and its peers

    _detach()
    _keep_only(control)
    return capture.run(path, socket.socket(fileno=control))


def _become(program: _Program, complaints: int) -> NoReturn:
    """Execute; the pipe ends by that, or says why not."""
    try:
        _detach()
        _step_in(program)
        _keep_only(complaints)
        os.execvpe(program.argv[0], program.argv, {**os.environ, **program.env})  # noqa: S606
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError):
            os.write(complaints, str(error).encode())
    finally:
        os._exit(_NO_EXEC)


def _detach() -> None:
    """As a forked child: forget what belongs to the agent."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, *_DEFAULT):
        signal.signal(number, signal.SIG_DFL)


def _step_in(program: _Program) -> None:
    if program.namespace is not None:
        libc.enter_network(program.namespace)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(program.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(program.cwd)


def _keep_only(one: int) -> None:
    """Close all but the first three and ``one``: libraries open sockets that exec leaves open."""
    os.closerange(3, one)
    os.closerange(one + 1, _DESCRIPTORS)
