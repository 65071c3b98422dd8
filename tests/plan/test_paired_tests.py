"""Which test compares runs that are paired with a baseline's."""

from __future__ import annotations

import pytest

from chaos.plan.load import load_plan
from chaos.plan.model import MetricExpected, SetTest
from tests.plan.linted import UP, found, plan

PAIRED = "repeat: {runs: 5, pair_with: baseline}"
ASKED = "metric: election.total, baseline: main"
WAYS = {
    "paired": (ASKED, PAIRED, SetTest.WILCOXON, []),
    "paired, by a test of pairs": (ASKED + ", test: wilcoxon", PAIRED, SetTest.WILCOXON, []),
    "paired, and compared as sets": (
        ASKED + ", test: mann_whitney",
        PAIRED,
        SetTest.MANN_WHITNEY,
        ["pairs-unused"],
    ),
    "not paired": (ASKED, "repeat: {runs: 5}", SetTest.MANN_WHITNEY, []),
}


@pytest.mark.parametrize(("asked", "repeat", "test", "rules"), WAYS.values(), ids=WAYS)
def test_pairs_are_compared_as_pairs_unless_the_plan_says_otherwise(
    asked: str, repeat: str, test: SetTest, rules: list[str]
) -> None:
    text = plan(UP, expect=asked, more=repeat)
    [one] = load_plan(text, "x.yaml").expectations
    assert isinstance(one, MetricExpected)
    assert one.against is not None
    assert one.against.test is test
    assert [finding.rule for finding in found(text)] == rules
