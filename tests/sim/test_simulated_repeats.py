"""A seed repeats a run exactly, whatever else differs between two interpreters."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.actions import Block, Clear, Cut, Kill, Launch, Lose, Pause, Resume, Slow, Unblock
from chaos.election.ids import Sid
from chaos.sim.world import Order
from tests.sim.drive import Run, ensemble

ROOT = Path(__file__).parents[2]


def busy_run(seed: int, order: Order) -> str:
    """The history of a run with a bit of everything in it."""
    run = Run(5, seed, order)
    sids = ensemble(5).sids
    everywhere = tuple(Cut(a, b) for a in sids for b in sids if a != b)
    run.do(Slow("mud", everywhere[::3], 3_000_000, 2_000_000))
    run.do(Lose("rain", everywhere, 100_000))
    run.rest(1)
    run.do(Kill(Sid(5)))
    run.do(Block("cut", everywhere[:6]))
    run.rest(2)
    run.do(Unblock("cut"))
    run.do(Launch(Sid(5)))
    run.do(Pause(Sid(4)))
    run.rest(2)
    run.do(Resume(Sid(4)))
    run.do(Clear("mud"))
    run.rest(2)
    return run.lines()


def digest(seed: int, order: Order) -> str:
    return hashlib.sha256(busy_run(seed, order).encode()).hexdigest()


def digest_elsewhere(hash_seed: int, order: Order) -> str:
    """The same in an interpreter of its own that hashes otherwise."""
    code = f"from tests.sim.test_simulated_repeats import digest; print(digest(7, {order!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("order", ["fifo", "unordered"])
def test_a_history_is_the_same_to_the_byte_in_every_process(order: Order) -> None:
    here = digest(7, order)
    assert [digest_elsewhere(hash_seed, order) for hash_seed in (1, 2)] == [here, here]


def test_another_seed_is_another_run() -> None:
    runs = {busy_run(seed, order) for seed in (7, 8) for order in ("fifo", "unordered")}
    assert len(runs) == 4
