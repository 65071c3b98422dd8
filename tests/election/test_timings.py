"""The time limits of a peer that are worked out, not given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.timings import Timings


@pytest.mark.parametrize(("attempt", "delay_ms"), [(1, 10), (2, 100), (3, 100), (4, 190)])
def test_the_second_attempt_at_a_leader_comes_soon(attempt: int, delay_ms: int) -> None:
    assert Timings().leader_connect_delay_ms(attempt) == delay_ms


@given(pause=st.integers(1, 10_000), attempts=st.integers(2, 50))
def test_all_attempts_span_the_time_that_zookeepers_do(pause: int, attempts: int) -> None:
    timings = Timings(leader_connect_retry_ms=pause, leader_connect_attempts=attempts)
    delays = [timings.leader_connect_delay_ms(attempt) for attempt in range(1, attempts)]
    assert sum(delays) == (attempts - 1) * pause
    assert all(delay >= 0 for delay in delays)
