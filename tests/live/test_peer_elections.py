"""Real peers elect, follow, end and come back."""

from __future__ import annotations

import os
import signal
from collections import Counter
from time import monotonic_ns

import pytest

from chaos.election.effects import (
    Decided,
    Deliver,
    Effect,
    Entered,
    Expire,
    Persist,
    Phase,
    Send,
    SendPacket,
    Start,
    TimerKind,
)
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.spec import PeerSpec
from chaos.history.events import Began, Left, Lost, Stepped, Wrote
from tests.peer.nest import QUICK, LivePeer, Nest, config_of, fresh_net

pytestmark = pytest.mark.live


def settled(event: Stepped) -> bool:
    return any(isinstance(e, Entered) and e.phase is Phase.BROADCAST for e in event.effects)


def state_of(peer: LivePeer) -> ServerState:
    entered = [
        effect
        for event in peer.all(Stepped)
        for effect in event.effects
        if isinstance(effect, Entered)
    ]
    return entered[-1].state


def three(home: Nest, net: str) -> list[LivePeer]:
    config = config_of(net, [1, 2, 3])
    peers = [home.fork(PeerSpec(Sid(s), config, timings=QUICK), wait=True) for s in (1, 2, 3)]
    for peer in peers:
        peer.done("go")
    for peer in peers:
        peer.wait(Stepped, settled)
    return peers


def test_three_peers_elect_one_leader(home: Nest) -> None:
    peers = three(home, fresh_net())
    states = [state_of(peer) for peer in peers]
    assert sorted(states) == [ServerState.FOLLOWING, ServerState.FOLLOWING, ServerState.LEADING]
    for peer in peers:
        first, second = peer.all(Began)[0], peer.all(Stepped)[0]
        assert (first.pid, first.seq, second.happened) == (peer.pid, 0, Start())
        assert (peer.home / "acceptedEpoch").read_text() == "1\n"
        assert (peer.home / "currentEpoch").read_text() == "1\n"


def test_sender_and_receiver_name_a_message_alike(home: Nest) -> None:
    peers = three(home, fresh_net())
    wrote = Counter((w.link, w.frame) for peer in peers for w in peer.all(Wrote))
    read = Counter(
        (s.happened.link, s.happened.frame)
        for peer in peers
        for s in peer.all(Stepped)
        if isinstance(s.happened, Deliver)
    )
    assert read
    assert max(wrote.values()) == max(read.values()) == 1
    assert not read - wrote


def test_a_message_is_received_after_it_was_written(home: Nest) -> None:
    peers = three(home, fresh_net())
    written = {(w.link, w.frame): w.at_ns for peer in peers for w in peer.all(Wrote)}
    for peer in peers:
        for event in peer.all(Stepped):
            if isinstance(event.happened, Deliver):
                sent = written[event.happened.link, event.happened.frame]
                assert sent <= event.at_ns


def test_each_message_is_written_once_or_lost_or_still_waits(home: Nest) -> None:
    for peer in three(home, fresh_net()):
        offers = Counter(
            (event.seq, index, to)
            for event in peer.all(Stepped)
            for index, effect in enumerate(event.effects)
            if isinstance(effect, Send)
            for to in effect.to
        )
        ends: Counter[tuple[int, int, Sid]] = Counter()
        ends.update((w.step, w.index, w.to) for w in peer.all(Wrote) if not w.again)
        ends.update((lost.step, lost.index, lost.to) for lost in peer.all(Lost))
        assert ends
        assert not ends - offers


def test_a_killed_leader_is_replaced_and_comes_back_with_its_epochs(home: Nest) -> None:
    """Row 85 once, on real processes."""
    net = fresh_net()
    peers = three(home, net)
    leader = next(peer for peer in peers if state_of(peer) is ServerState.LEADING)
    os.kill(leader.pid, signal.SIGKILL)
    assert home.hear() == {"exited": leader.pid, "status": -9}
    rest = [peer for peer in peers if peer is not leader]
    for peer in rest:
        peer.wait(Stepped, lambda e: any(_enters(effect, 2) for effect in e.effects))
    again = home.fork(leader.birth.spec, inc=1)
    assert again.all(Began)[0].spec.accepted_epoch == 1
    again.wait(Stepped, settled)
    assert state_of(again) is ServerState.FOLLOWING
    assert again.birth.journal != leader.birth.journal


def _enters(effect: Effect, epoch: int) -> bool:
    return isinstance(effect, Persist) and (effect.name, effect.value) == ("currentEpoch", epoch)


