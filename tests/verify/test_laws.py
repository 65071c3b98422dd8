"""The laws of one journal: each is broken once, by a history in which one thing is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.config import Configuration, parse_configuration
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.history.events import Event, RunEnded, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.verdict import Outcome
from tests.election.story import configuration
from tests.verify.lockstep import Lockstep

Effects = tuple[fx.Effect, ...]
Change = Callable[[Stepped], Stepped]


def elected() -> Lockstep:
    return Lockstep().start().run(3000)


def rejoined() -> Lockstep:
    """Peer 3 leads and dies, peer 2 leads, peer 3 comes back and joins."""
    return elected().kill(3).run(3000).start(3).run(3000)


def written() -> Lockstep:
    ensemble = elected()
    for sid in (1, 2, 3):
        ensemble.give(sid, fx.Work(20, 3))
    return ensemble.run(1000)


def reconfigured() -> Lockstep:
    """The configuration that peer 3 brings takes force at its leader and learners."""
    wider = configuration("1-3", observers="4", version=7).text()
    ensemble = Lockstep().start().run(0)
    for sid in (1, 2, 3):
        ensemble.give(sid, fx.Reconfigure(wider, activate=False))
    return ensemble.run(3000)


def told(story: Callable[[], Lockstep], change: Change) -> Callable[[], History]:
    """The history of ``story``, its steps changed."""

    def make() -> History:
        events = story().history().events
        return History(tuple(change(e) if isinstance(e, Stepped) else e for e in events))

    return make


def each(change: Callable[[fx.Effect], fx.Effect | None], sid: int = 0) -> Change:
    """Change effects (of one peer): ``None`` takes one out."""

    def step(event: Stepped) -> Stepped:
        if sid and event.sid != sid:
            return event
        kept = (change(effect) for effect in event.effects)
        return replace(event, effects=tuple(one for one in kept if one is not None))

    return step


def heard(change: Callable[[pk.Packet], pk.Packet], sid: int) -> Change:
    """Change the packets that one peer reads."""

    def step(event: Stepped) -> Stepped:
        match event.happened:
            case fx.PacketRead(conn=conn, packet=packet) if event.sid == sid:
                return replace(event, happened=fx.PacketRead(conn, change(packet)))
            case _:
                return event

    return step


def never(kind: fx.TimerKind) -> Change:
    """That timer is never armed."""
    return each(lambda e: None if isinstance(e, fx.Arm) and e.timer.kind is kind else e)


def armed_for(kind: fx.TimerKind, delay_ms: int) -> Change:
    def change(effect: fx.Effect) -> fx.Effect:
        if isinstance(effect, fx.Arm) and effect.timer.kind is kind:
            return replace(effect, delay_ms=delay_ms)
        return effect

    return each(change)


def another_origin(effect: fx.Effect) -> fx.Effect:
    """It passes on a vote that nobody began with."""
    match effect:
        case fx.Proposed(vote=vote) if vote.leader != 1:
            return fx.Proposed(replace(vote, zxid=Zxid(5)))
        case _:
            return effect


def joins_nobody(event: Stepped) -> Stepped:
    """A peer that is told to join goes on looking."""
    late = [
        e for e in event.effects if isinstance(e, fx.Decided) and e.how is not fx.Exit.FINALIZED
    ]
    return replace(event, effects=(fx.Ignored(Sid(1), "no"),)) if late else event


def counts_all(effect: fx.Effect) -> fx.Effect:
    everybody = (Sid(1), Sid(2), Sid(3))
    match effect:
        case fx.QuorumSeen() | fx.Decided(how=fx.Exit.FINALIZED):
            return replace(effect, support=everybody)
        case _:
            return effect


def says_twice(event: Stepped) -> Stepped:
    said = [e for e in event.effects if isinstance(e, fx.Send)]
    return replace(event, effects=(*event.effects, *said * 5))


def lower_epoch(packet: pk.Packet) -> pk.Packet:
    """A learner says that it promised more than the leader takes for fresh."""
    match packet:
        case pk.LearnerHello():
            return replace(packet, accepted_epoch=PeerEpoch(8))
        case _:
            return packet


def disowns(packet: pk.Packet) -> pk.Packet:
    match packet:
        case pk.AckEpoch():
            return replace(packet, current_epoch=PeerEpoch(-1))
        case _:
            return packet


def ahead(packet: pk.Packet) -> pk.Packet:
    match packet:
        case pk.AckEpoch():
            return replace(packet, zxid=Zxid(9 << 32))
        case _:
            return packet


def alone(event: Stepped) -> Stepped:
    """Nobody says FOLLOWERINFO."""
    match event.happened:
        case fx.PacketRead(packet=pk.LearnerHello()):
            return replace(event, happened=fx.PacketRead(99, pk.UpToDate()))
        case _:
            return event


def keeps_waiting(effect: fx.Effect) -> fx.Effect | None:
    """Nobody is told that it may serve."""
    match effect:
        case fx.SendPacket(packet=pk.UpToDate()):
            return None
        case _:
            return effect


def logs_nothing(effect: fx.Effect) -> fx.Effect | None:
    return None if isinstance(effect, fx.Append) else effect


def acks_of(epoch: int) -> Change:
    def change(effect: fx.Effect) -> fx.Effect:
        match effect:
            case fx.SendPacket(conn=conn, packet=pk.Ack()):
                return fx.SendPacket(conn, pk.Ack(Zxid(epoch << 32)))
            case _:
                return effect

    return each(change, 1)


def acks_to(conn: int) -> Change:
    def change(effect: fx.Effect) -> fx.Effect:
        match effect:
            case fx.SendPacket(packet=pk.Ack() as ack):
                return fx.SendPacket(conn, ack)
            case _:
                return effect

    return each(change, 1)


def clings() -> History:
    """Its followers fall silent, and the leader goes on all the same."""
    ensemble = elected()
    events = list(ensemble.history().events)[:-1]
    leader = ensemble.peers[Sid(3)]
    at_ns, seq = ensemble.now_ms * 1_000_000, leader.seq
    tick = fx.Timer(fx.TimerKind.TICK)
    for number in range(16):
        happened = fx.Expire(tick)
        at_ns += 100_000_000
        arm = (fx.Arm(tick, 100),)
        events.append(Stepped(at_ns, Sid(3), leader.inc, seq + number, happened, arm))
    return History.of([*events, RunEnded(at_ns, "done")])


def startled() -> History:
    """A serving leader gives up because somebody sends a notification."""
    ensemble = elected()
    events = list(ensemble.history().events)[:-1]
    said = next(
        effect.notification
        for event in events
        if isinstance(event, Stepped) and event.sid == 1
        for effect in event.effects
        if isinstance(effect, fx.Send)
    )
    leader = ensemble.peers[Sid(3)]
    at_ns = ensemble.now_ms * 1_000_000 + 1
    away = (fx.SteppedDown("it was startled"),)
    happened = fx.Deliver(Sid(1), said)
    events.append(Stepped(at_ns, Sid(3), leader.inc, leader.seq, happened, away))
    return History.of([*events, RunEnded(at_ns, "done")])


def versions(change: Callable[[Configuration], Configuration]) -> Change:
    def step(effect: fx.Effect) -> fx.Effect:
        match effect:
            case fx.PersistConfig(config=text, active=True):
                return fx.PersistConfig(change(parse_configuration(text)).text(), active=True)
            case _:
                return effect

    return each(step)


def older(config: Configuration) -> Configuration:
    return config.with_version(-1)


def unheard(config: Configuration) -> Configuration:
    return config.with_version(99)


RESEND, FINALIZE = fx.TimerKind.RESEND, fx.TimerKind.FINALIZE
FAILS: dict[str, tuple[str, Callable[[], History], str]] = {
    "a vote of nobody": ("votes_have_an_origin", told(elected, each(another_origin, 1)), "never"),
    "no wait": ("silence_before_decision", told(elected, never(FINALIZE)), "had not begun to wait"),
    "a join refused": ("join_not_refused", told(rejoined, joins_nobody), "goes on looking"),
    "a stale vote": ("tally_hygiene", told(rejoined, each(counts_all, 2)), "last word"),
    "a flood": ("stays_within_bounds", told(elected, says_twice), "calls for"),
    "no back-off": ("timings_respected", told(rejoined, armed_for(RESEND, 7)), "for 7 ms"),
    "no timer": ("timings_respected", told(elected, never(RESEND)), "with no finalize or resend"),
    "a short wait": ("timings_respected", told(elected, armed_for(FINALIZE, 1)), "for 1 ms"),
    "an old epoch": ("fresh_epoch", told(elected, heard(lower_epoch, 3)), "highest promise"),
    "no FOLLOWERINFO": ("epoch_by_quorum", told(elected, alone), "FOLLOWERINFO"),
    "disowned acks": ("epoch_by_quorum", told(elected, heard(disowns, 3)), "ACKEPOCH of {3}"),
    "no UPTODATE": ("handshake_followed", told(elected, each(keeps_waiting)), "UPTODATE on 1"),
    "a learner ahead": ("leader_is_most_recent", told(elected, heard(ahead, 3)), "had said"),
    "acks unlogged": ("synced_before_ack", told(written, each(logs_nothing, 1)), "log ends"),
    "an old ack": ("no_split_brain", told(elected, acks_of(0)), "it had acked epoch 1 before"),
    "a later epoch's ack": ("no_acks_for_strangers", told(elected, acks_of(2)), "of epoch 1"),
    "a stranger's ack": ("no_acks_for_strangers", told(elected, acks_to(77)), "not its leader"),
    "clinging": ("steps_down_in_time", clings, "leads on"),
    "startled": ("no_disturbance", startled, "a notification of peer 1"),
    "an older version": ("configuration_monotone", told(elected, versions(older)), "after 0"),
    "undecided": ("reconfigured_by_quorums", told(elected, versions(unheard)), "nothing that it"),
}
HOLDS: dict[str, tuple[str, Callable[[], Lockstep]]] = {
    **{law: (law, rejoined) for law in (
        "votes_have_an_origin", "silence_before_decision", "join_not_refused", "tally_hygiene",
        "stays_within_bounds", "timings_respected", "fresh_epoch", "epoch_by_quorum",
        "handshake_followed", "leader_is_most_recent", "no_split_brain", "no_acks_for_strangers",
        "steps_down_in_time", "no_disturbance",
    )},
    "synced_before_ack": ("synced_before_ack", written),
    "configuration_monotone": ("configuration_monotone", reconfigured),
    "reconfigured_by_quorums": ("reconfigured_by_quorums", reconfigured),
}  # fmt: skip


@pytest.mark.parametrize(("name", "make", "words"), FAILS.values(), ids=FAILS.keys())
def test_a_history_with_one_thing_changed_breaks_the_law(
    name: str, make: Callable[[], History], words: str
) -> None:
    verdict = INVARIANTS[name].check(make())
    assert verdict.outcome is Outcome.FAILS, verdict
    assert words in verdict.summary
    assert verdict.evidence


@pytest.mark.parametrize(("name", "story"), HOLDS.values(), ids=HOLDS.keys())
def test_the_history_as_it_was_holds(name: str, story: Callable[[], Lockstep]) -> None:
    verdict = INVARIANTS[name].check(story().history())
    assert verdict.outcome is Outcome.HOLDS, verdict
    assert verdict.judged > 0


def test_a_message_is_written_once() -> None:
    history = elected().history()
    events: list[Event] = list(history.events)
    lines = [e for e in events if isinstance(e, Wrote) and e.sid == 1]
    at = events.index(lines[1])
    events[at] = replace(lines[1], step=lines[0].step, index=lines[0].index, to=lines[0].to)
    verdict = INVARIANTS["stays_within_bounds"].check(History(tuple(events)))
    assert verdict.outcome is Outcome.FAILS
    assert "wrote one message twice" in verdict.summary


def test_who_is_a_quorum_alone_decides_its_configuration_alone() -> None:
    config = configuration("1-3", weights="1:0,2:0,3:1")
    history = Lockstep(config).start(3).run(2000).history()
    verdict = INVARIANTS["reconfigured_by_quorums"].check(history)
    assert (verdict.outcome, verdict.judged) == (Outcome.HOLDS, 1), verdict


def test_a_leader_that_was_stopped_finds_its_learners_silent_and_leaves() -> None:
    """Their read timers run out before its next tick, and all of them at once."""
    ensemble = elected()
    conns = sorted(number for number in range(1, 9) if number in ensemble.connections)
    assert len(conns) == 2
    for conn in conns:
        timer = fx.Timer(fx.TimerKind.LEARNER_READ, conn)
        ensemble.give(3, fx.Expire(timer))
    for _ in range(2):
        ensemble.give(3, fx.Expire(fx.Timer(fx.TimerKind.TICK)))
    history = ensemble.run(1).history()
    left = {s.sid for _, s in history.every(Stepped) if any(map(_leaves, s.effects))}
    assert 3 in left
    assert INVARIANTS["no_disturbance"].check(history).outcome is Outcome.HOLDS


def _leaves(effect: fx.Effect) -> bool:
    return isinstance(effect, fx.SteppedDown)


# ---- evidence that is missing


def _journal(history: History) -> list[int]:
    return [i for i, e in enumerate(history.events) if isinstance(e, Stepped | Wrote)]


WHOLE = rejoined().history()
GREEN = {check.name: check.check(WHOLE).outcome for check in ALWAYS}


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, len(_journal(WHOLE)) - 1), min_size=1, max_size=6))
def test_lines_that_are_missing_never_make_a_correct_peer_fail(lost: set[int]) -> None:
    """Nor is anything green over a hole: only the end of a journal can be missing unseen."""
    places = _journal(WHOLE)
    gone = {places[number] for number in lost}
    left = History(tuple(e for i, e in enumerate(WHOLE.events) if i not in gone))
    holes = any(_has_line_behind(WHOLE, index, gone) for index in gone)
    for check in ALWAYS:
        verdict = check.check(left)
        assert verdict.outcome is not Outcome.FAILS, verdict
        assert not (holes and verdict.outcome is Outcome.HOLDS), verdict


def _has_line_behind(history: History, index: int, gone: set[int]) -> bool:
    lost = history.events[index]
    assert isinstance(lost, Stepped | Wrote)
    return any(
        isinstance(e, Stepped | Wrote)
        and (e.sid, e.inc) == (lost.sid, lost.inc)
        and e.seq > lost.seq
        and at not in gone
        for at, e in enumerate(history.events)
    )
