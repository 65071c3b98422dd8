"""Which of several runs' exit codes counts."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest

from chaos.runner import codes

WORST_FIRST = (7, 8, 1, 6, 3, 4, 5, 0)


@pytest.mark.parametrize(("worse", "better"), list(pairwise(WORST_FIRST)))
def test_the_more_serious_code_wins_in_either_order(worse: int, better: int) -> None:
    assert codes.worst([worse, better]) == codes.worst([better, worse]) == worse


def test_the_worst_of_all_is_a_broken_safety_property() -> None:
    assert {codes.worst(some) for some in permutations(WORST_FIRST, 4) if 7 in some} == {7}


def test_nothing_ran_is_no_success() -> None:
    assert codes.worst([]) == codes.NOTHING_RAN == 5


def test_one_code_is_its_own_worst() -> None:
    assert [codes.worst([code]) for code in WORST_FIRST] == list(WORST_FIRST)
