"""Two sets of runs: words, corrections, and what a plan makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.campaign.asked import judge_set
from chaos.campaign.baselines import RunSet
from chaos.campaign.compare import Question, compare_sets, compare_values
from chaos.campaign.run_set import SetRun
from chaos.plan.model import Plan
from chaos.statistics.effects import Outlier
from chaos.statistics.rule import Rule, Word
from chaos.verify.observed import Observed
from chaos.verify.verdict import Kind, Outcome
from tests.campaign.sets import MS, run, run_set, spread_ms
from tests.runner.stage import plan

BASE = run_set(spread_ms(30))
RULE = Rule()
TOTAL = Question("election.total", "stop")

WORDS = {
    "half as slow again": (run_set(spread_ms(30, 1.5, 2)), Word.REGRESSED),
    "faster": (run_set(spread_ms(30, 0.6, 2)), Word.IMPROVED),
    "the same population": (run_set(spread_ms(30, 1.0, 3)), Word.INCONCLUSIVE),
    "the same values": (run_set(value * 1.01 for value in spread_ms(30)), Word.INCONCLUSIVE),
    "too few": (run_set(spread_ms(1, 1.5, 2)), Word.INCONCLUSIVE),
    "most never end": (run_set([*spread_ms(5), *[None] * 25]), Word.REGRESSED),
    "another host": (run_set(spread_ms(30), cores="4"), Word.NOT_COMPARABLE),
    "nothing": (run_set([]), Word.INCONCLUSIVE),
}


@pytest.mark.parametrize(("head", "word"), WORDS.values(), ids=WORDS.keys())
def test_two_sets_come_to_a_word(head: RunSet, word: Word) -> None:
    row = compare_values(BASE, head, TOTAL, RULE)
    assert row.word is word, row
    if word is Word.INCONCLUSIVE and head.runs[5:]:
        assert row.needed is not None
        assert row.needed > 30


def test_what_is_equal_is_called_so_with_enough_runs() -> None:
    base = run_set(spread_ms(120))
    head = run_set(value * 1.01 for value in spread_ms(120))
    assert compare_values(base, head, TOTAL, RULE).word is Word.NO_CHANGE


def test_other_surroundings_are_named() -> None:
    row = compare_values(BASE, run_set(spread_ms(30), cores="4"), TOTAL, RULE)
    assert row.why == "cores 2 there, 4 here"
    assert row.shift is None


def test_pairs_see_what_the_spread_hides() -> None:
    base, head = (run_set(times * one for one in spread_ms(12)) for times in (1, 1.07))
    alone = compare_values(base, head, TOTAL, RULE)
    paired = compare_values(base, head, replace(TOTAL, pairs=True), RULE)
    assert (alone.word, paired.word) == (Word.INCONCLUSIVE, Word.REGRESSED)
    assert paired.changed == tuple(range(1, 13))


def test_pairs_need_the_same_seeds() -> None:
    other = replace(BASE, runs=tuple(replace(one, seed=one.seed + 99) for one in BASE.runs))
    row = compare_values(BASE, other, replace(TOTAL, pairs=True), RULE)
    assert row.word is Word.INCONCLUSIVE
    assert "need the same seeds" in row.why


def test_runs_that_do_not_count_are_not_compared() -> None:
    bad = tuple(run(seed, 9000, lacks="stop: unseen") for seed in range(100, 130))
    row = compare_values(BASE, replace(BASE, runs=(*BASE.runs, *bad)), TOTAL, RULE)
    assert row.second.n == 30


def test_outliers_are_listed_with_their_runs_and_kept() -> None:
    values = [*range(100, 130), 160, 9000]
    row = compare_values(BASE, run_set(values), TOTAL, RULE)
    found = [(one.seed, one.outlier, one.least_ns) for one in row.outliers[1]]
    assert found == [(31, Outlier.MILD, 160 * MS), (32, Outlier.SEVERE, 9000 * MS)]
    assert row.second.n == len(values)


def _both(seed: int, total: float, converge: float) -> SetRun:
    observed = tuple(
        Observed(name, "stop", round(ms * MS), round(ms * MS))
        for name, ms in (
            ("election.total", total),
            ("election.leaderless", total + 1),
            ("election.converge", converge),
        )
    )
    return SetRun(seed, "r", 0, observed)


def test_only_gated_metrics_are_judged_and_corrected() -> None:
    slow, fast = spread_ms(12, 1.3, 2), spread_ms(12)
    base, head = (
        replace(BASE, runs=tuple(_both(seed, ms, ms) for seed, ms in enumerate(values)))
        for values in (fast, slow)
    )
    rows = {row.metric: row for row in compare_sets([base], [head], RULE)}
    assert [row.word for row in rows.values()] == [Word.REGRESSED, Word.REGRESSED, None]
    total, alone = rows["election.total"], compare_values(base, head, TOTAL, RULE)
    assert total.p == pytest.approx(2 * (alone.p or 0))  # Holm over two
    assert rows["election.converge"].p == pytest.approx(alone.p)


def test_a_cell_is_compared_with_its_own_and_told_where_there_is_none() -> None:
    three, five, nine = (replace(BASE, cell=f"size={n}") for n in (3, 5, 9))
    slow = replace(run_set(spread_ms(30, 1.5, 2)), cell="size=3")
    rows = compare_sets([five, three], [slow, five, nine], RULE)
    assert [(row.cell, row.word) for row in rows] == [
        ("size=3", Word.REGRESSED),
        ("size=5", Word.NO_CHANGE),
        ("size=9", Word.NOT_COMPARABLE),
    ]
    assert "no runs of crash size=9 on processes; there is crash size=5" in rows[-1].why


def test_several_runs_of_one_seed_are_one_pair() -> None:
    base, head = run_set([100] * 3), run_set([150] * 3)
    often = replace(head, runs=head.runs * 4)
    rows = compare_values(base, often, replace(TOTAL, pairs=True), RULE)
    assert rows.shift is not None
    assert rows.shift.used == 3


def test_other_plans_are_no_rows() -> None:
    assert compare_sets([BASE], [replace(BASE, plan="other")], RULE) == ()


# ---- in a plan


def _plan(more: str = "") -> Plan:
    return plan(
        f"""\
