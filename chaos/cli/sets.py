"""All runs of one plan, once they are over: what the plan asks of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from chaos.campaign.asked import Baselines, asks_of_sets, baselines_of, judge_set, seeds_of
from chaos.campaign.baselines import RunSet, run_sets
from chaos.campaign.beside import Beside, wanted
from chaos.campaign.deciding import Deciding
from chaos.campaign.record import DECIDED
from chaos.campaign.run_set import SetRun, set_run
from chaos.history.history import History
from chaos.plan.model import Plan
from chaos.plan.repeats import Repeat, Stop
from chaos.runner.known import explained, signed
from chaos.runner.run import outcome_of
from chaos.runner.surroundings import today
from chaos.statistics.looks import Look
from chaos.store import RunResult, known_json, verdict_json
from chaos.verify.verdict import KnownMet, Verdict


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """What came of a set of runs; ``exit_code`` is of the set alone."""

    plan: str
    cell: str
    system: str
    runs: int
    exit_code: int
    headline: str
    verdicts: tuple[Verdict, ...]
    look: Look | None = None  # of how many there may be, with stop: decided
    looks: int = 0
    known: tuple[KnownMet, ...] = ()

    def document(self) -> Mapping[str, object]:
        """The same as JSON."""
        return {
            "plan": self.plan,
            "cell": self.cell,
            "system": self.system,
            "runs": self.runs,
            "look": None if self.look is None else {**asdict(self.look), "of": self.looks},
            "exit_code": self.exit_code,
            "headline": self.headline,
            "verdicts": [verdict_json(one) for one in self.verdicts],
            "known_issues": [known_json(one) for one in self.known],
        }


@dataclass(slots=True)
class PlanRuns:
    """The runs of one plan so far; nothing is kept for a plan that asks nothing of sets."""

    plan: Plan
    system: str
    repeat: Repeat
    baselines: Baselines
    seeds: tuple[int, ...] | None = None  # of its runs, if they are those of a baseline's
    deciding: Deciding | None = None
    beside: tuple[Beside, ...] = ()  # what the plan wants to be compared with
    runs: list[tuple[RunResult, SetRun]] = field(default_factory=list)
    day: str = field(default_factory=today)
    _places: dict[int, int] = field(default_factory=dict)  # in ``runs``, by the runs' numbers

    @classmethod
    def open(cls, plan: Plan, system: str, repeat: Repeat, out: Path) -> PlanRuns:
        """Read the baselines that the plan names.

        Raises:
            PlanError: there is no such baseline, or none with runs to be paired with.
        """
        baselines = baselines_of(plan, out)
        seeds = seeds_of(plan, repeat, system, baselines)
        decides = repeat.stop is Stop.DECIDED
        deciding = Deciding(plan, baselines, repeat) if decides else None
        names = plan.report.compare_to
        beside = wanted(names, (plan.name, plan.cell, system), out) if names else ()
        return cls(plan, system, repeat, baselines, seeds, deciding, beside)

    @property
    def asked(self) -> bool:
        """Something is wanted of its runs together: an answer, or to be kept as a set."""
        return asks_of_sets(self.plan) or self.plan.report.gathers

    @property
    def heads(self) -> tuple[RunSet, ...]:
        """All its runs as sets: one, unless their surroundings changed."""
        return run_sets(self.runs)

    @property
    def decided(self) -> bool:
        """All that is asked of them is answered, and that was to end them."""
        return self.deciding is not None and self.deciding.decided

    def add(self, result: RunResult, history: History, folder: Path) -> None:
        """A run is over. Of several attempts at one, the first that told something is in the set.

        Were it the last, a set would be the better the oftener what failed is made again.
        """
        if not self.asked:
            return
        run = (result, set_run(result, history, str(folder)))
        place = self._places.setdefault(result.repeat, len(self.runs))
        if place == len(self.runs):
            self.runs.append(run)
        elif self.runs[place][0].exit_code not in DECIDED:
            self.runs[place] = run

    def ended(self, valid: Mapping[int, bool]) -> None:
        """So many runs are over, by their numbers, and these of them are valid."""
        if self.deciding is not None:
            self.deciding.look(self.runs, valid)

    def outcome(self) -> SetOutcome | None:
        """What all of them come to; None if nothing is asked of them, or none came to its end."""
        sets = self.heads
        if not sets or not asks_of_sets(self.plan):
            return None
        if self.deciding is not None:
            head, verdicts = self.deciding.head or sets[0], self.deciding.verdicts()
        else:
            head = sets[0]
            verdicts = judge_set(self.plan, head, self.baselines)
        verdicts, known = explained(signed(self.plan, verdicts), self.plan.known_issues, self.day)
        code, headline = outcome_of(verdicts, "")
        found = SetOutcome(
            head.plan, head.cell, head.system, len(head.runs), code, headline, verdicts, known=known
        )
        if self.deciding is None:
            return found
        return replace(found, look=self.deciding.last, looks=self.deciding.looks)
