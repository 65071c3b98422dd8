"""Sockets as a peer needs them: non-blocking, bound to its own address, named by both ends."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
from functools import lru_cache
from typing import Final

from chaos.election.config import Address
from chaos.errors import InfrastructureError

BACKLOG: Final = 1024  # a whole ensemble may dial at once; the kernel caps it
_BIND_NO_PORT: Final = 24  # IP_BIND_ADDRESS_NO_PORT: ports are drawn per destination
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets


def listen(address: Address) -> socket.socket:
    """Listen on ``address``.

    Raises:
        InfrastructureError: it cannot be bound.
    """
    sock = socket.socket(_family(address.host), socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address.host, address.port))
        sock.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        raise InfrastructureError(f"cannot listen on {address}: {error}") from error
    return sock


def dial(source: str, address: Address) -> socket.socket:
    """Begin to connect to ``address`` from the address ``source``.

    Raises:
        OSError: it failed at once.
    """
    host = numeric(address.host)
    if host is None or not 0 < address.port <= 65535:
        raise OSError(errno.EINVAL, f"{address} is no numeric address with a port")
    family = _family(host)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not is_wildcard(source):
            if sys.platform == "linux" and family is socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, _BIND_NO_PORT, 1)
            sock.bind((source, 0))
        with contextlib.suppress(BlockingIOError):
            sock.connect((host, address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def accept(listener: socket.socket) -> socket.socket | None:
    """The next connection that waits, or ``None``.

    Raises:
        OSError: descriptors or memory ran out.
    """
    try:
        sock, _ = listener.accept()
    except (BlockingIOError, ConnectionAbortedError, InterruptedError):
        return None
    sock.settimeout(0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def abort(sock: socket.socket) -> None:
    """Close with a reset: what was not sent is thrown away, and the other side hears of it."""
    with contextlib.suppress(OSError):  # a socket that is broken already needs no reset
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    sock.close()


def ends(sock: socket.socket) -> tuple[str, str]:
    """Its own end and the other, as ``host:port``; ``?`` where the kernel has forgotten."""
    return _end(sock.getsockname), _end(sock.getpeername)


def resolve(host: str) -> str:
    """``host`` as a numeric address. Asks the resolver for a name, and may take its time.

    Raises:
        InfrastructureError: the name is unknown.
    """
    found = numeric(host)
    if found is not None:
        return found
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise InfrastructureError(f'host "{host}" is unknown: {error}') from error


@lru_cache(maxsize=1024)
def numeric(host: str) -> str | None:
    """``host`` if it is an address already, ``None`` if it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, host))
        except (OSError, ValueError):  # a name, or what could not even be one
            continue
    return None


@lru_cache(maxsize=1024)
def is_wildcard(host: str) -> bool:
    """Whether binding to ``host`` would leave the address open."""
    return not any(socket.inet_pton(_family(host), host))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _end(name: object) -> str:
    assert callable(name)
    try:
        host, port, *_ = name()
    except OSError:
        return "?"
    return str(Address(str(host), int(port)))
