"""The first process of a run's namespaces: it reaps, and changes blocks when asked.

It ends when the harness closes its socket or when the zygote ends, and the kernel then
kills every process that is left in the namespace.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable

from chaos.actions import How
from chaos.errors import ChaosError
from chaos.sandbox.addresses import PRIVATE, host_of
from chaos.sandbox.blocks import Blocks
from chaos.sandbox.cuts import cut_of
from chaos.sandbox.lines import JsonObject, Lines
from chaos.sandbox.rules import rules_of


def serve(channel: Lines, blocks: Blocks, zygote: int) -> int:
    """Answer block commands until either side ends; the exit status of the zygote, or 0."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(_child_signals(), select.POLLIN)
    while True:
        status = _reap(zygote)
        if status is not None:
            return status
        for descriptor, _ in poll.poll():
            if descriptor != channel.fileno():
                os.read(descriptor, 4096)
                continue
            asked = channel.receive()
            if asked is None:
                return 0
            channel.send(_answer(blocks, asked))


def _child_signals() -> int:
    """A descriptor that becomes readable when a child ends."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # the default would not wake us
    return reader


def _reap(zygote: int) -> int | None:
    """Reap every child that ended; the zygote's status (negative: a signal) once it has."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == zygote:
            return os.waitstatus_to_exitcode(status)


def _answer(blocks: Blocks, asked: JsonObject) -> JsonObject:
    try:
        match asked:
            case {"do": "block", "name": str(name), "cuts": list(cuts), "how": str(how)}:
                rules = rules_of(map(cut_of, cuts), How(how), lambda sid: host_of(PRIVATE, sid))
                return {"done": {**blocks.block(name, rules)}}
            case {"do": "unblock", "name": str(name)}:
                return {"done": {**blocks.unblock(name)}}
            case _:
                return {"error": f"the network agent does not know {asked!r}"}
    except (ChaosError, ValueError) as error:
        return {"error": str(error)}


def run_child(work: Callable[[], int], *mine_not: socket.socket) -> int:
    """Fork; the child closes ``mine_not``, does ``work`` and ends with what it answers."""
    pid = os.fork()
    if pid:
        return pid
    status = 70  # EX_SOFTWARE: ``work`` raised, and the traceback is in the log
    try:
        for one in mine_not:
            one.close()
        status = work()
    except SystemExit as ended:  # a zygote ends itself
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:  # noqa: BLE001  told in the log, and by the status
        import traceback  # noqa: PLC0415  only a failing child needs it

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
