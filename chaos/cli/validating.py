"""``chaos validate``: what is wrong with plans, or what they will do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from chaos.cli.running import read_plan
from chaos.errors import PlanError
from chaos.plan.model import Plan
from chaos.plan.words import sentence
from chaos.runner import codes


def validate_plans(paths: tuple[Path, ...], settings: Mapping[str, str]) -> int:
    """Read every plan, even after a bad one; 2 if any is bad."""
    console = Console(highlight=False)
    bad = 0
    for path in paths:
        try:
            plan = read_plan(path, settings)
        except PlanError as error:
            bad += 1
            sys.stderr.write(f"{error}\n")
            continue
        _describe(console, plan)
    return codes.USAGE if bad else codes.PASSED


def _describe(console: Console, plan: Plan) -> None:
    voters = sum(peer.votes for peer in plan.ensemble.peers)
    observers = len(plan.ensemble.peers) - voters
    more = f", {observers} observers" if observers else ""
    head = f"✓ {plan.file}: {plan.name}, {voters} voters{more}, {plan.ensemble.quorum} quorum"
    console.print(Text(head, style="bold"), soft_wrap=True)
    for step in plan.steps:
        console.print(Text(f"    {step.id}: {sentence(step)}"), soft_wrap=True)
    names = ", ".join(expectation.id for expectation in plan.expectations)
    console.print(Text(f"    expects: {names or 'nothing'}"), soft_wrap=True)
