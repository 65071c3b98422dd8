"""One peer and everything that may be said to it: the core against rules written apart from it.

Both oracles judge: that of the election (``chaos/verify/oracle.py``) and that of the handshake
(``chaos/verify/handshake.py``), and every other law that one journal decides.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.election import effects as fx
from chaos.election.quorum_peer import QuorumPeer
from chaos.history.events import Stepped
from chaos.history.history import History
from chaos.verify.docket import Law
from chaos.verify.fold import fold
from chaos.zoo import leads
from chaos.zoo.cage import ZOO
from tests.verify.lone import Core, Lone

STEPS, SEEDS = 60, 300
ELECTION = {
    Law.CLOCK, Law.VOTE_ORDER, Law.SUPPORT, Law.SILENCE, Law.JOINS, Law.TALLY, Law.OBSERVERS,
    Law.BOTH_QUORUMS,
}  # fmt: skip
# What these break is not in what a lone peer says: links, answers to others, a late silence.
OTHERWISE = {"synced-unchecked", "never-pings"}
BROKEN = [
    *((bug.name, {Law.HANDSHAKE}) for bug in leads.BUGS if bug.name not in OTHERWISE),
    *((name, {Law.HANDSHAKE}) for name in (
        "accepted-epoch-not-kept", "current-epoch-not-kept", "acks-of-strangers-counted",
        "quorum-one-more", "new-quorum-ignored",
    )),
    *((name, ELECTION) for name in (
        "order-without-epoch", "order-without-zxid", "tie-break-reversed", "zero-weight-elected",
        "leader-alone-compared", "strict-equality-out-of-election", "ties-are-quorums",
        "observers-counted", "no-finalize-wait", "own-vote-not-counted", "check-leader-skipped",
        "compares-with-current", "stale-votes-counted", "lower-round-counted", "round-not-raised",
        "round-starts-over", "higher-round-ignored", "never-adopts", "silence-not-restarted",
        "never-resends", "round-kept-when-joining", "settled-answers-ignored",
        "unusable-zxid-counted", "round-kept-after-gossip",
    )),
]  # fmt: skip


def drawn(dice: Random, core: Core = QuorumPeer) -> History:
    return Lone(dice, core).run(STEPS)


def breaches(history: History) -> dict[Law, str]:
    return {law: found[0].why for law, found in fold(history).docket.breaches.items()}


@given(st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_whatever_is_said_to_it_the_core_does_what_both_oracles_say(dice: Random) -> None:
    assert breaches(drawn(dice)) == {}


@pytest.mark.parametrize(("bug", "laws"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_broken_rule_is_seen_by_its_oracle(bug: str, laws: set[Law]) -> None:
    core = ZOO[bug].rules.peer
    assert any(laws & set(breaches(drawn(Random(seed), core))) for seed in range(SEEDS))


def test_what_is_drawn_comes_to_every_part_of_a_handshake() -> None:
    said = {
        type(effect.packet).__name__
        for seed in range(60)
        for _, step in drawn(Random(seed)).every(Stepped)
        for effect in step.effects
        if isinstance(effect, fx.SendPacket)
    }
    said |= {
        type(effect).__name__
        for seed in range(60)
        for _, step in drawn(Random(seed)).every(Stepped)
        for effect in step.effects
    }
    assert said >= {
        "LearnerHello", "LeaderInfo", "AckEpoch", "Diff", "Snap", "NewLeader", "Ack", "UpToDate",
        "Ping", "Serving", "SteppedDown", "Restore", "Truncate", "CloseConnection",
        "RestartElectionLayer",
    }  # fmt: skip
