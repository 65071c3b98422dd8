"""The page of all runs of a command: nothing is left out, and only what passed is green."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chaos.campaign.record import RunRecord
from chaos.report.cases import Case, Status
from chaos.report.ecdf import Curve, ecdf
from chaos.report.page import render_suite
from chaos.report.suite import Suite, suite_of
from chaos.runner import codes
from chaos.statistics.observations import Observation, Sample
from chaos.verify.verdict import Kind, Outcome, Verdict

MS = 1_000_000
RUN = RunRecord(
    plan="story",
    cell="",
    system="simulated",
    seed=7,
    repeat=1,
    warmup=False,
    exit_code=codes.PASSED,
    headline="all 5 verdicts hold",
    folder="run-7",
    reproduce="chaos run story.yaml --seed 7",
)


def took(ms: int | None, name: str = "election.total", of: str = "stop") -> dict[str, object]:
    """A measure as a run's record has it."""
    value = None if ms is None else ms * MS
    return {"name": name, "of": of, "unit": "ns", "value_ns": value, "less_ns": 0, "more_ns": 0}


def case(*runs: RunRecord, code: int = codes.PASSED, cell: str = "", why: str = "") -> Case:
    return Case("story", "story.yaml", cell, "simulated", code, why or "all hold", runs)


def suite(*cases: Case) -> Suite:
    return suite_of(cases, lambda run: f"{run.folder}/report.html")


def test_the_worst_cell_comes_first_and_gives_its_word() -> None:
    failed = replace(RUN, exit_code=codes.FAILED, headline="too slow: 2 s")
    found = suite(case(RUN, cell="a=1"), case(RUN, failed, code=codes.FAILED, cell="a=2"))
    assert [row.case.cell for row in found.rows] == ["a=2", "a=1"]
    assert (found.word, found.tone) == (Status.FAILED.value.upper(), "bad")
    assert [mark.outcome for mark in found.rows[0].marks] == ["fails", "holds"]
    assert found.rows[0].reproduce == RUN.reproduce
    assert found.facts[:2] == ("2 cells", "3 runs")


def test_an_inconclusive_cell_is_not_green() -> None:
    found = suite(case(replace(RUN, exit_code=codes.INCONCLUSIVE), code=codes.INCONCLUSIVE))
    assert (found.tone, found.rows[0].marks[0].outcome) == ("open", "unknown")


def test_a_value_stands_for_each_run_and_no_warm_up_counts() -> None:
    runs = [replace(RUN, measures=(took(100), took(300), took(9, "x", "peer 3"))) for _ in "ab"]
    warm = replace(RUN, warmup=True, measures=(took(9000),))
    found = suite(case(*runs, warm))
    (total,) = found.metrics
    assert total.name == "election.total of stop"
    (row,) = total.rows
    assert (row.n, row.median, row.longest) == (2, "200\u00a0ms", "200\u00a0ms")
    assert row.interval == "n < 6"
    assert row.quantiles == ("n < 29", "n < 59", "n < 299")
    assert [metric.name for metric in found.more] == ["x"]


def test_what_never_ended_counts_above_all_that_ended() -> None:
    runs = [replace(RUN, measures=(took(ms),)) for ms in (100, 100, 100, None, None)]
    (row,) = suite(case(*runs)).metrics[0].rows
    assert (row.n, row.censored, row.median, row.longest) == (5, 2, "100\u00a0ms", "never ended")


def test_a_curve_ends_below_one_where_something_never_ended() -> None:
    sample = Sample((Observation(10 * MS, 10 * MS), Observation(0, None)))
    drawn = ecdf("m", "election.total", [Curve("story", sample)])
    (path,) = re.findall(r'd="(M84 174[^"]*)"', drawn)
    heights = [float(y) for y in re.findall(r"V([\d.]+)", path)]
    assert heights == [24 + 150 / 2]
    assert "1 of 2 never ended" in drawn


def test_a_long_name_leaves_room_for_the_number_of_runs() -> None:
    sample = Sample(tuple(Observation(ms, ms) for ms in range(1, 31)))
    drawn = str(ecdf("m", "t", [Curve("a-plan-of-many-words size=5,jitter=20ms", sample)]))
    (told,) = re.findall(r">([^<]*, n = 30)</text>", drawn)
    assert told == "a-plan-of-many-words si…, n = 30"


def test_a_cell_with_a_strange_name_is_text() -> None:
    odd = case(replace(RUN, headline="<b>&"), cell='<script>alert("1")</script>', why="<i>x</i>")
    page = render_suite([odd], lambda _: "")
    assert "<script" not in page
    assert "&lt;i&gt;x&lt;/i&gt;" in page
    assert "style=" not in page


@pytest.mark.parametrize("outcome", list(Outcome))
def test_verdicts_on_all_runs_are_told(outcome: Outcome) -> None:
    verdict = Verdict("fast", Kind.EXPECTATION, outcome, "p50 of 30 runs", (), 30, "s.yaml:9:3")
    page = render_suite([replace(case(RUN), together=(verdict,))], lambda _: "")
    assert "p50 of 30 runs" in page
    assert f'class="o-{outcome.value.replace(" ", "-")}"' in page


def test_a_flaky_cell_shows_each_attempt_and_how_to_have_the_failure_again() -> None:
    failed = replace(RUN, exit_code=codes.FAILED, headline="too slow", reproduce="again")
    passed = replace(RUN, attempt=2)
    found = suite(replace(case(passed), earlier=(failed,)))
    (row,) = found.rows
    assert (found.tone, row.reproduce) == ("open", "again")
    assert [mark.outcome for mark in row.marks] == ["fails", "holds"]
    assert "attempt 2" in row.marks[1].title


def test_what_a_cell_is_shown_beside_is_told_though_it_is_green() -> None:
    beside = replace(case(RUN), compared=("compared with main: <b>: no change",))
    assert "compared with main: &lt;b&gt;: no change" in render_suite([beside], lambda _: "")
