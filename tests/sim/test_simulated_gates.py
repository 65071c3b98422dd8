"""A simulated peer at a gate: it does nothing until it is let go, and loses nothing by it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.actions import Cut, Hold, Kill, Launch, LetGo, Pause, Resume, Slow, TurnRound
from chaos.election.effects import Deliver, Persist, SendPacket, SkewRound
from chaos.election.ids import Sid
from chaos.election.moments import PACKET_WORDS, STATE_WORDS, Awaited, Before, MomentKind
from chaos.history.events import Held, LinkOpened, Stepped, Wrote
from tests.sim.drive import Run

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
ALL = (ONE, TWO, THREE)
SENT = Awaited(MomentKind.NOTIFICATION_SENT)
LINKS = (MomentKind.LINK_OPENED, MomentKind.LINK_BROKEN)


def holds(run: Run, name: str = "g", seconds: float = 10) -> Held:
    """Let time pass until somebody holds."""
    assert run.until(lambda: _last(run, name) is not None, seconds)
    held = _last(run, name)
    assert held is not None
    return held


def _last(run: Run, name: str) -> Held | None:
    last = run.events[-1] if run.events else None
    return last if isinstance(last, Held) and last.name == name else None


def lines(run: Run, sid: Sid, seq: int = -1) -> list[object]:
    """What its journal has behind a line."""
    return [e for e in run.events if getattr(e, "sid", 0) == sid and getattr(e, "seq", -1) > seq]


awaited = st.one_of(
    st.builds(Awaited, st.sampled_from(MomentKind)),
    st.builds(
        Awaited,
        st.sampled_from([MomentKind.PACKET_SENT, MomentKind.PACKET_RECEIVED]),
        what=st.sampled_from(PACKET_WORDS[:9]),
    ),
    st.builds(
        Awaited,
        st.sampled_from([MomentKind.STATE_CHANGED, MomentKind.DECIDED]),
        what=st.sampled_from(STATE_WORDS[:3]),
    ),
    st.builds(Awaited, st.just(MomentKind.NOTIFICATION_SENT), st.tuples(st.sampled_from(ALL))),
)
gates = st.builds(Hold, st.just("g"), st.just(ALL), awaited, st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), gate=gates, s=st.sampled_from([0.001, 0.3, 3.0]))
def test_a_held_peer_does_nothing_and_all_settle_when_it_goes_on(
    seed: int, gate: Hold, s: float
) -> None:
    run = Run(3, seed)
    run.do(gate)
    run.until(lambda: _last(run, "g") is not None, 3)
    run.rest(s)
    for event in [e for e in run.events if isinstance(e, Held)]:
        assert lines(run, event.sid, event.seq) == [], event
    run.do(LetGo("g", ALL))
    assert run.settle(30) in ALL


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), gate=gates)
def test_who_is_let_go_at_once_decides_as_if_there_had_been_no_gate(seed: int, gate: Hold) -> None:
    free, gated = Run(3, seed), Run(3, seed)
    gated.do(gate)
    for _ in range(50):
        if not gated.until(lambda: _last(gated, "g") is not None, 1):
            break
        gated.do(LetGo("g", ALL, again=True))
    gated.do(LetGo("g", ALL))
    assert gated.settle(30) == free.settle(30)
    assert {p.epoch for p in gated.view.peers.values()} == {
        p.epoch for p in free.view.peers.values()
    }


def test_it_holds_between_the_effects_of_one_step() -> None:
    run = Run(3)
    run.do(Hold("g", (ONE,), Awaited(MomentKind.PACKET_SENT, what="ACKEPOCH")))
    held = holds(run)
    (step,) = [e for e in run.events if isinstance(e, Stepped) and (e.sid, e.seq) == (1, held.line)]
    assert [type(effect) for effect in step.effects[: held.index + 1]] == [Persist, SendPacket]
    assert run.view.peers[ONE].accepted_epoch == 1
    run.rest(1)
    assert run.view.peers[ONE].epoch is None
    run.do(Kill(ONE))
    run.do(Launch(ONE))
    run.do(LetGo("g", (ONE,)))
    assert run.settle() == 3


def test_what_comes_in_meanwhile_is_handled_behind_what_it_was_about_to_do() -> None:
    run = Run(3)
    run.do(Hold("g", (TWO,), Awaited(MomentKind.NOTIFICATION_RECEIVED, peers=(THREE,))))
    held = holds(run)
    run.rest(0.1)
    run.do(LetGo("g", (TWO,)))
    run.rest(0.1)
    behind = lines(run, TWO, held.seq)
    assert behind
    assert [e for e in behind if isinstance(e, Stepped) and isinstance(e.happened, Deliver)]


def test_an_order_meanwhile_has_its_line_and_comes_behind() -> None:
    run = Run(3)
    run.do(Hold("g", (TWO,), SENT))
    held = holds(run)
    assert run.do(TurnRound(TWO, to=50)).bit
    run.rest(0.1)
    (told,) = lines(run, TWO, held.seq)
    assert isinstance(told, Stepped)
    assert told.happened == SkewRound(to=50)
    run.do(LetGo("g", (TWO,)))
    run.rest(0.1)
    steps = [
        e.step for e in run.events if isinstance(e, Wrote) and e.sid == TWO and e.seq > told.seq
    ]
    assert told.seq in steps


def test_what_a_gate_kept_feels_the_delay_that_was_put_in_place_meanwhile() -> None:
    run = Run(3)
    run.settle()
    run.do(Hold("g", (THREE,), Awaited(MomentKind.NOTIFICATION_SENT, round=9)))
    run.do(TurnRound(THREE, to=8))
    run.do(Kill(TWO))
    run.do(Kill(ONE))
    held = holds(run, seconds=20)
    run.do(Launch(ONE))
    run.rest(0.1)
    run.do(Slow("mud", (Cut(THREE, ONE),), 80_000_000))
    run.do(LetGo("g", (THREE,)))
    at = run.system.now_ns
    run.rest(0.5)
    wrote = [e for e in run.events if isinstance(e, Wrote) and e.sid == THREE and e.to == ONE]
    assert min(e.at_ns for e in wrote if e.step >= held.line) >= at + 80_000_000


def test_a_peer_that_is_paused_at_a_gate_goes_on_when_both_let_it() -> None:
    run = Run(3)
    run.do(Hold("g", (TWO,), SENT))
    held = holds(run)
    run.do(Pause(TWO))
    run.do(LetGo("g", (TWO,)))
    run.rest(1)
    assert lines(run, TWO, held.seq) == []
    run.do(Resume(TWO))
    assert run.settle() == 3
    run.do(Hold("g", (TWO,), Awaited(MomentKind.PACKET_SENT)))
    held = holds(run)
    run.do(Pause(TWO))
    run.do(Resume(TWO))
    run.rest(0.1)
    assert lines(run, TWO, held.seq) == []


def test_who_starts_later_holds_too_unless_it_was_let_go() -> None:
    run = Run(3)
    run.settle()
    run.do(Kill(ONE))
    run.do(Hold("g", ALL, Awaited(MomentKind.STATE_CHANGED, what="looking")))
    run.do(Launch(ONE))
    assert holds(run).inc == 1
    run.do(Kill(ONE))
    run.do(LetGo("g", (ONE,)))
    run.do(Launch(ONE))
    assert run.settle() == 3


@pytest.mark.parametrize("kind", LINKS)
def test_it_holds_at_a_link_before_a_word_is_written_there(kind: MomentKind) -> None:
    run = Run(3)
    if kind is MomentKind.LINK_BROKEN:
        run.settle()
    run.do(Hold("g", (TWO,), Awaited(kind, peers=(ONE,))))
    if kind is MomentKind.LINK_BROKEN:
        run.do(Kill(ONE))
    held = holds(run)
    run.rest(0.2)
    assert lines(run, TWO, held.seq) == []
    if kind is MomentKind.LINK_OPENED:
        (opened,) = [
            e
            for e in run.events
            if isinstance(e, LinkOpened) and e.seq == held.line and e.sid == TWO
        ]
        assert [e for e in run.events if isinstance(e, Wrote) and e.link == opened.link] == []
    run.do(LetGo("g", (TWO,)))
    assert run.settle() == 3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), at=st.integers(0, 200))
def test_what_a_peer_is_when_a_gate_is_armed_is_what_its_journal_has_made_of_it(
    seed: int, at: int
) -> None:
    """The peers of a run that is cut off after some events, the last of them a leader."""
    run = Run(3, seed)
    for _ in range(at):
        run.until(lambda: True, 1)
    known = {sid: Before() for sid in ALL}
    for event in run.events:
        if isinstance(event, Stepped):
            known[event.sid].follow(event.happened, event.effects)
    run.system.apply(Hold("g", ALL, SENT))
    world = run.system._world  # type: ignore[attr-defined]
    for event in list(world.seen):  # what happened at the same instant
        if isinstance(event, Stepped):
            known[event.sid].follow(event.happened, event.effects)
    for sid in ALL:
        assert world.process(sid).gates._before == known[sid]
