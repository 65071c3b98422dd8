"""The process that a run's world lives in, started by :mod:`chaos.systems.world`.

It imports the standard library and little of chaos. With the kernel network it makes the
namespaces and forks their first process, which forks the zygote and then becomes the
network agent. Without, it becomes the zygote itself. Each process of that chain asks the
kernel to be killed with its parent, so all of it ends with the harness, whatever ended that.

A run waits for the zygote, so nothing is imported before its fork that it does not need; and
what is made by then is never garbage, so nothing looks for any.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox import namespace
from chaos.sandbox.child import run_child
from chaos.sandbox.libc import die_with
from chaos.sandbox.lines import Lines

if TYPE_CHECKING:
    from chaos.sandbox.routed import Place

_FAILED = 1


@dataclass(frozen=True, slots=True)
class Orders:
    """What the harness tells this process: two socket numbers, who it is, what to run.

    ``agent`` and ``spawner`` are -1 without the kernel network. ``zygote`` is
    ``module:function``. ``backend`` is empty for the first that works. Each of ``servers``
    gets a network namespace of its own, to be entered by a file in ``netns``.
    """

    harness: int
    agent: int
    spawner: int
    control: int
    zygote: str
    backend: str = ""
    servers: tuple[int, ...] = ()
    netns: str = ""

    def text(self) -> str:
        """As one argument of a command."""
        return json.dumps(asdict(self))


def main() -> None:
    """Do as the last command-line argument, an :class:`Orders`, says."""
    gc.disable()
    orders = Orders(**json.loads(sys.argv[-1]))
    if os.getppid() != orders.harness:
        sys.exit(_FAILED)  # the harness is gone already
    harness = os.pidfd_open(orders.harness)
    die_with(harness)
    control = socket.socket(fileno=orders.control)
    if orders.agent < 0:
        os.close(harness)
        _serve_zygote(orders, control)
        return
    sockets = _Sockets(
        control, socket.socket(fileno=orders.agent), socket.socket(fileno=orders.spawner)
    )
    sys.exit(_world(orders, harness, sockets))


@dataclass(frozen=True, slots=True)
class _Sockets:
    """Our ends of what the harness holds the others of; no program is to inherit one."""

    zygote: socket.socket
    agent: socket.socket
    spawner: socket.socket

    def __post_init__(self) -> None:
        for one in (self.zygote, self.agent, self.spawner):
            one.set_inheritable(False)

    def close(self) -> None:
        for one in (self.zygote, self.agent, self.spawner):
            one.close()


def _world(orders: Orders, harness: int, sockets: _Sockets) -> int:
    """Make the namespaces and wait until their first process ends."""
    try:
        made = namespace.enter()
    except InfrastructureError as error:
        Lines(sockets.agent).send({"error": str(error)})
        return _FAILED
    die_with(harness)  # forgotten with the old credentials
    os.close(harness)
    here = os.pidfd_open(os.getpid())
    first = run_child(lambda: _first(orders, here, sockets, made))
    sockets.close()
    _, status = os.waitpid(first, 0)
    return os.waitstatus_to_exitcode(status)


def _first(orders: Orders, parent: int, sockets: _Sockets, made: str) -> int:
    """PID 1 of the namespaces."""
    die_with(parent)
    os.close(parent)
    lines = Lines(sockets.agent)
    try:
        facts = namespace.furnish() | {"namespaces": made}
        places = _places(orders)
        zygote = run_child(
            lambda: _serve_zygote(orders, sockets.zygote), sockets.agent, sockets.spawner
        )
        sockets.zygote.close()
        from chaos.systems.attending import Post, attend  # noqa: PLC0415  see there

        gc.enable()
        post = Post(lines, sockets.spawner, places, zygote)
        agent = attend(post, orders.backend, facts)
    except InfrastructureError as error:
        lines.send({"error": str(error)})
        return _FAILED
    return agent.serve()


def _places(orders: Orders) -> Mapping[Sid, Place]:
    if not orders.servers:
        return {}
    from chaos.sandbox import routed  # noqa: PLC0415  few worlds have servers

    return routed.join([Sid(one) for one in orders.servers], orders.netns)


def _serve_zygote(orders: Orders, control: socket.socket) -> int:
    """Become the zygote; its module is imported only here, where it is needed."""
    module, _, function = orders.zygote.partition(":")
    serve: Callable[[socket.socket], None] = getattr(importlib.import_module(module), function)
    serve(control)
    return 0
