"""What one run is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from chaos.election.ids import Sid
from chaos.faults.targets import Aim
from chaos.plan.draws import Drawn
from chaos.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Until:
    """A moment of CLOCK_MONOTONIC, in ns, and in words what is used up then."""

    at_ns: int
    what: str

    @property
    def why(self) -> str:
        """What there is to say once it has come."""
        return f"{self.what} is used up"


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one plan; ``reproduce`` is the command that does it again.

    ``repeat`` counts the runs of its plan from 1; it names the run, and draws nothing.
    ``fixed`` says of faults, by their steps, whom they are done to, whatever their selectors mean;
    ``came`` at whose event of the protocol a step is done; ``draws`` what numbers are drawn.
    ``to_the_end``: a broken law does not end the steps. ``day``, as ISO 8601 has it, is today's
    if it is empty. ``until`` ends all of it: the run is then broken off.
    """

    plan: Plan
    seed: int
    reproduce: str
    fixed: Mapping[str, Aim] = field(default_factory=lambda: MappingProxyType({}))
    came: Mapping[str, Sid] = field(default_factory=lambda: MappingProxyType({}))
    draws: Drawn = field(default_factory=lambda: MappingProxyType({}))
    repeat: int = 1
    warmup: bool = False
    to_the_end: bool = False
    day: str = ""
    until: Until | None = None
