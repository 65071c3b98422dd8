"""All runs of one command on one page: what came of each cell, and how long elections took.

The unit is a run, which is a fresh cluster: of several values of one run their median stands for
it, as in ``chaos compare``. There is no mean, and no quantile that n is too small for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.campaign.record import RunRecord
from chaos.campaign.shares import shares
from chaos.report import words
from chaos.report.cases import Case, Finding, Status, counts, findings
from chaos.report.ecdf import LINES_MAX, Curve, ecdf
from chaos.report.markdown import SIGNS
from chaos.report.svg import Markup
from chaos.runner import codes
from chaos.runner.known import sentence
from chaos.statistics.observations import Observation, Sample
from chaos.statistics.quantiles import interval, needed_above, rank_above
from chaos.verify.elections import START
from chaos.verify.observed import Clusters
from chaos.verify.verdict import Verdict

RUNS_MAX: Final = 500  # of a cell, as marks; the file of the command's runs has all
_FIGURES: Final = ("election.total", "election.leaderless")
_CONFIDENCE: Final = 0.95
_PERCENTILES: Final = (0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Mark:
    """One run as a sign. ``href`` is where its page is, empty if it has none."""

    sign: str
    outcome: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Row:
    """One cell: its case, its runs as marks, and what did not hold."""

    case: Case
    sign: str
    marks: tuple[Mark, ...]
    left: int
    findings: tuple[Finding, ...]
    known: tuple[str, ...]
    shares: tuple[str, ...]
    together: tuple[Verdict, ...]

    @property
    def reproduce(self) -> str:
        """The command that shows what came of it again, empty where nothing is to be shown."""
        case = self.case
        run = case.earlier[0] if case.status is Status.FLAKY else case.telling
        return "" if run is None or self.case.status is Status.PASSED else run.reproduce


@dataclass(frozen=True, slots=True)
class Timing:
    """One metric of one cell."""

    cell: str
    n: int
    censored: int
    median: str
    interval: str
    quantiles: tuple[str, ...]
    longest: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric over all cells that have it; ``figure`` of the most telling ones."""

    name: str
    rows: tuple[Timing, ...]
    figure: Markup | None
    undrawn: int


@dataclass(frozen=True, slots=True)
class Suite:
    """What the page shows."""

    sign: str
    word: str
    tone: str
    facts: tuple[str, ...]
    rows: tuple[Row, ...]
    metrics: tuple[Metric, ...]  # what a fault cost comes first
    more: tuple[Metric, ...]  # those without a figure


def suite_of(cases: Sequence[Case], href: Callable[[RunRecord], str]) -> Suite:
    """The page of ``cases``, the worst first; ``href`` says where the page of a run is."""
    order = list(Status)
    worst = sorted(cases, key=lambda case: order.index(case.status))
    status = worst[0].status if worst else Status.SKIPPED
    runs = sum(len(case.runs) for case in cases)
    told = [f"{n} {status.value}" for status, n in counts(cases).items() if n]
    metrics = tuple(_metrics(cases))
    cells = "1 cell" if len(cases) == 1 else f"{len(cases)} cells"
    tone = {Status.PASSED: "good", Status.FAILED: "bad", Status.ERROR: "bad"}.get(status, "open")
    return Suite(
        sign=SIGNS[status],
        word=status.value.upper(),
        tone=tone,
        facts=(cells, f"{runs} runs", *told),
        rows=tuple(_row(case, href) for case in worst),
        metrics=tuple(sorted((one for one in metrics if one.figure), key=_of_start)),
        more=tuple(one for one in metrics if not one.figure),
    )


def _row(case: Case, href: Callable[[RunRecord], str]) -> Row:
    bad = sorted((*case.runs, *case.earlier), key=lambda run: run.exit_code == codes.PASSED)
    return Row(
        case=case,
        sign=SIGNS[case.status],
        marks=tuple(_mark(run, href(run)) for run in bad[:RUNS_MAX]),
        left=max(0, len(bad) - RUNS_MAX),
        findings=findings(case),
        known=tuple(sentence(*one) for one in case.known),
        shares=tuple(one.words() for one in shares(case.runs)),
        together=case.together,
    )


