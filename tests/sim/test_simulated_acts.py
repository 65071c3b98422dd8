"""Every action on a simulated ensemble takes effect and proves it, or says why it did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import pytest

from chaos.actions import (
    Action,
    Ask,
    Block,
    Burn,
    Clear,
    Configure,
    Cool,
    Cut,
    Kill,
    Launch,
    Lose,
    Pause,
    Resume,
    SetEpochs,
    SetZxid,
    SkewTimers,
    Slow,
    Terminate,
    TurnRound,
    Unblock,
)
from chaos.election.effects import (
    Expire,
    Persist,
    PersistConfig,
    Reconfigure,
    RestartElectionLayer,
    SkewEpochs,
    SkewRound,
    SkewZxid,
    TimerKind,
)
from chaos.election.ids import PeerEpoch, Sid, Zxid, zxid_of
from chaos.ensemble import EnsembleSetup, configuration_of
from chaos.errors import InfrastructureError
from chaos.history.events import Began, Event, RunBegan, Stepped
from chaos.systems.simulated import Simulated
from tests.sim.drive import Run, ensemble

ONE, TWO, THREE, NINE = Sid(1), Sid(2), Sid(3), Sid(9)
CUT = (Cut(ONE, TWO),)

ERRORS: Mapping[str, tuple[tuple[Action, ...], Action, str]] = {
    "kill what is down": ((Kill(ONE),), Kill(ONE), "peer 1 is down"),
    "kill who is nobody": ((), Kill(NINE), "peer 9 is down"),
    "launch what is up": ((), Launch(ONE), "peer 1 is up already"),
    "launch who is nobody": ((), Launch(NINE), "there is no peer 9"),
    "terminate what is stopped": (
        (Pause(ONE),),
        Terminate(ONE),
        "peer 1 is stopped and takes no orders; resume it first",
    ),
    "turn what is stopped": (
        (Pause(ONE),),
        TurnRound(ONE, by=1),
        "peer 1 is stopped and takes no orders; resume it first",
    ),
    "turn what is down": ((Kill(ONE),), TurnRound(ONE, by=1), "peer 1 is down"),
    "unblock what is open": ((), Unblock("x"), "nothing is blocked under x"),
    "clear what is clear": ((), Clear("x"), "no message fault is called x"),
    "block twice": ((Block("x", CUT),), Block("x", CUT), "a block is called x already"),
    "slow twice": ((Slow("x", CUT, 1),), Lose("x", CUT, 1), "a message fault is called x already"),
    "timers that stand": ((), SkewTimers(ONE, 0), "timers cannot run at 0 ppm; give 1 or more"),
    "zxid of nobody": ((), SetZxid(NINE, 1), "there is no peer 9"),
}


@pytest.mark.parametrize(("before", "action", "error"), ERRORS.values(), ids=ERRORS.keys())
def test_what_cannot_be_done_says_so(
    before: tuple[Action, ...], action: Action, error: str
) -> None:
    run = Run(3)
    for first in before:
        assert run.do(first).bit is not False
    evidence = run.do(action)
    assert (evidence.bit, evidence.facts) == (False, {"error": error})


def test_signals_are_proved_as_the_kernel_would() -> None:
    run = Run(3)
    assert run.do(Pause(ONE)).facts == {"pid": 101, "state": "T"}
    assert run.do(Resume(ONE)).facts == {"pid": 101, "state": "running"}
    assert run.do(Kill(ONE)).facts == {"pid": 101, "signal": 9, "status": -9}
    assert run.do(Terminate(TWO)).facts == {"pid": 102, "status": 0}
    assert run.do(Launch(ONE)).facts == {"pid": 104, "inc": 1}


def stepped(run: Run, sid: Sid, kind: type) -> list[Stepped]:
    return [
        event
        for event in run.events
        if isinstance(event, Stepped) and event.sid == sid and isinstance(event.happened, kind)
    ]


INSIDE = {
    "round": (TurnRound(ONE, by=5), SkewRound(by=5)),
    "zxid": (SetZxid(ONE, 7), SkewZxid(Zxid(7))),
    "epochs": (SetEpochs(ONE, accepted=4), SkewEpochs(PeerEpoch(4), None)),
    "configuration": (Configure(ONE, "nonsense", activate=False), Reconfigure("nonsense", False)),
}


@pytest.mark.parametrize(("action", "happened"), INSIDE.values(), ids=INSIDE.keys())
def test_what_is_done_inside_a_living_peer_is_one_step_of_it(
    action: Action, happened: object
) -> None:
    run = Run(3)
    run.settle()
    evidence = run.do(action)
    run.rest(0.1)
    [step] = stepped(run, ONE, type(happened))
    assert step.happened == happened
    assert evidence.bit is True
    assert evidence.facts == {"at_ns": step.at_ns, "seq": step.seq}


def began(run: Run, sid: Sid) -> Began:
    return [event for event in run.events if isinstance(event, Began) and event.sid == sid][-1]


def test_a_disk_survives_a_kill() -> None:
    run = Run(3)
    run.settle()
    run.do(Kill(THREE))
    run.rest(0.1)
    run.do(Launch(THREE))
    run.settle(10)
    spec = began(run, THREE).spec
    assert (spec.accepted_epoch, spec.current_epoch) == (1, 1)
    assert "version=100000000" in spec.config
    written = {
        (effect.name, effect.value)
        for event in run.events
        if isinstance(event, Stepped) and event.sid == THREE and event.inc == 0
        for effect in event.effects
        if isinstance(effect, Persist)
    }
    assert written == {("acceptedEpoch", 1), ("currentEpoch", 1)}


def test_what_is_changed_while_a_peer_is_down_is_what_it_starts_with() -> None:
    run = Run(3)
    run.settle()
    run.do(Kill(ONE))
    assert run.do(SetZxid(ONE, zxid_of(9))).facts == {"zxid on disk": zxid_of(9)}
    assert run.do(SetEpochs(ONE, accepted=9, current=8)).bit
    run.do(Launch(ONE))
    run.rest(0)
    spec = began(run, ONE).spec
    assert (spec.accepted_epoch, spec.current_epoch, spec.zxid) == (9, 8, zxid_of(9))


def test_a_wiped_peer_starts_as_it_was_born() -> None:
    run = Run(3)
    run.settle()
    born = began(run, ONE).spec
    run.do(Kill(ONE))
    run.do(Launch(ONE, wipe=True))
    run.rest(0)
    assert began(run, ONE).spec == born
    assert run.settle(10) == 3


def test_a_configuration_of_fewer_members_restarts_the_election_among_them() -> None:
    run = Run(4)
    run.settle()
    hosts = {sid: f"10.0.0.{sid}" for sid in ensemble(4).sids}
    smaller = configuration_of(
        EnsembleSetup(ensemble(4).peers[:3]), hosts.__getitem__, zxid_of(7)
    ).text()
    for sid in (1, 2, 3):
        run.do(Configure(Sid(sid), smaller))
    run.do(Kill(Sid(4)))
    assert run.settle(30) == 3
    restarts = [
        effect
        for event in run.events
        if isinstance(event, Stepped)
        for effect in event.effects
        if isinstance(effect, RestartElectionLayer | PersistConfig)
    ]
    assert RestartElectionLayer(smaller) in restarts
    assert PersistConfig(smaller, active=True) in restarts


def test_timers_that_run_fast_expire_early() -> None:
    run = Run(3)
    evidence = run.do(SkewTimers(THREE, rate_ppm=4_000_000))
    assert evidence.facts == {"rate_ppm": 4_000_000, "offset_ns": 0, "timers": 0}
    run.settle(10)
    ends = {
        sid: stepped(run, sid, Expire)[0].at_ns - run.zero
        for sid in (ONE, THREE)
        if stepped(run, sid, Expire)[0].happened.timer.kind is TimerKind.FINALIZE  # type: ignore[union-attr]
    }
    assert 50_000_000 < ends[THREE] < 55_000_000


def test_a_peer_that_is_stopped_before_time_zero_does_not_look_until_it_goes_on() -> None:
    system = Simulated(ensemble(3), 1)
    system.prepare()
    assert system.apply(Pause(THREE)).bit
    assert system.apply(Kill(TWO)).bit
    assert system.apply(Launch(TWO)).bit
    zero = system.go()
    first = list(system.advance(zero + 1_000_000_000))
    assert {e.sid for e in first if isinstance(e, Stepped)} == {1, 2}
    assert min(e.at_ns for e in first if isinstance(e, Stepped)) >= zero
    system.apply(Resume(THREE))
    later = list(system.advance(zero + 2_000_000_000))
    assert {e.sid for e in later if isinstance(e, Stepped)} == {1, 2, 3}


def test_all_actions_are_supported_but_those_on_a_host_that_is_not_there() -> None:
    assert set(get_args(Action)) - {Ask, Burn, Cool} == Simulated.supports


def test_time_stops_where_the_caller_stops_and_goes_on_from_there() -> None:
    whole, halting = Run(3, seed=5), Run(3, seed=5)
    whole.rest(2)
    seen: list[Event] = []
    until = halting.system.now_ns + 2_000_000_000
    while halting.system.now_ns < until:
        for event in halting.system.advance(until):
            assert halting.system.now_ns == event.at_ns
            seen.append(event)
            break
    seen += halting.system.advance(until)
    assert seen == whole.events


def test_a_closed_system_is_over() -> None:
    run = Run(3)
    run.rest(0.1)
    list(run.system.close())
    assert list(run.system.close()) == []
    assert list(run.system.advance(run.system.now_ns + 10**9)) == []
    assert not any(isinstance(event, RunBegan) for event in run.events)


def test_a_run_that_never_rests_is_given_up() -> None:
    system = Simulated(ensemble(3), 1, events_max=50)
    system.prepare()
    until = system.go() + 10**10
    seen: list[Event] = []
    with pytest.raises(InfrastructureError, match="gave up after 50 events"):
        seen.extend(system.advance(until))
    assert system.now_ns < until
    assert list(system.close())


def test_a_peer_that_a_reconfiguration_removed_starts_where_it_was() -> None:
    run = Run(3)
    run.settle()
    hosts = {sid: f"10.0.0.{sid}" for sid in ensemble(3).sids}
    smaller = configuration_of(
        EnsembleSetup(ensemble(3).peers[1:]), hosts.__getitem__, zxid_of(7)
    ).text()
    for sid in (1, 2, 3):
        run.do(Configure(Sid(sid), smaller))
    run.do(Kill(ONE))
    assert run.do(Launch(ONE)).bit
    run.rest(5)
    assert began(run, ONE).spec.config == smaller
    assert run.view.leader == 3
