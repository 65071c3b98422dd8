"""From a run's history, and what became of its steps, to its verdicts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from chaos.election.ids import Sid
from chaos.faults.targets import NoTarget, Selector, resolve
from chaos.faults.work import Workload
from chaos.history.answers import Answered
from chaos.history.events import Acted, RunBegan, RunEnded, StepBegan, StepEnded
from chaos.history.history import History
from chaos.history.view import EnsembleView
from chaos.plan import model
from chaos.plan.model import (
    After,
    Change,
    Edge,
    FaultStep,
    InvariantRef,
    Parallel,
    Plan,
    Probe,
    Random,
    Release,
    Wait,
)
from chaos.runner.conditions import some
from chaos.runner.known import explained, signed
from chaos.runner.log import NOT_REACHED, StepLog
from chaos.verify import expectations as expect
from chaos.verify.aborts import abort_of
from chaos.verify.checks import ALWAYS, INVARIANTS
from chaos.verify.elections import FaultSpan, signals
from chaos.verify.ends import EndsAsTold
from chaos.verify.evidence import TOUCHED_NOTHING, fault_evidence
from chaos.verify.measure import measures
from chaos.verify.verdict import Check, Kind, KnownMet, Measure, Outcome, Verdict

DAY: Final = "day"  # a fact of RunBegan: on which day it was, where the plan asks for that
_OF_ALL: Final = "asked of all runs of the plan together"
_UNBOUND_NS: Final = 10_000_000_000  # how long a run waits for a measure without a bound


class NotReached(Exception):  # noqa: N818 - a finding about the run
    """An expectation hangs on a moment that never came."""


@dataclass(frozen=True)
class Case:
    """Everything that is known about one run."""

    plan: Plan
    history: History
    logs: Mapping[str, StepLog]
    names: Mapping[str, tuple[Sid, ...]]
    view: EnsembleView

    @cached_property
    def faults(self) -> tuple[FaultSpan, ...]:
        """The faults that happened, by the time they had been confirmed."""
        sent = signals(self.history)
        return tuple(
            FaultSpan(log.step.id, log.done_ns, log.targets, sent.get(log.step.id), _over_ns(log))
            for log in self.logs.values()
            if isinstance(log.step.verb, FaultStep) and log.done_ns is not None and log.targets
            if not isinstance(log.fault, Workload)  # it asks nothing of an election
        )

    def measures(self) -> tuple[Measure, ...]:
        """What was measured."""
        return measures(self.history, self.faults)

    def moment(self, after: After | None) -> int:
        """The instant that ``after`` means; time zero for none.

        Raises:
            NotReached: the step never got there.
        """
        if after is None:
            return self.history.zero_ns
        log = self.logs[after.step]
        at_ns = log.edge(after.edge)
        if log.outcome == "skipped":
            raise NotReached(f"{after.step} was skipped")
        if at_ns is None:
            raise NotReached(f"{after.step} never {after.edge}")
        return at_ns + after.plus_ns

    def event(self, after: After | None) -> int | None:
        """The event of that instant behind which ``after`` asks, if the instant tells too little.

        What the next step does at once must not count as done before. For a moment of a fault
        there is none: what it does belongs to it, though it shows a little later. Nor is there
        one where servers were seen from outside, which is less exact than that.
        """
        if after is None or after.plus_ns or self.history.foreign:
            return None
        log = self.logs[after.step]
        at_ns = log.edge(after.edge)
        if isinstance(log.step.verb, FaultStep | Release | Change):
            return None
        kind = StepEnded if after.edge is Edge.ENDED else StepBegan
        for index, event in enumerate(self.history.events):
            if event.at_ns == at_ns and isinstance(event, Acted):
                return None
            if isinstance(event, kind) and event.step == log.step.id:
                return index
        return None

    def whom(self, selector: Selector) -> tuple[Sid, ...]:
        """Whom a selector of an expectation means.

        Raises:
            NotReached: nobody; or a name whose step did not happen.
        """
        dice = random.Random(0)
        try:
            return resolve(selector, self.view, self.names, dice)
        except NoTarget as error:
            raise NotReached(str(error)) from error


def _over_ns(log: StepLog) -> int | None:
    """When a fault that has an end was over."""
    return log.ended_ns if log.fault is not None and not log.fault.instant else None


@dataclass(frozen=True, slots=True)
class Judged:
    """Every verdict on a run, and what became of the plan's known issues in it."""

    verdicts: tuple[Verdict, ...]
    known: tuple[KnownMet, ...] = ()


def judge(case: Case) -> Judged:
    """Judge a run, on the day on which it was."""
    began = next((event for _, event in case.history.every(RunBegan)), None)
    day = "" if began is None else str(began.facts.get(DAY, ""))
    return Judged(*explained(signed(case.plan, _verdicts(case)), case.plan.known_issues, day))


