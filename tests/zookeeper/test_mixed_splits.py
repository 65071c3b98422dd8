"""A split of an ensemble between our program and ZooKeeper goes through everything.

In every test run two splits, in each of which one kind is alone; ``--every-plan`` takes all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.runner import codes
from chaos.zookeeper.installation import Installation
from tests.zookeeper.mixed_runs import run
from tests.zookeeper.tour import split, tour

pytestmark = pytest.mark.live

# size, how many are ours, and from which sid on (less one): either kind leads first somewhere.
SPLITS = [(3, 0, 0), (3, 1, 2), (3, 2, 0), (5, 0, 0), (5, 1, 4), (5, 2, 1), (5, 3, 0), (5, 4, 1)]

CHOSEN = [(3, 1, 2), (5, 4, 1)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    splits = SPLITS if metafunc.config.getoption("--every-plan") else CHOSEN
    ids = [f"{ours}-of-{size}" for size, ours, _ in splits]
    metafunc.parametrize(("size", "ours", "turn"), splits, ids=ids)


def test_a_split_ensemble_goes_through_everything(
    installation: Installation, tmp_path: Path, size: int, ours: int, turn: int
) -> None:
    found = run(installation, tour(split(size, ours, turn)), tmp_path)
    assert found.result.exit_code == codes.PASSED, found.story
    assert not found.doubts, found.story
    assert found.same_end() == ""
