"""A canary samples the host while it runs, and says how late it was woken."""

from __future__ import annotations

import queue
import threading
import time

from chaos.history.events import Sampled
from chaos.sandbox.canary import Canary


def _sung(count: int) -> list[Sampled]:
    heard: queue.Queue[Sampled] = queue.Queue()
    canary = Canary(heard.put)
    canary.start()
    try:
        return [heard.get(timeout=10) for _ in range(count)]
    finally:
        canary.stop()


def test_samples_come_ten_times_a_second_in_order() -> None:
    first, second = _sung(2)
    assert second.at_ns - first.at_ns >= 80_000_000
    assert 0 <= first.late_ns < 10_000_000_000
    assert second.steal_ticks >= first.steal_ticks
    assert second.pressure_us >= first.pressure_us


def test_what_keeps_it_from_waking_shows_as_lateness() -> None:
    heard: queue.Queue[Sampled] = queue.Queue()
    stall = threading.Event()

    def emit(sample: Sampled) -> None:
        heard.put(sample)
        if not stall.is_set():
            stall.set()
            until = time.monotonic_ns() + 60_000_000
            while time.monotonic_ns() < until:
                pass  # the canary's own thread is busy, as if the host were

    canary = Canary(emit)
    canary.start()
    heard.get(timeout=10)
    late = heard.get(timeout=10).late_ns
    canary.stop()
    assert late >= 40_000_000


def test_stopping_ends_its_thread_and_can_be_repeated() -> None:
    before = threading.active_count()
    canary = Canary(lambda _sample: None)
    canary.stop()
    canary.start()
    canary.stop()
    canary.stop()
    assert threading.active_count() == before
