"""A span that was seen from outside and lies across a bound decides nothing."""

from __future__ import annotations

import pytest

from chaos import actions as act
from chaos.election.ids import Sid
from chaos.history.events import Acted, Appeared, Event, Exited, StepBegan
from chaos.history.history import History
from chaos.verify.ends import EndsAsTold
from chaos.verify.evidence import fault_evidence
from chaos.verify.expectations import (
    LeaderExpected,
    MetricMax,
    NoLeaderExpected,
    SameLeaderExpected,
)
from chaos.verify.foreign.outside import from_outside
from chaos.verify.replay import reigns
from chaos.verify.verdict import Outcome
from tests.verify.lockstep import MS, Lockstep

WIDTH = 50 * MS
KILLED = 2000 * MS
TWO = Sid(2)
HOLDS, FAILS, UNKNOWN = Outcome.HOLDS, Outcome.FAILS, Outcome.UNKNOWN


@pytest.fixture(scope="module")
def history() -> History:
    """Foreign servers whose states are known to 50 ms; 3 leads, is killed, and 2 follows it."""
    ensemble = Lockstep().start().run(2000)
    ensemble.events.append(StepBegan(KILLED, "crash", KILLED, (Sid(3),)))
    ensemble.acted("crash", act.Kill(Sid(3)))
    return from_outside(ensemble.kill(3).run(4000).history(), log_ns=WIDTH)


@pytest.fixture(scope="module")
def began(history: History) -> int:
    """The latest moment at which the second reign began."""
    return reigns(history)[1].from_ns


@pytest.mark.parametrize(("spare_ns", "outcome"), [(0, HOLDS), (-1, UNKNOWN), (-WIDTH - 1, FAILS)])
def test_a_leader_within_a_bound(
    history: History, began: int, spare_ns: int, outcome: Outcome
) -> None:
    expected = LeaderExpected("e", "p:1:1", None, KILLED, began - KILLED + spare_ns)
    assert expected.check(history).outcome is outcome


@pytest.mark.parametrize(("spare_ns", "outcome"), [(0, HOLDS), (-1, UNKNOWN), (-WIDTH - 1, FAILS)])
def test_a_measure_below_a_maximum(
    history: History, began: int, spare_ns: int, outcome: Outcome
) -> None:
    bound = MetricMax("e", "p:1:1", "election.leaderless", began - KILLED + spare_ns, "crash")
    assert bound.check(history).outcome is outcome


@pytest.mark.parametrize(("spare_ns", "outcome"), [(-WIDTH, HOLDS), (0, UNKNOWN), (1, FAILS)])
def test_nobody_leads_until(history: History, began: int, spare_ns: int, outcome: Outcome) -> None:
    expected = NoLeaderExpected("e", "p:1:1", None, KILLED, began + spare_ns)
    assert expected.check(history).outcome is outcome


@pytest.mark.parametrize(("at_ns", "outcome"), [(0, HOLDS), (-1, UNKNOWN), (-WIDTH - 1, FAILS)])
def test_the_same_leader_at_two_moments(
    history: History, began: int, at_ns: int, outcome: Outcome
) -> None:
    expected = SameLeaderExpected("e", "p:1:1", began + at_ns, began + 1000 * MS)
    assert expected.check(history).outcome is outcome


# ---- how foreign servers end


def ended(status: int, *, told: bool) -> History:
    events: list[Event] = [Appeared(0, TWO, 0, 0, 72, "zookeeper", "3.8.0", "server.2=h:1:2")]
    if told:
        events.append(Acted(5, 6, "s", act.Terminate(TWO), act.Evidence(bit=True)))
    return History.of([*events, Exited(7, TWO, 0, status)])


ENDS = [
    (143, True, HOLDS, "1 end by a fault"),
    (-9, True, HOLDS, "1 end by a fault"),
    (143, False, UNKNOWN, "status 143, and no fault did it"),
    (-6, False, FAILS, "crashed by SIGABRT"),
    (13, False, FAILS, "code 13: a packet out of turn"),
    (12, True, FAILS, "code 12: a commit that matches no proposal"),
    (99, False, FAILS, "code 99: which ZooKeeper does not name"),
]


@pytest.mark.parametrize(("status", "told", "outcome", "words"), ENDS)
def test_a_foreign_server_that_ends_by_itself_fails_with_what_its_code_means(
    status: int, *, told: bool, outcome: Outcome, words: str
) -> None:
    verdict = EndsAsTold().check(ended(status, told=told))
    assert verdict.outcome is outcome
    assert words in verdict.summary


# ---- what they are given


@pytest.mark.parametrize(
    ("bit", "facts", "outcome"),
    [
        (True, {"version in force": "100000003"}, HOLDS),
        (True, {}, UNKNOWN),
        (False, {"error": "reconfigure: ConnectionLoss"}, UNKNOWN),
    ],
    ids=["it was read back", "nothing was read back", "it was refused"],
)
def test_a_configuration_of_a_foreign_server_is_read_back(
    bit: bool, facts: dict[str, int | str], outcome: Outcome
) -> None:
    appeared = Appeared(0, TWO, 0, 0, 72, "zookeeper", "3.8.0", "server.2=h:1:2")
    given = act.Configure(TWO, "server.2=h:1:2\nversion=5")
    acted = Acted(5, 6, "s", given, act.Evidence(bit, facts))
    (verdict,) = fault_evidence(History.of([appeared, acted]))
    assert verdict.outcome is outcome
