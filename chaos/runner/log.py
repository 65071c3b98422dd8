"""What became of each step of a plan, while a run goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from chaos.actions import Action, Evidence
from chaos.election.ids import Sid
from chaos.faults.base import Fault
from chaos.plan.model import Edge, FaultStep, Step

CUT_SHORT: Final = "cut short: "
NOT_REACHED: Final = "the run ended before this step"
CONSEQUENCES: Final = (CUT_SHORT, NOT_REACHED)  # so begin reasons whose cause is another step


@dataclass(slots=True)
class StepLog:
    """One step as it went; times are of the system's clock."""

    step: Step
    depth: int = 0  # how many steps it is inside of
    planned_ns: int | None = None
    began_ns: int | None = None
    done_ns: int | None = None  # satisfied, or injected and confirmed
    ended_ns: int | None = None  # released; for a wait the same as done
    targets: tuple[Sid, ...] = ()
    by: Sid | None = None  # at whose event of the protocol it was done
    fault: Fault | None = None  # as begun, its far side chosen
    outcome: str = "not reached"
    why: str = ""
    evidence: dict[str, int | str] = field(default_factory=dict)

    def edge(self, edge: Edge) -> int | None:
        """When this edge of the step was, if it was.

        A fault has started once its actions have taken effect: who led until then is no
        answer to what the fault should lead to.
        """
        if edge is Edge.ENDED:
            return self.ended_ns
        return self.began_ns if self.fault is None else self.done_ns

    @property
    def active(self) -> bool:
        """Whether its fault has begun and has still to end."""
        return self.fault is not None and not self.fault.instant and self.ended_ns is None

    @property
    def due_ns(self) -> int | None:
        """When its ``for`` will be over; ``None`` if nothing ends by itself."""
        verb = self.step.verb
        if not isinstance(verb, FaultStep) or verb.for_ns is None or not self.active:
            return None
        return None if self.began_ns is None else self.began_ns + verb.for_ns

    def proved(self, action: Action, evidence: Evidence) -> None:
        """Keep what an action proved, for the report."""
        name = type(action).__name__
        for key, value in evidence.facts.items():
            self.evidence[f"{name}: {key}"] = value