def _verdicts(case: Case) -> tuple[Verdict, ...]:
    """Steps and faults in the plan's order, expectations, invariants."""
    place = {step: number for number, step in enumerate(case.logs)}
    steps = [*_steps(case), *_untold(case), *_evidence(case)]
    abort = abort_of(case.history, case.plan.abort_when)
    return (
        *([] if abort is None else [abort]),
        *sorted(steps, key=lambda verdict: place.get(verdict.name, len(place))),
        *(_expectation(case, one) for one in case.plan.expectations),
        *_invariants(case),
        *_ends(case),
    )


def wanted_ns(case: Case) -> int | None:
    """Until when a run has to go on for the sake of an undecided expectation, if any."""
    bounds: list[int] = []
    for one in case.plan.expectations:
        try:
            question, bound_ns = _question(case, one)
        except NotReached:
            continue
        if question.check(case.history).outcome is Outcome.UNKNOWN:
            bounds.append(bound_ns)
    return max(bounds, default=None)


# ---- steps and faults


def _steps(case: Case) -> Iterator[Verdict]:
    for log in case.logs.values():
        verb, where = log.step.verb, str(log.step.where)
        if isinstance(verb, Parallel | Random):
            continue  # the steps inside say it all
        if log.outcome == "failed":
            evidence = (*_answers(case.history, log), *_end_of(case.history, log))
            yield Verdict(log.step.id, Kind.STEP, Outcome.FAILS, log.why, evidence, 1, where)
        elif log.outcome == "inconclusive":
            yield Verdict(log.step.id, Kind.EVIDENCE, Outcome.UNKNOWN, log.why, (), 1, where)
        elif log.outcome == "skipped":
            yield Verdict(log.step.id, Kind.STEP, Outcome.NOT_EXERCISED, log.why, (), 0, where)
        elif log.outcome == "not reached":
            yield Verdict(log.step.id, Kind.STEP, Outcome.UNKNOWN, NOT_REACHED, (), 0, where)
        elif isinstance(verb, Wait | Probe | Change):
            if log.ended_ns is None or log.began_ns is None:
                why = "the history does not say from when to when it was"
                yield Verdict(log.step.id, Kind.EVIDENCE, Outcome.UNKNOWN, why, (), 1, where)
                continue
            took = f"after {(log.ended_ns - log.began_ns) / 1e9:.3f} s"
            word = "adopted by a quorum" if isinstance(verb, Change) else "satisfied"
            why = f"{log.why}: went on" if log.why else f"{word} {took}"
            evidence = _answers(case.history, log)
            yield Verdict(log.step.id, Kind.STEP, Outcome.HOLDS, why, evidence, 1, where)


def _answers(history: History, log: StepLog) -> tuple[int, ...]:
    """The last answer about each peer, where somebody was asked."""
    if not isinstance(log.step.verb, Probe) or log.step.verb.question is None:
        return ()
    said = history.every(Answered)
    last = {event.sid: index for index, event in said if event.step == log.step.id}
    return tuple(last.values())


def _end_of(history: History, log: StepLog) -> Iterator[int]:
    """The line that says how a step ended."""
    ended = history.every(StepEnded)
    yield from (index for index, event in ended if event.step == log.step.id)


def _ends(case: Case) -> Iterator[Verdict]:
    """Whether every peer that ended was told to; nothing to say if none did."""
    verdict = EndsAsTold().check(case.history)
    if verdict.judged:
        yield verdict


def _untold(case: Case) -> Iterator[Verdict]:
    """Faults that are said to be done, of which the history has nothing."""
    acted = {event.step for _, event in case.history.every(Acted)}
    for log in case.logs.values():
        verb, where = log.step.verb, str(log.step.where)
        done = isinstance(verb, FaultStep) and verb.confirm and log.outcome == "done"
        if done and log.step.id not in acted:
            why = "the history has nothing that was done by it"
            yield Verdict(log.step.id, Kind.EVIDENCE, Outcome.UNKNOWN, why, (), 1, where)


def _evidence(case: Case) -> Iterator[Verdict]:
    """Whether each fault bit; a plan may say that it need not be confirmed."""
    for verdict in fault_evidence(case.history):
        log = case.logs.get(verdict.name)
        if log is None:
            yield verdict
            continue
        if log.outcome == "inconclusive":
            continue  # said already
        verb = log.step.verb
        if isinstance(verb, FaultStep) and not verb.confirm:
            continue
        outcome = verdict.outcome
        if isinstance(verb, FaultStep) and verb.noise and TOUCHED_NOTHING in verdict.summary:
            outcome = Outcome.NOT_EXERCISED  # by lot it met nobody
        yield replace(verdict, where=str(log.step.where), outcome=outcome)


# ---- invariants


def _invariants(case: Case) -> Iterator[Verdict]:
    named = {one.name: one for one in case.plan.invariants}
    for check in ALWAYS:
        reference = named.pop(check.name, None)
        yield _invariant(case, check, reference)
    for name, reference in named.items():
        yield _invariant(case, INVARIANTS[name], reference)


