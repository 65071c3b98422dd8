"""``stop: decided``: asked at a few looks, answered once, never by luck more often than allowed."""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.campaign.baselines import RunSet
from chaos.campaign.deciding import Deciding
from chaos.plan.repeats import Repeat, Stop
from chaos.store import RunResult
from chaos.verify.verdict import Outcome
from tests.campaign.sets import run, run_set
from tests.runner.stage import plan

STEPS = """\
steps:
  - {id: up, wait: {outcome: leader}, within: 5s}
  - {id: stop, fault: kill, target: leader}
expect:
"""
MEDIAN = "  - {id: quick, metric: election.total, of: stop, p50: {max: 300ms}}\n"
AGAINST = "  - {id: no-slower, metric: election.total, of: stop, baseline: main"
QUICK, SLOW = 200.0, 400.0


def deciding(
    expect: str, runs: int, base: RunSet | None = None, min_valid: int | None = None
) -> Deciding:
    found = plan(STEPS + expect)
    repeat = Repeat(runs, min_valid=min_valid, stop=Stop.DECIDED)
    return Deciding(found, {} if base is None else {"no-slower": (base,)}, repeat)


def result(number: int) -> RunResult:
    return RunResult(
        plan="crash",
        plan_file="p.yaml",
        plan_text="",
        seed=number,
        system="processes",
        network="kernel",
        exit_code=0,
        headline="",
        reproduce="",
        environment={"cores": "2"},
        repeat=number,
    )


def led(asked: Deciding, values: Iterable[float | None], order: Iterable[int] | None = None) -> int:
    """Let runs end until all is decided; how many did. ``order`` has their numbers."""
    ms = list(values)
    runs, valid = [], {}
    for number in order or range(1, len(ms) + 1):
        runs.append((result(number), run(number, ms[number - 1])))
        valid[number] = True
        asked.look(runs, valid)
        if asked.decided:
            break
    return len(valid)


def outcomes(asked: Deciding) -> list[Outcome]:
    return [one.outcome for one in asked.verdicts()]


def test_what_is_clear_is_answered_at_the_first_look_that_can_tell() -> None:
    asked = deciding(MEDIAN, 80)
    assert led(asked, [QUICK] * 80) == 10
    (verdict,) = asked.verdicts()
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.judged == 10
    assert "p50 is at most 300.0 ms (99.375 % sure" in verdict.summary
    assert verdict.summary.endswith("look 1 of 4")


def test_what_fails_is_an_answer_too() -> None:
    asked = deciding(MEDIAN, 80)
    assert led(asked, [None] * 80) == 10
    assert outcomes(asked) == [Outcome.FAILS]


def test_too_few_runs_are_never_green() -> None:
    for runs in (1, 4, 5):  # 5 would do for one look at all of them, not for the last of several
        asked = deciding(MEDIAN, runs)
        assert led(asked, [QUICK] * runs) == runs
        assert outcomes(asked) == [Outcome.UNKNOWN]


def test_an_answer_stays_while_another_question_is_open() -> None:
    both = MEDIAN + "  - {id: tail, metric: election.total, of: stop, p90: {max: 300ms}}\n"
    asked = deciding(both, 80)
    # The first ten tell of the median; among those that follow most are slow.
    assert led(asked, [QUICK] * 10 + [SLOW] * 70) > 10
    quick, tail = asked.verdicts()
    assert (quick.outcome, quick.judged) == (Outcome.HOLDS, 10)
    assert (tail.outcome, tail.judged) == (Outcome.FAILS, 20)


def test_no_look_is_made_before_so_many_are_valid() -> None:
    assert led(deciding(MEDIAN, 80, min_valid=30), [QUICK] * 80) == 40


def test_a_look_at_which_too_few_are_valid_passes() -> None:
    asked = deciding(MEDIAN, 80, min_valid=40)
    runs = [(result(number), run(number, QUICK)) for number in range(1, 41)]
    asked.look(runs, {number: number > 1 for number in range(1, 41)})
    assert asked.last is not None
    assert not asked.decided
    assert asked.verdicts()[0].summary == "not decided; look 2 of 2 is at 80 runs"
    asked.look([], dict.fromkeys(range(1, 81), False))
    assert asked.verdicts()[0].summary == "fewer than 40 of 80 runs were valid"
    assert outcomes(asked) == [Outcome.UNKNOWN]


def test_between_two_looks_nothing_is_answered() -> None:
    asked = deciding(MEDIAN, 80)
    led(asked, [QUICK] * 9)
    assert outcomes(asked) == [Outcome.UNKNOWN]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(1, 17)))
def test_whoever_ends_first_is_not_looked_at_first(order: list[int]) -> None:
    values = [QUICK] * 6 + [SLOW] * 10
    turned, straight = deciding(MEDIAN, 16), deciding(MEDIAN, 16)
    led(turned, values, order)
    led(straight, values)
    assert turned.verdicts() == straight.verdicts()


def test_what_decides_nothing_is_no_answer_until_the_end() -> None:
    base = run_set([QUICK, SLOW] * 10)
    open_ = f"{AGAINST}, when_undecided: pass}}\n"
    asked = deciding(open_, 16, base)
    assert led(asked, [QUICK, SLOW] * 8) == 16
    assert outcomes(asked) == [Outcome.HOLDS]


def test_a_clear_slowdown_is_found_early() -> None:
    dice = random.Random(3)
    base = run_set([dice.uniform(180, 220) for _ in range(30)])
    asked = deciding(f"{AGAINST}}}\n", 80, base)
    assert led(asked, [dice.uniform(380, 420) for _ in range(80)]) == 10
    assert outcomes(asked) == [Outcome.FAILS]


def _regressed(times_slower: float, campaigns: int) -> int:
    """How many campaigns find runs slower that are so many times slower."""
    story = plan(f"{STEPS}{AGAINST}, alpha: 0.4, max_slowdown: 0%}}\n")
    dice = random.Random(20_261_126)
    found = 0
    for _ in range(campaigns):
        base = run_set([2500 * dice.lognormvariate(0, 0.1) for _ in range(10)])
        asked = Deciding(story, {"no-slower": (base,)}, Repeat(10, stop=Stop.DECIDED))
        led(asked, [2500 * times_slower * dice.lognormvariate(0, 0.1) for _ in range(10)])
        found += outcomes(asked) == [Outcome.FAILS]
    return found


def test_a_population_is_found_slower_than_itself_no_more_often_than_alpha_allows() -> None:
    assert _regressed(1.0, 40) <= 8  # of each side half of alpha; spent in full at each look: 15
    assert _regressed(1.5, 5) == 5
