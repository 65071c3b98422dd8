"""Timers expire when they should, also on a clock that runs wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.effects import Timer, TimerKind
from chaos.peer.timers import Timers

MS = 1_000_000
A, B = Timer(TimerKind.RESEND), Timer(TimerKind.LEARNER_READ, 3)


def expiry_ms(timers: Timers, timer: Timer, until_ms: int = 10_000) -> int | None:
    """When ``timer`` expires, in whole milliseconds."""
    for now in range(until_ms):
        if timers.pop(now * MS) == timer:
            return now
    return None


def test_a_timer_expires_once_after_its_delay() -> None:
    timers = Timers(0)
    timers.arm(A, 200, 0)
    assert timers.next_ns() == 200 * MS
    assert timers.pop(200 * MS - 1) is None
    assert timers.pop(200 * MS) == A
    assert timers.pop(10**12) is None
    assert (timers.next_ns(), len(timers)) == (None, 0)


@pytest.mark.parametrize("delay", [50, 400], ids=["earlier", "later"])
def test_arming_again_replaces(delay: int) -> None:
    timers = Timers(0)
    timers.arm(A, 200, 0)
    timers.arm(A, delay, 0)
    assert expiry_ms(timers, A) == delay
    assert timers.pop(10**12) is None


def test_a_disarmed_timer_does_not_expire_until_it_is_armed_again() -> None:
    timers = Timers(0)
    timers.arm(A, 200, 0)
    timers.disarm(A)
    timers.disarm(B)
    assert timers.pop(300 * MS) is None
    timers.arm(A, 100, 300 * MS)
    assert expiry_ms(timers, A) == 400


def test_the_longest_due_comes_first() -> None:
    timers = Timers(0)
    timers.arm(A, 20, 0)
    timers.arm(B, 10, 0)
    assert [timers.pop(10**9), timers.pop(10**9)] == [B, A]


RATES = {
    "double speed halves the delay": (2_000_000, 0, 100),
    "half speed doubles it": (500_000, 0, 400),
    "a jump forward shortens it once": (1_000_000, 150 * MS, 50),
    "a jump back prolongs it": (1_000_000, -150 * MS, 350),
    "a jump past it expires at once": (1_000_000, 500 * MS, 0),
}


@pytest.mark.parametrize(("rate", "offset", "expected"), RATES.values(), ids=RATES.keys())
def test_a_skewed_clock_moves_the_expiry(rate: int, offset: int, expected: int) -> None:
    timers = Timers(0)
    timers.arm(A, 200, 0)
    timers.skew(rate, offset, 0)
    assert expiry_ms(timers, A) == expected


def test_time_before_the_skew_counts_as_it_was() -> None:
    timers = Timers(0)
    timers.arm(A, 200, 0)
    timers.skew(2_000_000, 0, 100 * MS)
    assert expiry_ms(timers, A) == 150


OPERATION = st.tuples(
    st.sampled_from([A, B]), st.integers(0, 50), st.booleans(), st.integers(0, 20)
)


@given(st.lists(OPERATION, max_size=40), st.sampled_from([1, 333_333, 1_000_000, 3_000_000]))
def test_no_timer_is_forgotten_or_heard_early(
    operations: list[tuple[Timer, int, bool, int]], rate: int
) -> None:
    timers = Timers(0)
    timers.skew(rate, 0, 0)
    now, due = 0, dict[Timer, int]()
    for timer, delay, arm, wait in operations:
        if arm:
            timers.arm(timer, delay, now)
            due[timer] = now * rate // 10**6 + delay * MS
        else:
            timers.disarm(timer)
            due.pop(timer, None)
        now += wait * MS
        while (found := timers.pop(now)) is not None:
            assert due.pop(found) <= now * rate // 10**6
        assert all(own > now * rate // 10**6 for own in due.values())
        upcoming = timers.next_ns()
        if due:  # a wait until then is not a nanosecond too long
            assert upcoming is not None
            assert (upcoming - 1) * rate // 10**6 < min(due.values())
