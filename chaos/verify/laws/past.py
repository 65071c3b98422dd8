"""What a peer's earlier incarnations leave to the laws of the next one."""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.history.events import Began
from chaos.verify.standing import Standing


@dataclass(slots=True)
class Past:
    """What all incarnations of a peer so far have promised, and put in force.

    ``promised`` is the last epoch that it acked, and the event, ``kept`` the last that is surely on
    its disk: a kill may have come before the last step's write; ``version`` is of the highest
    configuration, ``None`` before there was one, and ``unwritten`` those before that, from what
    may not be done of its journal. A watcher writes all three.
    """

    promised: tuple[int, int] = (0, 0)
    kept: tuple[int, int] = (0, 0)
    version: int | None = None
    unwritten: set[int] = field(default_factory=set)

    def born(self, index: int, began: Began, standing: Standing) -> None:
        """Forget what the tester took back while the peer was down, and what was never kept."""
        touched = standing.disk.touched
        if began.spec.accepted_epoch < self.promised[0]:
            self.promised = self.kept
        if "acceptedEpoch" in touched and began.spec.accepted_epoch < self.promised[0]:
            self.promised = (began.spec.accepted_epoch, index)
        self.kept = self.promised
        if {"zxid", "currentEpoch"} <= touched:
            self.version = None  # a wiped disk forgets its configuration too
            self.unwritten.clear()
