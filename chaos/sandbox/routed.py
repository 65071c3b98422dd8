"""A network namespace for each server, joined by the run's own namespace, which routes.

The run's namespace is the hub. Each server's namespace is joined to it by a veth pair, has
one address and sends everything to the hub::

    server 7: eth0 10.77.0.7/32, default via 10.76.0.1   <-veth->   hub: s7, 10.77.0.7 dev s7

So every packet between two servers passes the hub's ``forward`` hook, where blocks stop it,
and enters the hub by the sender's link, where a capture sees it once. What a process in the
hub itself says to servers passes neither: a run can ask servers that it has partitioned.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox import libc, namespace, rtnetlink
from chaos.sandbox.addresses import GATEWAY, ROUTED, host_of
from chaos.sandbox.netlink import Netlink
from chaos.sandbox.rtnetlink import NETLINK_ROUTE, Port
from chaos.sandbox.sockdiag import NETLINK_SOCK_DIAG

OWN: Final = "/proc/self/ns/net"
FOLDER: Final = "netns"  # in the folder of the world

_LOOPBACK: Final = 1  # the index of lo in every namespace
_FIRST_INDEX: Final = 1000  # above those of the tunnels that some kernels put everywhere
_NET: Final = "/proc/sys/net"
_SET_TSO, _SET_GSO, _SET_GRO = 0x1F, 0x24, 0x2C  # ethtool's commands


@dataclass(frozen=True, slots=True)
class Place:
    """One server's network namespace, as the agent holds it.

    ``sockets`` and ``route`` are netlink sockets, and ``ioctls`` a socket for requests, that
    were made there and so still act there.
    """

    sid: Sid
    descriptor: int
    sockets: Netlink
    route: Netlink
    ioctls: socket.socket


def join(servers: Sequence[Sid], folder: str) -> Mapping[Sid, Place]:
    """Make and join the namespaces, as the first process of a world; ``folder`` shows them.

    Each can be entered by the file of its sid in ``folder``, which only this mount namespace
    and its children see.

    Raises:
        InfrastructureError: the host does not allow it, or this kernel has no veth.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        libc.mount("none", "/", None, libc.MS_REC_PRIVATE)  # the host sees nothing of the next
        libc.mount("netns", folder, "tmpfs", libc.MS_NOSUID_NODEV_NOEXEC)
        _let_pass(forward=True)
        home = os.open(OWN, os.O_RDONLY)
        places = {sid: _place(sid, os.path.join(folder, str(sid))) for sid in servers}
        libc.enter_network(home)
        os.close(home)
        _connect(list(places.values()))
    except OSError as error:
        raise InfrastructureError(
            f"cannot give each server a network namespace of its own: {error}; "
            "needs CONFIG_VETH, and a /proc/sys that can be written"
        ) from error
    return places


def _place(sid: Sid, file: str) -> Place:
    """A new namespace, which this process is then in."""
    libc.unshare(libc.CLONE_NEWNET)
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY))
    libc.mount(OWN, file, None, libc.MS_BIND)
    namespace.raise_loopback()
    namespace.bound_back_off()
    _let_pass(forward=False)
    return Place(
        sid,
        os.open(OWN, os.O_RDONLY),
        Netlink(NETLINK_SOCK_DIAG),
        Netlink(NETLINK_ROUTE),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    )


def _connect(places: Sequence[Place]) -> None:
    """Lay a cable from the hub to each namespace, and tell both ends of each other."""
    with Netlink(NETLINK_ROUTE) as hub, contextlib.ExitStack() as done:
        messages = [rtnetlink.address(_LOOPBACK, GATEWAY)]
        for number, place in enumerate(places):
            done.callback(place.route.close)
            done.callback(place.ioctls.close)
            here = Port(f"s{place.sid}", _FIRST_INDEX + number, _mac(0, place.sid))
            there = Port("eth0", _FIRST_INDEX, _mac(1, place.sid))
            host = host_of(ROUTED, place.sid)
            messages += [
                rtnetlink.veth(here, there, place.descriptor),
                rtnetlink.host_route(here.index, host, GATEWAY),
                rtnetlink.neighbour(here.index, host, there.mac),
            ]
        for message in messages:
            hub.run([message])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ioctls:
            for place in places:
                _send_plain(ioctls, f"s{place.sid}")
                _send_plain(place.ioctls, "eth0")
                place.route.run(
                    [
                        rtnetlink.raised(_FIRST_INDEX),
                        rtnetlink.address(_FIRST_INDEX, host_of(ROUTED, place.sid)),
                        rtnetlink.default_route(_FIRST_INDEX, GATEWAY),
                        rtnetlink.neighbour(_FIRST_INDEX, GATEWAY, _mac(0, place.sid)),
                    ]
                )


def _mac(end: int, sid: Sid) -> bytes:
    """An address that nobody was assigned."""
    return bytes([2, 0, 0, end]) + sid.to_bytes(2, "big")


def _let_pass(*, forward: bool) -> None:
    """Set what decides whether IPv4 is accepted and passed on; IPv6 keeps to ``lo``."""
    if forward:
        _write("ipv4/ip_forward", "1")
    for which in ("all", "default"):
        _write(f"ipv4/conf/{which}/rp_filter", "0")
    with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
        _write("ipv6/conf/default/disable_ipv6", "1")


def _send_plain(ioctls: socket.socket, name: str) -> None:
    """Make a link carry packets as a wire does: no longer than its MTU.

    Else a packet might hold 64 KiB, which a block would lose as one.
    """
    for command in (_SET_TSO, _SET_GSO, _SET_GRO):
        libc.set_link(ioctls.fileno(), name, command, 0)


def _write(knob: str, value: str) -> None:
    with open(f"{_NET}/{knob}", "w", encoding="ascii") as file:
        file.write(value)
