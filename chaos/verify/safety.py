"""The safety properties: what must hold in every history, whatever was done to the ensemble.

Numbers (E1, H5, …) are those of ``docs/checks.md``. All of them judge one shared
fold; ``docs/adding-a-check.md`` shows how to add one.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.history.history import History
from chaos.verify.agreement import agreement
from chaos.verify.docket import Finding, Law, Unit, invariant
from chaos.verify.fold import Folded, fold
from chaos.verify.kept import kept
from chaos.verify.standing import Led
from chaos.verify.synced import synced
from chaos.verify.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class LawCheck:
    """A law that the fold judges case by case. ``unit`` names its cases."""

    law: Law
    unit: Unit

    @property
    def name(self) -> str:
        """Its plan-level name."""
        return self.law.value

    def check(self, history: History) -> Verdict:
        """FAILS with the first breach; UNKNOWN if journal lines are missing."""
        return fold(history).docket.verdict(self.law, self.unit)


@dataclass(frozen=True, slots=True)
class AtMostOneLeaderPerEpoch:
    """H5: over the whole run, one incarnation of one peer ever leads an epoch.

    A peer leads an epoch from its quorum of ACKEPOCH on. Two leaders of an epoch that some
    voter had promised before, and whose promise the tester took back, are UNKNOWN.
    """

    name: str = Law.ONE_LEADER.value

    def check(self, history: History) -> Verdict:
        """Count the leaders of every epoch."""
        folded = fold(history)
        by_epoch: dict[int, dict[tuple[int, int], Led]] = {}
        for led in sorted(folded.led, key=lambda led: led.index):
            by_epoch.setdefault(led.epoch, {}).setdefault((led.sid, led.inc), led)
        breaches: list[Finding] = []
        doubts = folded.docket.undecided(Law.ONE_LEADER)
        for epoch, leaders in sorted(by_epoch.items()):
            if len(leaders) > 1:
                found, excused = _collision(epoch, list(leaders.values()), folded)
                (doubts if excused else breaches).append(found)
        judged = len(by_epoch)
        if breaches:
            return invariant(self.name, Outcome.FAILS, breaches[0].why, breaches, judged)
        if doubts:
            return invariant(self.name, Outcome.UNKNOWN, doubts[0].why, doubts, judged)
        if not judged:
            return invariant(self.name, Outcome.NOT_EXERCISED, "nobody led an epoch", [], 0)
        epochs = "1 epoch, with" if judged == 1 else f"{judged} epochs, each with"
        summary = f"{epochs} one leader{_led_from_outside(folded)}"
        return invariant(self.name, Outcome.HOLDS, summary, [], judged)


def _led_from_outside(folded: Folded) -> str:
    docket = folded.docket
    if not docket.foreign:
        return ""
    seen = len({led.epoch for led in folded.led if led.sid in folded.foreign})
    return f", {seen} of them led by {docket.foreign} (seen from outside)"


@dataclass(frozen=True, slots=True)
class NoAckedWriteLost:
    """H7: what a quorum acked is in the log of every later leader when it sends NEWLEADER.

    What clients were promised is there when they ask at the end. UNKNOWN where a log is out
    of sight or nobody could be asked, or after the tester changed a log or an epoch.
    """

    name: str = Law.ACKED.value

    def check(self, history: History) -> Verdict:
        """Hold every established leader's log against what was committed before its epoch."""
        return kept(history).verdict(Law.ACKED, _ACKED)


@dataclass(frozen=True, slots=True)
class ReplicasAgree:
    """H8: our own peers deliver one sequence of transactions, each as far as it goes."""

    name: str = Law.AGREE.value

    def check(self, history: History) -> Verdict:
        """Hold every replica's delivered sequence against all others and what was proposed."""
        return agreement(history).verdict(Law.AGREE, _DELIVERED)


@dataclass(frozen=True, slots=True)
class SyncedBeforeAck:
    """H6 at the learner: what it acks, an epoch or a transaction, is on its disk by then.

    A leader serves only with a quorum of those.
    """

    name: str = Law.SYNCED.value

    def check(self, history: History) -> Verdict:
        """Hold each ack against the log behind it, and against that of its leader."""
        return synced(history).verdict(Law.SYNCED, _ACKED_LOG)


