"""After a kill a disk is as the last step found it, or as far as that step came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import PeerEpoch, Sid
from chaos.history.events import Began, Held, Stepped
from chaos.history.history import History
from chaos.verify.checks import INVARIANTS
from chaos.verify.verdict import Outcome, Verdict
from tests.verify.lockstep import MS, Lockstep

ONE = Sid(1)


def logs(history: History) -> Verdict:
    return INVARIANTS["synced_before_ack"].check(history)


def epochs(history: History) -> Verdict:
    return INVARIANTS["epoch_monotone"].check(history)


def written() -> Lockstep:
    """Peer 1 has synced and acked writes that its leader commits no more."""
    return Lockstep().start().run(2000).give(3, fx.Work(20)).run(1000)


def again(ensemble: Lockstep) -> Lockstep:
    """Peer 1, which is down, comes back."""
    return ensemble.start(1).run(3000)


def cut(ensemble: Lockstep, many: int) -> Lockstep:
    """The last writes are gone from the log of peer 1."""
    del ensemble.logs[ONE].txns[-many:]
    return ensemble


def last_lost(ensemble: Lockstep) -> Lockstep:
    """The last write, of the step with which the journal of peer 1 ends."""
    steps = [e for e in ensemble.events if isinstance(e, Stepped) and e.sid == ONE]
    appends = next(e for e in reversed(steps) if any(isinstance(x, fx.Append) for x in e.effects))
    ensemble.events = [
        e for e in ensemble.events if getattr(e, "sid", 0) != ONE or _seq(e) <= appends.seq
    ]
    kept = sum(len(x.txns) for x in appends.effects if isinstance(x, fx.Append))
    return cut(ensemble.kill(1), kept)


def _seq(event: object) -> int:
    seq = getattr(event, "seq", 0)
    assert isinstance(seq, int)
    return seq


def longer(ensemble: Lockstep) -> Lockstep:
    """A write is there that the journal of peer 1 does not tell of."""
    last = ensemble.logs[ONE].txns[-1]
    ensemble.logs[ONE].txns.append(replace(last, zxid=type(last.zxid)(last.zxid + 1)))
    return ensemble


def moved(ensemble: Lockstep) -> Lockstep:
    ensemble.wipe(1)
    return ensemble.acted("wipe", act.Launch(ONE, wipe=True))


def spoilt() -> Lockstep:
    """A fault had filled the disk of peer 1."""
    return cut(written().acted("full", act.SpoilDisk("full", (ONE,))).kill(1), 2)


def at_a_gate() -> Lockstep:
    ensemble = written()
    peer = ensemble.peers[ONE]
    ensemble.events.append(Held(ensemble.now_ms * MS, ONE, 0, peer.seq, "gate", peer.seq - 1))
    peer.seq += 1
    return cut(ensemble.kill(1), 2)


LOGS: dict[str, tuple[Callable[[], Lockstep], Outcome, str]] = {
    "all there": (lambda: written().kill(1), Outcome.HOLDS, "acked logs"),
    "two writes gone": (
        lambda: cut(written().kill(1), 2),
        Outcome.FAILS,
        "which was synced to its disk",
    ),
    "that of the last step gone": (lambda: last_lost(written()), Outcome.HOLDS, "acked logs"),
    "more than its journal tells of": (
        lambda: longer(written().kill(1)),
        Outcome.UNKNOWN,
        "of which its journal tells nothing",
    ),
    "wiped": (lambda: moved(written().kill(1)), Outcome.HOLDS, "acked logs"),
    "on a disk that a fault had spoilt": (spoilt, Outcome.HOLDS, "acked logs"),
    "held at a gate when it was killed": (at_a_gate, Outcome.HOLDS, "acked logs"),
}


@pytest.mark.parametrize(("story", "expected", "words"), LOGS.values(), ids=LOGS.keys())
def test_a_log_comes_back_as_it_was_synced(
    story: Callable[[], Lockstep], expected: Outcome, words: str
) -> None:
    verdict = logs(again(story()).history())
    assert verdict.outcome is expected, verdict
    assert words in verdict.summary


def test_what_was_lost_is_named_where_it_was_never_delivered() -> None:
    """The last write is acked and not committed: no law of what was delivered sees that."""
    ensemble = written()
    verdict = logs(again(cut(ensemble.kill(1), 1)).history())
    lost = next(e for _, e in ensemble.history().every(Began) if e.inc == 1)
    assert verdict.outcome is Outcome.FAILS, verdict
    assert f"peer {lost.sid} comes back without 0x1" in verdict.summary


def reborn(accepted: int, gate: str) -> History:
    """Peer 1 has promised epochs 1 and 4, and comes back with another promise."""
    ensemble = Lockstep().start(1, 3).run(2000)
    ensemble.disks[Sid(2)]["acceptedEpoch"] = 3
    ensemble.kill(3).start(2).run(3000)
    assert ensemble.disks[ONE]["acceptedEpoch"] == 4
    if gate:
        peer = ensemble.peers[ONE]
        ensemble.events.append(Held(ensemble.now_ms * MS, ONE, 0, peer.seq, gate, peer.seq - 1))
    ensemble.kill(1)
    ensemble.disks[ONE]["acceptedEpoch"] = accepted
    return again(ensemble).history()


EPOCHS = {
    "as it was": (4, "", Outcome.HOLDS, "promises"),
    "lower": (1, "", Outcome.FAILS, "came back with acceptedEpoch 1; its disk held 4"),
    "what it was never": (2, "", Outcome.FAILS, "came back with acceptedEpoch 2; its disk held 4"),
    "higher, of who held at a gate": (9, "gate", Outcome.HOLDS, "promises"),
    "lower, of who held at a gate": (1, "gate", Outcome.FAILS, "acceptedEpoch 1; its disk held 4"),
    "higher than it wrote": (9, "", Outcome.UNKNOWN, "acceptedEpoch 9; its journal tells of 4"),
}


@pytest.mark.parametrize(
    ("accepted", "gate", "expected", "words"), EPOCHS.values(), ids=EPOCHS.keys()
)
def test_an_epoch_comes_back_as_it_was_written(
    accepted: int, gate: str, expected: Outcome, words: str
) -> None:
    verdict = epochs(reborn(accepted, gate))
    assert verdict.outcome is expected, verdict
    assert words in verdict.summary


def test_either_value_of_the_last_step_may_come_back() -> None:
    """The journal of peer 1 ends with the step that makes its promise."""
    for accepted, expected in ((0, Outcome.HOLDS), (1, Outcome.HOLDS), (-1, Outcome.FAILS)):
        ensemble = Lockstep().start().run(2000)
        step = next(e for e in ensemble.events if isinstance(e, Stepped) and _promises(e))
        kept = [e for e in ensemble.events if getattr(e, "sid", 0) != ONE or _seq(e) <= step.seq]
        ensemble.events = kept
        ensemble.kill(1).disks[ONE] = {"acceptedEpoch": accepted, "currentEpoch": 0}
        verdict = epochs(again(ensemble).history())
        assert verdict.outcome is expected, (accepted, verdict)


TOLD: dict[str, tuple[list[fx.Input], int, Outcome]] = {
    "it held, and did not write": ([], 0, Outcome.HOLDS),
    "it was told to work meanwhile": ([fx.Work(20)], 0, Outcome.HOLDS),
    "the tester moved its epoch meanwhile": ([fx.SkewEpochs(PeerEpoch(7))], 0, Outcome.HOLDS),
    "both": ([fx.SkewEpochs(PeerEpoch(7)), fx.Work(20)], 0, Outcome.HOLDS),
    "it was told and forgot more": ([fx.Work(20)], -1, Outcome.FAILS),
}


@pytest.mark.parametrize(("told", "accepted", "expected"), TOLD.values(), ids=TOLD.keys())
@pytest.mark.parametrize("slow", [False, True])
def test_what_a_peer_is_told_before_it_writes_waits_behind_that(
    told: list[fx.Input], accepted: int, expected: Outcome, *, slow: bool
) -> None:
    """It holds, or its disk is slow, before it writes its first promise: there it is killed."""
    ensemble = Lockstep().start().run(2000)
    step = next(e for e in ensemble.events if isinstance(e, Stepped) and _promises(e))
    kept = [e for e in ensemble.events if getattr(e, "sid", 0) != ONE or _seq(e) <= step.seq]
    ensemble.events, peer = kept, ensemble.peers[ONE]
    peer.seq = step.seq + 1
    if slow:
        ensemble.acted("slow", act.SpoilDisk("slow", (ONE,), 10**9))
    else:
        held = Held(ensemble.now_ms * MS, ONE, 0, peer.seq, "gate", step.seq)
        ensemble.events.append(held)
        peer.seq += 1
    for happened in told:
        ensemble.give(1, happened)
    ensemble.kill(1).disks[ONE] = {"acceptedEpoch": accepted, "currentEpoch": 0}
    verdict = epochs(again(ensemble).history())
    assert verdict.outcome is expected, verdict


def _promises(step: Stepped) -> bool:
    return step.sid == ONE and any(
        isinstance(e, fx.Persist) and e.name == "acceptedEpoch" for e in step.effects
    )
