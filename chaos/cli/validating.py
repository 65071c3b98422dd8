"""``chaos validate``: what is wrong with plans, or what they will do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from chaos.cli.console import put, voice
from chaos.cli.linting import code_of, finding_json, tell_findings
from chaos.cli.outlining import outline_json, plan_lines
from chaos.cli.reading import read_plan
from chaos.errors import PlanError
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.linter import lint
from chaos.plan.lint.outline import outline
from chaos.plan.model import Plan, tree
from chaos.plan.words import sentence
from chaos.runner import codes

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asked for."""

    as_json: bool = False
    strict: bool = False
    explain: bool = False


def validate_plans(paths: tuple[Path, ...], settings: Mapping[str, str], asked: Asked) -> int:
    """Read every plan, even after a bad one; 2 if any is bad, by its text or by the linter."""
    console = voice()
    plans: list[tuple[Plan, tuple[Finding, ...]]] = []
    errors: list[str] = []
    for path in paths:
        try:
            plan = read_plan(path, settings)[0]
        except PlanError as error:
            errors.append(str(error))
            sys.stderr.write(f"chaos: {error}\n")
            continue
        findings = lint(plan)
        plans.append((plan, findings))
        if not asked.as_json:
            _describe(console, plan, findings, explain=asked.explain)
            tell_findings(console, findings)
    found = (one for _, findings in plans for one in findings)
    code = codes.USAGE if errors else code_of(found, strict=asked.strict)
    if asked.as_json:
        document = {
            "version": FORMAT,
            "exit_code": code,
            "plans": [_told(plan, findings, explain=asked.explain) for plan, findings in plans],
            "errors": errors,
        }
        put(json.dumps(document, indent=1) + "\n")
    return code


def _told(plan: Plan, findings: tuple[Finding, ...], *, explain: bool) -> dict[str, object]:
    return {
        "plan": plan.name,
        "plan_file": plan.file,
        "steps": [{"step": step.id, "sentence": sentence(step)} for step in plan.every_step],
        "expects": [expectation.id for expectation in plan.expectations],
        "cells": list(plan.cells),
        "findings": [finding_json(one) for one in findings],
        **({"explained": outline_json(outline(plan))} if explain else {}),
    }


def _describe(
    console: Console, plan: Plan, findings: tuple[Finding, ...], *, explain: bool
) -> None:
    members = [peer for peer in plan.ensemble.peers if peer.member]
    voters, outside = sum(peer.votes for peer in members), len(plan.ensemble.peers) - len(members)
    observers = len(members) - voters
    more = f", {observers} observer{'s' if observers > 1 else ''}" if observers else ""
    more += f", {outside} no member{'s' if outside > 1 else ''}" if outside else ""
    peers = f"{voters} voter{'s' if voters > 1 else ''}{more}"
    sign = "✗" if any(one.severity is Severity.ERROR for one in findings) else "✓"
    head = f"{sign} {plan.file}: {plan.name}, {peers}, {plan.ensemble.quorum} quorum"
    console.print(Text(head, style="bold"), soft_wrap=True)
    if explain:
        for line in plan_lines(plan, outline(plan)):
            console.print(Text(line), soft_wrap=True)
        return
    for depth, step in tree(plan.steps):
        console.print(Text(f"    {'  ' * depth}{step.id}: {sentence(step)}"), soft_wrap=True)
    names = ", ".join(expectation.id for expectation in plan.expectations)
    console.print(Text(f"    expects: {names or 'nothing'}"), soft_wrap=True)
    if plan.cells:
        console.print(Text(f"    {len(plan.cells)} cells, the first is shown:"), soft_wrap=True)
    for cell in plan.cells:
        console.print(Text(f"      {cell}"), soft_wrap=True)
