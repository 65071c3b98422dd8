"""Ending TCP connections of this network namespace, as ``ss -K`` does.

Source: sock_diag(7); Linux ``uapi/linux/inet_diag.h``.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
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
_LISTEN, _TIME_WAIT, _CLOSE = 10, 6, 7
_STATES: Final = 0xFFF & ~(1 << _LISTEN | 1 << _TIME_WAIT | 1 << _CLOSE)


@dataclass(frozen=True, slots=True)
class _Connection:
    local: Listener
    remote: Listener
    identity: bytes


def sever(doomed: Callable[[Listener, Listener], bool]) -> int:
    """End every connection whose (local, remote) end is ``doomed``; how many sockets that was.

    Both ends are in this namespace, so each connection counts once for each end that still
    had it. Their owners see ECONNABORTED, or ECONNRESET where the other end was first.

    Raises:
        OSError: the kernel has no CONFIG_INET_DIAG_DESTROY.
    """
    count = 0
    with Netlink(NETLINK_SOCK_DIAG) as netlink:
        for one in _connections(netlink):
            if doomed(one.local, one.remote):
                count += _destroy(netlink, one)
    return count


def _connections(netlink: Netlink) -> list[_Connection]:
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _STATES) + bytes(_ID_BYTES)
    return [_connection(part) for part in netlink.dump(Message(_BY_FAMILY, DUMP, body))]


def _connection(part: bytes) -> _Connection:
    identity = part[_FOUND.size : _FOUND.size + _ID_BYTES]
    local_port, remote_port = _PORTS.unpack_from(identity)
    local, remote = socket.inet_ntoa(identity[4:8]), socket.inet_ntoa(identity[20:24])
    return _Connection((local, local_port), (remote, remote_port), identity)


def _destroy(netlink: Netlink, one: _Connection) -> int:
    head = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _STATES)
    try:
        netlink.run([Message(_DESTROY, ACK, head + one.identity)])
    except OSError as error:
        if error.errno == errno.ENOENT:  # it ended on its own, or with its other end
            return 0
        raise
    return 1