def _collision(epoch: int, leaders: list[Led], folded: Folded) -> tuple[Finding, bool]:
    who = " and ".join(f"peer {led.sid} (start {led.inc})" for led in leaders)
    why = f"epoch {epoch} was led by {who}"
    evidence = tuple(led.index for led in leaders)
    last = leaders[-1].index
    for forgot in folded.forgot:
        if forgot.low < epoch <= forgot.high and forgot.index < last:
            why += f", after the tester took back what peer {forgot.sid} had promised"
            return Finding(why, (*evidence, forgot.index)), True
    return Finding(why, evidence), False


_ACKED = Unit(
    "acked transaction at later leaders or clients",
    "acked transactions at later leaders or clients",
)
_ACKED_LOG = Unit("acked log", "acked logs")
_DELIVERED = Unit("delivered transaction", "delivered transactions")
AT_MOST_ONE_LEADER_PER_EPOCH = AtMostOneLeaderPerEpoch()
LEADER_HAS_QUORUM_SUPPORT = LawCheck(
    Law.SUPPORT, Unit("quorum or decision", "quorums and decisions")
)
VOTE_ORDER_RESPECTED = LawCheck(
    Law.VOTE_ORDER, Unit("proposal or message", "proposals and messages")
)
EPOCH_MONOTONE = LawCheck(Law.EPOCHS, Unit("promise", "promises"))
LOGICAL_CLOCK_MONOTONE = LawCheck(Law.CLOCK, Unit("announced round", "announced rounds"))
OBSERVERS_NEVER_VOTE = LawCheck(
    Law.OBSERVERS,
    Unit("tally beside members without a say", "tallies beside members without a say"),
)
BOTH_QUORUMS = LawCheck(
    Law.BOTH_QUORUMS, Unit("tally over two configurations", "tallies over two configurations")
)
NO_ACKED_WRITE_LOST = NoAckedWriteLost()
REPLICAS_AGREE = ReplicasAgree()
ESTABLISHED_BY_QUORUM = LawCheck(
    Law.ESTABLISHED, Unit("leader that began to serve", "leaders that began to serve")
)

VOTES_HAVE_AN_ORIGIN = LawCheck(Law.ORIGIN, Unit("vote passed on", "votes passed on"))
SILENCE_BEFORE_DECISION = LawCheck(Law.SILENCE, Unit("finalize wait", "finalize waits"))
JOIN_NOT_REFUSED = LawCheck(Law.JOINS, Unit("join", "joins"))
TALLY_HYGIENE = LawCheck(Law.TALLY, Unit("tally", "tallies"))
STAYS_WITHIN_BOUNDS = LawCheck(
    Law.BOUNDS, Unit("thing said, opened or held", "things said, opened or held")
)
TIMINGS_RESPECTED = LawCheck(Law.TIMERS, Unit("armed timer or state", "armed timers and states"))
FRESH_EPOCH = LawCheck(Law.FRESH, Unit("proposed epoch", "proposed epochs"))
EPOCH_BY_QUORUM = LawCheck(Law.EPOCH_QUORUM, Unit("quorum of discovery", "quorums of discovery"))
LEADER_IS_MOST_RECENT = LawCheck(
    Law.RECENT, Unit("learner that was counted", "learners that were counted")
)
HANDSHAKE_FOLLOWED = LawCheck(Law.HANDSHAKE, Unit("step of a handshake", "steps of handshakes"))
SYNCED_BEFORE_ACK = SyncedBeforeAck()
NO_SPLIT_BRAIN = LawCheck(Law.SPLIT_BRAIN, Unit("ack", "acks"))
NO_ACKS_FOR_STRANGERS = LawCheck(Law.STRANGERS, Unit("ack", "acks"))
STEPS_DOWN_IN_TIME = LawCheck(
    Law.STEP_DOWN, Unit("tick of a serving leader", "ticks of serving leaders")
)
NO_DISTURBANCE = LawCheck(Law.DISTURBANCE, Unit("word to a settled peer", "words to settled peers"))
CONFIGURATION_MONOTONE = LawCheck(
    Law.VERSIONS, Unit("configuration that a peer took", "configurations that peers took")
)
RECONFIGURED_BY_QUORUMS = LawCheck(
    Law.RECONFIG, Unit("configuration put in force", "configurations put in force")
)
