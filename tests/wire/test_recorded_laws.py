"""What holds of all that recorded ZooKeeper servers said, whatever our core makes of it.

Who may answer whom, what a notification may hold, and what only grows.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from chaos.election.config import parse_configuration
from chaos.election.effects import Deliver
from chaos.election.ids import UNSET, PeerEpoch, Sid, Zxid, counter_of, epoch_of
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import (
    Ack,
    Commit,
    CommitAndActivate,
    LeaderInfo,
    LearnerHello,
    NewLeader,
    Packet,
    Proposal,
)
from chaos.election.vote import Vote
from tests.wire.lives import Frame, Life, Told
from tests.wire.recorded import NAMES, OBSERVERS, lives

LIVES = {f"{name} {life.sid}.{life.number}": (name, life) for name in NAMES for life in lives(name)}
every_life = pytest.mark.parametrize(("name", "life"), LIVES.values(), ids=LIVES.keys())
every_start = pytest.mark.parametrize(
    "life", [life for _, life in LIVES.values()], ids=LIVES.keys()
)
every_capture = pytest.mark.parametrize("name", NAMES)


def frames(life: Life) -> list[tuple[Sid, Frame]]:
    """All the notifications that it wrote, in their order."""
    found = [(to, frame) for to, told in life.frames.items() for frame in told]
    return sorted(found, key=lambda one: one[1].at_ns)


def vote(told: Notification) -> Vote:
    return Vote(told.leader, told.zxid, told.round, told.peer_epoch, told.state, told.version)


def votes(name: str, sid: Sid) -> bool:
    return sid not in OBSERVERS.get(name, ())


def looked_for(life: Life, sender: Sid, before_ns: int) -> int:
    """How often ``sender`` had said to it that it looks."""
    return sum(
        isinstance(heard.happened, Deliver)
        and heard.happened.sender == sender
        and heard.happened.notification.state == ServerState.LOOKING
        and heard.at_ns <= before_ns
        for heard in life.heard
    )


@every_start
def test_a_settled_server_answers_who_looks_and_nobody_else(life: Life) -> None:
    answers: Counter[Sid] = Counter()
    for to, frame in frames(life):
        if frame.notification.state != ServerState.LOOKING:
            answers[to] += 1
            assert answers[to] <= looked_for(life, to, frame.at_ns)


@every_life
def test_a_voter_tells_an_observer_nothing_but_answers(name: str, life: Life) -> None:
    for to, told in life.frames.items():
        if not votes(name, to):
            repeated = sum(frame.first for frame in told)
            assert len(told) <= looked_for(life, to, life.end_ns) + repeated


@every_life
def test_a_notification_is_of_format_2_and_has_a_configuration(name: str, life: Life) -> None:
    for _, frame in frames(life):
        told = frame.notification
        assert told.version == 2
        assert told.config is not None
        assert life.sid in parse_configuration(told.config).members
        assert (told.leader == UNSET) == (told.zxid == UNSET) == (told.peer_epoch == UNSET)
        assert told.leader != UNSET or not votes(name, life.sid)


@every_life
def test_within_a_round_a_proposal_only_gets_better(name: str, life: Life) -> None:
    """To voters, that is: an observer is answered with the vote of the last election."""
    best: dict[tuple[Sid, int, str | None], Vote] = {}
    for to, frame in frames(life):
        told = frame.notification
        if told.state == ServerState.LOOKING and votes(name, to) and votes(name, life.sid):
            key = (to, told.round, told.config)
            if key in best:
                assert vote(told).rank >= best[key].rank
            best[key] = vote(told)


@every_life
def test_a_round_grows_until_the_election_layer_restarts(name: str, life: Life) -> None:
    for to, told in life.frames.items():
        for last, now in pairwise(told):
            same = last.notification.config == now.notification.config
            looks = now.notification.state == ServerState.LOOKING
            if same and looks and not now.first and votes(name, to):
                assert now.notification.round >= last.notification.round


@every_capture
def test_settled_votes_for_one_leader_of_one_epoch_agree(name: str) -> None:
    """They may differ in zxid and round, where votes of servers that look may not."""
    told = [frame.notification for life in lives(name) for _, frame in frames(life)]
    settled = [vote(one) for one in told if one.state != ServerState.LOOKING]
    looking = [vote(one) for one in told if one.state == ServerState.LOOKING]
    for one in settled:
        for other in settled:
            same = (one.leader, one.peer_epoch) == (other.leader, other.peer_epoch)
            assert one.agrees_with(other) == same
        for other in looking:
            assert one.agrees_with(other) == (one.rank == other.rank and one.round == other.round)
    assert settled


# ---- the quorum port


def said(name: str, kind: type[Packet]) -> list[tuple[Life, int, Told]]:
    """Who said such a packet on which connection, in order."""
    found = [
        (life, conn, told)
        for life in lives(name)
        for conn, lane in life.packets.items()
        for told in lane
        if isinstance(told.packet, kind)
    ]
    return sorted(found, key=lambda one: one[2].at_ns)


@every_capture
def test_each_epoch_has_one_leader_and_later_ones_are_higher(name: str) -> None:
    leaders: dict[PeerEpoch, Sid] = {}
    for life, _, told in said(name, LeaderInfo):
        assert isinstance(told.packet, LeaderInfo)
        assert leaders.setdefault(told.packet.epoch, life.sid) == life.sid
        assert told.packet.epoch == max(leaders)
    for life, _, told in said(name, NewLeader):
        assert isinstance(told.packet, NewLeader)
        assert leaders[epoch_of(told.packet.zxid)] == life.sid
        assert counter_of(told.packet.zxid) == 0
    assert sorted(leaders) == [1, 2]


@every_start
def test_what_a_server_has_accepted_only_grows(life: Life) -> None:
    hellos = [told for lane in life.packets.values() for told in lane]
    hellos.sort(key=lambda told: told.at_ns)
    accepted = [t.packet.accepted_epoch for t in hellos if isinstance(t.packet, LearnerHello)]
    assert accepted == sorted(accepted)


@every_start
def test_transactions_are_proposed_and_committed_in_order(life: Life) -> None:
    for lane in life.packets.values():
        proposed = [t.packet.txn.zxid for t in lane if isinstance(t.packet, Proposal)]
        committed = [
            t.packet.zxid for t in lane if isinstance(t.packet, Commit | CommitAndActivate)
        ]
        assert proposed == sorted(set(proposed))
        assert committed == proposed[: len(committed)]


@every_capture
def test_a_commit_follows_acks_of_a_quorum(name: str) -> None:
    """The leader's own is not on the wire, and counts; as with groups, all others ack."""
    acked: dict[Zxid, list[tuple[int, Sid]]] = {}
    for life, _, told in said(name, Ack):
        assert isinstance(told.packet, Ack)
        acked.setdefault(told.packet.zxid, []).append((told.at_ns, life.sid))
    for life, _, told in said(name, Commit) + said(name, CommitAndActivate):
        assert isinstance(told.packet, Commit | CommitAndActivate)
        zxid = told.packet.zxid
        verifier = parse_configuration(_config(life)).verifier
        logged = {sid for at_ns, sid in acked.get(zxid, ()) if at_ns <= told.at_ns} | {life.sid}
        assert verifier.contains_quorum({sid for sid in logged if votes(name, sid)}), hex(zxid)


def _config(life: Life) -> str:
    texts = [
        told.packet.config
        for lane in life.packets.values()
        for told in lane
        if isinstance(told.packet, NewLeader)
    ]
    assert texts[0] is not None
    return texts[0]
