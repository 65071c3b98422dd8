"""The few calls of the C library that Python 3.11 does not offer.

Source: prctl(2), unshare(2), mount(2), pidfd_open(2).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
from functools import cache
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
MS_NOSUID_NODEV_NOEXEC: Final = 2 | 4 | 8
MS_REC_PRIVATE: Final = 0x4000 | 0x40000

_PR_SET_PDEATHSIG = 1


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Move this process into new namespaces.

    Raises:
        OSError: the kernel, a container or a limit does not allow it.
    """
    _must(_libc().unshare(ctypes.c_int(flags)), "unshare")


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


def die_with(parent_pidfd: int) -> None:
    """Ask the kernel to SIGKILL this process when its parent ends; end now if it has.

    The kernel forgets this wish when credentials change (``commit_creds``), so it must be
    repeated after an ``unshare`` of the user namespace. It is the parent's *thread* that
    counts: one that forks must live as long as the child should.
    """
    _must(_libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if has_ended(parent_pidfd):
        os._exit(1)


def has_ended(pidfd: int) -> bool:
    """Whether the process behind ``pidfd`` is gone (or a zombie)."""
    return ended_within(pidfd, 0)


def ended_within(pidfd: int, timeout_ms: int) -> bool:
    """Wait up to ``timeout_ms`` for the process behind ``pidfd`` to end."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_ms))


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
