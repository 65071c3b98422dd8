"""When progress is due: after gates and changes, of whom, and never where nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import Sid
from chaos.election.moments import Awaited, MomentKind
from chaos.election.notification import ServerState
from chaos.election.quorum_peer import QuorumPeer
from chaos.history.events import Acted, Event, Exited, Held, RunEnded, Stepped
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.liveness import open_until_ns
from chaos.verify.stability import stable
from chaos.verify.verdict import Outcome, Verdict
from tests.election.story import configuration
from tests.verify.lockstep import MS, Lockstep
from tests.verify.test_liveness import (
    L1,
    L2,
    L3,
    Fickle,
    Undecided,
    ahead,
    drowned,
    healthy,
    stuck,
    undecided,
)

FAILS, UNKNOWN, NOTHING = Outcome.FAILS, Outcome.UNKNOWN, Outcome.NOT_EXERCISED
GATE = Awaited(MomentKind.NOTIFICATION_SENT, ())
NOBODY_DECIDES = undecided()


def judge(history: History, name: str) -> Verdict:
    return INVARIANTS[name].check(history)


def armed(at_ms: int = 1) -> Acted:
    return done(at_ms, act.Hold("g", (Sid(1), Sid(2), Sid(3)), GATE))


def done(at_ms: int, action: act.Action, *, bit: bool = True) -> Acted:
    return Acted(at_ms * MS, at_ms * MS, "s", action, act.Evidence(bit))


def holds(at_ms: int, sid: int) -> Held:
    return Held(at_ms * MS, Sid(sid), 0, 9000 + at_ms, "g", 0)


def let_go(at_ms: int, *sids: int, again: bool = False, bit: bool = True) -> Acted:
    return done(at_ms, act.LetGo("g", tuple(map(Sid, sids)), again), bit=bit)


def with_(*events: Event) -> History:
    """Nobody ever decides, and this happened beside it; the gate's own lines are no gap."""
    return History.of([*NOBODY_DECIDES.events, *events])


GATES: dict[str, tuple[tuple[Event, ...], frozenset[int]]] = {
    "armed, and nobody came": ((armed(),), frozenset({1, 2, 3})),
    "one holds": ((armed(), holds(2, 1)), frozenset({2, 3})),
    "two hold": ((armed(), holds(2, 1), holds(2, 2)), frozenset()),
    "two held, one goes on": (
        (armed(), holds(2, 1), holds(2, 2), let_go(500, 1)),
        frozenset({1, 3}),
    ),
    "it holds again": (
        (armed(), holds(2, 1), let_go(500, 1, again=True), holds(600, 1)),
        frozenset({2, 3}),
    ),
    "the line came after the gate was off": (
        (armed(), let_go(500, 1, 2, 3), holds(500, 1)),
        frozenset({1, 2, 3}),
    ),
    "it could not be let go": (
        (armed(), holds(2, 1), holds(2, 2), let_go(500, 1, 2, bit=False)),
        frozenset(),
    ),
}


@pytest.mark.parametrize(("events", "members"), GATES.values(), ids=GATES.keys())
def test_who_holds_at_a_gate_is_not_waited_for_and_later_is(
    events: tuple[Event, ...], members: frozenset[int]
) -> None:
    history = with_(*events)
    last = [span.members for span in stable(history) if span.by_end]
    assert last == ([members] if members else [])


def test_after_a_gate_progress_is_due() -> None:
    """The hold is written in a journal of its own start, so that no line of another is missing."""
    ensemble = Lockstep(cores=dict.fromkeys((1, 2, 3), Undecided)).start().run(100)
    peer = ensemble.peers[Sid(1)]
    for event in (armed(100), Held(100 * MS, Sid(1), 0, peer.seq, "g", 0), let_go(150, 1, 2, 3)):
        ensemble.events.append(event)
    peer.seq += 1
    verdict = judge(ensemble.run(60_000).history(), L1)
    assert verdict.outcome is FAILS, verdict
    assert "{1, 2, 3} were left alone from" in verdict.summary


