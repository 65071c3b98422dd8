"""The few calls of the C library that Python 3.11 does not offer.

Source: prctl(2), unshare(2), setns(2), mount(2), pidfd_open(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import struct
from functools import cache
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
MS_NOSUID_NODEV_NOEXEC: Final = 2 | 4 | 8
MS_BIND: Final = 0x1000
MS_REC_PRIVATE: Final = 0x4000 | 0x40000

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SIOCETHTOOL = 0x8946


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Move this process into new namespaces.

    Raises:
        OSError: the kernel, a container or a limit does not allow it.
    """
    _must(_libc().unshare(ctypes.c_int(flags)), "unshare")


def enter_network(descriptor: int) -> None:
    """Move this thread into the network namespace behind ``descriptor``.

    Raises:
        OSError: it is none, or belongs to somebody else.
    """
    _must(_libc().setns(ctypes.c_int(descriptor), ctypes.c_int(CLONE_NEWNET)), "setns")


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """Mount ``source`` on ``target``.

    Raises:
        OSError: not allowed here.
    """
    _must(
        _libc().mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind is not None else None,
            ctypes.c_ulong(flags),
            None,
        ),
        f"mount {target}",
    )


def set_link(any_socket: int, link: str, command: int, value: int) -> None:
    """``ethtool --offload``: set what ``command`` names on a link of the socket's namespace.

    Raises:
        OSError: the link cannot be set so.
    """
    asked = ctypes.create_string_buffer(struct.pack("=II", command, value))
    request = struct.pack("@16sP16x", link.encode(), ctypes.addressof(asked))
    fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def die_with(parent_pidfd: int) -> None:
    """Ask the kernel to SIGKILL this process when its parent ends; end now if it has.

    The kernel forgets this wish when credentials change (``commit_creds``), so it must be
    repeated after an ``unshare`` of the user namespace. It is the parent's *thread* that
    counts: one that forks must live as long as the child should.
    """
    _must(_libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if has_ended(parent_pidfd):
        os._exit(1)


def adopt_orphans() -> None:
    """Ask the kernel to make this process the parent of whoever of its offspring loses its own."""
    _must(_libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def has_ended(pidfd: int) -> bool:
    """Whether the process behind ``pidfd`` is gone (or a zombie)."""
    return ended_within(pidfd, 0)


def ended_within(pidfd: int, timeout_ms: int) -> bool:
    """Wait up to ``timeout_ms`` for the process behind ``pidfd`` to end."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_ms))


def state_of(pid: int) -> str:
    """The kernel's letter for a process: ``R``, ``S``, ``T`` (stopped), ``Z``; empty when gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(")")[2].split()[0]


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
