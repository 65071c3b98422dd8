"""A peer that got no CPU breaks no bound; one that blocks by itself does."""

from __future__ import annotations

import pytest

from chaos.election.ids import Sid
from chaos.history.events import Event, Used
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.verdict import Outcome, Verdict
from tests.verify.lockstep import Lockstep

MS = 1_000_000
STALLED_MS = 30_000  # longer than syncLimit: its followers leave it


def stalled(*samples: Event) -> Verdict:
    """Peer 3 leads, and does nothing from 5 s on until 35 s; what ``no_needless_change`` says."""
    ensemble = Lockstep().start().run(5000).stall(3, STALLED_MS).run(60_000)
    events = [*ensemble.history().events[:-1], *samples]
    history = History.of(sorted(events, key=lambda one: one.at_ns))
    return INVARIANTS["no_needless_change"].check(history)


def used(at_ms: int, waited_ms: int, sid: int = 3) -> Used:
    return Used(at_ms * MS, Sid(sid), 0, 10, 10_000, waited_ms * MS)


def test_a_leader_that_blocks_is_left_without_need() -> None:
    verdict = stalled()
    assert verdict.outcome is Outcome.FAILS
    assert "no fault touched them" in verdict.summary


def test_a_leader_that_got_no_cpu_says_nothing_of_the_election() -> None:
    verdict = stalled(used(4900, 7), used(5400, 400), used(35_400, STALLED_MS - 500))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "a timer of peer 3 was " in verdict.summary
    assert "waited 29493 ms for a CPU" in verdict.summary


@pytest.mark.parametrize(
    "samples",
    [
        [used(4900, 7), used(35_400, 14_000)],
        [used(4900, STALLED_MS), used(35_400, STALLED_MS)],
        [used(4900, 0, sid=2), used(35_400, STALLED_MS, sid=2)],
        [used(60_000, STALLED_MS)],
    ],
    ids=["for less than half of it", "long before", "another peer", "who knows when"],
)
def test_the_cpu_is_no_excuse_for_what_it_did_not_do(samples: list[Used]) -> None:
    assert stalled(*samples).outcome is Outcome.FAILS


def test_a_peer_that_never_woke_is_late_until_the_end() -> None:
    ensemble = Lockstep().start().run(5000).stall(3, 100_000).run(60_000)
    waited = [used(4900, 0), used(64_900, 59_000)]
    events = [*ensemble.history().events[:-1], *waited]
    history = History.of(sorted(events, key=lambda one: one.at_ns))
    assert INVARIANTS["no_needless_change"].check(history).outcome is Outcome.UNKNOWN
    without = History.of([one for one in history.events if not isinstance(one, Used)])
    assert INVARIANTS["no_needless_change"].check(without).outcome is Outcome.FAILS