def _invariant(case: Case, check: Check, reference: InvariantRef | None) -> Verdict:
    if reference is None:
        return check.check(case.history)
    verdict = replace(check.check(_before(case, reference)), where=str(reference.where))
    if verdict.outcome is not Outcome.NOT_EXERCISED or not reference.except_after:
        return verdict
    whole = check.check(case.history).judged
    if whole == 0:
        return verdict
    steps = ", ".join(reference.except_after)
    why = f"none of {whole} cases came before {steps}: except_after leaves nothing to judge"
    return replace(verdict, outcome=Outcome.UNKNOWN, summary=why)


def _before(case: Case, reference: InvariantRef | None) -> History:
    """The history up to the first step that may break the invariant."""
    if reference is None or not reference.except_after:
        return case.history
    logs = [case.logs[name] for name in reference.except_after]
    begins = [log.began_ns for log in logs if log.outcome != "skipped"]
    limit = min((at_ns for at_ns in begins if at_ns is not None), default=None)
    if limit is None:
        return case.history
    kept = (RunBegan, RunEnded)  # with the last line gone the rest would look cut short
    return History(tuple(e for e in case.history.events if e.at_ns < limit or isinstance(e, kept)))


# ---- expectations


def _expectation(case: Case, one: model.Expectation) -> Verdict:
    if isinstance(one, model.MetricExpected) and one.max is None:
        where = str(one.where)
        return Verdict(one.id, Kind.EXPECTATION, Outcome.NOT_EXERCISED, _OF_ALL, (), 0, where)
    try:
        question, _ = _question(case, one)
    except NotReached as error:
        where = str(one.where)
        return Verdict(one.id, Kind.EXPECTATION, Outcome.UNKNOWN, str(error), (), 0, where)
    return question.check(case.history)


def _question(case: Case, one: model.Expectation) -> tuple[expect.Expectation, int]:
    """The question in plain numbers, and until when the history must go on to answer it."""
    where = str(one.where)
    match one:
        case model.LeaderExpected():
            since = case.moment(one.after)
            among = some(one.among, case.whom)
            leader = expect.LeaderExpected(
                one.id,
                where,
                among,
                since,
                one.within_ns,
                one.hold_ns,
                from_event=case.event(one.after),
            )
            return leader, since + one.within_ns + one.hold_ns
        case model.NoLeaderExpected():
            since, until = case.moment(one.since), case.moment(one.until)
            if since >= until:
                raise NotReached("its span is empty: it ends before it begins")
            nobody = some(one.among, case.whom)
            return expect.NoLeaderExpected(one.id, where, nobody, since, until), until
        case model.SameLeaderExpected():
            first, second = _instant(case, one.first), _instant(case, one.second)
            events = _event(case, one.first), _event(case, one.second)
            same = expect.SameLeaderExpected(one.id, where, first, second, events)
            return same, max(first, second)
        case model.RoleExpected():
            since = case.moment(one.after)
            of = frozenset(case.whom(one.of))
            role = expect.RoleExpected(
                one.id,
                where,
                one.role,
                of,
                since,
                one.within_ns,
                one.hold_ns,
                from_event=case.event(one.after),
            )
            return role, since + one.within_ns + one.hold_ns
        case model.MetricExpected():
            return _metric(case, one)


def _metric(case: Case, one: model.MetricExpected) -> tuple[expect.MetricMax, int]:
    since = None if one.since is None else case.moment(one.since)
    most = one.max
    if most is None:  # asked of all runs together; this run is to see what it measures
        most = max((quantile.max for quantile in one.quantiles), default=_UNBOUND_NS)
    metric = expect.MetricMax(one.id, str(one.where), one.metric, most, one.of, since, case.faults)
    bound = 0 if one.unit == "count" else most
    latest = max((fault.began_ns for fault in case.faults), default=case.history.zero_ns)
    return metric, max(since or 0, latest) + bound


def _instant(case: Case, name: str) -> int:
    """The moment that ``between`` names: the end of a step, or when an expectation was met."""
    log = case.logs.get(name)
    if log is not None:
        if log.done_ns is None:
            raise NotReached(f"{name} was never done")
        return log.done_ns
    other = next(one for one in case.plan.expectations if one.id == name)
    question, _ = _question(case, other)
    verdict = question.check(case.history)
    if verdict.outcome is not Outcome.HOLDS or not verdict.evidence:
        raise NotReached(f"{name} does not hold")
    since = case.history.events[verdict.evidence[0]].at_ns
    return max(since, getattr(question, "from_ns", since))


def _event(case: Case, name: str) -> int | None:
    """The event at the end of a step that ``between`` names: see :meth:`Case.event`."""
    return case.event(After(name, Edge.ENDED)) if name in case.logs else None
