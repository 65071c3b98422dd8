"""What came of each cell of each plan, as continuous integration wants to be told it.

A cell is one case, however often it was run. JUnit, the Markdown summary and the annotations are
drawn from it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from chaos.campaign.record import RunRecord
from chaos.runner import codes
from chaos.runner.known import sentence, together
from chaos.store import known_from
from chaos.verify.verdict import KnownMet, Met, Outcome, Verdict


class Status(StrEnum):
    """How a case stands. Only ``passed`` is green."""

    FAILED = "failed"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    FLAKY = "flaky"
    EXPECTED = "expected failure"
    SKIPPED = "skipped"
    PASSED = "passed"


# what an exit code is called where a reader groups by a word
TYPES = {
    codes.FAILED: "expectation",
    codes.USAGE: "usage",
    codes.INCONCLUSIVE: "inconclusive",
    codes.INFRASTRUCTURE: "infrastructure",
    codes.NOTHING_RAN: "nothing_ran",
    codes.REGRESSED: "regression",
    codes.UNSAFE: "safety",
    codes.RESIDUE: "residue",
    codes.INTERRUPTED: "interrupted",
    codes.TERMINATED: "terminated",
}

_ALWAYS = (codes.UNSAFE, codes.RESIDUE)


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of a plan on one system.

    ``exit_code`` is that of all its ``runs`` together, ``headline`` what it comes from.
    ``skipped`` says why none was begun. ``earlier`` are attempts beside ``runs`` at the same runs,
    those that failed or were made because one had; with them, a case that passes is flaky.
    ``retried`` are attempts that told nothing and were made again for that alone. ``together``
    are the verdicts on all runs as a set, and ``known_together`` what became of known issues in
    them. ``compared`` says what they look like beside other sets. ``took_ns`` is how long all of
    it took. ``owner`` and ``tags`` are the plan's.
    """

    plan: str
    file: str
    cell: str
    system: str
    exit_code: int
    headline: str
    runs: tuple[RunRecord, ...] = ()
    together: tuple[Verdict, ...] = ()
    known_together: tuple[KnownMet, ...] = ()
    earlier: tuple[RunRecord, ...] = ()
    retried: tuple[RunRecord, ...] = ()
    compared: tuple[str, ...] = ()
    skipped: str = ""
    took_ns: int = 0
    owner: str = ""
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The plan's name, with its cell if it has one."""
        return f"{self.plan}[{self.cell}]" if self.cell else self.plan

    @property
    def status(self) -> Status:
        """An inconclusive case is an error to whoever knows no such word: never green."""
        if self.skipped:
            return Status.SKIPPED
        if self.exit_code == codes.PASSED:
            green = Status.EXPECTED if self.expected else Status.PASSED
            return Status.FLAKY if self.earlier else green
        if self.exit_code in codes.FAILURES:
            return Status.FAILED
        return Status.INCONCLUSIVE if self.exit_code == codes.INCONCLUSIVE else Status.ERROR

    @property
    def exits(self) -> int:
        """The exit code that it counts with: a flaky case counts as one that failed."""
        return codes.FAILED if self.status is Status.FLAKY else self.exit_code

    @property
    def retries(self) -> str:
        """How often a run was made again that told nothing: ``2 infrastructure retries``."""
        kinds = {codes.INFRASTRUCTURE: "infrastructure", codes.INCONCLUSIVE: "inconclusive"}
        told = [
            f"{many} {kind} {'retry' if many == 1 else 'retries'}"
            for code, kind in kinds.items()
            if (many := sum(one.exit_code == code for one in self.retried))
        ]
        return ", ".join(told)

    @property
    def type(self) -> str:
        """The word for its exit code."""
        return TYPES.get(self.exit_code, f"exit code {self.exit_code}")

    @property
    def known(self) -> tuple[tuple[KnownMet, int, int], ...]:
        """What became of each known issue: in how many of the runs it was seen, and of how many."""
        rows = together(tuple(map(known_from, one.known)) for one in self.counting)
        of_set = {one.signature: one for one in self.known_together if one.met is not Met.NOT_SEEN}
        return tuple(
            (of_set[one.signature], of, of) if one.signature in of_set and not seen
            else (one, seen, of)
            for one, seen, of in rows
        )  # fmt: skip

    @property
    def expected(self) -> tuple[tuple[KnownMet, int, int], ...]:
        """The known issues that were seen, and are expected."""
        return tuple(one for one in self.known if one[0].met is Met.SEEN)

    @property
    def telling(self) -> RunRecord | None:
        """The first run that has the exit code of all; none if all of them together have it."""
        return next((one for one in self.counting if one.exit_code == self.exit_code), None)

    @property
    def counting(self) -> tuple[RunRecord, ...]:
        """Those that its exit code comes from: of those that warm up, what always counts."""
        return tuple(one for one in self.runs if not one.warmup or one.exit_code in _ALWAYS)

    @property
    def message(self) -> str:
        """Why it did not pass, with the repeat that shows it."""
        if self.skipped:
            return self.skipped
        if self.status is Status.EXPECTED:
            return "; ".join(sentence(*one) for one in self.expected)
        run = self.telling
        if run is None:
            return self.headline
        warmup = "warm-up " if run.warmup else "repeat "
        many = len(self.runs) > 1
        which = f"{warmup}{run.repeat} of {_of(self.runs, warmup=run.warmup)}, " if many else ""
        told = f"{which}seed {run.seed}: {run.headline}"
        return told if run.headline == self.headline else f"{self.headline}; {told}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict that does not hold. ``where`` is ``file:line:column``, empty if it has no place.

    ``signature`` is that of a failure.
    """

    name: str
    outcome: str
    summary: str
    where: str
    signature: str = ""


def findings(case: Case) -> tuple[Finding, ...]:
    """What did not hold in any run of a case, each name once, what fails before what is unknown.

    Of a flaky case, what did not hold at first.
    """
    found: dict[tuple[str, str], Finding] = {}
    runs = case.earlier if case.status is Status.FLAKY else case.counting
    for one in (*_of_set(case.together), *_of_runs(runs)):
        found.setdefault((one.name, one.outcome), one)
    fails = [one for one in found.values() if one.outcome == Outcome.FAILS]
    names = {one.name for one in fails}
    return (*fails, *(one for one in found.values() if one.name not in names))


def counts(cases: Iterable[Case]) -> dict[Status, int]:
    """How many cases stand how, the worst first."""
    found = dict.fromkeys(Status, 0)
    for case in cases:
        found[case.status] += 1
    return found


def _of(runs: tuple[RunRecord, ...], *, warmup: bool) -> int:
    return sum(one.warmup is warmup for one in runs)


_BAD = (Outcome.FAILS, Outcome.UNKNOWN)


def _of_set(verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    for one in verdicts:
        if one.outcome in _BAD and not one.known:
            yield Finding(one.name, one.outcome.value, one.summary, one.where, one.signature)


def _of_runs(runs: Iterable[RunRecord]) -> Iterator[Finding]:
    for run in runs:
        for told in run.verdicts:
            assert isinstance(told, dict)
            if told["outcome"] in _BAD and not told.get("known"):
                keys = ("name", "outcome", "summary", "where", "signature")
                yield Finding(*(str(told.get(key, "")) for key in keys))
