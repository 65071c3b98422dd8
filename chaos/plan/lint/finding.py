"""What the linter finds in a plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.plan.model import Where


class Severity(StrEnum):
    """How sure it is that the plan is not what its author wants."""

    ERROR = "error"  # it can never hold, or never be done
    WARNING = "warning"  # it says nothing, or may not hold
    HINT = "hint"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` is wrong at ``where``; ``why`` shows the arithmetic, ``instead`` what would do.

    ``rule`` is its short name, ``about`` the id of the step, expectation or invariant.
    """

    rule: str
    severity: Severity
    where: Where
    about: str
    what: str
    why: str
    instead: str

    def __str__(self) -> str:
        head = f"{self.where}: {self.severity}: {self.about}: {self.what}"
        return f"{head}\n    {self.why}\n    instead: {self.instead}  [{self.rule}]"
