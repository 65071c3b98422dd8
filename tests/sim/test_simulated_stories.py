"""Faults on a simulated ensemble, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.actions import (
    Block,
    Clear,
    Cut,
    How,
    Kill,
    Launch,
    Lose,
    Pause,
    Port,
    PortCut,
    Resume,
    Slow,
    Terminate,
    Unblock,
)
from chaos.election.effects import Expire, SteppedDown
from chaos.election.ids import Sid
from chaos.history.events import Exited, Left, LinkClosed, Lost, Stepped
from tests.sim.drive import Run

SEEDS = st.integers(0, 2**32)
ONE, FOUR, FIVE = Sid(1), Sid(4), Sid(5)


def apart(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[Cut, ...]:
    """The cuts, both ways, between two groups."""
    pairs = [(Sid(a), Sid(b)) for a in left for b in right]
    return tuple(Cut(*way) for a, b in pairs for way in ((a, b), (b, a)))


def why_down(run: Run, sid: Sid) -> list[str]:
    return [
        effect.why
        for event in run.events
        if isinstance(event, Stepped) and event.sid == sid
        for effect in event.effects
        if isinstance(effect, SteppedDown)
    ]


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_another_leads_after_a_kill_and_the_killed_follows_it(seed: int) -> None:
    run = Run(5, seed)
    assert run.settle() == 5
    run.do(Kill(FIVE))
    leader = run.settle(10)
    run.do(Launch(FIVE))
    assert run.settle(10) == leader != FIVE
    assert run.view.peers[FIVE].inc == 1
    assert {peer.epoch for peer in run.view.peers.values()} == {2}
    assert [(e.sid, e.status) for e in run.events if isinstance(e, Exited)] == [(5, -9)]


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_a_paused_leader_is_replaced_and_follows_when_it_goes_on(seed: int) -> None:
    run = Run(5, seed)
    run.settle()
    run.do(Pause(FIVE))
    leader = run.settle(20)
    run.do(Resume(FIVE))
    assert run.settle(20) == leader != FIVE
    assert why_down(run, FIVE) != []


def test_a_short_pause_of_a_follower_changes_nothing() -> None:
    run = Run(5)
    run.settle()
    run.rest(1)
    run.do(Pause(ONE))
    run.rest(0.3)
    before = len([e for e in run.events if isinstance(e, Stepped) and e.sid == ONE])
    run.do(Resume(ONE))
    run.rest(1)
    assert run.settled()
    assert why_down(run, ONE) == []
    assert len([e for e in run.events if isinstance(e, Stepped) and e.sid == ONE]) > before


def test_a_paused_peer_does_nothing_and_then_reads_before_its_timers_run_out() -> None:
    run = Run(3)
    run.settle()
    run.rest(1)
    run.do(Pause(ONE))
    at = run.system.now_ns
    run.rest(3)
    steps = [e for e in run.events if isinstance(e, Stepped) and e.sid == ONE]
    assert max(e.at_ns for e in steps) <= at
    run.do(Resume(ONE))
    run.rest(0.001)
    woken = [e for e in run.events if isinstance(e, Stepped) and e.sid == ONE and e.at_ns > at]
    first = [e for e in woken if e.at_ns == woken[0].at_ns]
    kinds = [isinstance(e.happened, Expire) for e in first]
    assert len(kinds) > 1
    assert kinds == sorted(kinds)


HOWS = {"silent": How.SILENT, "reset": How.RESET}


@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS.keys())
@settings(max_examples=6, deadline=None)
@given(seed=SEEDS)
def test_a_majority_elects_without_the_rest_and_takes_it_back(how: How, seed: int) -> None:
    run = Run(5, seed)
    run.settle()
    run.do(Block("split", apart((4, 5), (1, 2, 3)), how))
    run.rest(10)
    leader = run.view.leader
    assert leader in (1, 2, 3)
    assert run.view.followers_of(Sid(leader)) == {1, 2, 3}
    roles = run.view.roles()
    assert [roles[FOUR], roles[FIVE]] == ["looking", "looking"]
    healed = run.do(Unblock("split"))
    assert healed.bit is True
    assert int(healed.facts["packets"]) > 0
    assert run.settle(90) == leader


def test_refusing_new_connections_alone_disturbs_nobody_who_is_connected() -> None:
    run = Run(5)
    run.settle()
    run.do(Block("refuse", apart((5,), (1, 2, 3, 4)), How.REFUSE))
    run.rest(5)
    assert run.settled()
    evidence = run.do(Unblock("refuse"))
    assert (evidence.bit, evidence.facts) == (False, {"packets": 0})


def test_a_leader_whose_quorum_port_is_cut_off_steps_down() -> None:
    run = Run(3)
    run.settle()
    run.do(Block("port", (PortCut(Sid(3), Port.QUORUM, inbound=True),)))
    run.rest(4)
    assert any("not enough followers synced" in why for why in why_down(run, Sid(3)))
    run.do(Unblock("port"))
    run.settle(90)


def test_a_lost_majority_leads_nobody_until_it_is_back() -> None:
    run = Run(5)
    run.settle()
    for sid in (5, 4, 3):
        run.do(Terminate(Sid(sid)))
    run.rest(10)
    assert run.view.leaders() == {}
    assert [e.why for e in run.events if isinstance(e, Left)] == ["SIGTERM"] * 3
    assert run.do(Launch(Sid(3))).bit
    assert run.settle(120) == 3


def test_slow_messages_still_elect_and_the_evidence_counts_them() -> None:
    run = Run(3)
    links = apart((3,), (1, 2))
    run.do(Slow("mud", links, latency_ns=30_000_000, jitter_ns=10_000_000))
    assert run.settle(10) == 3
    cleared = run.do(Clear("mud"))
    assert cleared.bit is True
    delayed = int(cleared.facts["delayed"])
    assert delayed * 20_000_000 <= int(cleared.facts["delay_ns"]) <= delayed * 40_000_000


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_lost_messages_are_named_after_their_fault_and_end_with_it(seed: int) -> None:
    run = Run(3, seed)
    run.do(Lose("rain", apart((1,), (2, 3)) + apart((2,), (3,)), ppm=500_000))
    run.rest(20)
    lost = [event for event in run.events if isinstance(event, Lost) and event.fault == "rain"]
    cleared = run.do(Clear("rain"))
    assert len(lost) == cleared.facts["lost"]
    assert cleared.bit is (len(lost) > 0)
    run.settle(120)


def test_messages_held_back_by_a_slow_link_are_lost_with_it() -> None:
    run = Run(3)
    run.do(Slow("mud", apart((1,), (3,)), latency_ns=150_000_000))
    run.rest(0.1)
    run.do(Kill(Sid(3)))
    run.rest(1)
    gone = [e for e in run.events if isinstance(e, Lost) and e.sid == ONE and e.to == 3]
    assert "its link closed before it was due" in {e.why for e in gone}


def test_messages_for_a_peer_that_is_cut_off_replace_one_another_in_the_queue() -> None:
    run = Run(5)
    run.do(Block("split", apart((1,), (5,))))
    run.rest(30)
    lost = [e for e in run.events if isinstance(e, Lost) and e.sid == ONE and e.to == FIVE]
    assert {(e.why, e.fault) for e in lost} == {("overwritten in its queue", "")}
    closed = [e for e in run.events if isinstance(e, LinkClosed) and (e.sid, e.other) == (1, 5)]
    assert {(e.link, e.why) for e in closed} == {("", "connect timed out")}


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, data=st.data())
def test_any_faults_that_end_leave_one_leader(seed: int, data: st.DataObject) -> None:
    run = Run(5, seed, data.draw(st.sampled_from(["fifo", "unordered"])))
    sids = st.integers(1, 5).map(Sid)
    faults: dict[str, Callable[[Sid], None]] = {
        "kill": lambda sid: _blink(run, Kill(sid), Launch(sid)),
        "pause": lambda sid: _blink(run, Pause(sid), Resume(sid)),
        "cut": lambda sid: _blink(run, Block("b", _around(sid)), Unblock("b")),
        "reset": lambda sid: _blink(run, Block("b", _around(sid), How.RESET), Unblock("b")),
        "mute": lambda sid: _blink(run, Block("b", _around(sid)[::2]), Unblock("b")),
    }
    for _ in range(data.draw(st.integers(1, 4))):
        faults[data.draw(st.sampled_from(sorted(faults)))](data.draw(sids))
    run.settle(300)


def _around(sid: Sid) -> tuple[Cut, ...]:
    return apart((sid,), tuple(other for other in range(1, 6) if other != sid))


def _blink(run: Run, begin: Kill | Pause | Block, end: Launch | Resume | Unblock) -> None:
    run.rest(1)
    run.do(begin)
    run.rest(3)
    run.do(end)
