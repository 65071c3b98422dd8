"""What the linter finds, told: in full by ``chaos validate``, a line each before a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.linter import lint
from chaos.plan.model import Plan
from chaos.runner import codes

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.HINT: "dim"}


def tell_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Each with its arithmetic, and with what would do instead."""
    for one in findings:
        head = Text.assemble(
            f"{one.where}: ",
            (one.severity.value, _STYLE[one.severity]),
            f": {one.about}: {one.what}  [{one.rule}]",
        )
        console.print(head, soft_wrap=True)
        console.print(Text(f"    why: {one.why}"), soft_wrap=True)
        console.print(Text(f"    instead: {one.instead}"), soft_wrap=True)


def warn(plans: Iterable[Plan]) -> None:
    """Before runs: a line for each finding but the hints, once for all cells of a matrix.

    A run is never refused for them: what can never hold may be run on purpose.
    """
    told: dict[str, str] = {}
    for plan in plans:
        for one in lint(plan):
            if one.severity is not Severity.HINT:
                told[f"{one.where}: {one.severity}: {one.about}: {one.what}"] = plan.file
    for line in told:
        sys.stderr.write(f"chaos: {line}\n")
    for file in dict.fromkeys(told.values()):
        sys.stderr.write(f"chaos: why, and what would do instead: chaos validate {file}\n")


def code_of(findings: Iterable[Finding], *, strict: bool) -> int:
    """2 for an error, with ``strict`` for a warning too; else 0."""
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return codes.USAGE if any(one.severity in bad for one in findings) else codes.PASSED


def finding_json(one: Finding) -> dict[str, object]:
    """A finding as ``--json`` gives it."""
    return {
        "rule": one.rule,
        "severity": one.severity.value,
        "file": one.where.file,
        "line": one.where.line,
        "column": one.where.column,
        "about": one.about,
        "what": one.what,
        "why": one.why,
        "instead": one.instead,
    }
