"""What failures are called, and which of them a plan expects.

A signature is ``<what>.<how>@<where>``: what was asked for, how it was not so, and the id of the
step or of the expectation. It has no figures and no peers in it, so that the same failure has
the same name in every run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from chaos.plan.known import is_glob, means
from chaos.plan.model import (
    Change,
    Elapsed,
    Expectation,
    FaultStep,
    KnownIssue,
    LeaderExpected,
    LeaderOutcome,
    MetricExpected,
    NoLeaderExpected,
    NoLeaderOutcome,
    Plan,
    Probe,
    RoleExpected,
    RoleOutcome,
    SameLeaderExpected,
    Step,
    Wait,
)
from chaos.verify.verdict import Kind, KnownMet, Met, Outcome, Verdict

_WHOLE: Final = "run"  # where: a property of all of it
_NEVER: Final = (Kind.EVIDENCE, Kind.HOST)  # of these no plan expects that they fail


def signed(plan: Plan, verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The same with the signature of each that fails."""
    steps = {step.id: step for step in plan.every_step}
    asked = {one.id: one for one in plan.expectations}
    return tuple(
        replace(one, signature=_signature(one, steps.get(one.name), asked.get(one.name)))
        if one.outcome is Outcome.FAILS
        else one
        for one in verdicts
    )


def _signature(one: Verdict, step: Step | None, asked: Expectation | None) -> str:
    what, where = f"{one.name}.broken", _WHOLE
    match one.kind:
        case Kind.STEP if step is not None:
            what, where = f"{_ran_out(step)}.timeout", one.name
        case Kind.EVIDENCE if step is not None and isinstance(step.verb, FaultStep):
            what, where = f"{step.verb.kind}.unconfirmed", one.name
        case Kind.EXPECTATION if asked is not None:
            what, where = _missed(asked), one.name
        case Kind.REGRESSION if isinstance(asked, MetricExpected):
            what, where = f"{asked.metric}.slower", one.name
        case Kind.HOST | Kind.ABORT:
            how = "above" if one.name.startswith("host.") else "seen"
            what, where = f"{one.name}.{how}", "abort_when"
        case _:
            pass
    return f"{what}@{where}"


def _ran_out(step: Step) -> str:
    """What a step waited for in vain."""
    match step.verb:
        case Wait(condition=condition):
            return _CONDITIONS[type(condition)]
        case Probe():
            return "probe"
        case Change():
            return "change"
        case _:
            return "step" if step.when is None else step.when.event.value


_CONDITIONS: Final = {
    LeaderOutcome: "election",
    NoLeaderOutcome: "no_leader",
    RoleOutcome: "role",
    Elapsed: "time",
}


def _missed(asked: Expectation) -> str:
    match asked:
        case LeaderExpected():
            return "election.timeout"
        case RoleExpected():
            return "role.timeout"
        case NoLeaderExpected():
            return "no_leader.broken"
        case SameLeaderExpected():
            return "same_leader.broken"
        case MetricExpected(metric=metric):
            return f"{metric}.above"


# ---- which of them are known


def explained(
    verdicts: tuple[Verdict, ...], issues: Iterable[KnownIssue], day: str
) -> tuple[tuple[Verdict, ...], tuple[KnownMet, ...]]:
    """Each failure with the issue that it is, and what became of each issue on this ``day``.

    A safety property is only meant by its whole signature: no pattern covers it. Without a day
    nothing is expected.
    """
    met: list[KnownMet] = []
    for issue in issues:
        found = [one for one in verdicts if _is(issue, one)]
        state = Met.NOT_SEEN if not found else Met.SEEN if "" < day <= issue.until else Met.OVER
        names = tuple(one.name for one in found)
        met.append(KnownMet(issue.signature, issue.issue, issue.until, state, names))
        told = {id(one) for one in found}
        verdicts = tuple(_told(one, issue, state) if id(one) in told else one for one in verdicts)
    return verdicts, tuple(met)


def _is(issue: KnownIssue, one: Verdict) -> bool:
    if one.outcome is not Outcome.FAILS or one.kind in _NEVER or one.known:
        return False
    if one.kind is Kind.INVARIANT and is_glob(issue.signature):
        return False
    return means(issue, one.signature)


def _told(one: Verdict, issue: KnownIssue, state: Met) -> Verdict:
    if state is Met.SEEN:
        return replace(one, known=issue.issue)
    over = f"known issue {issue.issue} was to be solved by {issue.until}"
    return replace(one, summary=f"{one.summary}; {over}")


def unexcused(found: Iterable[Verdict], expected: Iterable[Verdict]) -> list[Verdict]:
    """What is inconclusive although a failure was ``expected``, as it would be beside any other.

    Of what hangs on the failure nothing can be told. A fault that was not confirmed is no
    consequence, unless the failure ended the steps, and did so before that fault was over.
    """
    ends = [one for one in expected if one.kind in (Kind.STEP, Kind.ABORT)]
    end = min((max(one.evidence, default=0) for one in ends), default=None)
    return [
        one
        for one in found
        if one.kind in (Kind.EVIDENCE, Kind.ABORT)
        and (end is None or max(one.evidence, default=end) < end)
    ]


def together(runs: Iterable[tuple[KnownMet, ...]]) -> tuple[tuple[KnownMet, int, int], ...]:
    """Of each issue what became of it in all of ``runs``, in how many of them, and of how many."""
    found: dict[tuple[str, str], list[KnownMet]] = {}
    for run in runs:
        for one in run:
            found.setdefault((one.signature, one.issue), []).append(one)
    rows = []
    for mets in found.values():
        seen = [one for one in mets if one.met is not Met.NOT_SEEN]
        rows.append(((seen or mets)[0], len(seen), len(mets)))
    return tuple(rows)


def sentence(known: KnownMet, seen: int = 1, of: int = 1) -> str:
    """What became of a known issue, in words."""
    head = f"known issue {known.issue} ({known.signature})"
    if known.met is Met.NOT_SEEN:
        where = "in this run" if of == 1 else f"in {of} runs"
        return f"{head} not seen {where}: is it solved?"
    often = "seen" if of == 1 else f"seen in {seen} of {of} runs"
    if known.met is Met.OVER:
        return f"{head} {often}; it was to be solved by {known.until}"
    return f"{head} {often}: an expected failure until {known.until}"
