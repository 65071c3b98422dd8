"""A world of a run's own: user, mount, network and PID namespaces.

Source: user_namespaces(7), pid_namespaces(7), network_namespaces(7).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

from chaos.errors import InfrastructureError
from chaos.sandbox import libc

_NAMESPACES: Final = libc.CLONE_NEWNS | libc.CLONE_NEWNET | libc.CLONE_NEWPID
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_IPV4: Final = "/proc/sys/net/ipv4"

# Without a bound on TCP's back-off, healing a silent drop would be late by seconds, and
# an election's time would measure the kernel's timer. Old kernels have neither.
TCP_KNOBS: Final[Mapping[str, str]] = {"tcp_rto_max_ms": "1000", "tcp_rto_min_us": "20000"}


def enter() -> str:
    """Leave the host's namespaces; the next child is the first process of the new world.

    Returns which namespaces were made.

    Raises:
        InfrastructureError: this host allows none; the message says what would help.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        libc.unshare(libc.CLONE_NEWUSER | _NAMESPACES)
    except OSError as refused:
        if user != 0:
            raise _refusal(refused) from refused
        try:  # real root needs no user namespace, and some hosts forbid them to everyone
            libc.unshare(_NAMESPACES)
        except OSError as error:
            raise _refusal(error) from error
        return "mount, network, pid"
    try:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    except OSError as error:
        raise _refusal(error) from error
    return "user, mount, network, pid"


def furnish() -> dict[str, str]:
    """As the first process of the new world: a private /proc, ``lo`` up, TCP bounded.

    Returns what could be had, by name.

    Raises:
        InfrastructureError: a network namespace without these is of no use.
    """
    facts = {"proc": _private_proc()}
    try:
        raise_loopback()
    except OSError as error:
        raise InfrastructureError(f"cannot bring lo up in the namespace: {error}") from error
    try:
        _write(f"{_IPV4}/fwmark_reflect", "1")
    except OSError as error:
        raise InfrastructureError(
            f"cannot set net.ipv4.fwmark_reflect in the namespace: {error}; "
            "/proc/sys must be writable for blocks that reset"
        ) from error
    return facts | bound_back_off()


def bound_back_off() -> dict[str, str]:
    """Set :data:`TCP_KNOBS` in the network namespace that this process is in; what came of it."""
    return {knob: _set(knob, value) for knob, value in TCP_KNOBS.items()}


def raise_loopback() -> None:
    """Bring ``lo`` up: ``ip link set lo up``.

    Raises:
        OSError: not allowed here.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
        _, flags = struct.unpack("16sH14x", answer)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _private_proc() -> str:
    """A container may forbid it; then pids in /proc are the outer ones, which peers can bear."""
    try:
        libc.mount("none", "/", None, libc.MS_REC_PRIVATE)
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID_NODEV_NOEXEC)
    except OSError as error:
        return f"shared ({error.strerror})"
    return "private"


def _set(knob: str, value: str) -> str:
    path = f"{_IPV4}/{knob}"
    try:
        before = _read(path)
        _write(path, value)
    except FileNotFoundError:
        return "absent from this kernel"
    except OSError as error:
        return f"not writable ({error.strerror})"
    return f"{_read(path)} (was {before})"


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _refusal(error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"no namespaces here: {error.strerror or error}; needs CONFIG_USER_NS with "
        "user.max_user_namespaces above 0 (and, where it exists, "
        "kernel.apparmor_restrict_unprivileged_userns=0), or root with CAP_SYS_ADMIN; "
        "or run with --network in-process"
    )
