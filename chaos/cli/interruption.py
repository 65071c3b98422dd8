"""Ctrl-C and SIGTERM: the first one ends a command, and its cleaning up is left alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from chaos.campaign.pool import Terminated


@contextmanager
def ended_once() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into an exception; every later one is ignored.

    Who presses Ctrl-C again while peers are being ended would else cut that short. It stays so
    until the process is over, which it soon is; SIGQUIT and SIGKILL go on to work, and the kernel
    then ends the peers.

    Raises:
        KeyboardInterrupt: SIGINT came.
        Terminated: SIGTERM came.
    """
    came = False

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal came
        del frame
        if came:
            return
        came = True
        for one in before:
            signal.signal(one, signal.SIG_IGN)  # a handler is taken away before the last moment
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    for one in before:
        signal.signal(one, handler)
    try:
        yield
    finally:
        if not came:
            for one, was in before.items():
                signal.signal(one, was)
