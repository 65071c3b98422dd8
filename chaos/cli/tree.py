"""The steps of a run as a numbered tree of plain lines, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

from chaos.plan.lint.outline import numbers_of
from chaos.store import StepRecord
from chaos.verify.verdict import Kind, Outcome, Verdict, not_green

WIDTH: Final = 80
_MARKS: Final = {Outcome.FAILS: ("✗", "FAILED"), Outcome.UNKNOWN: ("?", "UNKNOWN")}
SIGNS: Final = {"done": "✓", "failed": "✗", "skipped": "–", "inconclusive": "?"}


def wrapped(head: str, text: str, indent: int | None = None) -> list[str]:
    """``text`` behind ``head``; further lines begin below the text, or at ``indent``."""
    inner = " " * (len(head) if indent is None else indent)
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=inner, break_on_hyphens=False
    ) or [head.rstrip()]


def run_lines(steps: Iterable[StepRecord], verdicts: Iterable[Verdict]) -> list[str]:
    """A run that did not pass, step by step: the same numbers, the failing ones marked.

    Below the steps come the expectations that did not hold.
    """
    bad = not_green(verdicts)
    lines: list[str] = []
    known = tuple(steps)
    for number, step in zip(numbers_of(step.depth for step in known), known, strict=True):
        lines += _step_lines(number, step, bad.pop(step.step, None))
    for one in bad.values():
        if one.kind is Kind.EXPECTATION:
            lines += wrapped(f"{_MARKS[one.outcome][0]} expect {one.name}: ", one.summary, 6)
    return lines


def _step_lines(number: str, step: StepRecord, bad: Verdict | None) -> list[str]:
    """One step; ``bad`` is what was judged of it, as a fault that was not confirmed."""
    sign, word, why = SIGNS.get(step.outcome, "·"), "", step.why
    if step.outcome in ("failed", "inconclusive"):
        word = step.outcome.upper()
    elif step.outcome == "done" and bad is not None:
        (sign, word), why = _MARKS[bad.outcome], bad.summary
    inner = " " * (6 + 2 * step.depth)
    lines = wrapped(f"{sign} {'  ' * step.depth}{number} {step.step}: ", step.sentence, len(inner))
    return lines + (wrapped(f"{inner}<-- {word}: ", why or "see below") if word else [])
