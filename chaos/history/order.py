"""The order of a history's events."""

from __future__ import annotations

from chaos.history.answers import Answered
from chaos.history.events import (
    Aborted,
    Acted,
    Appeared,
    Began,
    Event,
    Exited,
    Listed,
    Recalled,
    RunBegan,
    RunEnded,
    Sampled,
    StepBegan,
    StepEnded,
    Used,
)


def order(event: Event) -> tuple[int, int, int, int]:
    """The key that sorts a history: time, then peer, incarnation and line.

    The run's own first and last line stay first and last. In one instant the plan comes before
    the peers; but no peer is hurt before it is there.
    """
    match event:
        case RunBegan():
            return (-1, -1, 0, 0)
        case RunEnded():
            return (2**63, -1, 0, 0)
        case Exited() | Used():
            return (event.at_ns, event.sid, event.inc, 2**62)
        case Began(inc=0) | Appeared(inc=0):
            return (event.at_ns, -2, event.sid, 0)
        case (
            StepBegan()
            | StepEnded()
            | Acted()
            | Sampled()
            | Aborted()
            | Answered()
            | Recalled()
            | Listed()
        ):
            return (event.at_ns, -1, 0, 0)
        case _:
            return (event.at_ns, event.sid, event.inc, event.seq)
