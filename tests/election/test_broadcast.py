"""What a leader commits, and what becomes of sessions and of the counter."""

from __future__ import annotations

from chaos.election import broadcast as module
from chaos.election.broadcast import OUTSTANDING_MAX, Broadcast
from chaos.election.effects import Append, Committed, Effect, SendPacket, Work
from chaos.election.ids import PeerEpoch, Sid, Zxid, zxid_of
from chaos.election.log import Log
from chaos.election.packets import Commit, Inform, Proposal, Request, Revalidate, Revalidated, Txn
from chaos.election.records import (
    CLOSE_SESSION,
    CREATE_SESSION,
    create,
    integer,
    no_paths,
    read_config,
)
from chaos.election.sessions import Sessions
from chaos.election.spec import PeerSpec
from chaos.election.standing import Standing
from tests.election.story import configuration, txn

OPEN = Request(7, 1, CREATE_SESSION, integer(1000))


def leading(voters: str = "1-3") -> Broadcast:
    spec = PeerSpec(Sid(3), configuration(voters).text())
    made = Broadcast(Standing(spec), PeerEpoch(1))
    made.synchronise(1, Sid(1), Zxid(0), observer=False)
    made.begin()
    return made


def committed(effects: list[Effect]) -> list[Zxid]:
    return [effect.zxid for effect in effects if isinstance(effect, Committed)]


def test_row_86_a_counter_is_never_used_up_and_the_epoch_is_over() -> None:
    """ZxidRolloverTest."""
    made = leading("3")
    made.last = zxid_of(1, 0xFFFFFFFD)
    assert committed(made.requested(1, OPEN)) == [zxid_of(1, 0xFFFFFFFE)]
    assert not made.over
    assert made.requested(1, OPEN) == []
    assert "no zxid is left" in made.over


def test_a_vote_of_weight_and_of_both_configurations_commits() -> None:
    made = leading("1-5")
    made.requested(1, OPEN)
    assert committed(made.acked(1, zxid_of(1, 1))) == []
    made.synchronise(2, Sid(2), zxid_of(1), observer=False)
    assert committed(made.acked(2, zxid_of(1, 1))) == [zxid_of(1, 1)]


def test_an_observer_and_a_stranger_commit_nothing() -> None:
    made = leading()
    made.synchronise(8, Sid(8), zxid_of(1), observer=True)
    made.synchronise(9, Sid(-1), zxid_of(1), observer=False)
    made.requested(1, OPEN)
    assert committed(made.acked(8, zxid_of(1, 1)) + made.acked(9, zxid_of(1, 1))) == []
    told = [e for e in made.acked(1, zxid_of(1, 1)) if isinstance(e, SendPacket)]
    assert [(e.conn, type(e.packet)) for e in told] == [(1, Commit), (8, Inform), (9, Commit)]


def test_a_workload_does_not_run_away_from_its_followers() -> None:
    made = leading()
    made._standing.work = Work(1_000_000)
    proposed = 0
    for _ in range(10):
        for effect in made.work():
            proposed += len(effect.txns) if isinstance(effect, Append) else 0
    assert proposed == OUTSTANDING_MAX
    assert len(made._outstanding) == OUTSTANDING_MAX


def test_a_log_that_a_tester_moved_ends_the_broadcast() -> None:
    made = leading()
    made._standing.log_to(zxid_of(9))
    assert made.requested(1, OPEN) == []
    assert "suddenly" in made.over


def test_what_the_epoch_began_with_is_committed_by_its_establishment() -> None:
    spec = PeerSpec(Sid(3), configuration("3").text(), log=(txn("1:1"), txn("1:2")))
    assert Broadcast(Standing(spec), PeerEpoch(2)).begin() == [Committed(zxid_of(1, 2))]
    assert module.COUNTER_MAX == 2**32 - 1


def session(zxid: str, number: int, kind: int) -> Txn:
    body = integer(4000) if kind == CREATE_SESSION else no_paths()
    return Txn(txn(zxid).zxid, number, 0, 0, kind, body)


HISTORY = (
    session("1:1", 7, CREATE_SESSION),
    session("1:2", 8, CREATE_SESSION),
    session("1:3", 7, CLOSE_SESSION),
)


def test_a_new_leader_knows_the_sessions_of_its_log() -> None:
    sessions = Sessions(Log(Zxid(0), b"", HISTORY), 200)
    assert [sessions.touch(number, 4000, 0) for number in (7, 8, 9)] == [False, True, False]


def test_where_a_tree_may_hold_sessions_one_that_was_not_closed_is_believed() -> None:
    sessions = Sessions(Log(Zxid(0), b"tree", HISTORY), 200)
    assert [sessions.touch(number, 4000, 0) for number in (7, 8, 9)] == [False, True, True]
    assert sessions.expired(20) == []
    assert sessions.expired(21) == [8, 9]
    assert sessions.expired(22) == []


def test_a_session_of_the_log_is_good_under_another_leader() -> None:
    spec = PeerSpec(Sid(3), configuration("3").text(), log=HISTORY)
    made = Broadcast(Standing(spec), PeerEpoch(2))
    made.synchronise(1, Sid(1), Zxid(0), observer=False)
    answer = made.revalidated(1, Revalidate(8, 4000))
    assert answer == [SendPacket(1, Revalidated(8, valid=True))]


def test_a_record_of_a_create_is_as_jute_has_it() -> None:
    acl = bytes.fromhex("00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65")
    head = bytes.fromhex("00000002 2f61 00000003 000000")
    assert create("/a", bytes(3)) == head + acl + bytes.fromhex("00 ffffffff")


def test_a_configuration_that_cannot_be_read_is_none() -> None:
    whole = bytes.fromhex("00000001 2f 00000002 7833 ffffffff")
    assert read_config(whole) == "x3"
    for cut in range(11):
        assert read_config(whole[:cut]) is None
    assert read_config(bytes.fromhex("ffffffff")) is None
    assert read_config(bytes.fromhex("00000000 00000001 ff")) is None


def test_a_proposal_is_on_my_disk_before_it_is_on_the_wire() -> None:
    effects = leading().requested(1, OPEN)
    kinds = [type(e.packet) if isinstance(e, SendPacket) else type(e) for e in effects]
    assert kinds == [Append, Proposal]
