"""Conditions that end a run, and can never hold."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.plan.amount_words import span
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
