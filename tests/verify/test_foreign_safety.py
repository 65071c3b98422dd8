"""The safety checks on servers without a journal: what was seen of them decides, or does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, zxid_of
from chaos.election.notification import Notification, ServerState
from chaos.election.vote import Vote
from chaos.history.events import Appeared, Event, Seen, Source, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.verdict import Outcome, Verdict
from tests.verify import broken
from tests.verify.lockstep import MS, Lockstep
from tests.verify.outside import from_outside
from tests.verify.test_safety import observed, re_elected, stretched

LAWS = [check.name for check in ALWAYS if check.name != "conformance"]
ELECTED = ["at_most_one_leader_per_epoch", "leader_has_quorum_support", "vote_order_respected"]
DECIDED = [*ELECTED, "logical_clock_monotone"]
ELECTED += ["epoch_monotone", "established_by_quorum"]


def judge(history: History, name: str) -> Verdict:
    return INVARIANTS[name].check(history)


def without_packets(history: History) -> History:
    return History.of(
        event
        for event in history.events
        if not isinstance(event, Wrote)
        and not (isinstance(event, Seen) and event.source is Source.WIRE)
    )


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
    for disk in ensemble.disks.values():
        disk.clear()
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


def a_round_of_nobody() -> History:
    return with_lines(
        elected(), *said(400, 0, ONE), *said(410, 1, ONE), *said(420, 2, note(ONE, 7))
    )


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


# ---- what cannot be told


@pytest.mark.parametrize("name", DECIDED)
@pytest.mark.parametrize("sids", [(), (3,)])
def test_without_packets_it_is_unknown(name: str, sids: tuple[int, ...]) -> None:
    history = without_packets(from_outside(re_elected().history(), *sids))
    verdict = judge(history, name)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "packets were not captured" in verdict.summary


@pytest.mark.parametrize("name", ["epoch_monotone", "established_by_quorum"])
def test_a_leader_without_packets_is_unknown(name: str) -> None:
    verdict = judge(without_packets(from_outside(re_elected().history())), name)
    assert verdict.outcome is Outcome.UNKNOWN


def test_a_decision_without_support_is_unknown_where_a_notification_is_missing() -> None:
    lines: list[Event] = [appeared(), heard(10, 1, Sid(2), note(Sid(2), 1))]
    verdict = judge(History.of([*lines, decided(300, Sid(3))]), "leader_has_quorum_support")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "notification 0 of link 2>1 was not captured" in verdict.summary


def test_votes_within_the_span_of_a_decision_decide_nothing() -> None:
    lines: list[Event] = [appeared(), heard(290, 0, Sid(3), THREE)]
    wide = decided(300, Sid(3), width_ns=100 * MS)
    verdict = judge(History.of([*lines, wide]), "leader_has_quorum_support")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "within the 100 ms of it" in verdict.summary


def test_votes_that_came_right_behind_a_decision_decide_nothing() -> None:
    lines: list[Event] = [appeared(), heard(10, 0, Sid(2), note(Sid(2), 1))]
    lines.append(heard(301, 0, Sid(3), THREE))
    verdict = judge(History.of([*lines, decided(300, Sid(3))]), "leader_has_quorum_support")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "too close behind it" in verdict.summary


def test_an_ack_of_a_proposal_establishes_nothing() -> None:
    """Only the ACK that carries NEWLEADER's own zxid is one of NEWLEADER."""
    zxid = zxid_of(PeerEpoch(1))
    hello = pk.LearnerHello(Sid(2), PeerEpoch(0))
    packets: list[tuple[fx.Input | None, tuple[fx.Effect, ...]]] = [
        (fx.PacketRead(4, hello), ()),
        (None, (fx.SendPacket(4, pk.NewLeader(zxid, None)),)),
        (fx.PacketRead(4, pk.Ack(Zxid(zxid + 1))), ()),
        (None, (fx.SendPacket(4, pk.UpToDate()),)),
    ]
    lines = [seen(n * MS, n, came, *went) for n, (came, went) in enumerate(packets, 1)]
    verdict = judge(History.of([appeared(), *lines]), "established_by_quorum")
    assert verdict.outcome is Outcome.FAILS
    assert "with the acks of [1] only" in verdict.summary


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


def test_a_server_that_joins_settled_ones_is_supported_by_their_answers() -> None:
    answers = [
        heard(10, 0, Sid(2), note(Sid(3), 4, ServerState.FOLLOWING)),
        heard(11, 0, Sid(3), note(Sid(3), 4, ServerState.LEADING)),
    ]
    history = History.of([appeared(), *answers, decided(12, Sid(3))])
    assert judge(history, "leader_has_quorum_support").outcome is Outcome.HOLDS


def test_answers_count_only_once_the_leader_says_that_it_leads() -> None:
    answers = [heard(10, 0, Sid(s), note(Sid(3), 4, ServerState.FOLLOWING)) for s in (2, 3)]
    history = History.of([appeared(), *answers, decided(12, Sid(3))])
    assert judge(history, "leader_has_quorum_support").outcome is Outcome.FAILS


def test_votes_of_an_election_before_do_not_count() -> None:
    lines: list[Event] = [appeared(), heard(10, 0, Sid(3), THREE), decided(300, Sid(3))]
    lines += [looks(500), decided(800, Sid(3), seq=60)]
    verdict = judge(History.of(lines), "leader_has_quorum_support")
    assert verdict.outcome is Outcome.FAILS
    assert verdict.judged == 4


def test_with_a_newer_configuration_seen_both_must_be_quorums() -> None:
    history = from_outside(stretched().history())
    assert judge(history, "both_quorums").outcome in {Outcome.HOLDS, Outcome.NOT_EXERCISED}


