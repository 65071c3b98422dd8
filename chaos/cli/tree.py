"""The steps of a run as a numbered tree of plain lines, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

from chaos.plan.lint.outline import numbers_of
from chaos.store import StepRecord

WIDTH: Final = 80
SIGNS: Final = {"done": "✓", "failed": "✗", "skipped": "–", "inconclusive": "?"}


def wrapped(head: str, text: str, indent: int | None = None) -> list[str]:
    """``text`` behind ``head``; further lines begin below the text, or at ``indent``."""
    inner = " " * (len(head) if indent is None else indent)
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=inner, break_on_hyphens=False
    ) or [head.rstrip()]


def run_lines(steps: Iterable[StepRecord]) -> list[str]:
    """A run that did not pass, step by step: the same numbers, the failing one marked."""
    lines: list[str] = []
    known = tuple(steps)
    for number, step in zip(numbers_of(step.depth for step in known), known, strict=True):
        sign = SIGNS.get(step.outcome, "·")
        head = f"{sign} {'  ' * step.depth}{number} {step.step}: "
        lines += wrapped(head, step.sentence, 6 + 2 * step.depth)
        if step.outcome in ("failed", "inconclusive"):
            inner = " " * (6 + 2 * step.depth)
            lines += wrapped(f"{inner}<-- {step.outcome.upper()}: ", step.why or "see below")
    return lines
