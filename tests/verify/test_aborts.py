"""What ends a run before its time: a host that is too busy, a peer that crashed."""

from __future__ import annotations

import pytest

from chaos.actions import Evidence, Kill
from chaos.election.ids import Sid
from chaos.history.events import Aborted, Acted, Event, Exited, RunBegan, Sampled
from chaos.history.history import History
from chaos.verify.aborts import (
    AbortVerdict,
    AbortWhen,
    Guard,
    HostAbove,
    HostMetric,
    PeerCrashed,
    abort_of,
    unseen,
)
from chaos.verify.verdict import Kind, Outcome

MS = 1_000_000
TENTH = 100 * MS
M = HostMetric


def samples(shares: list[float], late_ns: int = 0) -> list[Sampled]:
    """A sample each tenth of a second; of the 200 ticks before it so many were busy."""
    found = [Sampled(0, 0, 1, 0, 0, 1)]
    for number, share in enumerate(shares, 1):
        last = found[-1]
        busy = last.busy_ticks + int(200 * share)
        pressure = last.pressure_us + int(share * 100_000)
        steal = last.steal_ticks + int(200 * share)
        found.append(Sampled(number * TENTH, steal, pressure, late_ns, busy, last.ticks + 200))
    return found


def above(metric: HostMetric, bound: int, tenths: int = 5) -> tuple[AbortWhen, ...]:
    return (HostAbove(metric, bound, tenths * TENTH, AbortVerdict.INFRASTRUCTURE, "p.yaml:9:7"),)


def when(conditions: tuple[AbortWhen, ...], events: list[Event]) -> Aborted | None:
    guard = Guard(conditions)
    for event in events:
        guard.observe(event)
    return guard.found


HOST: dict[str, tuple[tuple[AbortWhen, ...], list[float], int, int | None]] = {
    "busy for long enough": (above(M.LOAD, 900_000), [1.0] * 5, 0, 5),
    "not for long enough": (above(M.LOAD, 900_000), [1.0] * 4, 0, None),
    "busy later": (above(M.LOAD, 900_000), [0.1] * 5 + [1.0] * 5, 0, 10),
    "never above": (above(M.LOAD, 900_000), [0.9] * 20, 0, None),
    "one quiet tenth changes little": (
        above(M.LOAD, 900_000, 10),
        [1.0] * 9 + [0.6] + [1.0] * 9,
        0,
        10,
    ),
    "one busy tenth is none": (above(M.LOAD, 900_000), [0.5] * 9 + [1.0] + [0.5] * 9, 0, None),
    "stolen": (above(M.STEAL, 100_000), [0.2] * 5, 0, 5),
    "little is stolen": (above(M.STEAL, 300_000), [0.2] * 5, 0, None),
    "waited for": (above(M.PRESSURE, 500_000), [0.6] * 5, 0, 5),
    "waited for a little": (above(M.PRESSURE, 700_000), [0.6] * 5, 0, None),
    "late": (above(M.LATENESS, 20 * MS), [0.1] * 5, 30 * MS, 5),
    "in time": (above(M.LATENESS, 20 * MS), [1.0] * 9, 3 * MS, None),
}


@pytest.mark.parametrize(("conditions", "shares", "late_ns", "tenths"), HOST.values(), ids=HOST)
def test_a_host_is_judged_by_all_of_the_last_time(
    conditions: tuple[AbortWhen, ...], shares: list[float], late_ns: int, tenths: int | None
) -> None:
    found = when(conditions, [*samples(shares, late_ns)])
    assert (None if found is None else found.at_ns // TENTH) == tenths


def test_what_was_seen_is_told_with_the_samples_that_show_it() -> None:
    conditions = above(M.LOAD, 900_000)
    seen = [*samples([0.1, 1.0, 0.96, 1.0, 1.0, 0.94])]
    found = when(conditions, [*seen])
    assert found is not None
    assert found.why == "0.98 over the last 0.5 s, above 0.9"
    history = History.of([RunBegan(0, "p", 1, "processes"), *seen, found])
    verdict = abort_of(history, conditions)
    assert verdict is not None
    assert (verdict.kind, verdict.outcome) == (Kind.HOST, Outcome.FAILS)
    assert verdict.where == "p.yaml:9:7"
    first, last, itself = (history.events[index] for index in verdict.evidence)
    assert (first.at_ns, last.at_ns, itself) == (TENTH, 6 * TENTH, found)


def killed(sid: int) -> Acted:
    return Acted(1, 2, "kill-it", Kill(Sid(sid)), Evidence(True, {}))


CRASHES: dict[str, tuple[bool, list[Event], bool]] = {
    "by itself": (True, [Exited(9, Sid(2), 0, -11)], True),
    "of another, while a fault kills one": (True, [killed(1), Exited(9, Sid(2), 0, -9)], True),
    "by a fault": (True, [killed(2), Exited(9, Sid(2), 0, -9)], False),
    "by a fault, which counts as well": (False, [killed(2), Exited(9, Sid(2), 0, -9)], True),
    "nobody": (True, [killed(2)], False),
}


@pytest.mark.parametrize(("unless", "events", "ends"), CRASHES.values(), ids=CRASHES)
def test_an_end_that_no_fault_asked_for_is_a_crash(
    unless: bool, events: list[Event], ends: bool
) -> None:
    found = when((PeerCrashed(unless, AbortVerdict.FAIL),), events)
    assert (found is not None) is ends
    assert found is None or found.sid == 2


@pytest.mark.parametrize(
    ("verdict", "kind", "outcome"),
    [
        (AbortVerdict.FAIL, Kind.ABORT, Outcome.FAILS),
        (AbortVerdict.INCONCLUSIVE, Kind.ABORT, Outcome.UNKNOWN),
        (AbortVerdict.INFRASTRUCTURE, Kind.HOST, Outcome.FAILS),
    ],
)
def test_the_plan_says_what_the_run_is_then(
    verdict: AbortVerdict, kind: Kind, outcome: Outcome
) -> None:
    conditions = (PeerCrashed(unless_injected=True, verdict=verdict),)
    crash = Exited(9, Sid(2), 0, -11)
    found = when(conditions, [crash])
    assert found is not None
    judged = abort_of(History.of([crash, found]), conditions)
    assert judged is not None
    assert (judged.kind, judged.outcome) == (kind, outcome)
    assert set(judged.evidence) == {0, 1}


def test_a_metric_that_nobody_samples_is_named() -> None:
    conditions = (*above(M.LOAD, 1), *above(M.PRESSURE, 1), *above(M.LATENESS, 1))
    told = samples([0.5] * 3)
    assert unseen(History.of(told), conditions) == ()
    assert unseen(History.of([]), conditions) == ("host.load", "host.pressure", "host.lateness")
    deaf = [Sampled(one.at_ns, 0, 0, one.late_ns) for one in told]
    assert unseen(History.of(deaf), conditions) == ("host.load", "host.pressure")
    assert when(conditions[:2], [*deaf]) is None
