"""The words that a plan may use for metrics and abilities."""

from __future__ import annotations

from typing import Final

from chaos import actions as act
from chaos.actions import Action
from chaos.faults.base import Fault
from chaos.faults.catalogue import FAULTS

METRICS: Final = {  # and the unit of each
    "election.detect": "ns",
    "election.vote": "ns",
    "election.finalize": "ns",
    "election.total": "ns",
    "election.peer": "ns",
    "election.leaderless": "ns",
    "election.converge": "ns",
    "activation.discovery": "ns",
    "activation.synchronisation": "ns",
    "activation.broadcast": "ns",
    "leader.absent": "ns",
    "leader.overlap": "ns",
    "fault.late": "ns",
    "rounds": "count",
    "epochs.started": "count",
}
SAME_METRIC: Final = {  # other names that a plan may use
    f"election.phase.{phase}": f"{room}.{phase}"
    for room, phases in (
        ("election", ("detect", "vote", "finalize")),
        ("activation", ("discovery", "synchronisation", "broadcast")),
    )
    for phase in phases
}


def metric_of(word: str) -> str:
    """The name that measures have for what a plan calls ``word``."""
    return SAME_METRIC.get(word, word)


_WITHOUT_RESTART: Final[dict[str, frozenset[type[Action]]]] = {
    "kill": frozenset({act.Kill}),
    "terminate": frozenset({act.Terminate}),
    "disk_full": frozenset({act.SpoilDisk, act.MendDisk}),
}


def _ability(word: str, fault: type[Fault]) -> frozenset[type[Action]]:
    """What every fault of this word needs; its step says what it needs beyond that."""
    found: object = vars(fault).get("needs")
    return found if isinstance(found, frozenset) else _WITHOUT_RESTART[word]


INSIDE: Final = "inside"
ABILITIES: Final[dict[str, frozenset[type[Action]]]] = {
    **{word: _ability(word, fault) for word, fault in FAULTS.items()},
    "links": frozenset({act.Block, act.Unblock, act.Slow, act.Lose, act.Clear}),
    "logical_clock": frozenset({act.TurnRound}),
    "message_gate": frozenset({act.Hold, act.LetGo}),
    # What is done to the memory of a running peer, which only a peer of our own lets happen.
    INSIDE: frozenset({act.TurnRound, act.SkewTimers}),
}
