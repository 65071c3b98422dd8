"""What makes the verdict on an expectation unknown, whatever it expects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from chaos.history.history import History
from chaos.verify.fold import fold
from chaos.verify.punctuality import Window, lateness
from chaos.verify.verdict import Outcome, Verdict

_Expected = TypeVar("_Expected")


def of_whole_journals(
    *, but: Outcome | None = None
) -> Callable[[Callable[[_Expected, History], Verdict]], Callable[[_Expected, History], Verdict]]:
    """Where a line of a journal is missing, nothing can be told ``but`` what the rest shows."""

    def judging(
        check: Callable[[_Expected, History], Verdict],
    ) -> Callable[[_Expected, History], Verdict]:
        @wraps(check)
        def judged(expected: _Expected, history: History) -> Verdict:
            verdict, gaps = check(expected, history), fold(history).docket.gaps
            if not gaps or verdict.outcome in (Outcome.UNKNOWN, but):
                return verdict
            why = f"{verdict.summary}; but {gaps[0].why}"
            evidence = tuple(dict.fromkeys((*verdict.evidence, *gaps[0].evidence)))
            return replace(verdict, outcome=Outcome.UNKNOWN, summary=why, evidence=evidence)

        return judged

    return judging


def but_for_the_host(
    verdict: Verdict, window: Window | None, history: History, later: Callable[[int], Verdict]
) -> Verdict:
    """A bound that was missed by no more than the host was late meanwhile decides nothing.

    ``window`` is when that may have made it fail, if it may at all; ``later`` judges the same with
    a bound that is so many nanoseconds later.
    """
    if verdict.outcome is not Outcome.FAILS or window is None:
        return verdict
    late = lateness(history, window)
    if late is None or later(late.ns).outcome is Outcome.FAILS:
        return verdict
    lost = f"{late.ns / 1e6:.0f} ms in all, no less than it missed by"
    why = f"{verdict.summary}; but {late.words}, {lost}"
    return replace(verdict, outcome=Outcome.UNKNOWN, summary=why)
