"""All runs of one plan, once they are over: what the plan asks of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos.campaign.asked import Baselines, asks_of_sets, baselines_of, judge_set
from chaos.campaign.baselines import run_sets
from chaos.campaign.run_set import SetRun, set_run
from chaos.history.history import History
from chaos.plan.model import Plan
from chaos.runner.run import outcome_of
from chaos.store import RunResult, verdict_json
from chaos.verify.verdict import Verdict


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """What came of a set of runs; ``exit_code`` is of the set alone."""

    plan: str
    system: str
    runs: int
    exit_code: int
    headline: str
    verdicts: tuple[Verdict, ...]

    def document(self) -> Mapping[str, object]:
        """The same as JSON."""
        return {
            "plan": self.plan,
            "system": self.system,
            "runs": self.runs,
            "exit_code": self.exit_code,
            "headline": self.headline,
            "verdicts": [verdict_json(one) for one in self.verdicts],
        }


@dataclass(slots=True)
class PlanRuns:
    """The runs of one plan so far; nothing is kept for a plan that asks nothing of sets."""

    plan: Plan
    baselines: Baselines
    runs: list[tuple[RunResult, SetRun]] = field(default_factory=list)

    @classmethod
    def open(cls, plan: Plan, out: Path) -> PlanRuns:
        """Read the baselines that the plan names.

        Raises:
            PlanError: there is no such baseline.
        """
        return cls(plan, baselines_of(plan, out))

    @property
    def asked(self) -> bool:
        """The plan asks something of its runs together."""
        return asks_of_sets(self.plan)

    def add(self, result: RunResult, history: History, folder: Path) -> None:
        """A run is over."""
        if self.asked:
            self.runs.append((result, set_run(result, history, str(folder))))

    def outcome(self) -> SetOutcome | None:
        """What all of them come to; None if nothing is asked of them, or none came to its end."""
        sets = run_sets(self.runs)
        if not sets:
            return None
        head = sets[0]
        verdicts = judge_set(self.plan, head, self.baselines)
        code, headline = outcome_of(verdicts, "")
        return SetOutcome(head.plan, head.system, len(head.runs), code, headline, verdicts)