ATTACK = act.Attack("a", (Sid(1),), act.Port.ELECTION, "silent", 8, 8)


@dataclass(frozen=True, slots=True)
class Quake:
    """A fault of a kind that nobody has heard of."""

    name: str = "q"


@pytest.mark.parametrize("name", [L1, L2, L3])
def test_after_a_fault_that_is_not_known_nothing_is_demanded_and_it_is_named(name: str) -> None:
    strange = done(1, act.Kill(Sid(9)))
    object.__setattr__(strange, "action", Quake())
    over = done(2, act.Clear("q"))
    verdict = judge(with_(strange, over), name)
    assert verdict.outcome is NOTHING
    assert "since Quake of step s has effects whose end is not known here" in verdict.summary


def test_actions_of_these_kinds_have_an_end_that_is_known() -> None:
    """What is not among them ends all demands for the rest of its runs."""
    samples: tuple[act.Action, ...] = (
        act.Kill(Sid(1)), act.Terminate(Sid(1)), act.Launch(Sid(1)), act.Pause(Sid(1)),
        act.Resume(Sid(1)), act.Block("b", ()), act.Unblock("b"), act.Slow("s", (), 1),
        act.Lose("l", (), 1), act.Clear("l"), act.TurnRound(Sid(1)), act.SetEpochs(Sid(1)),
        act.SetZxid(Sid(1), 1), act.SkewTimers(Sid(1)), act.Configure(Sid(1), ""),
        act.Load("w", 1, 1), act.Unload("w"), act.Hold("g", (), GATE), act.LetGo("g", ()),
        ATTACK, act.CallOff("a"), act.SpoilDisk("d", ()), act.MendDisk("d"),
        act.Burn("b", (), 1, 1), act.Cool("b"),
    )  # fmt: skip
    told = [judge(with_(done(1, action)), L1).summary for action in samples]
    assert [why for why in told if "is not known here" in why] == []