steps:
  - {{id: up, wait: {{outcome: leader}}, within: 5s}}
  - {{id: stop, fault: kill, target: leader}}
expect:
  - {{id: no-slower, metric: election.total, of: stop, baseline: main{more}}}
""",
    )


OPEN = run_set(spread_ms(10, 1.02, 4))
JUDGED = {
    "regressed": ("", run_set(spread_ms(30, 1.5, 2)), Outcome.FAILS, "regressed: ×1.5"),
    "a slowdown that is allowed": (
        ", max_slowdown: 90%",
        run_set(spread_ms(30, 1.3, 2)),
        Outcome.HOLDS,
        "no change",
    ),
    "faster": ("", run_set(spread_ms(30, 0.6, 2)), Outcome.HOLDS, "improved"),
    "surely no slower": (
        "",
        run_set(value * 0.97 for value in spread_ms(30, 0.93)),
        Outcome.HOLDS,
        "×0.9",
    ),
    "undecided": ("", OPEN, Outcome.UNKNOWN, "runs a side would settle it"),
    "undecided may pass": (", when_undecided: pass", OPEN, Outcome.HOLDS, "inconclusive"),
    "undecided may fail": (", when_undecided: fail", OPEN, Outcome.FAILS, "inconclusive"),
    "another host never passes": (
        ", when_undecided: pass",
        run_set(spread_ms(30), cores="4"),
        Outcome.UNKNOWN,
        "not comparable: cores 2 there, 4 here",
    ),
    "pairs": (
        ", test: wilcoxon",
        run_set(value * 1.08 for value in spread_ms(30)),
        Outcome.FAILS,
        "30 seeds changed",
    ),
    "no such plan in the baseline": (
        "",
        replace(BASE, system="zookeeper"),
        Outcome.UNKNOWN,
        "main holds no runs of crash on zookeeper; there is crash on processes",
    ),
    "no such cell in the baseline": (
        ", when_undecided: pass",
        replace(BASE, cell="size=3"),
        Outcome.UNKNOWN,
        "main holds no runs of crash size=3 on processes; there is crash on processes",
    ),
    "another text of the plan": (
        "",
        replace(run_set(spread_ms(30, 1.5, 2)), plan_digest="d2"),
        Outcome.FAILS,
        "the plan is not the same text",
    ),
}


@pytest.mark.parametrize(("more", "head", "outcome", "words"), JUDGED.values(), ids=JUDGED.keys())
def test_a_plan_is_judged_against_its_baseline(
    more: str, head: RunSet, outcome: Outcome, words: str
) -> None:
    (verdict,) = judge_set(_plan(more), head, {"no-slower": (BASE,)})
    assert verdict.kind is Kind.REGRESSION
    assert verdict.outcome is outcome, verdict.summary
    assert words in verdict.summary
