"""Links, addresses, routes and neighbours of a network namespace, as ``ip`` makes them.

Source: rtnetlink(7); Linux ``uapi/linux/rtnetlink.h``, ``if_link.h``, ``neighbour.h`` and
``veth.h``. Only what joining servers to a router needs is here; a program of the host would
have to be installed, and costs a process for each namespace.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

from chaos.sandbox.netlink import ACK, CREATE, Message, attribute, nest, text

NETLINK_ROUTE: Final = 0

_NEWLINK, _NEWADDR, _NEWROUTE, _NEWNEIGH = 16, 20, 24, 28
_EXCLUSIVE: Final = 0x200
_MAKE: Final = CREATE | _EXCLUSIVE | ACK
_IPV4: Final = socket.AF_INET
_UP: Final = 1
_MAIN_TABLE, _STATIC, _LINK_SCOPE, _UNICAST = 254, 4, 253, 1
_ONLINK: Final = 4  # the gateway need not be in a network of the link
_PERMANENT: Final = 0x80

_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, which flags
_ADDRESS = struct.Struct("=BBBBI")  # family, bits of prefix, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, bits, …, table, protocol, scope, type, flags
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a veth pair. ``index`` is chosen by who makes it, and free in its namespace."""

    name: str
    index: int
    mac: bytes


def veth(here: Port, there: Port, namespace: int) -> Message:
    """Make a pair: ``here``, which is up, and ``there`` in the ``namespace`` descriptor.

    The kernel raises no end whose other end it has not made yet: raise ``there`` later.
    """
    peer = _port(there, 0) + attribute(28, struct.pack("=I", namespace))
    kind = nest(18, text(1, "veth"), nest(2, attribute(1, peer)))
    return Message(_NEWLINK, _MAKE, _port(here, _UP) + kind)


def raised(index: int) -> Message:
    """Bring a link up."""
    return Message(_NEWLINK, ACK, _LINK.pack(socket.AF_UNSPEC, 0, index, _UP, _UP))


def address(index: int, host: str) -> Message:
    """Give ``host``/32 to a link."""
    packed = socket.inet_aton(host)
    head = _ADDRESS.pack(_IPV4, 32, 0, 0, index)
    return Message(_NEWADDR, _MAKE, head + attribute(2, packed) + attribute(1, packed))


def default_route(index: int, gateway: str) -> Message:
    """Send everything to ``gateway`` on a link, whatever networks the link has."""
    head = _ROUTE.pack(_IPV4, 0, 0, 0, _MAIN_TABLE, _STATIC, 0, _UNICAST, _ONLINK)
    return Message(_NEWROUTE, _MAKE, head + _word(4, index) + _host(5, gateway))


def host_route(index: int, host: str, source: str) -> Message:
    """Reach ``host`` by a link; what is sent from here itself comes from ``source``."""
    head = _ROUTE.pack(_IPV4, 32, 0, 0, _MAIN_TABLE, _STATIC, _LINK_SCOPE, _UNICAST, 0)
    return Message(_NEWROUTE, _MAKE, head + _host(1, host) + _word(4, index) + _host(7, source))


def neighbour(index: int, host: str, mac: bytes) -> Message:
    """Know the link address of ``host`` for good, so that nothing waits for ARP."""
    head = _NEIGHBOUR.pack(_IPV4, index, _PERMANENT, 0, 0)
    return Message(_NEWNEIGH, _MAKE, head + _host(1, host) + attribute(2, mac))


def _port(port: Port, flags: int) -> bytes:
    head = _LINK.pack(socket.AF_UNSPEC, 0, port.index, flags, flags)
    return head + text(3, port.name) + attribute(1, port.mac)


def _word(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _host(kind: int, host: str) -> bytes:
    return attribute(kind, socket.inet_aton(host))
