"""What was acked, under leaders that are seen from outside only, and by clients at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import Sid, Zxid, counter_of
from chaos.election.log import Log
from chaos.election.quorum_peer import QuorumPeer
from chaos.history.events import Appeared, Event, Listed, Recalled, Sampled, Seen, Source
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.foreign.outside import from_outside
from chaos.verify.verdict import Outcome, Verdict
from tests.verify import broken
from tests.verify.lockstep import Lockstep
from tests.verify.test_safety import written

ACK, COMMIT = pk.Ack(Zxid(1 << 32 | 1)), pk.Commit(Zxid(1 << 32 | 1))


def judge(history: History) -> Verdict:
    return INVARIANTS["no_acked_write_lost"].check(history)


def changed(history: History, change: Callable[[Seen], Event | None]) -> History:
    """The same, with lines of foreign servers changed or left out."""
    told = [change(event) if isinstance(event, Seen) else event for event in history.events]
    return History.of([event for event in told if event is not None])


def elected_at(zxid: Zxid) -> Callable[[Seen], Seen]:
    """Leaders of the third epoch and later are elected with a log that ends at ``zxid``."""

    def change(seen: Seen) -> Seen:
        effects = tuple(
            replace(effect, vote=replace(effect.vote, zxid=zxid))
            if isinstance(effect, fx.Decided) and effect.vote.peer_epoch >= 1
            else effect
            for effect in seen.effects
        )
        return replace(seen, effects=effects)

    return change


def unacked(seen: Seen) -> Seen | None:
    """Without the ACKs of proposals."""
    match seen.happened:
        case fx.PacketRead(packet=pk.Ack(zxid=zxid)) if zxid & 0xFFFF:
            return None
        case _:
            return seen


# ---- what a quorum acked, and its leader never knew


class Unlucky(QuorumPeer):
    """It dies before it reads any ack of a proposal: none of them does anything."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        """Take a step, unless it is an ack."""
        match happened:
            case fx.PacketRead(packet=pk.Ack(zxid=zxid)) if counter_of(zxid):
                return []
            case _:
                return super().step(happened)


def acked_in_vain(*forgets: int) -> History:
    """All log and ack what leader 3 proposes; it dies, and some come back without it."""
    ensemble = Lockstep(cores={3: Unlucky}).start().run(2000).give(3, fx.Work(20)).run(300)
    ensemble.kill(3).kill(1).kill(2)
    for sid in map(Sid, forgets):
        ensemble.logs[sid] = Log(Zxid(0), b"", ())
    return ensemble.start(1, 2).run(4000).history()


def test_what_a_quorum_acked_is_committed_though_its_leader_never_knew() -> None:
    assert judge(acked_in_vain()).outcome is Outcome.HOLDS
    verdict = judge(acked_in_vain(1, 2))
    assert verdict.outcome is Outcome.FAILS
    assert "lacks 0x100000001, which epoch 1 committed" in verdict.summary


# ---- leaders


@pytest.mark.parametrize("sids", [(), (3,), (2,), (1, 2)], ids=["all", "first", "next", "two"])
def test_later_leaders_have_what_was_acked_whoever_is_seen_from_outside(
    sids: tuple[int, ...],
) -> None:
    ours = judge(written().history())
    verdict = judge(from_outside(written().history(), *sids))
    assert verdict.outcome is Outcome.HOLDS, verdict.summary
    assert verdict.judged > ours.judged // 2
    assert "(seen from outside)" in verdict.summary


def test_a_log_that_ends_before_an_acked_write_has_lost_it() -> None:
    history = from_outside(written().history())
    verdict = judge(changed(history, elected_at(Zxid(1 << 32 | 1))))
    assert verdict.outcome is Outcome.FAILS
    assert "lacks 0x100000002, which epoch 1 committed" in verdict.summary


def test_servers_that_ack_what_they_do_not_log_are_caught_from_outside() -> None:
    """While they run they say of their logs what they want; what they wrote shows at a start."""
    cores = {1: broken.Unsynced, 2: broken.Unsynced}
    ensemble = Lockstep(cores=cores).start().run(2000).give(3, fx.Work(20)).run(1000)
    ensemble.kill(3).kill(2).kill(1).start(1, 2).run(3000)
    verdict = judge(from_outside(ensemble.history()))
    assert verdict.outcome is Outcome.FAILS
    assert "server 2, leader of epoch 2 lacks 0x100000001" in verdict.summary


def test_a_commit_without_a_quorum_of_acks_is_caught_from_outside() -> None:
    """Every packet was captured, and no ACK of a proposal is among them."""
    verdict = judge(changed(from_outside(written().history()), unacked))
    assert verdict.outcome is Outcome.FAILS
    assert "server 3 commits 0x100000001 with the acks of [3] only" in verdict.summary


def test_acks_that_were_on_their_way_when_the_capture_ended_count() -> None:
    """The host of the leader had not acknowledged them yet: nobody saw that they arrived."""
    history = changed(from_outside(written().history()), unacked)
    first = next(
        event.at_ns
        for _, event in history.every(Seen)
        if any(isinstance(one, fx.SendPacket) and one.packet == ACK for one in event.effects)
    )
    commit = next(
        event
        for _, event in history.every(Seen)
        if event.sid == 3
        and any(isinstance(one, fx.SendPacket) and one.packet == COMMIT for one in event.effects)
    )
    kept = [event for event in history.events if event.at_ns <= commit.at_ns]
    assert first <= commit.at_ns
    for later_ms, outcome in ((5, Outcome.NOT_EXERCISED), (500, Outcome.FAILS)):
        end = Sampled(commit.at_ns + later_ms * 1_000_000, 0, 0, 0)
        verdict = judge(History.of([*kept, end]))
        assert verdict.outcome is outcome, verdict.summary


def test_where_a_stream_could_not_be_followed_missing_acks_are_held_against_nobody() -> None:
    history = changed(from_outside(written().history(), 3), unacked)
    born = next(event for event in history.events if isinstance(event, Appeared) and event.sid == 3)
    at_ns, text = born.at_ns + 1, "10.77.0.1:9>10.77.0.3:2888: a gap of 90 bytes"
    torn = Seen(at_ns, Sid(3), 0, 10**6, at_ns, Source.WIRE, text=text)
    verdict = judge(History.of([*history.events, torn]))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "a gap of 90 bytes" in verdict.summary


def test_without_packets_nothing_tells_of_writes_and_without_a_vote_of_logs() -> None:
    def blind(seen: Seen) -> Seen | None:
        kept = tuple(effect for effect in seen.effects if not isinstance(effect, fx.Decided))
        return replace(seen, effects=kept)

    history = from_outside(written().history(), 2)
    verdict = judge(changed(history, blind))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "nobody sees the log of server 2" in verdict.summary
    history = from_outside(written().history())
    unpacked = changed(history, lambda seen: None if seen.source is Source.WIRE else seen)
    assert judge(unpacked).outcome is Outcome.NOT_EXERCISED


def test_acks_that_were_not_captured_are_held_against_nobody() -> None:
    """The learners' first words are missing, so that nobody knows who acked."""

    def anonymous(seen: Seen) -> Seen | None:
        match seen.happened:
            case fx.PacketRead(packet=pk.LearnerHello()):
                return None
            case _:
                return seen

    verdict = judge(changed(from_outside(written().history()), anonymous))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "who acked it was not captured" in verdict.summary


