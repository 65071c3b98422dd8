"""What a harness can do to a peer through its control channel, and what proves it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from chaos.actions import Cut, How
from chaos.election.effects import Arm, Decided, Deliver, Expire, Send, TimerKind
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.spec import PeerSpec
from chaos.history.codec import Json
from chaos.history.events import Left, LinkClosed, LinkOpened, Lost, Stepped, Wrote
from chaos.peer.process import EXIT_DISK
from tests.peer.nest import (
    QUICK,
    WITHIN_S,
    LivePeer,
    Mock,
    Nest,
    config_of,
    frame,
    read_notifications,
    vote,
)

pytestmark = pytest.mark.live


def led(event: Stepped) -> bool:
    return any(isinstance(e, Decided) for e in event.effects)


def from_(sid: int, event: Stepped) -> bool:
    return isinstance(event.happened, Deliver) and event.happened.sender == sid


# ---- requests

REFUSED = {
    "unknown verb": ({"do": "dance"}, "unknown request 'dance'"),
    "an input that is no skew": ({"do": "input", "input": {"k": "Start"}}, "cannot be told"),
    "no record": ({"do": "input", "input": {"k": "Nothing"}}, "no record"),
    "a number too large": (
        {"do": "input", "input": {"k": "SkewZxid", "zxid": 2**63}},
        "does not fit",
    ),
    "no targets": ({"do": "lose", "name": "x", "ppm": 5}, "targets"),
    "too much loss": ({"do": "lose", "name": "x", "targets": [1], "ppm": 1_000_001}, "ppm"),
    "a negative latency": (
        {"do": "slow", "name": "x", "targets": [1], "latency_ns": -1},
        "latency_ns",
    ),
    "no such block": ({"do": "block", "name": "x", "cuts": [], "how": "softly"}, "silent, reset"),
    "no cut": ({"do": "block", "name": "x", "cuts": [{"k": "Start"}], "how": "reset"}, "no cut"),
    "a disk slower than any": (
        {"do": "spoil", "name": "x", "lag_ns": 10**11},
        '"lag_ns" has to be a whole number of 0..10000000000',
    ),
    "timers that stand still": ({"do": "timers", "rate_ppm": 0}, "above 0"),
}


@pytest.mark.parametrize(("request_", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_cannot_be_done_is_refused_with_a_reason(
    peer: LivePeer, request_: dict[str, object], why: str
) -> None:
    peer.control.send(json.dumps({"id": 7, **request_}).encode())
    answer = peer.hear()
    assert (answer["id"], answer["ok"]) == (7, False)
    assert why in str(answer["error"])
    assert peer.done("stats")["ok"] is True


def test_no_json_is_refused_and_survived(peer: LivePeer) -> None:
    peer.control.send(b"{nonsense")
    assert peer.hear()["ok"] is False
    assert peer.done("go")["ok"] is True


def test_an_input_is_a_step_like_any_other(peer: LivePeer) -> None:
    peer.done("go")
    answer = peer.done("input", input={"k": "SkewRound", "by": 5})
    step = next(event for event in peer.all(Stepped) if event.seq == answer["seq"])
    assert step.at_ns == answer["at_ns"]
    sends = [effect for effect in step.effects if isinstance(effect, Send)]
    assert [send.notification.round for send in sends] == [6]


ACCEPT: Json = {"k": "SkewEpochs", "accepted": 7}


def accepted(peer: LivePeer) -> str:
    return (peer.home / "acceptedEpoch").read_text().strip()


def test_a_peer_waits_for_a_slow_disk_and_hears_orders_meanwhile(peer: LivePeer) -> None:
    peer.done("go")
    peer.done("spoil", name="lag", lag_ns=10**10)
    peer.done("input", input=ACCEPT)
    before = accepted(peer)
    counts = peer.done("mend", name="lag")  # ends the wait as well
    peer.done("stats")
    assert (before, accepted(peer)) == ("0", "7")
    assert counts["delayed"] in (0, 1)


def test_how_late_a_slow_disk_was_is_measured(peer: LivePeer) -> None:
    peer.done("go")
    peer.done("spoil", name="lag", lag_ns=20_000_000)
    peer.done("input", input=ACCEPT)
    while accepted(peer) != "7":
        peer.pause()
    counts = peer.done("mend", name="lag")
    late_us = counts["late_us"]
    assert isinstance(late_us, int)
    assert counts["delayed"] == 1
    assert 20_000 <= late_us < 2_000_000


def test_who_cannot_keep_what_it_is_to_keep_ends_and_says_why(home: Nest, peer: LivePeer) -> None:
    peer.done("go")
    peer.done("spoil", name="full", lag_ns=0)
    peer.done("input", input=ACCEPT)
    assert home.hear() == {"exited": peer.pid, "status": EXIT_DISK}
    left = peer.all(Left)[0]
    assert "cannot write acceptedEpoch: No space left on device" in left.why
    assert accepted(peer) == "0"


def test_statistics_are_numbers_of_this_process(peer: LivePeer) -> None:
    stats = peer.done("stats")
    assert all(isinstance(value, int) for value in stats.values())
    assert peer.number("fds") == len(list(Path(f"/proc/{peer.pid}/fd").iterdir()))
    assert peer.number("pss_bytes") < peer.number("rss_bytes") < 64 << 20


def test_a_reconfiguration_moves_the_listener(peer: LivePeer, net: str) -> None:
    """Row 103, ReconfigTest.testPortChange."""
    peer.done("go")
    moved = config_of(net, [1, 2, 3], version=9).replace(
        f"server.2={net}.2:2888:3888", f"server.2={net}.2:2889:3889"
    )
    peer.done("input", input={"k": "Reconfigure", "config": moved})
    with Mock(net, 3).connect(2, port=3889) as link:
        assert read_notifications(link)[0].leader == 2
    with pytest.raises(ConnectionRefusedError):
        Mock(net, 3).connect(2)
    assert (peer.home / "config").read_text() == moved


def test_a_listener_that_cannot_move_yet_moves_when_it_can(peer: LivePeer, net: str) -> None:
    """Row 103, ReconfigTest.testPortChangeToBlockedPortFollower: a peer survives it."""
    peer.done("go")
    moved = config_of(net, [1, 2, 3], version=9).replace(
        f"server.2={net}.2:2888:3888", f"server.2={net}.2:2889:3889"
    )
    with socket.create_server((f"{net}.2", 3889)):
        peer.done("input", input={"k": "Reconfigure", "config": moved})
    with Mock(net, 3).listen() as listener:  # 2 dials 3: its election goes on meanwhile
        listener.accept()[0].close()
    with _until_accepted(net) as link:
        assert read_notifications(link)[0].leader == 2


def _until_accepted(net: str) -> socket.socket:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return Mock(net, 3).connect(2, port=3889)
        except ConnectionRefusedError:
            continue
    raise AssertionError("the listener never moved")


# ---- timers


def test_fast_timers_expire_early_and_the_journal_keeps_true_time(peer: LivePeer, net: str) -> None:
    peer.done("timers", rate_ppm=4_000_000)
    peer.done("go")
    with Mock(net, 3).connect(2) as link:
        link.sendall(frame(vote(3)))
        armed = peer.wait(Stepped, lambda e: _arms(e, TimerKind.FINALIZE))
        expired = peer.wait(Stepped, led)
    assert isinstance(expired.happened, Expire)
    last = [e for e in peer.all(Stepped) if _arms(e, TimerKind.FINALIZE)][-1]
    assert armed.at_ns <= last.at_ns
    assert 50_000_000 <= expired.at_ns - last.at_ns < 200_000_000


def _arms(event: Stepped, kind: TimerKind) -> bool:
    return any(isinstance(e, Arm) and e.timer.kind is kind for e in event.effects)


# ---- message faults


def test_slow_messages_are_written_when_they_are_due(peer: LivePeer, net: str) -> None:
    peer.done("slow", name="mud", targets=[3], latency_ns=60_000_000, jitter_ns=0)
    with Mock(net, 3).listen() as listener:
        peer.done("go")
        link, _ = listener.accept()
        link.close()
        with Mock(net, 3).connect(2) as kept:
            read_notifications(kept)
            wrote = peer.wait(Wrote, lambda e: e.to == 3)
    opened = peer.wait(LinkOpened, lambda e: e.other == 3)
    assert wrote.at_ns - opened.at_ns >= 60_000_000
    counts = peer.done("clear", name="mud")
    assert isinstance(counts["delayed"], int)
    assert counts["delayed"] >= 1


def test_lost_messages_are_not_written_and_name_their_fault(peer: LivePeer, net: str) -> None:
    peer.done("lose", name="fog", targets=[3], ppm=1_000_000)
    peer.done("go")
    with Mock(net, 3).connect(2):
        lost = peer.wait(Lost, lambda e: e.fault == "fog")
        assert lost.to == 3
        assert not [e for e in peer.all(Wrote) if e.to == 3]
    counts = peer.done("clear", name="fog")
    assert isinstance(counts["lost"], int)
    assert counts["lost"] >= 1
    with Mock(net, 3).connect(2) as link:
        assert read_notifications(link)


# ---- blocks

BOTH = (Cut(Sid(2), Sid(3)), Cut(Sid(3), Sid(2)))


def test_a_silent_block_holds_both_ways_and_releases_in_order(peer: LivePeer, net: str) -> None:
    peer.done("go")
    with Mock(net, 3).connect(2) as link:
        read_notifications(link)
        peer.block("wall", How.SILENT, BOTH)
        peer.done("input", input={"k": "SkewRound", "to": 50})
        peer.done("input", input={"k": "SkewRound", "to": 60})
        link.sendall(frame(vote(3, round_=70)))
        link.setblocking(False)
        peer.done("stats")
        with pytest.raises(BlockingIOError):
            link.recv(1)
        assert not [event for event in peer.all(Stepped) if from_(3, event)]
        counts = peer.done("unblock", name="wall")
        link.settimeout(WITHIN_S)
        rounds = [message.round for message in read_notifications(link, 2)]
        peer.wait(Stepped, lambda e: from_(3, e))
    assert rounds == sorted(rounds)
    assert isinstance(counts["frames"], int)
    assert isinstance(counts["bytes"], int)
    assert counts["frames"] >= 1
    assert counts["bytes"] >= len(frame(vote(3)))


def test_a_one_way_block_leaves_the_other_way_open(peer: LivePeer, net: str) -> None:
    peer.done("go")
    with Mock(net, 3).connect(2) as link:
        read_notifications(link)
        peer.block("mute", How.SILENT, (Cut(Sid(2), Sid(3)),))
        link.sendall(frame(vote(3)))
        peer.wait(Stepped, lambda e: from_(3, e))
        link.setblocking(False)
        with pytest.raises(BlockingIOError):
            link.recv(1)


def test_a_reset_block_breaks_links_and_refuses_new_ones(peer: LivePeer, net: str) -> None:
    peer.done("go")
    with Mock(net, 3).connect(2) as link:
        read_notifications(link)
        peer.block("axe", How.RESET, BOTH)
        with pytest.raises(ConnectionResetError):
            _read_to_the_end(link)
    assert "reset by a block" in peer.wait(LinkClosed, lambda e: "block" in e.why).why
    with pytest.raises(ConnectionError):
        _visit(net)
    counts = peer.done("unblock", name="axe")
    assert isinstance(counts["connections"], int)
    assert counts["connections"] >= 2
    with Mock(net, 3).connect(2) as link:
        assert read_notifications(link)


def _visit(net: str) -> None:
    with Mock(net, 3).connect(2) as sock:
        assert sock.recv(1) != b"", "closed without a reset"


def _read_to_the_end(sock: socket.socket) -> None:
    while sock.recv(65536):
        pass


def test_a_refuse_block_leaves_standing_links_alone(peer: LivePeer, net: str) -> None:
    peer.done("go")
    with Mock(net, 3).connect(2) as link:
        read_notifications(link)
        peer.block("door", How.REFUSE, BOTH)
        with pytest.raises(ConnectionError):
            _visit(net)
        link.sendall(frame(vote(3)))
        assert read_notifications(link)[0].leader == 3


def test_a_dial_hangs_behind_a_silent_block_and_goes_on_after_it(peer: LivePeer, net: str) -> None:
    peer.block("wall", How.SILENT, (Cut(Sid(1), Sid(2)),))
    with Mock(net, 1).listen() as listener:
        peer.done("go")
        listener.setblocking(False)
        assert peer.number("links_dialing") >= 1
        with pytest.raises(BlockingIOError):
            listener.accept()
        counts = peer.done("unblock", name="wall")
        assert counts["connections"] == 1
        listener.settimeout(WITHIN_S)
        link, _ = listener.accept()
        with link:
            assert link.recv(1)


def test_a_leader_behind_a_wall_is_replaced_and_follows_after_it(home: Nest, net: str) -> None:
    config = config_of(net, [1, 2, 3])
    peers = [home.fork(PeerSpec(Sid(s), config, timings=QUICK), wait=True) for s in (1, 2, 3)]
    for peer in peers:
        peer.done("go")
    decided = [_decisions(peer.wait(Stepped, led))[-1] for peer in peers]
    leader = peers[decided[0].vote.leader - 1]
    others = [peer for peer in peers if peer is not leader]
    mine = leader.birth.spec.sid
    cuts = [
        cut
        for other in others
        for cut in (Cut(mine, other.birth.spec.sid), Cut(other.birth.spec.sid, mine))
    ]
    for peer in peers:
        peer.block("wall", How.SILENT, cuts)
    for peer in others:
        peer.wait(Stepped, lambda e: any(d.vote.leader != mine for d in _decisions(e)))
    for peer in peers:
        peer.done("unblock", name="wall")
    leader.wait(Stepped, lambda e: any(d.state is ServerState.FOLLOWING for d in _decisions(e)))


def _decisions(event: Stepped) -> list[Decided]:
    return [effect for effect in event.effects if isinstance(effect, Decided)]