def test_a_promise_that_the_tester_took_back_is_unknown() -> None:
    ensemble = Lockstep().start().run(2000).kill(3).kill(2).kill(1)
    for sid in (1, 2):
        ensemble.disks[Sid(sid)].clear()
        ensemble.acted("wipe", act.Launch(Sid(sid), wipe=True))
    history = from_outside(ensemble.start(1, 2).run(3000).history())
    verdict = judge(history, "at_most_one_leader_per_epoch")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "the tester took back" in verdict.summary
    assert judge(history, "epoch_monotone").outcome is Outcome.HOLDS


@pytest.mark.parametrize("name", LAWS)
def test_servers_of_which_nothing_was_seen_exercise_nothing(name: str) -> None:
    verdict = judge(History.of([appeared()]), name)
    assert (verdict.outcome, verdict.judged) == (Outcome.NOT_EXERCISED, 0)


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


# ---- lines by hand, of server 1 beside 2 and 3

ONE = Sid(1)
CONFIG = "\n".join(f"server.{sid}=h{sid}:2888:3888" for sid in (1, 2, 3)) + "\nversion=0"


def note(leader: Sid, round_: int, state: int = ServerState.LOOKING) -> Notification:
    return Notification(state, leader, Zxid(0), Round(round_), PeerEpoch(0))


THREE = note(Sid(3), 1)


def appeared(config: str = CONFIG) -> Appeared:
    return Appeared(0, ONE, 0, 0, 71, "zookeeper", "3.8.0", config)


def seen(at_ns: int, seq: int, happened: fx.Input | None, *effects: fx.Effect) -> Seen:
    return Seen(at_ns, ONE, 0, seq, at_ns, Source.WIRE, happened, effects)


def heard(ms: int, frame: int, sender: Sid, message: Notification) -> Seen:
    return seen(ms * MS, ms, fx.Deliver(sender, message, f"{sender}>1", frame))


def said(ms: int, frame: int, message: Notification | Sid) -> list[Event]:
    message = note(message, 1) if isinstance(message, int) else message
    send = seen(ms * MS, ms, None, fx.Send((Sid(2),), message))
    return [send, Wrote(ms * MS, ONE, 0, ms + 1, ms, 0, Sid(2), "1>2", frame)]


def looks(ms: int) -> Seen:
    entered = fx.Entered(ServerState.LOOKING, fx.Phase.ELECTION)
    return Seen(ms * MS, ONE, 0, ms, (ms - 1) * MS, Source.LOG, None, (entered,))


def decided(ms: int, leader: Sid, width_ns: int = MS, seq: int = 50) -> Seen:
    state = ServerState.LEADING if leader == ONE else ServerState.FOLLOWING
    vote = Vote(leader, Zxid(0), Round(1), PeerEpoch(0))
    effect = fx.Decided(vote, state, (), fx.Exit.FINALIZED)
    return Seen(ms * MS, ONE, 0, seq, ms * MS - width_ns, Source.LOG, None, (effect,))


def elected() -> History:
    """Server 1 looks, and has heard of round 2."""
    return History.of([appeared(), looks(5), heard(10, 0, Sid(2), note(Sid(2), 2))])


def with_lines(history: History, *lines: Event) -> History:
    return History.of([*history.events, *lines])


def ack_epoch(conn: int) -> fx.SendPacket:
    return fx.SendPacket(conn, pk.AckEpoch(zxid_of(PeerEpoch(1)), PeerEpoch(1)))


def _reads(event: Seen, packet: type) -> bool:
    return isinstance(event.happened, fx.PacketRead) and isinstance(event.happened.packet, packet)


def test_what_an_observer_is_told_is_no_proposal() -> None:
    """It hears of the last decision, which may be better than what is proposed now."""
    text = CONFIG + "\nserver.4=h4:2888:3888:observer"
    better = replace(note(ONE, 1), zxid=Zxid(5))
    send = seen(25 * MS, 25, None, fx.Send((Sid(4),), better))
    history = History.of(
        [
            *(appeared(text), looks(5), heard(10, 0, Sid(3), THREE)),
            *said(20, 0, note(ONE, 1)),
            *(send, Wrote(25 * MS, ONE, 0, 26, 25, 0, Sid(4), "1>4", 0)),
            *said(30, 1, THREE),
            decided(300, Sid(3)),
        ]
    )
    verdict = judge(history, "vote_order_respected")
    assert (verdict.outcome, verdict.judged) == (Outcome.HOLDS, 3)


WIDER = "\n".join(f"server.{sid}=h{sid}:2888:3888" for sid in range(1, 6)) + "\nversion=7"


@pytest.mark.parametrize(
    ("voters", "outcome"), [((2, 3), Outcome.HOLDS), ((3,), Outcome.UNKNOWN)], ids=["both", "one"]
)
def test_a_newer_configuration_that_was_seen_counts_too(
    voters: tuple[int, ...], outcome: Outcome
) -> None:
    """Two of three were enough for the old one; the newer one may be in force alone by now."""
    newer = seen(5 * MS, 5, fx.PacketRead(1, pk.NewLeader(Zxid(0), WIDER)))
    votes = [heard(10 + sid, 0, Sid(sid), THREE) for sid in voters]
    history = History.of([appeared(), newer, *votes, decided(300, Sid(3))])
    assert judge(history, "both_quorums").outcome is outcome
    assert judge(history, "leader_has_quorum_support").outcome is outcome


def test_a_round_of_nobody_is_unknown_where_a_notification_is_missing() -> None:
    late = heard(15, 2, Sid(2), note(Sid(2), 2))
    history = with_lines(a_round_of_nobody(), late)
    assert judge(history, "logical_clock_monotone").outcome is Outcome.UNKNOWN
