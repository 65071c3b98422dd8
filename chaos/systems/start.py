"""Starting the process that a run's world lives in: :mod:`chaos.systems.inside`."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import chaos
from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox.addresses import AddressBlock
from chaos.sandbox.keeper import Keeper
from chaos.sandbox.routed import FOLDER
from chaos.systems.inside import Orders

_BOOT = (
    "import sys; sys.path[:0] = sys.argv[1].split(':'); "
    "from chaos.systems.inside import main; main()"
)
LOG: Final = "inside.log"


@dataclass(frozen=True, slots=True)
class Inside:
    """What runs inside: the zygote as ``module:function``, and where else to find modules.

    ``backend`` asks for one way to make packet rules; empty takes the first that works.
    """

    zygote: str = "chaos.peer.zygote:serve"
    paths: tuple[str, ...] = ()
    backend: str = ""


OUR_PEERS: Final = Inside()


@dataclass(frozen=True, slots=True)
class Site:
    """Where a world lives: its folder, its addresses and who has a namespace of its own."""

    folder: Path
    addresses: AddressBlock
    servers: tuple[Sid, ...] = ()

    @property
    def netns(self) -> Path:
        """Where processes of the world find the namespaces of ``servers``."""
        return self.folder.resolve() / FOLDER


@dataclass(frozen=True, slots=True)
class Sockets:
    """The harness's ends; with the kernel network there is an agent, which also spawns."""

    zygote: socket.socket
    agent: socket.socket | None = None
    spawner: socket.socket | None = None

    def close(self) -> None:
        """Close all: what is inside ends by that."""
        for one in (self.zygote, self.agent, self.spawner):
            if one is not None:
                one.close()


def start(site: Site, inside: Inside, *, kernel: bool) -> tuple[Keeper, Sockets]:
    """Start a light interpreter; with ``kernel`` it goes on to make namespaces.

    Raises:
        InfrastructureError: it cannot be started.
    """
    zygote, zygote_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with zygote_end:
        if not kernel:
            orders = _orders(site, inside, control=zygote_end.fileno())
            ours = Sockets(zygote)
            return _keep(site, inside, orders, ours), ours
        agent, agent_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        spawner, spawner_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with agent_end, spawner_end:
            orders = _orders(
                site,
                inside,
                control=zygote_end.fileno(),
                agent=agent_end.fileno(),
                spawner=spawner_end.fileno(),
            )
            ours = Sockets(zygote, agent, spawner)
            return _keep(site, inside, orders, ours), ours


def _orders(
    site: Site, inside: Inside, *, control: int, agent: int = -1, spawner: int = -1
) -> Orders:
    return Orders(
        harness=os.getpid(),
        agent=agent,
        spawner=spawner,
        control=control,
        zygote=inside.zygote,
        backend=inside.backend,
        servers=site.servers,
        netns=str(site.netns),
    )


def _keep(site: Site, inside: Inside, orders: Orders, ours: Sockets) -> Keeper:
    paths = ":".join([str(Path(chaos.__file__).parent.parent), *inside.paths])
    command = [sys.executable, "-I", "-S", "-c", _BOOT, paths, orders.text()]
    inherited = [fd for fd in (orders.control, orders.agent, orders.spawner) if fd >= 0]
    try:
        return Keeper(command, inherited, site.folder / LOG)
    except InfrastructureError:
        ours.close()
        raise
