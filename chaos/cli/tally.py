"""What came of all runs of one command, and the document that ``--json`` prints."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from chaos.campaign.attempts import Tried
from chaos.campaign.record import RunRecord, fresh_file, line
from chaos.cli.sets import SetOutcome
from chaos.cli.tasks import called
from chaos.plan.model import Plan
from chaos.runner import codes
from chaos.runner.rejudge import Change
from chaos.store import RunResult, result_json

FORMAT = 1


@dataclass(slots=True)
class Tally:
    """Runs that were judged, plans that were skipped, and what went wrong besides."""

    codes: list[int] = field(default_factory=list)
    runs: list[Mapping[str, object]] = field(default_factory=list)
    skipped: list[Mapping[str, object]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sets: list[Mapping[str, object]] = field(default_factory=list)
    records: list[RunRecord] = field(default_factory=list)
    not_run: list[Mapping[str, object]] = field(default_factory=list)
    flaky: list[Mapping[str, object]] = field(default_factory=list)
    retries: Counter[int] = field(default_factory=Counter)  # by the exit code that was the reason
    beside: list[Mapping[str, object]] = field(default_factory=list)
    shard: Mapping[str, int] | None = None
    elsewhere: bool = False  # whether other shards run something
    file: Path | None = None  # with a line for each run, once there are two

    def written(self, record: RunRecord, out: Path) -> None:
        """Add a run to the file of this command's runs, made when the second one ends."""
        self.records.append(record)
        if len(self.records) < 2:
            return
        if self.file is None:
            self.file = fresh_file(out)
            lines = "".join(map(line, self.records))
        else:
            lines = line(record)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(lines)

    def judged(self, result: RunResult, folder: Path, attempt: int = 1) -> None:
        """A run has come to its end."""
        self.runs.append({"folder": str(folder), "attempt": attempt, **result_json(result)})

    def tried(self, run: Tried) -> None:
        """A run is not made again any more; one that is flaky counts as one that failed."""
        self.retries.update(one.exit_code for one in run.retried)
        if not run.flaky:
            return
        self.codes.append(codes.FAILED)
        first = run.earlier[0]
        self.flaky.append(
            {
                "plan": first.plan,
                "cell": first.cell,
                "system": first.system,
                "seed": first.seed,
                "repeat": first.repeat,
                "attempts": len(run.attempts),
                "headline": first.headline,
                "reproduce": first.reproduce,
            }
        )

    def removed(self, folders: Set[str]) -> None:
        """The folders of runs are gone, as their plan wants it."""
        self.runs = [
            {**run, "folder": None} if run["folder"] in folders else run for run in self.runs
        ]

    def of_plan(self, plan: Plan) -> dict[str, object]:
        """What came of one plan, as it stands in the document."""
        found: dict[str, object] = {
            "runs": [one for one in self.runs if one["plan_file"] == plan.file]
        }
        parts = {
            "sets": self.sets,
            "skipped": self.skipped,
            "not_run": self.not_run,
            "flaky": self.flaky,
            "compared": self.beside,
        }
        for key, part in parts.items():
            found[key] = [one for one in part if one["plan"] == plan.name]
        return found

    def together(self, outcome: SetOutcome) -> None:
        """All runs of a plan were judged together."""
        self.codes.append(outcome.exit_code)
        self.sets.append(outcome.document())

    def compared(self, changed: Iterable[Change]) -> None:
        """What the last run was judged otherwise in than the run that it repeats."""
        self.runs[-1] = {**self.runs[-1], "changed": [change_json(one) for one in changed]}

    def skip(self, plan: Plan, system: str, reason: str) -> None:
        """A plan was not run; says so on stderr."""
        self.skipped.append(
            {"plan": plan.name, "plan_file": plan.file, "system": system, "reason": reason}
        )
        sys.stderr.write(f"chaos: {plan.file}: skipped: {reason}\n")

    def leave(self, plan: Plan, system: str, runs: tuple[int, int], reason: str) -> str:
        """So many runs, of how many, were not begun; says so on stderr, and answers in words."""
        left, of = runs
        self.not_run.append(
            {
                "plan": plan.name,
                "cell": plan.cell,
                "system": system,
                "runs": left,
                "of": of,
                "reason": reason,
            }
        )
        words = f"{left} of {of} runs not run: {reason}"
        sys.stderr.write(f"chaos: {called(plan)}: {words}\n")
        return words

    def fail(self, error: BaseException | str, code: int | None = None) -> None:
        """Something else went wrong; says so on stderr. ``code`` counts among the runs' codes."""
        if code is not None:
            self.codes.append(code)
        self.errors.append(str(error))
        sys.stderr.write(f"chaos: {error}\n")

    @property
    def code(self) -> int:
        """The most serious exit code; that nothing ran, if nothing did here nor elsewhere."""
        if not self.codes and self.elsewhere:
            return codes.PASSED
        return codes.worst(self.codes)

    def document(self, code: int) -> str:
        """All of it as JSON. ``code`` is what the command exits with."""
        whole = {
            "version": FORMAT,
            "exit_code": code,
            "runs": self.runs,
            "sets": self.sets,
            "campaign": None if self.file is None else str(self.file),
            "skipped": self.skipped,
            "not_run": self.not_run,
            "flaky": self.flaky,
            "retries": {
                "infrastructure": self.retries[codes.INFRASTRUCTURE],
                "inconclusive": self.retries[codes.INCONCLUSIVE],
            },
            "compared": self.beside,
            "shard": self.shard,
            "errors": self.errors,
        }
        return json.dumps(whole, indent=1) + "\n"


def change_json(change: Change) -> dict[str, str | None]:
    """A verdict that is another one than before; ``None``: there was, or is, none."""
    return {
        "name": change.name,
        "was": None if change.was is None else change.was.value,
        "is": None if change.now is None else change.now.value,
    }