def _mark(run: RunRecord, href: str) -> Mark:
    status = Case("", "", "", "", run.exit_code, "").status
    outcome = {Status.PASSED: "holds", Status.INCONCLUSIVE: "unknown"}.get(status, "fails")
    warmup = "warm-up" if run.warmup else "repeat"
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    title = f"{warmup} {run.repeat}, seed {run.seed}{attempt}: {run.headline}"
    if run.disturbed:
        title += f"; disturbed: {run.disturbed}"
    return Mark(SIGNS[status], outcome, title, href)


# ---- timings


def _metrics(cases: Sequence[Case]) -> Iterator[Metric]:
    """Every duration that some cell measured, in the order of the first run."""
    curves: dict[str, list[Curve]] = {}
    for case in cases:
        for name, sample in _samples(case).items():
            called = f"{case.name} on {case.system}"
            curves.setdefault(name, []).append(Curve(called, sample))
    for place, (name, found) in enumerate(curves.items()):
        figure = None
        if name.split(" ")[0] in _FIGURES and any(curve.sample.n > 1 for curve in found):
            figure = ecdf(f"metric-{place}", f"{name}, by run", found)
        undrawn = 0 if figure is None else max(0, len(found) - LINES_MAX)
        yield Metric(name, tuple(map(_timing, found)), figure, undrawn)


def _of_start(metric: Metric) -> bool:
    return metric.name.endswith(f" of {START}")


def _samples(case: Case) -> dict[str, Sample]:
    """One value of each run for each duration, of the runs that were no warm-up.

    What belongs to a fault is a metric of its own; what belongs to peers is one of all of them.
    """
    by_name: dict[str, list[list[Observation]]] = {}
    for run in case.runs:
        if run.warmup:
            continue
        mine: dict[str, list[Observation]] = {}
        for told in run.measures:
            assert isinstance(told, dict)
            if told["unit"] == "ns":
                mine.setdefault(_called(told), []).append(_observation(told))
        for name, values in mine.items():
            by_name.setdefault(name, []).append(values)
    return {name: Clusters.of(values).sample for name, values in by_name.items()}


def _called(told: dict[str, str]) -> str:
    """``election.total of stop``, but ``election.peer``, whichever peer it was."""
    name, of = told["name"], told["of"]
    return name if "peer" in of.split(" ")[:2] or of.startswith("peers ") else f"{name} of {of}"


def _observation(told: dict[str, object]) -> Observation:
    """A measure as a run's record has it; of what never ended only that is known."""
    value = told["value_ns"]
    if value is None:
        return Observation(0, None)
    assert isinstance(value, int)
    less, more = told.get("less_ns", 0), told.get("more_ns", 0)
    assert isinstance(less, int)
    assert isinstance(more, int)
    return Observation(max(0, value - less), value + more)


def _timing(curve: Curve) -> Timing:
    sample = curve.sample
    between = interval(sample, 0.5, _CONFIDENCE)
    sure = "n < 6" if between is None else f"{_told(between.low)} to {_told(between.high)}"
    return Timing(
        cell=curve.name,
        n=sample.n,
        censored=sample.censored,
        median=_told(sample.median().high),
        interval=sure,
        quantiles=tuple(_quantile(sample, share) for share in _PERCENTILES),
        longest=_told(sample.highs()[-1]),
    )


def _quantile(sample: Sample, share: float) -> str:
    """The sample's own, where n bounds the quantile from above at all."""
    if rank_above(sample.n, share, _CONFIDENCE) is None:
        return f"n < {needed_above(share, _CONFIDENCE)}"
    return _told(sample.quantile(share).high)


def _told(span_ns: int | None) -> str:
    return "never ended" if span_ns is None else words.duration(span_ns)
