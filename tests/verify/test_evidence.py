"""Evidence: a fault that cannot be confirmed is UNKNOWN, whatever the driver said."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from chaos import actions as act
from chaos.election import effects as fx
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.history.events import Exited
from chaos.verify import deeds
from chaos.verify.evidence import fault_evidence
from chaos.verify.verdict import Kind, Outcome
from tests.election.story import configuration
from tests.verify.lockstep import Lockstep

ONE, TWO, THREE = Sid(1), Sid(2), Sid(3)
CUT = (act.Cut(ONE, THREE),)
ATTACK = act.Attack("f", (ONE,), act.Port.ELECTION, "garbage", 10, 4, 64)


def up() -> Lockstep:
    return Lockstep().start().run(2000)


def settled(sid: int, action: act.Action, happened: fx.Input, ms: int = 1000) -> Lockstep:
    return up().acted("f", action).give(sid, happened).run(ms)


def block(packets: int) -> Lockstep:
    ensemble = up().acted("f", act.Block("f", CUT), bit=None)
    return ensemble.run(100).acted("heal", act.Unblock("f"), bit=packets > 0, packets=packets)


def slow(**facts: int) -> Lockstep:
    ensemble = up().acted("f", act.Slow("f", CUT, 5), bit=None)
    return ensemble.run(100).acted("f", act.Clear("f"), bit=True, **facts)


HARMS: dict[str, act.Messages] = {
    "duplicated": act.Duplicate("f", CUT, 5),
    "overtaken": act.Reorder("f", CUT, 5, 9),
    "corrupted": act.Corrupt("f", CUT, 5),
    "throttled": act.Throttle("f", CUT, 5),
    "sliced": act.Slice("f", CUT, 5),
}


def harmed(key: str, count: int) -> Lockstep:
    ensemble = up().acted("f", HARMS[key], bit=None).run(100)
    return ensemble.acted("f", act.Clear("f"), bit=count > 0, **{key: count, "seen": 9})


def attack(**facts: int) -> Lockstep:
    ensemble = up().acted("f", ATTACK, bit=None)
    return ensemble.run(100).acted("f", act.CallOff("f"), bit=facts["connections"] > 0, **facts)


def load(*, bit: bool) -> Lockstep:
    ensemble = up().acted("f", act.Burn("f", (ONE,), 10**6, 1), bit=None).run(10)
    return ensemble.acted("f", act.Cool("f"), bit=bit, busy_percent=97, worker_percent=60)


def full(status: int | None) -> Lockstep:
    ensemble = up().acted("f", act.SpoilDisk("f", (THREE,)), bit=None).run(10)
    if status is not None:
        ensemble.events.append(Exited(ensemble.now_ms * 1_000_000, THREE, 0, status))
    return ensemble.run(10).acted("f", act.MendDisk("f"), bit=None)


def pause(state: str, ms: int) -> Lockstep:
    """Peer 3 is said to be stopped; in this world it goes on, so only 1 ms is credible."""
    ensemble = up().acted("f", act.Pause(THREE), state=state)
    return ensemble.run(ms).acted("f", act.Resume(THREE)).run(500)


def bumped(version: int, *, activate: bool) -> Lockstep:
    text = configuration("1-3", version=version).text()
    return settled(1, act.Configure(ONE, text, activate), fx.Reconfigure(text, activate))


def exited(status: int) -> Lockstep:
    ensemble = up().acted("f", act.Terminate(THREE))
    now = ensemble.now_ms * 1_000_000
    ensemble.events.append(Exited(now, THREE, 0, status))
    return ensemble


CONFIRMED: dict[str, Callable[[], Lockstep]] = {
    "kill": lambda: up().acted("f", act.Kill(THREE)).kill(3).run(),
    "terminate": lambda: exited(0),
    "launch": lambda: up().kill(3).run(10).acted("f", act.Launch(THREE)).start(3).run(),
    "pause": lambda: pause("T", 1),
    "block": lambda: block(7),
    "slow": lambda: slow(delayed=3),
    "lose": lambda: (
        up().acted("f", act.Lose("f", CUT, 5), bit=None).acted("f", act.Clear("f"), lost=2)
    ),
    **{f"message fault, {key}": partial(harmed, key, 2) for key in act.HARMED},
    "round, told by a LOOKING peer": lambda: (
        Lockstep()
        .start(1, 2)
        .run(0)
        .acted("f", act.TurnRound(ONE, by=5))
        .give(1, fx.SkewRound(by=5))
        .run()
    ),
    "round, told in the next election": lambda: (
        settled(1, act.TurnRound(ONE, to=50), fx.SkewRound(to=50)).kill(3).run(3000)
    ),
    "a load": lambda: load(bit=True),
    "a disk without room": lambda: full(74),
    "a slow disk": lambda: (
        up()
        .acted("f", act.SpoilDisk("f", (ONE,), 5), bit=None)
        .acted("f", act.MendDisk("f"), delayed=2)
    ),
    "attack": lambda: attack(connections=3, bytes=40, closed=2),
    "epochs": lambda: settled(
        1, act.SetEpochs(ONE, accepted=8), fx.SkewEpochs(accepted=PeerEpoch(8))
    ),
    "epochs on disk": lambda: (
        up().kill(1).acted("f", act.SetEpochs(ONE, accepted=8), acceptedEpoch_on_disk=8)
    ),
    "zxid": lambda: settled(1, act.SetZxid(ONE, 9), fx.SkewZxid(Zxid(9))),
    "configuration": lambda: bumped(2**40, activate=True),
    "timers that run": lambda: up().acted("f", act.SkewTimers(ONE, rate_ppm=2), timers=3),
    "timers armed since": lambda: (
        up()
        .acted("f", act.SkewTimers(THREE, rate_ppm=500_000), timers=0)
        .run()
        .acted("f", act.SkewTimers(THREE))
    ),
}
UNCONFIRMED: dict[str, tuple[Callable[[], Lockstep], str]] = {
    **{f"message fault, not {key}": (partial(harmed, key, 0), f"{key} 0") for key in act.HARMED},
    "kill without an exit": (lambda: up().acted("f", act.Kill(THREE)).run(), "no exit"),
    "terminate that needed a kill": (lambda: exited(-9), "status -9"),
    "launch without a birth": (
        lambda: up().kill(3).acted("f", act.Launch(THREE)).run(),
        "no new start",
    ),
    "pause in the wrong state": (lambda: pause("S", 0), "did not report it stopped"),
    "pause of no time": (lambda: pause("T", 0), "over in the instant in which it began"),
    "pause of a peer that was killed at once": (
        lambda: up().acted("f", act.Pause(THREE), state="T").kill(3).run(500),
        "over in the instant in which it began",
    ),
    "pause of a peer that goes on": (lambda: pause("T", 500), "its journal goes on"),
    "block of nothing": (lambda: block(0), "touched nothing"),
    "block without an end": (lambda: up().acted("f", act.Block("f", CUT)), "never taken away"),
    "a load that never came": (lambda: load(bit=False), "not as busy as it should be"),
    "a load without an end": (
        lambda: up().acted("f", act.Burn("f", (ONE,), 1, 1), bit=None),
        "nothing was measured",
    ),
    "a disk to which nothing was written": (lambda: full(None), "nothing was to be written"),
    "a peer that ended by something else": (lambda: full(-9), "nothing was to be written"),
    "a slow disk to which nothing was written": (
        lambda: (
            up()
            .acted("f", act.SpoilDisk("f", (ONE,), 5), bit=None)
            .acted("f", act.MendDisk("f"), bit=False, delayed=0)
        ),
        "touched nothing",
    ),
    "attack on a closed port": (lambda: attack(connections=0, refused=9), "touched nothing"),
    "attack that was never called off": (lambda: up().acted("f", ATTACK), "never taken away"),
    "slow that touched nothing": (lambda: slow(seen=3), "touched nothing"),
    "round that never came in": (
        lambda: up().acted("f", act.TurnRound(ONE, by=5)).run(),
        "journal does not have it",
    ),
    "round that it was in": (
        lambda: settled(1, act.TurnRound(ONE, to=1), fx.SkewRound(to=1)).kill(3).run(3000),
        "in round 1 already",
    ),
    "round that nobody was told": (
        lambda: settled(1, act.TurnRound(ONE, to=50), fx.SkewRound(to=50)),
        "nobody was told of round 50",
    ),
    "zxid that it held already": (
        lambda: settled(1, act.SetZxid(ONE, 0), fx.SkewZxid(Zxid(0))),
        "held that already",
    ),
    "epochs that its files held": (
        lambda: up().kill(1).acted("f", act.SetEpochs(ONE, accepted=1), acceptedEpoch_on_disk=1),
        "its files held that already: acceptedEpoch 1",
    ),
    "zxid that the tester had written before": (
        lambda: (
            up()
            .kill(1)
            .acted("", act.SetZxid(ONE, 5), zxid_on_disk=5)
            .acted("f", act.SetZxid(ONE, 5), zxid_on_disk=5)
        ),
        "its files held that already",
    ),
    "files that were wiped unread": (
        lambda: (
            up()
            .kill(1)
            .acted("f", act.SetZxid(ONE, 5), zxid_on_disk=5)
            .acted("", act.Launch(ONE, wipe=True))
            .start(1)
            .run(500)
        ),
        "wiped before it read them",
    ),
    "configuration too old": (lambda: bumped(0, activate=True), "ignored it"),
    "timers that were skewed for no time": (
        lambda: up().acted("f", act.SkewTimers(ONE, rate_ppm=2), timers=3).kill(1).run(500),
        "over in the instant in which it began",
    ),
    "timers that were armed by a later start": (
        lambda: (
            up()
            .acted("f", act.SkewTimers(ONE, rate_ppm=2), timers=0)
            .run(1)
            .kill(1)
            .start(1)
            .run(2000)
        ),
        "no timer meanwhile",
    ),
    "timers that it has none of": (
        lambda: up().acted("f", act.SkewTimers(ONE, rate_ppm=500_000)),
        "no timer",
    ),
    "what the driver could not do": (
        lambda: up().acted("f", act.Kill(THREE), bit=False, error="peer 3 is down"),
        "peer 3 is down",
    ),
    "a resume that failed": (
        lambda: pause("T", 1).acted("f", act.Resume(THREE), bit=False, state="T"),
        "SIGCONT of peer 3",
    ),
}


@pytest.mark.parametrize("story", CONFIRMED.values(), ids=CONFIRMED.keys())
def test_a_fault_that_bit_is_confirmed(story: Callable[[], Lockstep]) -> None:
    (verdict,) = fault_evidence(story().history())
    assert verdict.outcome is Outcome.HOLDS, verdict.summary
    assert (verdict.name, verdict.kind, verdict.judged) == ("f", Kind.EVIDENCE, 1)
    assert verdict.evidence


@pytest.mark.parametrize(("story", "words"), UNCONFIRMED.values(), ids=UNCONFIRMED.keys())
def test_a_fault_without_evidence_is_unknown(story: Callable[[], Lockstep], words: str) -> None:
    (verdict,) = fault_evidence(story().history())
    assert verdict.outcome is Outcome.UNKNOWN
    assert words in verdict.summary


def test_a_configuration_that_a_peer_heard_from_the_faults_other_targets_has_bitten() -> None:
    text = configuration("1-3", version=2**40).text()
    given = fx.Reconfigure(text)
    first, second = act.Configure(TWO, text), act.Configure(ONE, text)
    heard = up().acted("f", first).give(2, given).give(1, given).acted("f", second).give(1, given)
    (verdict,) = fault_evidence(heard.run(10).history())
    assert (verdict.outcome, verdict.judged) == (Outcome.HOLDS, 2), verdict.summary
    held = up().give(1, given).run(10)
    before = held.acted("f", first).give(2, given).acted("f", second).give(1, given).run(10)
    (verdict,) = fault_evidence(before.history())
    assert verdict.outcome is Outcome.UNKNOWN
    assert "ignored it" in verdict.summary


def test_what_no_step_did_needs_no_evidence() -> None:
    assert fault_evidence(up().acted("", act.Kill(THREE)).history()) == ()


def test_what_shows_that_it_bit_is_told_with_its_figures() -> None:
    told = [fault_evidence(story().history())[0].summary for story in CONFIRMED.values()]
    assert "confirmed: SIGSTOP of peer 3 (stopped for " in " ".join(told)
    assert [words for words in told if "(" not in words] == []


def test_every_action_has_words() -> None:
    assert {*deeds._OF_PEERS, *deeds._BY_NAME} == set(act.EVERY_ACTION)
