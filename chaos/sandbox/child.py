"""A forked child that never goes on as its parent."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable


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
