"""The safety checks on servers without a journal: what was seen of them decides, or does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.history.events import Acted, Appeared, Event, Seen, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.checks import ALWAYS
from chaos.verify.foreign.outside import from_outside
from chaos.verify.verdict import Outcome
from chaos.zoo.cage import ZOO
from tests.verify import broken
from tests.verify.foreign_lines import (
    CONFIG,
    ONE,
    THREE,
    ack_epoch,
    appeared,
    decided,
    elected,
    heard,
    judge,
    note,
    said,
    seen,
    with_lines,
)
from tests.verify.lockstep import MS, Lockstep
from tests.verify.test_safety import observed, re_elected

LAWS = [check.name for check in ALWAYS if check.name != "conformance"]
ELECTED = ["at_most_one_leader_per_epoch", "leader_has_quorum_support", "vote_order_respected"]
DECIDED = [*ELECTED, "logical_clock_monotone"]
ELECTED += ["epoch_monotone", "established_by_quorum"]


# ---- correct servers


@pytest.mark.parametrize("sids", [(), (3,), (1, 2)], ids=["all", "the leader", "two"])
@pytest.mark.parametrize("story", [re_elected, observed])
def test_no_law_alarms_or_doubts_where_packets_and_log_are_whole(
    story: Callable[[], Lockstep], sids: tuple[int, ...]
) -> None:
    history = from_outside(story().history(), *sids)
    verdicts = [check.check(history) for check in ALWAYS]
    allowed = {Outcome.HOLDS, Outcome.NOT_EXERCISED}
    assert [v.summary for v in verdicts if v.outcome not in allowed] == []


@pytest.mark.parametrize("name", ELECTED)
def test_a_law_holds_on_foreign_servers_and_says_how_many_cases_are_theirs(name: str) -> None:
    verdict = judge(from_outside(re_elected().history()), name)
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.judged > 0
    assert f"{verdict.judged} of them" in verdict.summary
    assert "servers 1, 2, 3 (seen from outside)" in verdict.summary


def test_what_a_server_heard_before_it_looked_itself_is_of_its_start() -> None:
    history = from_outside(re_elected().history())
    last = max(e.at_ns for e in history.events if isinstance(e, Appeared) and e.inc == 0)
    heard = min(e.at_ns for e in history.events if isinstance(e, Seen) and e.at_ns > last)
    late = History.of(
        replace(event, at_ns=heard + 1) if isinstance(event, Appeared) and event.inc == 0 else event
        for event in history.events
    )
    verdict = judge(late, "leader_has_quorum_support")
    assert (verdict.outcome, verdict.judged) == (
        Outcome.HOLDS,
        judge(history, "leader_has_quorum_support").judged,
    )


def test_our_own_peers_are_judged_as_before_beside_foreign_servers() -> None:
    whole, mixed = re_elected().history(), from_outside(re_elected().history(), 3)
    own = judge(mixed, "vote_order_respected")
    assert 0 < own.judged < judge(whole, "vote_order_respected").judged
    assert "of them of server 3" in own.summary


def test_observers_are_judged_by_whom_foreign_servers_elect() -> None:
    verdict = judge(from_outside(observed().history()), "observers_never_vote")
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.judged > 0


def test_rounds_are_judged_where_votes_show_them() -> None:
    ensemble = Lockstep().start(1, 2).run(0).give(1, fx.SkewRound(to=7)).run(500)
    verdict = judge(from_outside(ensemble.history()), "logical_clock_monotone")
    assert verdict.judged > 0


def test_conformance_is_not_asked_of_other_code() -> None:
    alone = judge(from_outside(re_elected().history()), "conformance")
    assert alone.outcome is Outcome.NOT_EXERCISED
    assert alone.summary == "servers 1, 2, 3 run other code"
    mixed = judge(from_outside(re_elected().history(), 3), "conformance")
    assert mixed.outcome is Outcome.HOLDS
    assert mixed.summary.endswith("not asked of server 3, which run other code")


# ---- broken ones


def told_nobody() -> History:
    """Server 1 decides alone; the packets show that nobody agreed."""
    ensemble = Lockstep(cores={1: broken.Alone})
    ensemble.cut.add((Sid(2), Sid(1)))
    ensemble.start(1, 2).run()
    return from_outside(ensemble.history(), 1)


def serves_alone() -> History:
    ensemble = Lockstep(cores={3: broken.Generous}).start().run(2000)
    history = from_outside(ensemble.history(), 3)
    return History.of(  # the ACKs came after the first UPTODATE, or never
        e for e in history.events if not (isinstance(e, Seen) and e.sid == 3 and _reads(e, pk.Ack))
    )


def lost_promises() -> History:
    ensemble = Lockstep().start().run(2000).kill(3).kill(2).kill(1)
    for sid in ensemble.disks:
        ensemble.wipe(sid)
    return from_outside(ensemble.start(1, 2).run(3000).history())


def fell() -> History:
    """Server 1 acks an older epoch than it did before."""
    history = from_outside(re_elected().history(), 1)
    last = max(i for i, e in history.every(Seen) if e.sid == 1)
    at = history.events[last].at_ns
    offer = seen(at, 900, fx.PacketRead(99, pk.LeaderInfo(PeerEpoch(1))))
    return with_lines(history, offer, seen(at, 901, None, ack_epoch(99)))


def a_worse_vote() -> History:
    """Server 1 says a worse vote behind a better one, in one round."""
    return with_lines(elected(), *said(400, 0, THREE), *said(410, 1, THREE), *said(420, 2, ONE))


def a_round_back() -> History:
    back = note(ONE, 1)
    return with_lines(
        elected(), *said(400, 0, THREE), *said(410, 1, note(ONE, 2)), *said(420, 2, back)
    )


def test_who_is_about_to_join_may_say_the_round_of_those_it_joins() -> None:
    # It takes their round a moment before it changes its state, and may answer a laggard between.
    settled = heard(12, 1, Sid(2), note(Sid(3), 1, ServerState.FOLLOWING))
    back = with_lines(a_round_back(), settled)
    assert judge(back, "logical_clock_monotone").outcome is Outcome.HOLDS


def a_round_of_nobody() -> History:
    return with_lines(
        elected(), *said(400, 0, ONE), *said(410, 1, ONE), *said(420, 2, note(ONE, 7))
    )


def by_the_tester(history: History, sid: Sid) -> History:
    """Before all that, the tester moved the clock of ``sid``."""
    moved = Acted(0, 0, "s", act.TurnRound(sid, by=1), act.Evidence(True))
    return History.of([history.events[0], moved, *history.events[1:]])


@pytest.mark.parametrize("story", [a_round_back, a_round_of_nobody])
def test_only_of_a_server_whose_clock_was_moved_nobody_knows(story: Callable[[], History]) -> None:
    for sid, outcome in ((Sid(1), Outcome.UNKNOWN), (Sid(3), Outcome.FAILS)):
        verdict = judge(by_the_tester(story(), sid), "logical_clock_monotone")
        assert verdict.outcome is outcome, verdict.summary


def test_a_round_that_was_heard_of_is_known_whoever_moved_a_clock() -> None:
    told = heard(412, 3, Sid(2), note(Sid(2), 7))
    history = with_lines(a_round_of_nobody(), told)
    for sid in (Sid(1), Sid(3)):
        verdict = judge(by_the_tester(history, sid), "logical_clock_monotone")
        assert verdict.outcome is Outcome.HOLDS, verdict.summary


def a_better_voter() -> History:
    """Server 1 elects 2 with the vote of 3, which is better and had said so."""
    vote = note(Sid(2), 1)
    lines: list[Event] = [
        appeared(),
        heard(10, 0, Sid(3), note(Sid(3), 1)),
        heard(20, 1, Sid(3), vote),
    ]
    return History.of([*lines, decided(300, Sid(2))])


def an_observer_elected() -> History:
    text = CONFIG + "\nserver.4=h4:2888:3888:observer"
    lines: list[Event] = [
        appeared(text),
        *(heard(10 + s, 0, Sid(s), note(Sid(4), 1)) for s in (2, 3)),
    ]
    return History.of([*lines, decided(300, Sid(4))])


FAILS: dict[str, tuple[str, Callable[[], History], str]] = {
    "decides alone": ("leader_has_quorum_support", told_nobody, "no quorum had told it so"),
    "serves alone": ("established_by_quorum", serves_alone, "with the acks of [3] only"),
    "an epoch led twice": ("at_most_one_leader_per_epoch", lost_promises, "epoch 1 was led by"),
    "promises lost": ("epoch_monotone", lost_promises, "came back with acceptedEpoch"),
    "an older epoch": ("epoch_monotone", fell, "accepts epoch 1 after its acceptedEpoch was 2"),
    "a worse vote": ("vote_order_respected", a_worse_vote, "server 1 said (leader 1"),
    "a better voter": ("vote_order_respected", a_better_voter, "3, which supports it, is better"),
    "a round back": ("logical_clock_monotone", a_round_back, "from round 2 to 1"),
    "a round of nobody": ("logical_clock_monotone", a_round_of_nobody, "rose to round 7"),
    "an observer": ("observers_never_vote", an_observer_elected, "elected 4, which does not vote"),
}


@pytest.mark.parametrize(("name", "story", "words"), FAILS.values(), ids=FAILS.keys())
def test_a_broken_server_is_caught(name: str, story: Callable[[], History], words: str) -> None:
    history = story()
    verdict = judge(history, name)
    assert verdict.outcome is Outcome.FAILS, verdict.summary
    assert words in verdict.summary
    assert verdict.evidence
    assert all(isinstance(history.events[i], Seen | Appeared | Wrote) for i in verdict.evidence)


def test_our_peers_decision_is_held_against_what_a_foreign_voter_said_of_itself() -> None:
    history = from_outside(re_elected().history(), 1)
    forged = [
        replace(e, effects=tuple(_better(effect) for effect in e.effects))
        if isinstance(e, Seen) and e.sid == 1
        else e
        for e in history.events
    ]
    verdict = judge(History(tuple(forged)), "vote_order_respected")
    assert verdict.outcome is Outcome.FAILS
    assert {e.sid for i, e in history.every(Stepped) if i in verdict.evidence} >= {2}


def _better(effect: fx.Effect) -> fx.Effect:
    """What server 1 says of itself would have been the best vote of all."""
    if not isinstance(effect, fx.Send) or effect.notification.leader != ONE:
        return effect
    return replace(effect, notification=replace(effect.notification, zxid=Zxid(9 << 32)))


def test_what_a_foreign_server_sent_is_what_our_peer_counted() -> None:
    """E5b: the sender's packets and the reader's journal must agree."""
    history = from_outside(re_elected().history(), 3)
    index, step = next(
        (i, e)
        for i, e in history.every(Seen)
        if any(isinstance(effect, fx.Send) for effect in e.effects)
    )
    (send,) = step.effects
    assert isinstance(send, fx.Send)
    forged = replace(send, notification=replace(send.notification, zxid=Zxid(77)))
    events = [*history.events]
    events[index] = replace(step, effects=(forged,))
    verdict = judge(History(tuple(events)), "leader_has_quorum_support")
    assert verdict.outcome is Outcome.FAILS
    assert "peer 3, which had sent (leader 3, zxid 0x4d" in verdict.summary


def _reads(event: Seen, packet: type) -> bool:
    return isinstance(event.happened, fx.PacketRead) and isinstance(event.happened.packet, packet)


@pytest.mark.parametrize(("starts", "link", "outcome"), [
    (1, "3>1", Outcome.FAILS), (1, "3.1>1", Outcome.FAILS), (2, "3>1", Outcome.FAILS),
    (2, "3.1>1", Outcome.HOLDS),
])  # fmt: skip
def test_a_voter_is_held_to_what_it_said_of_itself_in_the_same_life(
    starts: int, link: str, outcome: Outcome
) -> None:
    """Server 3 stands for itself, and votes for 1, which has a shorter log than it had."""
    config = appeared().config
    votes = [heard(10, 0, Sid(3), note(Sid(3), 1)), heard(20, 0, Sid(3), note(ONE, 1))]
    votes[1] = replace(votes[1], happened=fx.Deliver(Sid(3), note(ONE, 1), link, 0))
    births = [
        Appeared(at * MS, Sid(3), inc, 0, 73, "zookeeper", "3.8.0", config)
        for inc, at in enumerate((1, 15)[:starts])
    ]
    own = said(5, 0, note(ONE, 1))
    history = History.of([appeared(), *births, *own, *votes, decided(300, ONE)])
    assert judge(history, "vote_order_respected").outcome is outcome


def test_a_learner_that_serves_answers_with_the_established_epoch() -> None:
    """Server 3 comes back and looks twice: it hears of an epoch that was before."""
    late = ZOO["vote-epoch-not-updated"].rules.peer
    for cores, outcome in (({}, Outcome.HOLDS), (dict.fromkeys((1, 2), late), Outcome.FAILS)):
        ensemble = Lockstep(cores=cores).start().run(2000).kill(3).run(4000).start(3).run(2000)
        conn = next(conn for conn in ensemble.connections if ensemble.learner(conn) == 3)
        ensemble.give(3, fx.ConnectionLost(conn, "reset")).run(2000)
        verdict = judge(from_outside(ensemble.history()), "epoch_monotone")
        assert verdict.outcome is outcome, verdict


def test_the_old_last_message_of_a_link_is_no_answer_of_now() -> None:
    """The first frame of a link may be from before it served."""
    old = note(Sid(3), 1, ServerState.FOLLOWING)
    serves = [
        seen(MS, 1, fx.PacketRead(1, pk.LeaderInfo(PeerEpoch(1)))),
        seen(2 * MS, 2, fx.PacketRead(1, pk.UpToDate())),
        *(seen(ms * MS, ms, None, fx.SendPacket(1, pk.Ping(Zxid(0), True))) for ms in (3, 4)),
    ]
    outcomes = [
        judge(History.of([appeared(), *serves, *said(9, frame, old)]), "epoch_monotone").outcome
        for frame in (0, 1)
    ]
    assert outcomes == [Outcome.NOT_EXERCISED, Outcome.FAILS]
