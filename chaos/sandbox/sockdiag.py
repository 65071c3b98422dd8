"""Ending TCP connections of network namespaces, as ``ss -K`` does.

Source: sock_diag(7); Linux ``uapi/linux/inet_diag.h``.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.sandbox.netlink import ACK, DUMP, Message, Netlink
from chaos.sandbox.rules import Listener

NETLINK_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_DESTROY: Final = 21
_REQUEST = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_FOUND = struct.Struct("=BBBB")  # family, state, timer, retransmissions
_PORTS = struct.Struct(">HH")
_ID_BYTES: Final = 48
_MAPPED: Final = bytes(10) + bytes([255, 255])
_LISTEN, _TIME_WAIT, _CLOSE = 10, 6, 7
_STATES: Final = 0xFFF & ~(1 << _LISTEN | 1 << _TIME_WAIT | 1 << _CLOSE)


@dataclass(frozen=True, slots=True)
class _Connection:
    family: int
    local: Listener
    remote: Listener
    identity: bytes


def sever(doomed: Callable[[Listener, Listener], bool], among: Sequence[Netlink] = ()) -> int:
    """End every connection whose (local, remote) end is ``doomed``; how many sockets that was.

    It looks into the namespaces in which the sockets of ``among`` were made; into this one
    if there are none. Where both ends are there, each connection counts once for each end
    that still had it. Their owners see ECONNABORTED, or ECONNRESET where the other end was first.

    Raises:
        OSError: the kernel has no CONFIG_INET_DIAG_DESTROY.
    """
    if among:
        return sum(_sever(doomed, netlink) for netlink in among)
    with Netlink(NETLINK_SOCK_DIAG) as netlink:
        return _sever(doomed, netlink)


def _sever(doomed: Callable[[Listener, Listener], bool], netlink: Netlink) -> int:
    found = [one for one in _connections(netlink) if doomed(one.local, one.remote)]
    return sum(_destroy(netlink, one) for one in found)


def _connections(netlink: Netlink) -> list[_Connection]:
    """All connections between IPv4 addresses: a socket for both families may have one, too."""
    found: list[_Connection] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _STATES) + bytes(_ID_BYTES)
        parts = netlink.dump(Message(_BY_FAMILY, DUMP, body))
        known = [part for part in parts if family == socket.AF_INET or _is_mapped(part)]
        found.extend(map(_connection, known))
    return found


def _is_mapped(part: bytes) -> bool:
    """Whether both ends are IPv4 addresses in the form ``::ffff:10.0.0.1``."""
    identity = part[_FOUND.size :]
    return identity[4:16] == _MAPPED == identity[20:32]


def _connection(part: bytes) -> _Connection:
    identity = part[_FOUND.size : _FOUND.size + _ID_BYTES]
    local_port, remote_port = _PORTS.unpack_from(identity)
    at = 12 if part[0] == socket.AF_INET6 else 0
    local = socket.inet_ntoa(identity[at + 4 : at + 8])
    remote = socket.inet_ntoa(identity[at + 20 : at + 24])
    return _Connection(part[0], (local, local_port), (remote, remote_port), identity)


def _destroy(netlink: Netlink, one: _Connection) -> int:
    head = _REQUEST.pack(one.family, socket.IPPROTO_TCP, 0, 0, _STATES)
    try:
        netlink.run([Message(_DESTROY, ACK, head + one.identity)])
    except OSError as error:
        if error.errno == errno.ENOENT:  # it ended on its own, or with its other end
            return 0
        raise
    return 1
