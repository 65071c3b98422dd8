"""What was judged, law by law, and where a law was broken."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from chaos.history.history import History
from chaos.verify.verdict import Kind, Outcome, Verdict

T = TypeVar("T")
_SHOWN = 20  # pieces of evidence in one verdict
_REMEMBERED = 3  # histories: a whole run, and what came before a step that breaks an invariant


class Law(StrEnum):
    """The properties of ``checks``; the value is the plan-level name."""

    CLOCK = "logical_clock_monotone"  # E1
    VOTE_ORDER = "vote_order_respected"  # E2, E3, E6
    ORIGIN = "votes_have_an_origin"  # E4
    SUPPORT = "leader_has_quorum_support"  # E5a, E5b, E7
    SILENCE = "silence_before_decision"  # E5c
    JOINS = "join_not_refused"  # E7c
    TALLY = "tally_hygiene"  # E8
    OBSERVERS = "observers_never_vote"  # E9, H14
    BOTH_QUORUMS = "both_quorums"  # E10
    BOUNDS = "stays_within_bounds"  # E11
    TIMERS = "timings_respected"
    EPOCHS = "epoch_monotone"  # H1, H2
    FRESH = "fresh_epoch"  # H3
    EPOCH_QUORUM = "epoch_by_quorum"  # H5: what ``led`` means
    RECENT = "leader_is_most_recent"  # H4
    ONE_LEADER = "at_most_one_leader_per_epoch"  # H5
    ESTABLISHED = "established_by_quorum"  # H6, at the leader
    SYNCED = "synced_before_ack"  # H6, at the learner
    HANDSHAKE = "handshake_followed"  # all that leads to H3, H4, H5 and H6
    ACKED = "no_acked_write_lost"  # H7
    AGREE = "replicas_agree"  # H8
    SPLIT_BRAIN = "no_split_brain"  # H9
    STRANGERS = "no_acks_for_strangers"  # H10
    STEP_DOWN = "steps_down_in_time"  # H11
    DISTURBANCE = "no_disturbance"  # H12
    VERSIONS = "configuration_monotone"  # H13
    RECONFIG = "reconfigured_by_quorums"  # H13


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a case, and the indexes of the events that show it."""

    why: str
    evidence: tuple[int, ...]


@dataclass(slots=True)
class Docket:
    """Cases counted by law; those that broke it, and those that nobody can decide."""

    judged: Counter[Law] = field(default_factory=Counter)
    breaches: dict[Law, list[Finding]] = field(default_factory=dict)
    doubts: dict[Law, list[Finding]] = field(default_factory=dict)
    gaps: list[Finding] = field(default_factory=list)  # journals with lines missing
    spared: Counter[Law] = field(default_factory=Counter)  # cases that are a fault's, not judged
    outside: Counter[Law] = field(default_factory=Counter)  # of ``judged``: by what was seen
    foreign: str = ""  # the servers that only what was seen can tell of

    def case(self, law: Law, wrong: str, *evidence: int, but: str = "") -> None:
        """Judge one case; an empty ``wrong`` means that the law held.

        ``but`` says why nothing is decided where it did not.
        """
        if wrong and but:
            self.doubt(law, f"{wrong}, {but}", *evidence)
            return
        self.judged[law] += 1
        if wrong:
            self.breaches.setdefault(law, []).append(Finding(wrong, evidence))

    def undecided(self, law: Law) -> list[Finding]:
        """What stands between ``law`` and a green verdict."""
        return [*self.doubts.get(law, []), *self.gaps]

    def held(self, law: Law, cases: int = 1) -> None:
        """Count cases in which ``law`` held."""
        self.judged[law] += cases

    def doubt(self, law: Law, why: str, *evidence: int) -> None:
        """Note a case that cannot be decided."""
        self.doubts.setdefault(law, []).append(Finding(why, evidence))

    def spare(self, law: Law) -> None:
        """Leave a case out: a fault wrote what it is about."""
        self.spared[law] += 1

    def take(self, seen: Docket, foreign: str) -> None:
        """Add what ``seen`` has of the servers that ``foreign`` names."""
        self.foreign = foreign
        self.outside += seen.judged
        self.judged += seen.judged
        self.spared += seen.spared
        for law, findings in seen.breaches.items():
            self.breaches.setdefault(law, []).extend(findings)
        for law, findings in seen.doubts.items():
            self.doubts.setdefault(law, []).extend(findings)

    def of_whom(self, law: Law) -> str:
        """How many cases are of foreign servers, for the end of a summary."""
        if not self.foreign:
            return ""
        return f", {self.outside[law]} of them of {self.foreign} (seen from outside)"

    def _left_out(self, law: Law) -> str:
        """How many cases a fault's doing kept from being judged, for the end of a summary."""
        many = self.spared[law]
        return f"; {many} left out, of which a fault had changed a byte" if many else ""

    def verdict(self, law: Law, unit: Unit) -> Verdict:
        """The answer for ``law``; ``unit`` names what is counted."""
        judged = self.judged[law]
        breaches = sorted(self.breaches.get(law, []), key=_last)
        doubts = self.undecided(law)
        if breaches:
            more = f" (and {len(breaches) - 1} more)" if len(breaches) > 1 else ""
            return invariant(law, Outcome.FAILS, breaches[0].why + more, breaches, judged)
        if doubts:
            return invariant(law, Outcome.UNKNOWN, doubts[0].why, doubts, judged)
        if judged == 0:
            none = f"no {unit.many} in this run{self._left_out(law)}"
            return invariant(law, Outcome.NOT_EXERCISED, none, [], 0)
        summary = f"{unit.counted(judged)} judged{self.of_whom(law)}{self._left_out(law)}"
        return invariant(law, Outcome.HOLDS, summary, [], judged)


def _last(finding: Finding) -> int:
    """The event by which a finding was there to be seen."""
    return max(finding.evidence, default=0)


class Unit(NamedTuple):
    """What a law counts: ``one`` of it, or none and ``many``."""

    one: str
    many: str

    def counted(self, number: int) -> str:
        """``1 promise``, ``2 promises``."""
        return f"{number} {self.one if number == 1 else self.many}"


def invariant(
    name: str, outcome: Outcome, summary: str, findings: list[Finding], judged: int
) -> Verdict:
    """A verdict on an invariant, with the evidence of the first few findings."""
    evidence = tuple(dict.fromkeys(i for finding in findings for i in finding.evidence))
    return Verdict(str(name), Kind.INVARIANT, outcome, summary, evidence[:_SHOWN], judged)


class Once(Generic[T]):
    """A function of a history that is worked out once and shared by all who ask.

    The last few histories are remembered, by identity: to compare two would take longer than
    to judge one.
    """

    def __init__(self, work: Callable[[History], T]) -> None:
        self._work = work
        self._known: list[tuple[weakref.ref[History], T]] = []

    def __call__(self, history: History) -> T:
        """The answer for ``history``."""
        for known, answer in self._known:
            if known() is history:
                return answer
        answer = self._work(history)
        alive = [one for one in self._known if one[0]() is not None]
        self._known = [(weakref.ref(history), answer), *alive][:_REMEMBERED]
        return answer
