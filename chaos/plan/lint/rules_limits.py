"""Conditions that can never end a run, and known issues of what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.plan.amount_words import span
from chaos.plan.known import is_glob
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.model import Where
from chaos.verify.aborts import HostAbove


def never_aborts(context: Context) -> Iterator[Finding]:
    """A host that nobody samples, or a stretch longer than the run."""
    plan = context.plan
    for one in plan.abort_when:
        if not isinstance(one, HostAbove):
            continue
        if plan.system == "simulated":
            why = "a simulation runs in virtual time, of which no host knows"
            instead = "leave it away, or system: processes"
        elif one.for_ns >= plan.run_timeout_ns:
            why = f"{span(one.for_ns)} on end, and a run has {span(plan.run_timeout_ns)}"
            instead = "a shorter for"
        else:
            continue
        where, what = Where.read(one.where), f"{one.name} ends no run"
        yield Finding("never-aborts", Severity.WARNING, where, "abort_when", what, why, instead)


def never_known(context: Context) -> Iterator[Finding]:
    """A known issue of no step, expectation or run."""
    plan = context.plan
    places = {*context.steps, *(one.id for one in plan.expectations), "run", "abort_when"}
    for one in plan.known_issues:
        place = one.signature.partition("@")[2]
        if place in places or is_glob(place):
            continue
        yield Finding(
            "never-known", Severity.WARNING, one.where, "known_issues",
            f"no failure is ever called {one.signature}",
            f"no step and no expectation has id {place}",
            "a signature as a failure prints it, or leave the issue away",
        )  # fmt: skip
