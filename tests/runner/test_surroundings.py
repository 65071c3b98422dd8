"""When a host was too busy for times to mean much, and what is said of it."""

from __future__ import annotations

from chaos.election.timings import Timings
from chaos.history.events import RunBegan, Sampled
from chaos.history.history import History
from chaos.runner.surroundings import disturbance, environment, health, tool_version

MS = 1_000_000
TICK = Timings(tick_ms=200)


def history(*late_ms: int) -> History:
    samples = [
        Sampled(at * 100 * MS, steal_ticks=at, pressure_us=at * 25_000, late_ns=late * MS)
        for at, late in enumerate(late_ms, start=1)
    ]
    return History.of([RunBegan(0, "p", 1, "simulated"), *samples])


def test_a_quiet_host_is_not_disturbed() -> None:
    assert disturbance(history(0, 1, 50), TICK) == ""


def test_a_canary_later_than_a_quarter_of_a_tick_disturbs() -> None:
    said = disturbance(history(0, 51, 3), TICK)
    assert said.startswith("a canary woke 51 ms late at 0.20 s; past 50 ms")


def test_the_limit_follows_the_tick() -> None:
    assert disturbance(history(51), Timings(tick_ms=2000)) == ""
    assert disturbance(history(51), Timings(tick_ms=100)) != ""


def test_a_run_without_samples_says_nothing_of_its_host() -> None:
    assert disturbance(history(), TICK) == ""
    assert health(history()) == {}
    assert health(history(7)) == {}


def test_steal_and_pressure_are_those_of_the_run() -> None:
    assert health(history(1, 9, 2)) == {
        "steal": "2 ticks",
        "cpu pressure": "25 % of the run",
        "canary, latest": "9.0 ms late",
    }


def test_the_environment_names_tool_and_host() -> None:
    found = environment()
    assert found["chaos"] == tool_version()
    assert found["python"].startswith(("CPython 3.", "PyPy 3."))
    assert int(found["cores"]) >= 1
