"""When a run is made again, and what its attempts come to: no failure is talked away."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.campaign.attempts import Again, Tried, tried
from chaos.campaign.record import RunRecord
from chaos.campaign.sweep import Queue
from chaos.runner import codes

PASSED, FAILED, OPEN, HOST, SLOWER, UNSAFE, RESIDUE = 0, 1, 3, 4, 6, 7, 8


def attempts(*ends: int) -> Tried:
    return Tried(tuple(record(end, attempt) for attempt, end in enumerate(ends, 1)))


def record(end: int, attempt: int = 1, repeat: int = 1, *, warmup: bool = False) -> RunRecord:
    return RunRecord(
        "p", "", "simulated", 7, repeat, warmup, end, f"ended {end}", "", "", attempt=attempt
    )


AGAIN = {
    "what failed, if so asked": (Again(reruns=1), (FAILED,), True),
    "what failed, no oftener than asked": (Again(reruns=1), (FAILED, FAILED), False),
    "what failed, not by itself": (Again(retries=3, inconclusive=True), (FAILED,), False),
    "what the host failed": (Again(retries=2), (HOST, HOST), True),
    "what the host failed, no oftener than asked": (Again(retries=2), (HOST,) * 3, False),
    "what could not tell, if so asked": (Again(retries=1, inconclusive=True), (OPEN,), True),
    "what could not tell, not by itself": (Again(reruns=3, retries=3), (OPEN,), False),
    "retries are counted together": (Again(retries=1, inconclusive=True), (HOST, OPEN), False),
    "each for its own reason": (Again(reruns=1, retries=1), (FAILED, HOST), True),
    "nothing that passed": (Again(9, 9, inconclusive=True), (FAILED, PASSED), False),
    "nothing that is not safe": (Again(9, 9, inconclusive=True), (UNSAFE,), False),
    "nothing that is slower": (Again(9, 9, inconclusive=True), (SLOWER,), False),
    "nothing that left something": (Again(9, 9, inconclusive=True), (RESIDUE,), False),
}


@pytest.mark.parametrize(("asked", "ends", "wanted"), AGAIN.values(), ids=AGAIN.keys())
def test_a_run_is_made_again(asked: Again, ends: tuple[int, ...], wanted: bool) -> None:
    assert asked.wanted(ends) is wanted


OUTCOMES = {
    "passed": ((PASSED,), PASSED, False, 0, 0),
    "failed": ((FAILED,), FAILED, False, 0, 0),
    "failed and passed": ((FAILED, PASSED), PASSED, True, 0, 1),
    "failed twice": ((FAILED, FAILED), FAILED, False, 0, 1),
    "failed, then the host did": ((FAILED, HOST), FAILED, False, 0, 1),
    "failed, and was not safe": ((FAILED, UNSAFE), UNSAFE, False, 0, 1),
    "the host failed it once": ((HOST, PASSED), PASSED, False, 1, 0),
    "the host failed it twice": ((HOST, HOST), HOST, False, 1, 0),
    "could not tell, then passed": ((OPEN, PASSED), PASSED, False, 1, 0),
    "the host failed it, then it was flaky": ((HOST, FAILED, PASSED), PASSED, True, 1, 1),
    "the host failed its rerun": ((FAILED, HOST, PASSED), PASSED, True, 1, 1),
}


@pytest.mark.parametrize("story", OUTCOMES.values(), ids=OUTCOMES.keys())
def test_what_attempts_come_to(story: tuple[tuple[int, ...], int, bool, int, int]) -> None:
    ends, code, flaky, retried, earlier = story
    run = attempts(*ends)
    assert (run.record.exit_code, run.flaky) == (code, flaky)
    assert (len(run.retried), len(run.earlier)) == (retried, earlier)


ENDS = st.lists(st.sampled_from([PASSED, FAILED, OPEN, HOST, SLOWER, UNSAFE]), min_size=1)


@given(ENDS)
def test_no_attempt_is_lost_and_no_failure_is_a_success(ends: list[int]) -> None:
    run = attempts(*ends)
    told = [run.record, *run.retried, *run.earlier]
    assert sorted(one.attempt for one in told) == list(range(1, len(ends) + 1))
    fails = any(end in codes.FAILURES for end in ends)
    assert run.failed is fails
    assert all(one.exit_code not in codes.FAILURES for one in run.retried)


@pytest.mark.parametrize(("reruns", "retries"), list(product((0, 1, 3), (0, 2))))
def test_runs_end_at_last(reruns: int, retries: int) -> None:
    asked = Again(reruns, retries, inconclusive=True)
    for end in (FAILED, HOST, OPEN):
        ends = [end]
        while asked.wanted(ends):
            ends.append(end)
        assert len(ends) == 1 + (reruns if end == FAILED else retries)


def test_attempts_belong_to_their_run_whoever_warmed_up() -> None:
    told = [
        record(PASSED, warmup=True),
        record(HOST, 1),
        record(FAILED, 1, repeat=2),
        record(PASSED, 2),
    ]
    ends = [[one.exit_code for one in run.attempts] for run in tried(told)]
    assert ends == [[PASSED], [HOST, PASSED], [FAILED]]


def test_what_is_put_back_comes_next_even_after_the_last() -> None:
    queue = Queue("ab")
    assert next(queue) == "a"
    queue.once_more("a")
    assert list(queue) == ["a", "b"]
    queue.once_more("b")
    assert list(queue) == ["b"]
