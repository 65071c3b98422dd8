"""Faults that get in each other's way on one peer.

Two pauses of one process end with the first SIGCONT, two skews of one clock with the first
return to true speed: the second fault would be shown for a time in which it was not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from chaos.election.ids import Sid
from chaos.faults.base import Fault
from chaos.faults.processes import Kill, Pause, Terminate
from chaos.faults.skews import SkewTimers
from chaos.history.view import EnsembleView
from chaos.runner.log import StepLog

_EXCLUSIVE: Final = (Pause, SkewTimers)


def clashing(fault: Fault, targets: tuple[Sid, ...], logs: Iterable[StepLog]) -> str | None:
    """Why ``fault`` cannot begin now: another of its kind is on one of its targets."""
    if not isinstance(fault, _EXCLUSIVE):
        return None
    for log in logs:
        shared = set(targets) & set(log.targets)
        if log.active and type(log.fault) is type(fault) and shared:
            return f"{log.step.id} does the same to peer {min(shared)}, and is not over"
    return None


def ended_by(ending: StepLog, logs: Iterable[StepLog], view: EnsembleView) -> Iterator[StepLog]:
    """The pauses and skews that are over because ``ending`` has ended all of their processes."""
    if not isinstance(ending.fault, Kill | Terminate):
        return
    gone = {sid for sid in ending.targets if not view.peers[sid].up}  # it may not have bitten
    for log in logs:
        if log.active and isinstance(log.fault, _EXCLUSIVE) and gone.issuperset(log.targets):
            yield log
