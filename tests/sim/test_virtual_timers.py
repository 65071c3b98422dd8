"""Timers in virtual time, also on a clock that a fault skews."""

from __future__ import annotations

import pytest

from chaos.election.effects import Timer, TimerKind
from chaos.sim.clock import START_NS, Call, Clock
from chaos.sim.timers import Timers

MS = 1_000_000
RESEND, TICK = Timer(TimerKind.RESEND), Timer(TimerKind.TICK)


class Rung:
    """Timers, and when each rang, in milliseconds from the start."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.rang: list[tuple[float, TimerKind]] = []
        self.timers = Timers(self.clock, lambda call: call(), self._expired)

    def _expired(self, timer: Timer) -> None:
        self.rang.append(((self.clock.now_ns - START_NS) / MS, timer.kind))

    def run(self, ms: int) -> None:
        while self.clock.turn(START_NS + ms * MS):
            pass


def test_timers_ring_once_in_the_order_of_their_times() -> None:
    rung = Rung()
    rung.timers.arm(RESEND, 200)
    rung.timers.arm(TICK, 100)
    rung.run(1000)
    assert rung.rang == [(100, TimerKind.TICK), (200, TimerKind.RESEND)]


MOVES = {"later": (100, 300, 350), "earlier": (300, 100, 150), "to the same": (100, 50, 100)}


@pytest.mark.parametrize(("first", "then", "rings"), MOVES.values(), ids=MOVES.keys())
def test_a_timer_armed_anew_rings_at_its_new_time_only(first: int, then: int, rings: int) -> None:
    rung = Rung()
    rung.timers.arm(TICK, first)
    rung.run(50)
    rung.timers.arm(TICK, then)
    rung.run(1000)
    assert rung.rang == [(rings, TimerKind.TICK)]


def test_a_disarmed_timer_is_silent_and_can_be_armed_again() -> None:
    rung = Rung()
    rung.timers.arm(TICK, 100)
    rung.timers.disarm(TICK)
    rung.run(50)
    rung.timers.arm(TICK, 100)
    rung.run(1000)
    assert rung.rang == [(150, TimerKind.TICK)]


SKEWS = {
    "twice as fast": (2_000_000, 0, 75),
    "half as fast": (500_000, 0, 150),
    "20 ms ahead": (1_000_000, 20 * MS, 80),
    "far ahead": (1_000_000, 60_000 * MS, 50),
    "20 ms behind": (1_000_000, -20 * MS, 120),
}


@pytest.mark.parametrize(("rate", "offset", "rings"), SKEWS.values(), ids=SKEWS.keys())
def test_a_skew_moves_running_timers_and_paces_new_ones(rate: int, offset: int, rings: int) -> None:
    rung = Rung()
    rung.timers.arm(TICK, 100)
    rung.run(50)
    assert rung.timers.skew(rate, offset) == 1
    rung.run(rings)
    assert rung.rang == [(rings, TimerKind.TICK)]
    rung.timers.arm(RESEND, 100)
    rung.run(10_000)
    assert rung.rang[1:] == [(rings + 100 * 1_000_000 / rate, TimerKind.RESEND)]


def test_a_timer_of_a_stopped_process_armed_anew_before_it_goes_on_does_not_ring_late() -> None:
    waiting: list[Call] = []
    clock = Clock()
    rang: list[Timer] = []
    timers = Timers(clock, waiting.append, rang.append)
    timers.arm(TICK, 100)
    while clock.turn(START_NS + 500 * MS):
        pass
    timers.arm(TICK, 100)
    for call in waiting:
        call()
    assert rang == []
