"""``stop: decided``: what a plan asks of all its runs, asked at a few looks until it is answered.

A look at n runs is made when the first n of them have ended, counted by their numbers and not by
who was first: several at once would else bring the quick ones together. What is answered at a
look stays so; what is left goes on to the next. Nothing is answered between two looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chaos.campaign.asked import Asked, Baselines, answer, questions
from chaos.campaign.baselines import RunSet, run_sets
from chaos.campaign.run_set import SetRun
from chaos.plan.model import Plan
from chaos.plan.repeats import Repeat
from chaos.statistics.looks import Look, looks
from chaos.store import RunResult
from chaos.verify.verdict import Outcome, Verdict

Runs = Sequence[tuple[RunResult, SetRun]]


class Deciding:
    """The questions of one cell, and which of them are answered."""

    def __init__(self, plan: Plan, baselines: Baselines, repeat: Repeat) -> None:
        self._baselines = baselines
        self._runs = repeat.runs
        self._least = repeat.min_valid or 1
        self._asked = questions(plan)
        self._looks = looks(repeat.runs, self._least)
        self._made = 0
        self._answers: dict[Asked, Verdict] = {}
        self.head: RunSet | None = None  # the runs of the last look

    @property
    def last(self) -> Look | None:
        """The last look that was made."""
        return self._looks[self._made - 1] if self._made else None

    @property
    def looks(self) -> int:
        """How many looks there are at most."""
        return len(self._looks)

    @property
    def decided(self) -> bool:
        """Every question is answered."""
        return len(self._answers) == len(self._asked)

    def look(self, runs: Runs, valid: Mapping[int, bool]) -> None:
        """Make each look that is due. ``valid`` has the runs that have ended, by their numbers.

        A look at which too few runs are valid passes; what it might have spent is gone.
        """
        while self._made < len(self._looks) and not self.decided:
            due = self._looks[self._made]
            numbers = range(1, due.n + 1)
            if not all(number in valid for number in numbers):
                return
            self._made += 1
            heads = run_sets([one for one in runs if one[0].repeat <= due.n])
            self.head = heads[0] if heads else None
            if heads and sum(valid[number] for number in numbers) >= self._least:
                self._ask(heads[0], due)

    def _ask(self, head: RunSet, due: Look) -> None:
        final = due.n == self._runs
        for asked in self._asked:
            if asked in self._answers:
                continue
            found = answer(asked if final else asked.undecided(), head, self._baselines, due.share)
            if final or found.outcome in (Outcome.HOLDS, Outcome.FAILS):
                said = f"{found.summary}; look {due.number} of {self.looks}"
                self._answers[asked] = replace(found, summary=said)

    def verdicts(self) -> tuple[Verdict, ...]:
        """The answers, in the plan's order; unknown where runs ended before the look they need."""
        return tuple(
            self._answers[asked] if asked in self._answers else self._open(asked)
            for asked in self._asked
        )

    def _open(self, asked: Asked) -> Verdict:
        n = 0 if self.head is None else len(self.head.runs)
        if self._made == len(self._looks):
            why = f"fewer than {self._least} of {self._runs} runs were valid"
        else:
            due = self._looks[self._made]
            why = f"not decided; look {due.number} of {self.looks} is at {due.n} runs"
        return asked.unknown(why, n)
