"""A journal has a step before it is performed: a dead peer's last line may not be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.history.events import Began, Held, Stepped
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.online import Watchman
from chaos.verify.verdict import Outcome
from tests.verify.lockstep import MS, Lockstep

ONE = Sid(1)


def serving(voter: str) -> Lockstep:
    """A voter alone decides and leads in one step, which is its last so far."""
    ensemble = Lockstep(voter).start().run(1)
    while not any(isinstance(effect, fx.Serving) for effect in _last(ensemble).effects):
        ensemble.run(1)
    return ensemble


def led_again(later_ms: int) -> History:
    """Such a leader loses its disk ``later_ms`` after that step."""
    ensemble = serving("1")
    ensemble.run(later_ms).kill(1)
    ensemble.wipe(1)
    return ensemble.start(1).run(2000).history()


def led_in_vain() -> History:
    """Such a leader holds before that step, is told to work meanwhile, and is killed there."""
    ensemble = serving("1")
    peer, step = ensemble.peers[ONE], _last(ensemble)
    ensemble.events.append(Held(ensemble.now_ms * MS, ONE, 0, peer.seq, "gate", step.seq))
    peer.seq += 1
    ensemble.give(1, fx.Work(20)).kill(1)
    ensemble.wipe(1)
    return ensemble.start(1).run(2000).history()


def promised(*, held: bool) -> History:
    """A follower in epoch 1 is killed in the step that promises epoch 2, and comes back.

    ``held``: at a gate before that step, where it was told to work.
    """
    ensemble = Lockstep().start().run(2000)
    steps = [e for e in ensemble.events if isinstance(e, Stepped) and e.sid == ONE]
    heard = (e.happened for e in reversed(steps))
    conn = next(one.conn for one in heard if isinstance(one, fx.PacketRead))
    happened = fx.PacketRead(conn, pk.LeaderInfo(PeerEpoch(2)))
    ack = pk.AckEpoch(Zxid(0), PeerEpoch(1))
    promise = (fx.Persist("acceptedEpoch", PeerEpoch(2)), fx.SendPacket(conn, ack))
    peer, now = ensemble.peers[ONE], ensemble.now_ms * MS
    ensemble.events.append(Stepped(now, ONE, 0, peer.seq, happened, promise))
    peer.seq += 1
    if held:
        ensemble.events.append(Held(now, ONE, 0, peer.seq, "gate", peer.seq - 1))
        peer.seq += 1
        ensemble.give(1, fx.Work(0))
    return ensemble.kill(1).run(100).start(1).run(3000).history()


def _last(ensemble: Lockstep) -> Stepped:
    return next(e for e in reversed(ensemble.events) if isinstance(e, Stepped))


@pytest.mark.parametrize(
    ("later_ms", "expected"),
    [(0, Outcome.HOLDS), (200, Outcome.FAILS)],
    ids=["killed before that step was performed", "killed when it had been"],
)
@pytest.mark.parametrize("law", ["at_most_one_leader_per_epoch", "epoch_monotone"])
def test_only_what_was_performed_counts(law: str, later_ms: int, expected: Outcome) -> None:
    assert INVARIANTS[law].check(led_again(later_ms)).outcome is expected


@pytest.mark.parametrize("law", ["at_most_one_leader_per_epoch", "epoch_monotone"])
def test_what_it_was_told_meanwhile_does_not_say_that_it_was_performed(law: str) -> None:
    assert INVARIANTS[law].check(led_in_vain()).outcome is Outcome.HOLDS
    watchman = Watchman()
    for event in led_in_vain().events:
        watchman.observe(event)
    assert watchman.found is None


@pytest.mark.parametrize("held", [False, True])
def test_a_promise_that_was_not_kept_on_disk_binds_nobody(*, held: bool) -> None:
    verdict = INVARIANTS["no_split_brain"].check(promised(held=held))
    assert verdict.outcome is Outcome.HOLDS, verdict


@pytest.mark.parametrize(("later_ms", "quiet"), [(0, True), (200, False)])
def test_the_watchman_says_the_same(later_ms: int, quiet: bool) -> None:
    watchman = Watchman()
    for event in led_again(later_ms).events:
        watchman.observe(event)
    assert (watchman.found is None) is quiet


def test_two_that_never_led_the_same_epoch_are_let_off_one_after_the_other() -> None:
    """The tester wiped one of them before, so that both may have come to it."""
    one, other = serving("1"), serving("2")
    other.acted("wipe", act.Launch(Sid(2), wipe=True))
    again = [replace(e, inc=1) for e in (*one.events, *other.events) if isinstance(e, Began)]
    watchman = Watchman()
    for event in (*other.events[-1:], *one.events, *other.events[1:], *again):
        watchman.observe(event)
    assert watchman.found is None
