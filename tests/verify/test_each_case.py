"""A law has several cases: each is broken once, and the words of its breach are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.notification import ServerState
from chaos.election.quorum_peer import QuorumPeer
from chaos.history.events import Stepped
from chaos.history.history import History
from chaos.verify.agreement import agreement
from chaos.verify.checks import INVARIANTS
from chaos.verify.docket import Law
from chaos.verify.fold import fold
from chaos.verify.verdict import Outcome
from tests.election.story import configuration
from tests.verify.lockstep import Lockstep
from tests.verify.test_laws import each, heard, reconfigured, rejoined, told, written
from tests.verify.test_replicas import out_of_order, txns_of
from tests.verify.test_safety import observed, stretched

Story = Callable[[], Lockstep]
RESEND = fx.Timer(fx.TimerKind.RESEND)


def decided(change: Callable[[fx.Decided], fx.Decided], sid: int) -> Callable[[Stepped], Stepped]:
    """Change how peer ``sid`` decides."""
    return each(lambda e: change(e) if isinstance(e, fx.Decided) else e, sid)


def says_another(effect: fx.Effect) -> fx.Effect:
    match effect:
        case fx.Send(notification=said) if said.state == ServerState.LOOKING:
            return replace(effect, notification=replace(said, leader=Sid(1)))
        case _:
            return effect


def decides_at_once(event: Stepped) -> Stepped:
    """It decides when it would only have spoken again."""
    over = any(isinstance(one, fx.Decided) for one in event.effects)
    return replace(event, happened=fx.Expire(RESEND)) if over and event.sid == 1 else event


def of_another_log(effect: fx.Decided) -> fx.Decided:
    return replace(effect, vote=replace(effect.vote, zxid=Zxid(77)))


def who_says_hello(packet: pk.Packet) -> pk.Packet:
    """All learners call themselves observer 4."""
    return replace(packet, sid=Sid(4)) if isinstance(packet, pk.LearnerHello) else packet


def nobody_says_hello(packet: pk.Packet) -> pk.Packet:
    return replace(packet, sid=Sid(3)) if isinstance(packet, pk.LearnerHello) else packet


def offered(epoch: int) -> Callable[[pk.Packet], pk.Packet]:
    """What a leader offers from its second epoch on."""

    def change(packet: pk.Packet) -> pk.Packet:
        match packet:
            case pk.LeaderInfo() if packet.epoch > 1:
                return replace(packet, epoch=PeerEpoch(epoch))
            case _:
                return packet

    return change


def answers_of_old(effect: fx.Effect) -> fx.Effect:
    match effect:
        case fx.SendPacket(packet=pk.AckEpoch() as packet):
            return replace(effect, packet=replace(packet, current_epoch=PeerEpoch(7)))
        case _:
            return effect


def never_writes(name: str) -> Callable[[fx.Effect], fx.Effect | None]:
    return lambda e: None if isinstance(e, fx.Persist) and e.name == name else e


def lowers(effect: fx.Effect) -> fx.Effect:
    match effect:
        case fx.Persist(name="acceptedEpoch") if effect.value > 1:
            return replace(effect, value=0)
        case _:
            return effect


def leads_unasked(effect: fx.Effect) -> fx.Effect:
    """An observer takes itself for the leader."""
    match effect:
        case fx.Entered(state=ServerState.OBSERVING):
            return replace(effect, state=ServerState.LEADING)
        case _:
            return effect


def offers_unasked(effect: fx.Effect) -> fx.Effect:
    """An observer answers its leader with an offer to lead."""
    match effect:
        case fx.SendPacket(packet=pk.AckEpoch()):
            return replace(effect, packet=pk.NewLeader(Zxid(7 << 32), None))
        case _:
            return effect


def written_and_led_again() -> Lockstep:
    return written().kill(3).run(3000)


def weightless() -> Lockstep:
    """Peer 3 has no weight, and follows."""
    config = configuration("1-3", weights="1:1,2:1,3:0")
    return Lockstep(config).start().run(3000)


def forgets_its_configuration() -> Lockstep:
    ensemble = reconfigured().kill(1)
    del ensemble.configs[Sid(1)]
    return ensemble.start(1).run(2000)


def fickle_votes(event: Stepped) -> Stepped:
    """It changes its mind twice, and has heard of nobody."""
    match event.happened:
        case fx.Start() if event.sid == 1:
            first = next(one.vote for one in event.effects if isinstance(one, fx.Proposed))
            more = (fx.Proposed(replace(first, leader=Sid(sid))) for sid in (2, 3))
            return replace(event, effects=(*event.effects, *more))
        case _:
            return event


def skipped(counter: int) -> Callable[[fx.Effect], fx.Effect | None]:
    """One transaction, and its commit, never come."""
    zxid = 1 << 32 | counter

    def change(effect: fx.Effect) -> fx.Effect | None:
        if isinstance(effect, fx.Committed) and effect.zxid == zxid:
            return None
        return txns_of(lambda txn: None if txn.zxid == zxid else txn)(effect)

    return change


def only_proposes(event: Stepped) -> Stepped:
    """Leader 3 delivers nothing, and the others never hear of one transaction."""
    undelivered = each(lambda e: None if isinstance(e, fx.Committed) else e, 3)(event)
    return undelivered if event.sid == 3 else each(skipped(3))(event)


BROKEN: dict[str, tuple[Law, Callable[[], History], str]] = {
    "E3: says what it does not hold": (
        Law.VOTE_ORDER,
        told(rejoined, each(says_another, 3)),
        "while its proposal was",
    ),
    "E5c: no wait": (
        Law.SILENCE,
        told(rejoined, decides_at_once),
        "without the silence that it must wait for",
    ),
    "E5c: the wait of another vote": (
        Law.SILENCE,
        told(rejoined, decided(of_another_log, 1)),
        "; its proposal was",
    ),
    "E7: joins another than it heard of": (
        Law.SUPPORT,
        told(
            rejoined,
            decided(lambda e: e if e.how is fx.Exit.FINALIZED else of_another_log(e), 3),
        ),
        "(out_of_election) from {1, 2}; the votes it holds are nobody",
    ),
    "E9: a role that is not its vote's": (
        Law.SUPPORT,
        told(rejoined, decided(lambda e: replace(e, state=ServerState.LEADING), 1)),
        "became LEADING under leader 3",
    ),
    "E9: an observer that leads": (
        Law.OBSERVERS,
        told(
            observed,
            decided(
                lambda e: replace(
                    e, state=ServerState.LEADING, vote=replace(e.vote, leader=Sid(4))
                ),
                4,
            ),
        ),
        "peer 4 leads, and does not vote",
    ),
    "E9: an observer that follows": (
        Law.OBSERVERS,
        told(observed, decided(lambda e: replace(e, state=ServerState.FOLLOWING), 4)),
        "peer 4 is an observer and became FOLLOWING",
    ),
    "E9: nobody of weight": (
        Law.OBSERVERS,
        told(
            weightless,
            decided(lambda e: replace(e, vote=replace(e.vote, leader=Sid(3))), 1),
        ),
        "peer 1 elected 3, which has no weight",
    ),
    "H14: an observer that serves": (
        Law.OBSERVERS,
        told(observed, each(leads_unasked, 4)),
        "and does not vote",
    ),
    "H14: an observer that offers to lead": (
        Law.OBSERVERS,
        told(observed, each(offers_unasked, 4)),
        "peer 4 leads epoch 7, and does not vote",
    ),
    "H14: acks of observers": (
        Law.OBSERVERS,
        told(observed, heard(who_says_hello, 3)),
        "observers made its quorum: 4",
    ),
    "H1: an epoch below its promise": (
        Law.EPOCHS,
        told(rejoined, heard(offered(0), 1)),
        "acked epoch 0 after its promise of 1",
    ),
    "H1: another epoch than it is in": (
        Law.EPOCHS,
        told(rejoined, each(answers_of_old, 1)),
        "with current epoch 7, not",
    ),
    "H1: a promise taken back": (
        Law.EPOCHS,
        told(rejoined, each(lowers, 1)),
        "lowered its acceptedEpoch from 1 to 0",
    ),
    "H2: in an epoch that it never promised": (
        Law.EPOCHS,
        told(rejoined, each(never_writes("acceptedEpoch"), 1)),
        "acks NEWLEADER with currentEpoch 1 above its promise 0",
    ),
    "H2: a log ahead of its epoch": (
        Law.EPOCHS,
        told(written_and_led_again, each(never_writes("currentEpoch"), 1)),
        "with a log of epoch 1 in epoch 0",
    ),
    "H13: an older configuration after a restart": (
        Law.VERSIONS,
        told(forgets_its_configuration, lambda e: e),
        "comes back with configuration",
    ),
    "H13: acks of no quorum": (
        Law.RECONFIG,
        told(reconfigured, heard(nobody_says_hello, 3)),
        "no quorum of the old and of the new",
    ),
    "E10: serves with one of two quorums": (
        Law.BOTH_QUORUMS,
        told(stretched, heard(nobody_says_hello, 3)),
        "with the acks of [3] only",
    ),
    "E11: changes its mind for nothing": (
        Law.BOUNDS,
        told(rejoined, fickle_votes),
        "changed its proposal",
    ),
}


@pytest.mark.parametrize(("law", "story", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_case_of_a_law_is_broken(law: Law, story: Callable[[], History], words: str) -> None:
    history = story()
    assert INVARIANTS[law.value].check(history).outcome is Outcome.FAILS
    assert [one.why for one in fold(history).docket.breaches[law] if words in one.why]


REPLICAS: dict[str, tuple[Callable[[], History], str]] = {
    "without what others deliver": (
        told(written, each(skipped(3), 1)),
        "peer 1 delivers 0x100000004 without 0x100000003, which peer 2 delivered",
    ),
    "without what was proposed before": (
        told(written, only_proposes),
        "peer 1 delivers 0x100000004 without 0x100000003, which peer 3 had proposed before",
    ),
    "backwards": (out_of_order, "peer 3 delivers 0x100000001 after 0x100000002"),
}


@pytest.mark.parametrize(("story", "words"), REPLICAS.values(), ids=REPLICAS.keys())
def test_replicas_part_in_each_way(story: Callable[[], History], words: str) -> None:
    assert [one.why for one in agreement(story()).breaches[Law.AGREE] if words in one.why]


class Coy(QuorumPeer):
    """It leads until somebody comes."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        """Take a step, or leave."""
        if isinstance(happened, fx.LearnerConnected):
            return self._leave("it would rather not")
        return super().step(happened)


def test_handshakes_that_fail_for_ever_are_no_progress() -> None:
    """Each failure is allowed for, so that only their number tells."""
    history = Lockstep(cores=dict.fromkeys((1, 2, 3), Coy)).start().run(60_000).history()
    verdict = INVARIANTS["leader_serves_in_time"].check(history)
    assert verdict.outcome is Outcome.FAILS
    assert "handshakes of one member failed in a row" in verdict.summary