# ---- clients

END = 10**12


def recalled(story: Recalled | Listed, *before: act.Action) -> Verdict:
    ensemble = written()
    for action in before:
        ensemble.acted("before", action)
    return judge(History.of([*ensemble.history().events, story]))


def test_acknowledged_writes_that_clients_find_are_counted() -> None:
    plain = judge(written().history()).judged
    verdict = recalled(Recalled(END, "w", 40))
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.judged == plain + 40


def test_an_acknowledged_write_that_clients_miss_is_lost() -> None:
    verdict = recalled(Recalled(END, "w", 40, ("/chaos-w/00000007",)))
    assert verdict.outcome is Outcome.FAILS
    assert "workload w was told of /chaos-w/00000007" in verdict.summary


def test_after_the_tester_wiped_a_disk_a_missing_write_is_unknown() -> None:
    missing = Recalled(END, "w", 40, ("/chaos-w/00000007",))
    verdict = recalled(missing, act.Launch(Sid(1), wipe=True))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "after the tester changed" in verdict.summary


def test_writes_that_nobody_could_look_for_are_unknown() -> None:
    verdict = recalled(Recalled(END, "w", 40, why="no session within 4 s"))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "nobody could look for the 40 writes of workload w" in verdict.summary
    unread = recalled(Recalled(END, "w", 0, why="the record of its writes: gone"))
    assert unread.outcome is Outcome.UNKNOWN
    assert "nobody could look for the writes of workload w" in unread.summary


def committed() -> list[str]:
    found = [
        txn.zxid
        for event in written().history().events
        for effect in getattr(event, "effects", ())
        if isinstance(effect, fx.Append)
        for txn in effect.txns
    ]
    return [f"chaos-{zxid:x}" for zxid in sorted(set(found))]


def test_nodes_that_our_leaders_committed_are_shown_to_clients() -> None:
    assert recalled(Listed(END, "/", tuple(committed()))).outcome is Outcome.HOLDS
    verdict = recalled(Listed(END, "/", tuple(committed()[1:])))
    assert verdict.outcome is Outcome.FAILS
    assert "our leaders committed of /chaos-100000001" in verdict.summary
    unasked = recalled(Listed(END, "/", why="no ZooKeeper server runs"))
    assert unasked.outcome is Outcome.UNKNOWN
