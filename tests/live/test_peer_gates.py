"""A real peer holds at a gate: nothing leaves it, its control channel answers, then it goes on."""

from __future__ import annotations

import os
import signal

import pytest

from chaos.actions import Cut, How
from chaos.election.effects import Persist, SendPacket
from chaos.election.ids import Sid
from chaos.election.moments import Awaited, MomentKind
from chaos.election.spec import PeerSpec
from chaos.history.events import Held, LinkOpened, Stepped, Wrote
from tests.peer.nest import (
    QUICK,
    LivePeer,
    Mock,
    Nest,
    config_of,
    frame,
    read_notifications,
    vote,
)

pytestmark = pytest.mark.live

SENT = Awaited(MomentKind.NOTIFICATION_SENT)


def after(peer: LivePeer, held: Held) -> list[object]:
    """What its journal has behind the line that says that it holds."""
    return [event for event in peer.look() if getattr(event, "seq", -1) > held.seq]


def test_nothing_is_done_or_written_until_it_is_let_go(peer: LivePeer, net: str) -> None:
    peer.hold("here", SENT)
    peer.done("go")
    held = peer.wait(Held)
    with Mock(net, 3).connect(2) as link:
        link.sendall(frame(vote(1)))
        peer.block("wall", How.SILENT, (Cut(Sid(2), Sid(1)),))
        assert peer.done("stats")["links"] == 0
        assert after(peer, held) == []
        freed = peer.done("let_go", name="here")
        assert freed["held"] is True
        assert read_notifications(link)
        wrote = peer.wait(Wrote)
    assert isinstance(freed["at_ns"], int)
    assert held.at_ns <= freed["at_ns"] <= wrote.at_ns
    assert (wrote.step, wrote.index) == (held.line, held.index)


def test_what_it_is_told_meanwhile_has_its_line_and_comes_behind(peer: LivePeer, net: str) -> None:
    with Mock(net, 3).connect(2) as link:
        peer.hold("here", SENT)
        peer.done("go")
        held = peer.wait(Held)
        told = peer.done("input", input={"k": "SkewRound", "to": 50})
        (line,) = after(peer, held)
        assert isinstance(line, Stepped)
        assert line.seq == told["seq"]
        peer.done("let_go", name="here")
        assert read_notifications(link, 1)[-1].round == 50


def test_an_order_that_comes_to_a_gate_is_answered_before_the_peer_holds(peer: LivePeer) -> None:
    peer.done("go")
    peer.hold("here", Awaited(MomentKind.NOTIFICATION_SENT, round=50))
    told = peer.done("input", input={"k": "SkewRound", "to": 50})
    assert peer.wait(Held).line == told["seq"]
    assert peer.done("let_go", name="here")["held"] is True
    assert peer.done("let_go", name="here")["held"] is False


def test_it_holds_between_the_effects_of_one_step(home: Nest, net: str) -> None:
    """A learner has its accepted epoch on disk, and its ACKEPOCH is not written yet."""
    config = config_of(net, [1, 2])
    peers = [home.fork(PeerSpec(Sid(s), config, timings=QUICK), wait=True) for s in (1, 2)]
    learner = peers[0]
    learner.hold("here", Awaited(MomentKind.PACKET_SENT, what="ACKEPOCH", peers=(Sid(2),)))
    for peer in peers:
        peer.done("go")
    held = learner.wait(Held)
    step = learner.wait(Stepped, lambda event: event.seq == held.line)
    assert [type(effect) for effect in step.effects[: held.index + 1]] == [Persist, SendPacket]
    assert (learner.home / "acceptedEpoch").read_text().strip() == "1"
    os.kill(learner.pid, signal.SIGKILL)


def test_it_holds_at_a_link_before_a_word_is_written_there(peer: LivePeer, net: str) -> None:
    peer.hold("here", Awaited(MomentKind.LINK_OPENED, peers=(Sid(3),)))
    peer.done("go")
    with Mock(net, 3).connect(2) as link:
        held = peer.wait(Held)
        opened = peer.wait(LinkOpened, lambda event: event.other == 3)
        assert held.line == opened.seq
        assert peer.all(Wrote) == []
        peer.done("let_go", name="here")
        assert read_notifications(link)


def test_a_peer_that_holds_ends_when_it_is_asked_to(peer: LivePeer, home: Nest) -> None:
    peer.hold("here", SENT)
    peer.done("go")
    held = peer.wait(Held)
    os.kill(peer.pid, signal.SIGTERM)
    assert home.hear()["exited"] == peer.pid
    assert [type(event).__name__ for event in after(peer, held)] == ["Left"]