def test_of_who_has_to_do_with_an_outsider_nothing_is_demanded_until_that_is_over() -> None:
    history = with_(done(100, ATTACK), done(400, act.CallOff("a")))
    spans = [(span.from_ns // MS, span.to_ns // MS) for span in stable(history)]
    assert [one for one in spans if one[0] < 400 < one[1] or (one[1] > 100 and one[0] < 100)] == []
    assert spans[-1][0] >= 400


# ---- changes


def changed(*cores: tuple[int, type[QuorumPeer]]) -> Lockstep:
    """Peers 1 and 2 are members no more, run on, and speak to the others."""
    ensemble = Lockstep("1-5", cores=dict(cores)).start().run(500)
    config = configuration("3-5", version=9 << 32).text()
    for sid in range(1, 6):
        ensemble.acted("change", act.Configure(Sid(sid), config))
        ensemble.give(sid, fx.Reconfigure(config))
    return ensemble.run(10_000)


def test_after_a_change_progress_is_due_of_the_members_that_are_left() -> None:
    history = changed().history()
    span = stable(history)[-1]
    assert (span.members, span.by_end) == (frozenset({3, 4, 5}), True)
    for name in (L1, L2, L3):
        assert judge(history, name).outcome is Outcome.HOLDS


def test_a_leader_that_gives_up_after_a_change_is_caught() -> None:
    verdict = judge(changed((5, Fickle)).history(), L3)
    assert verdict.outcome is FAILS, verdict
    assert "{3, 4, 5} were left alone" in verdict.summary


def who(history: History, did: type[fx.Effect], *, heard: bool = False) -> list[Sid]:
    """Whose steps have such an effect, a peer for each; ``heard``: only of what they heard."""
    return [
        event.sid
        for _, event in history.steps()
        if any(isinstance(effect, did) for effect in event.effects)
        and (isinstance(event.happened, fx.Deliver) or not heard)
    ]


def heard(*cores: tuple[int, type[QuorumPeer]]) -> Lockstep:
    """Peer 1 alone is told that peer 4, which is down, is a member no more; it says so."""
    ensemble = Lockstep("1-4", cores=dict(cores)).start(1, 2, 3)
    config = configuration("1-3", version=9 << 32).text()
    ensemble.acted("change", act.Configure(Sid(1), config)).give(1, fx.Reconfigure(config))
    return ensemble.run(10_000)


def test_after_a_change_that_is_heard_of_others_progress_is_due() -> None:
    history = heard().history()
    assert sorted(who(history, fx.PersistConfig, heard=True)) == [2, 3]
    span = stable(history)[-1]
    assert (span.members, span.by_end) == (frozenset({1, 2, 3}), True)
    for name in (L1, L2, L3):
        assert judge(history, name).outcome is Outcome.HOLDS


def test_who_never_decides_after_a_change_that_it_heard_of_is_caught() -> None:
    verdict = judge(heard(*((sid, Undecided) for sid in (1, 2, 3))).history(), L1)
    assert verdict.outcome is FAILS, verdict
    assert "{1, 2, 3} were left alone" in verdict.summary


def refused() -> Lockstep:
    """Those that elected peer 3 have a newer configuration than it when they come to it."""
    ensemble = Lockstep("1-3").start()
    while ensemble.peers[Sid(3)].core.state is not ServerState.LEADING:
        ensemble.run(10)
    config = configuration("1-3", version=9 << 32).text()
    for sid in (1, 2):
        ensemble.acted("change", act.Configure(Sid(sid), config)).give(sid, fx.Reconfigure(config))
    return ensemble.run(10_000)


def test_who_is_refused_for_a_newer_configuration_fails_at_nothing() -> None:
    history = refused().history()
    left = who(history, fx.SteppedDown)
    assert min(left.count(Sid(1)), left.count(Sid(2))) > 8
    (span,) = [one for one in stable(history) if one.by_end]
    assert (span.members, max(span.failed.values())) == (frozenset({1, 2, 3}), 1)
    for name in (L1, L2, L3):
        assert judge(history, name).outcome is Outcome.HOLDS


# ---- runs that are too short


@pytest.mark.parametrize("ms", [1, 300, 3000])
def test_a_run_that_ends_before_the_bound_is_unknown_however_short(ms: int) -> None:
    cores = dict.fromkeys((1, 2, 3), Undecided)
    history = Lockstep(cores=cores).start().run(ms).history()
    assert judge(history, L1).outcome is UNKNOWN


def test_a_run_has_to_go_on_until_what_is_due_is_decided() -> None:
    cores = dict.fromkeys((1, 2, 3), Undecided)
    short = Lockstep(cores=cores).start().run(300).history()
    until = open_until_ns(short)
    assert until is not None
    assert until > short.end_ns
    enough = Lockstep(cores=cores).start().run(until // MS + 1).history()
    assert judge(enough, L1).outcome is FAILS


@pytest.mark.parametrize("story", [healthy, stuck, ahead, drowned])
def test_who_serves_or_is_excused_is_waited_for_no_longer(story: Callable[[], History]) -> None:
    assert open_until_ns(story()) is None


@pytest.mark.parametrize("name", [L1, L2, L3])
def test_who_notices_how_the_tester_ends_the_others_breaks_nothing(name: str) -> None:
    """They are ended one after another; what is left of them looks for a leader once more."""
    ensemble = Lockstep().start().run(1_000)
    end = RunEnded(ensemble.now_ms * MS, "done")
    ensemble.run(1).kill(3).run(100)
    events = [event for event in ensemble.events if not isinstance(event, Exited)]
    looks = [e for e in events if isinstance(e, Stepped) and fx.SteppedDown in map(type, e.effects)]
    assert {event.sid for event in looks} == {1, 2}
    assert judge(History.of([*events, end]), name).outcome is Outcome.HOLDS
