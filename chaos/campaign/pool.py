"""Worker processes for runs of real processes: each with a main thread, and a world, of its own.

A worker dies with the process that made it, by whatever signal, and the kernel then ends the
worker's worlds. SIGTERM to a worker ends its run as Ctrl-C ends one; SIGINT, which a terminal
sends to everybody, is left to the process in front, which passes on what it decides.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from types import FrameType

from chaos.sandbox.libc import die_with


class Terminated(SystemExit):
    """SIGTERM came: end the run as Ctrl-C does. Who has none to end just ends."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class _Told:
    """Whether this worker was told to end. Work that still comes is refused."""

    to_end = False


@contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """An executor of so many processes; however it is left, none of them is, nor their runs."""
    executor = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    )
    before = set(multiprocessing.active_children())
    try:
        yield executor
    except BaseException:
        for child in multiprocessing.active_children():
            if child not in before:
                child.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def refuse_if_ended() -> None:
    """Do not begin what was queued before this worker was told to end.

    Raises:
        Terminated: it was.
    """
    if _Told.to_end:
        raise Terminated


def _begin() -> None:
    """In a new worker, before its first run."""
    parent = os.pidfd_open(os.getppid())
    die_with(parent)
    os.close(parent)
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, _left_to_the_front)


def _terminated(number: int, frame: FrameType | None) -> None:
    del number, frame
    if _Told.to_end:
        return  # its run is being cleaned up
    _Told.to_end = True
    raise Terminated


def _left_to_the_front(number: int, frame: FrameType | None) -> None:
    """Nothing; no SIG_IGN either, which the programs of a run would inherit."""
    del number, frame
