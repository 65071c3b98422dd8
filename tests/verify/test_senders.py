"""A vote that is heard was sent by whom it names, as far as the journal of that one tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.election import effects as fx
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.history.events import Event, LinkOpened, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.verdict import Outcome, Verdict
from tests.verify.lockstep import MS, Lockstep
from tests.verify.test_safety import re_elected

ONE, TWO = Sid(1), Sid(2)


def judge(history: History) -> Verdict:
    return INVARIANTS["leader_has_quorum_support"].check(history)


def vote(leader: Sid, epoch: int = 0, state: ServerState = ServerState.LOOKING) -> Notification:
    return Notification(state, leader, Zxid(0), Round(1), PeerEpoch(epoch))


def apart() -> Lockstep:
    """Peers 1 and 2 say their votes, and hear nothing of each other."""
    ensemble = Lockstep()
    ensemble.cut = {(ONE, TWO), (TWO, ONE)}
    return ensemble.start(1, 2).run(100)


def hears(ensemble: Lockstep, said: Notification, link: str = "") -> Lockstep:
    """Peer 1 is given a vote of peer 2."""
    return ensemble.give(1, fx.Deliver(TWO, said, link, 0))


def unsent() -> Lockstep:
    """Peer 1 is elected by a vote for it that peer 2 never cast."""
    return hears(apart(), vote(ONE)).run(2000)


def joined() -> Lockstep:
    """Peer 1 joins a leader that never said so."""
    return hears(apart(), vote(TWO, state=ServerState.LEADING)).run(2000)


def sent() -> Lockstep:
    """What peer 2 did say."""
    return hears(apart(), vote(TWO)).run(2000)


def killed() -> Lockstep:
    """Peer 2 died before: the last line of its journal may be missing."""
    return hears(apart().kill(2), vote(ONE)).run(2000)


def left_out() -> History:
    """A line of peer 2's journal is missing, before the vote came."""
    history = unsent().history()
    lines = [i for i, e in enumerate(history.events) if getattr(e, "sid", 0) == 2]
    return History(tuple(e for i, e in enumerate(history.events) if i != lines[1]))


def of_an_earlier_start(link: str) -> Callable[[], Lockstep]:
    """Peer 2 said something that its next start, of which the link ``mine`` is, never says."""

    def story() -> Lockstep:
        ensemble = Lockstep()
        ensemble.cut = {(ONE, TWO), (TWO, ONE)}
        ensemble.disks[TWO] = {"acceptedEpoch": 1, "currentEpoch": 1}
        ensemble.start(1, 2).run(100).kill(2)
        ensemble.wipe(2)
        ensemble.start(2).run(100)
        peer = ensemble.peers[TWO]
        opened = LinkOpened(ensemble.now_ms * MS, TWO, 1, peer.seq, ONE, "mine", dialed=True)
        peer.seq += 1
        ensemble.events.append(opened)
        return hears(ensemble, vote(TWO, epoch=1), link).run(2000)

    return story


CASES: dict[str, tuple[Callable[[], Lockstep], Outcome, str]] = {
    "never sent": (unsent, Outcome.FAILS, "peer 1 counted (leader 1, zxid 0x0, epoch 0, r1) of"),
    "an answer that was never sent": (joined, Outcome.FAILS, "peer 1 heard (leader 2, zxid 0x0"),
    "sent, though nobody wrote it": (sent, Outcome.HOLDS, "quorum"),
    "of one who was killed before": (killed, Outcome.UNKNOWN, "as far as its journal tells"),
    "of an earlier start, on a link of a later one": (
        of_an_earlier_start("mine"),
        Outcome.FAILS,
        "which never sent it",
    ),
    "of an earlier start": (of_an_earlier_start(""), Outcome.HOLDS, "quorum"),
}


@pytest.mark.parametrize(("story", "expected", "words"), CASES.values(), ids=CASES.keys())
def test_a_vote_is_held_against_the_journal_of_its_sender(
    story: Callable[[], Lockstep], expected: Outcome, words: str
) -> None:
    verdict = judge(story().history())
    assert verdict.outcome is expected, verdict
    assert words in verdict.summary


def test_a_vote_of_a_journal_with_a_gap_is_unknown() -> None:
    assert judge(left_out()).outcome is Outcome.UNKNOWN


def test_a_vote_of_nobody_with_a_journal_is_not_judged() -> None:
    """Peer 3 never was: a vote of a server that keeps no journal is taken at its word."""
    ensemble = Lockstep().start(1).run(100).give(1, fx.Deliver(Sid(3), vote(ONE), "x", 0))
    assert judge(ensemble.run(2000).history()).outcome is Outcome.HOLDS


def late(event: Event) -> Event:
    """A reader whose clock stood still while it read what was sent since."""
    if isinstance(event, Wrote | Stepped) and event.sid == TWO:
        return replace(event, at_ns=event.at_ns + 1)
    return event


def test_what_was_sent_while_its_reader_was_awake_was_sent() -> None:
    ensemble = re_elected()
    history = ensemble.history()
    moved = History.of([late(event) for event in history.events])
    verdict = judge(moved)
    assert verdict.outcome is Outcome.HOLDS, verdict
