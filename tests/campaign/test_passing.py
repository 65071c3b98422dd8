"""Whether one set passes as often as another is told, and gates nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.campaign.baselines import RunSet
from chaos.campaign.passing import passing
from chaos.campaign.run_set import SetRun

RUN = SetRun(1, "r", 0, ())


def a_set(passed: int, failed: int, lacking: int = 0) -> RunSet:
    runs = [RUN] * passed + [replace(RUN, exit_code=1)] * failed
    return RunSet("p", "", "simulated", {}, (*runs, *[replace(RUN, lacks="x")] * lacking))


def test_shares_are_compared_with_newcombe_and_fisher() -> None:
    (found,) = passing([a_set(30, 0)], [a_set(20, 10, lacking=5)])
    assert found.words() == (
        "p on simulated: 30 of 30 runs passed, then 20 of 30: -51.2 % to -15.2 % (95 % sure), "
        "p 0.0008 (Fisher)"
    )
    told = found.document()
    assert told["second"] == {"passed": 20, "runs": 30}
    assert told["p"] == pytest.approx(0.000794, rel=0.01)


def test_nothing_is_told_where_every_run_passed_or_none_counts() -> None:
    assert list(passing([a_set(3, 0)], [a_set(4, 0)])) == []
    assert list(passing([a_set(3, 1)], [a_set(0, 0, lacking=4)])) == []


def test_cells_that_only_one_has_are_left_out() -> None:
    assert list(passing([replace(a_set(1, 1), plan="q")], [a_set(1, 1)])) == []
