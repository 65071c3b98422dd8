"""A peer started by hand, for a debugger: the very same one, without a control channel."""

from __future__ import annotations

import signal

from chaos.peer.birth import Birth
from chaos.peer.process import run


def run_by_hand(birth: Birth) -> int:
    """Be a peer until SIGINT or SIGTERM; the exit code. ``birth.wait`` does not matter.

    Raises:
        InfrastructureError: the journal of this incarnation exists or cannot be written;
            ``chaos.peer.disk.next_incarnation`` gives a free number.
    """
    signal.signal(signal.SIGINT, _to_the_loop)
    return run(birth)


def _to_the_loop(_number: int, _frame: object) -> None:
    """The peer's loop hears of the signal by its wake-up descriptor."""