def test_sigterm_ends_a_peer_with_a_word(home: Nest) -> None:
    peers = three(home, fresh_net())
    os.kill(peers[0].pid, signal.SIGTERM)
    assert home.hear() == {"exited": peers[0].pid, "status": 0}
    assert [left.why for left in peers[0].all(Left)] == ["SIGTERM"]
    assert peers[0].events[-1] == peers[0].all(Left)[0]


def test_row_75_a_peer_that_looks_alone_ends_when_asked(home: Nest) -> None:
    """QuorumPeerMainTest.testQuorumPeerExitTime allows 3 s."""
    peer = home.fork(PeerSpec(Sid(1), config_of(fresh_net(), [1, 2]), timings=QUICK))
    peer.wait(Stepped, lambda step: isinstance(step.happened, Expire))
    asked_ns = monotonic_ns()
    os.kill(peer.pid, signal.SIGTERM)
    assert home.hear() == {"exited": peer.pid, "status": 0}
    assert monotonic_ns() - asked_ns < 3_000_000_000
    assert state_of(peer) is ServerState.LOOKING
    assert [left.why for left in peer.all(Left)] == ["SIGTERM"]


def test_an_error_inside_ends_a_peer_with_a_word(home: Nest) -> None:
    """Row 60, EpochWriteFailureTest: memory goes with the process, the disk keeps the old epoch."""
    config = config_of(fresh_net(), [1])
    peer = home.fork(PeerSpec(Sid(1), config, timings=QUICK), wait=True)
    (peer.home / "acceptedEpoch.tmp").mkdir()
    peer.done("go")
    assert home.hear() == {"exited": peer.pid, "status": 74}
    (left,) = peer.all(Left)
    assert "DiskError" in left.why
    assert "acceptedEpoch" in left.why
    assert "process.py" in left.why
    assert (peer.home / "acceptedEpoch").read_text() == "0\n"
    assert "acceptedEpoch" in str(peer.hear()["error"])


def test_the_end_of_the_control_channel_ends_a_peer(home: Nest) -> None:
    peer = home.fork(PeerSpec(Sid(1), config_of(fresh_net(), [1, 2]), timings=QUICK))
    peer.control.close()
    assert home.hear() == {"exited": peer.pid, "status": 0}
    assert [left.why for left in peer.all(Left)] == ["the control channel closed"]


def test_a_peer_that_waits_listens_and_takes_no_step(home: Nest) -> None:
    net = fresh_net()
    config = config_of(net, [1, 2])
    waiting = home.fork(PeerSpec(Sid(1), config, timings=QUICK), wait=True)
    other = home.fork(PeerSpec(Sid(2), config, timings=QUICK))
    other.wait(
        Stepped, lambda e: isinstance(e.happened, Expire) and e.happened.timer.kind is _RESEND
    )
    assert waiting.all(Stepped) == []
    assert waiting.done("input", input={"k": "SkewRound", "to": 9})["seq"] == 1
    waiting.done("go")
    for peer in (waiting, other):
        decided = peer.wait(Stepped, lambda e: any(isinstance(x, Decided) for x in e.effects))
        votes = [x.vote for x in decided.effects if isinstance(x, Decided)]
        assert [(vote.leader, vote.round) for vote in votes] == [(2, 10)]


_RESEND = TimerKind.RESEND


def test_an_address_in_use_is_an_error_that_names_it(home: Nest) -> None:
    net = fresh_net()
    spec = PeerSpec(Sid(1), config_of(net, [1, 2]), timings=QUICK)
    home.fork(spec)
    second = home.fork_only(PeerSpec(Sid(1), spec.config, timings=QUICK), inc=1)
    assert f"cannot listen on {net}.1:3888" in str(second.hear()["error"])
    assert home.hear() == {"exited": second.pid, "status": 70}


def test_an_incarnation_cannot_start_twice(home: Nest) -> None:
    spec = PeerSpec(Sid(1), config_of(fresh_net(), [1, 2]), timings=QUICK)
    home.fork(spec)
    second = home.fork_only(spec)
    assert "give the next number" in str(second.hear()["error"])
    assert home.hear() == {"exited": second.pid, "status": 70}


def test_learners_are_pinged_on_the_quorum_port(home: Nest) -> None:
    peers = three(home, fresh_net())
    leader = next(peer for peer in peers if state_of(peer) is ServerState.LEADING)
    leader.wait(
        Stepped,
        lambda e: (
            isinstance(e.happened, Expire)
            and sum(isinstance(x, SendPacket) for x in e.effects) == 2
        ),
    )
