"""What cannot be told of a foreign server is UNKNOWN, and what only seems wrong is no alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid, zxid_of
from chaos.election.notification import ServerState
from chaos.election.vote import Vote
from chaos.history.events import Event, Seen, Source, Wrote
from chaos.history.history import History
from chaos.verify.foreign.outside import from_outside
from chaos.verify.verdict import Outcome
from tests.verify.foreign_lines import (
    CONFIG,
    ONE,
    THREE,
    appeared,
    decided,
    heard,
    joins,
    judge,
    looks,
    note,
    said,
    seen,
    with_lines,
)
from tests.verify.lockstep import MS, Lockstep
from tests.verify.test_foreign_safety import DECIDED, LAWS, a_round_of_nobody
from tests.verify.test_safety import re_elected, stretched


def without_packets(history: History) -> History:
    return History.of(
        event
        for event in history.events
        if not isinstance(event, Wrote)
        and not (isinstance(event, Seen) and event.source is Source.WIRE)
    )


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


def test_a_server_that_joins_settled_ones_is_supported_by_their_answers() -> None:
    answers = [
        heard(10, 0, Sid(2), note(Sid(3), 4, ServerState.FOLLOWING)),
        heard(11, 0, Sid(3), note(Sid(3), 4, ServerState.LEADING)),
    ]
    history = History.of([appeared(), *answers, decided(12, Sid(3))])
    assert judge(history, "leader_has_quorum_support").outcome is Outcome.HOLDS


def test_answers_count_only_once_the_leader_says_that_it_leads() -> None:
    answers = [heard(10, 0, Sid(s), note(Sid(3), 4, ServerState.FOLLOWING)) for s in (2, 3)]
    history = History.of([appeared(), *answers, decided(12, Sid(3)), joins(60, Sid(3))])
    assert judge(history, "leader_has_quorum_support").outcome is Outcome.FAILS


def test_votes_of_an_election_before_do_not_count() -> None:
    lines: list[Event] = [appeared(), heard(10, 0, Sid(3), THREE), decided(300, Sid(3))]
    lines += [looks(500), decided(800, Sid(3), seq=60), joins(801, Sid(3))]
    verdict = judge(History.of(lines), "leader_has_quorum_support")
    assert verdict.outcome is Outcome.FAILS
    assert verdict.judged == 4


def test_with_a_newer_configuration_seen_both_must_be_quorums() -> None:
    history = from_outside(stretched().history())
    assert judge(history, "both_quorums").outcome in {Outcome.HOLDS, Outcome.NOT_EXERCISED}


def test_a_promise_that_the_tester_took_back_is_unknown() -> None:
    ensemble = Lockstep().start().run(2000).kill(3).kill(2).kill(1)
    for sid in (1, 2):
        ensemble.wipe(Sid(sid))
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


def test_packets_that_make_no_sense_leave_a_decision_open() -> None:
    garbled = Seen(5 * MS, ONE, 0, 5, 5 * MS, Source.WIRE, text="2>1: no length")
    history = History.of([appeared(), garbled, heard(10, 0, Sid(2), THREE), decided(300, Sid(2))])
    verdict = judge(history, "leader_has_quorum_support")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "made no sense: 2>1: no length" in verdict.summary


def test_what_reached_a_server_before_it_looked_was_heard() -> None:
    waited = [heard(5, 0, Sid(2), THREE), heard(6, 0, Sid(3), THREE)]
    born = replace(appeared(), at_ns=20 * MS)
    history = History.of([*waited, born, looks(21), *said(25, 0, THREE), decided(40, Sid(3))])
    verdict = judge(history, "leader_has_quorum_support")
    assert verdict.outcome is Outcome.HOLDS, verdict.summary


def test_a_decision_that_a_later_line_corrects_is_judged_as_corrected() -> None:
    """What a log lets guess, and then the leader that the server connects to."""
    law = "leader_has_quorum_support"
    begin = [appeared(), looks(5), *said(10, 0, Sid(3)), heard(20, 0, Sid(3), THREE)]
    guessed, connected = decided(40, Sid(2), seq=40), decided(45, Sid(3), seq=45)
    alone = judge(History.of([*begin, guessed]), law)
    assert (alone.outcome, alone.judged) == (Outcome.UNKNOWN, 1)
    assert "its log lets guess so, and it did not go there" in alone.summary
    assert judge(History.of([*begin, guessed, joins(41, Sid(2))]), law).outcome is Outcome.FAILS
    assert judge(History.of([*begin, guessed, connected]), law).outcome is Outcome.HOLDS
    another = History.of([*begin, guessed, looks(42), connected, joins(46, Sid(3))])
    assert judge(another, law).outcome is Outcome.FAILS


def test_what_a_link_held_back_may_be_of_an_election_before() -> None:
    """Server 1 votes, looks anew and votes again; server 2 hears of both at once."""
    three = Vote(Sid(3), Zxid(0), Round(1), PeerEpoch(0))
    cast = Seen(12 * MS, ONE, 0, 9, 10 * MS, Source.LOG, None, (fx.Proposed(three),))
    late = [*said(100, 0, Sid(3)), *said(102, 1, note(ONE, 2))]
    begin: list[Event] = [appeared(), looks(5)]
    known = History.of([*begin, cast, looks(30), *late])
    assert judge(known, "logical_clock_monotone").outcome is Outcome.NOT_EXERCISED
    assert judge(known, "vote_order_respected").outcome is Outcome.NOT_EXERCISED
    after_all = History.of([*begin, looks(30), *late])
    assert judge(after_all, "logical_clock_monotone").outcome is Outcome.FAILS


@pytest.mark.parametrize(
    ("asked", "before", "outcome"),
    [(1, Sid(3), Outcome.NOT_EXERCISED), (2, Sid(3), Outcome.FAILS), (1, Sid(2), Outcome.FAILS)],
    ids=["an answer of between", "to nobody behind", "no vote of the round before"],
)
def test_an_answer_may_join_the_new_round_with_the_vote_of_the_last(
    asked: int, before: Sid, outcome: Outcome
) -> None:
    """ZooKeeper sets its round and then its vote; its receiver may answer between the two."""
    lines = [
        *said(10, 0, note(before, 1)),
        heard(20, 0, Sid(2), note(Sid(2), asked)),
        heard(30, 0, Sid(3), note(Sid(3), 2)),
        *said(40, 1, note(Sid(3), 2)),
        *said(50, 2, note(Sid(2), 2)),
    ]
    history = History.of([appeared(), looks(5), *lines])
    assert judge(history, "vote_order_respected").outcome is outcome


@pytest.mark.parametrize(
    ("asked", "named", "outcome"),
    [(1, Sid(2), Outcome.HOLDS), (2, Sid(2), Outcome.FAILS), (1, Sid(3), Outcome.FAILS)],
    ids=["an answer from before", "to nobody behind", "a vote that it never had"],
)
def test_an_answer_may_come_behind_a_better_vote(asked: int, named: Sid, outcome: Outcome) -> None:
    """ZooKeeper's receiver reads a vote, builds its answer, and queues it behind a newer vote."""
    lines = [
        *said(10, 0, note(ONE, 2)),
        heard(20, 0, Sid(3), note(named, 2)),
        heard(30, 0, Sid(2), note(Sid(2), asked)),
        *said(40, 1, note(Sid(3), 2)),
        *said(50, 2, note(Sid(2), 2)),
    ]
    history = History.of([appeared(), looks(5), *lines])
    assert judge(history, "vote_order_respected").outcome is outcome


FIVE = "\n".join(f"server.{sid}=h{sid}:2888:3888" for sid in range(1, 6)) + "\nversion=0"


@pytest.mark.parametrize(
    ("epoch", "outcome"),
    [(0, Outcome.HOLDS), (2, Outcome.FAILS)],
    ids=["as a follower votes", "as nobody does"],
)
def test_its_own_vote_counts_beside_settled_ones_if_one_of_them_says_the_same(
    epoch: int, outcome: Outcome
) -> None:
    """``Vote.equals``: settled votes by their leader alone, a LOOKING one by all its numbers."""
    leads = replace(note(Sid(3), 1, ServerState.LEADING), peer_epoch=PeerEpoch(1))
    follows = replace(note(Sid(3), 1, ServerState.FOLLOWING), peer_epoch=PeerEpoch(epoch))
    answers = [heard(20, 0, Sid(3), leads), heard(30, 0, Sid(2), follows)]
    lines = [looks(5), *said(10, 0, Sid(3)), *answers, decided(50, Sid(3)), joins(60, Sid(3))]
    history = History.of([appeared(FIVE), *lines])
    verdict = judge(history, "leader_has_quorum_support")
    assert verdict.outcome is outcome, verdict.summary
