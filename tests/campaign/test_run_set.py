"""Sets of runs: what counts, what is asked of them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.campaign.asked import asks_of_sets, judge_set
from chaos.campaign.baselines import RunSet
from chaos.campaign.run_set import SetRun, counting, set_run, start_counts
from chaos.plan.model import After, Edge
from chaos.statistics.observations import Observation
from chaos.verify.observed import Observed
from chaos.verify.verdict import Kind, Outcome, Verdict
from tests.runner.stage import MS, lead, plan

STORY = """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: stop, fault: kill, target: leader}
  - {id: next, wait: {outcome: leader}, within: 5s}
expect:
  - {id: quick, metric: election.total, of: stop, p50: {max: 2s}, p95: {max: 3s}}
  - {id: few, metric: epochs.started, max: 9, p50: {max: 2, confidence: 0.9}}
"""
EDGES = {"a": (10, 20), "b": (30, None)}
OBSERVED = (
    Observed("election.total", "start", 5, 5, began_ns=0),
    Observed("election.total", "a", 6, 7, began_ns=15),
    Observed("election.total", "b", 8, None, began_ns=30),
    Observed("epochs.started", "run", 2, 2, "count"),
)
RUN = SetRun(1, "r", 0, OBSERVED, edges=EDGES)

VALUES = {
    "all faults": (None, None, [(6, 7), (8, None)]),
    "of the start": ("start", None, [(5, 5)]),
    "of one fault": ("a", None, [(6, 7)]),
    "from a begin": (None, After("a", Edge.STARTED), [(6, 7), (8, None)]),
    "from an end": (None, After("a", Edge.ENDED), [(8, None)]),
    "some time later": (None, After("a", Edge.STARTED, 6), [(8, None)]),
    "from what never came": (None, After("b", Edge.ENDED), []),
    "from no step of it": (None, After("c", Edge.STARTED), []),
}


@pytest.mark.parametrize(("of", "since", "values"), VALUES.values(), ids=VALUES.keys())
def test_a_run_has_its_values_of_a_fault_and_from_a_moment(
    of: str | None, since: After | None, values: list[tuple[int, int | None]]
) -> None:
    found = RUN.values("election.total", of, since, start=False)
    assert found == tuple(Observation(low, high) for low, high in values)


def test_without_a_fault_the_start_is_what_is_measured() -> None:
    calm = replace(RUN, observed=OBSERVED[:1])
    assert calm.values("election.total") == (Observation(5, 5),)
    assert start_counts([calm, calm], "election.total")


def test_a_run_whose_fault_caused_no_election_has_no_value_beside_one_whose_did() -> None:
    calm = replace(RUN, observed=OBSERVED[:1])
    assert not start_counts([calm, RUN], "election.total")
    assert calm.values("election.total", start=False) == ()
    head = RunSet("test", "", "simulated", {}, (*[RUN] * 6, calm))
    asked = plan(STORY.replace("of: stop, ", ""))
    quick = judge_set(asked, head, {})[0]
    assert "6 of 7 runs" in quick.summary


def test_what_counts_over_the_whole_run_has_no_moment() -> None:
    assert RUN.values("epochs.started", since=After("a", Edge.STARTED)) == (Observation(2, 2),)


def test_a_run_without_evidence_of_its_faults_does_not_count() -> None:
    bare = replace(RUN, seed=7, lacks="stop: nothing was seen")
    kept, words = counting([RUN, bare, bare])
    assert kept == (RUN,)
    assert words == "2 runs do not count (seed 7: stop: nothing was seen)"
    assert counting([RUN]) == ((RUN,), "")


def test_a_run_on_a_busy_host_counts_and_is_said() -> None:
    busy = replace(RUN, seed=8, disturbed="a canary woke 80 ms late")
    kept, words = counting([RUN, busy])
    assert kept == (RUN, busy)
    assert words == "1 run was disturbed (seed 8: a canary woke 80 ms late)"


def test_a_run_that_is_over_joins_a_set(tmp_path: Path) -> None:
    led = lead(plan(STORY), tmp_path)
    run = set_run(led.result, led.history, "somewhere")
    assert run.lacks == ""
    (total,) = run.values("election.total", "stop")
    measured = next(
        one for one in led.result.measures if one.name == "election.total" and one.of == "stop"
    )
    assert total == Observation.exactly(measured.value_ns or 0)
    assert run.edges["stop"][0] == led.step("stop").began_ns
    assert led.verdict("quick") == ("not exercised", "asked of all runs of the plan together")
    assert led.verdict("few")[0] == "holds"


def test_a_fault_that_was_not_confirmed_is_what_a_run_lacks(tmp_path: Path) -> None:
    led = lead(plan(STORY), tmp_path)
    doubt = Verdict("stop", Kind.EVIDENCE, Outcome.UNKNOWN, "nobody saw it")
    result = replace(led.result, verdicts=(*led.result.verdicts, doubt))
    assert set_run(result, led.history, "x").lacks == "stop: nobody saw it"


def _set(runs: list[SetRun]) -> RunSet:
    return RunSet("story", "d", "simulated", {}, tuple(runs))


def test_a_set_is_judged_in_the_order_of_the_plan(tmp_path: Path) -> None:
    story = plan(STORY)
    led = lead(story, tmp_path)
    run = set_run(led.result, led.history, "x")
    quick, few = judge_set(story, _set([run] * 10), {})
    assert asks_of_sets(story)
    assert (quick.name, quick.outcome) == ("quick", Outcome.UNKNOWN)  # 59 for p95
    assert "p50 is at most 2.000 s" in quick.summary
    assert (few.name, few.outcome, few.judged) == ("few", Outcome.HOLDS, 10)
    bare = replace(run, lacks="stop: nobody saw it")
    quick, _ = judge_set(story, _set([*[run] * 4, bare]), {})
    assert "p50 needs 5 runs to be 95 % sure, and there are 4" in quick.summary
    assert quick.summary.endswith("1 run does not count (seed 1: stop: nobody saw it)")


def test_a_measure_that_never_ended_lasted_until_the_run_did(tmp_path: Path) -> None:
    story = plan(
        """\
steps:
  - {id: up, wait: {outcome: leader, seen_by: all}, within: 5s}
  - {id: cut, fault: kill, target: majority}
  - {id: rest, wait: {time: 900ms}}
expect:
  - {id: quick, metric: election.leaderless, of: cut, p50: {max: 1200ms}}
"""
    )
    led = lead(story, tmp_path)
    (value,) = set_run(led.result, led.history, "x").values("election.leaderless", "cut")
    assert value.censored
    assert 1200 * MS < value.low < 1400 * MS  # the run goes on for as long as the bound asks
    (verdict,) = judge_set(story, _set([set_run(led.result, led.history, "x")] * 5), {})
    assert verdict.outcome is Outcome.FAILS
