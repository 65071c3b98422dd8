"""Questions to somebody outside, in plain words."""

from __future__ import annotations

from chaos.plan.amount_words import span
from chaos.plan.model import Question


def question(asked: Question, whom: str, within_ns: int) -> str:
    """What is run or got for whom, and until which answer."""
    how = f"run {' '.join(asked.argv)}" if asked.argv else f"get {asked.url}"
    wanted = [] if asked.status is None else [f"status {asked.status}"]
    wanted += [] if asked.text is None else [f'"{asked.text.strip()}"']
    return f"{how} for {whom} until all answer {' and '.join(wanted)}, at most {span(within_ns)}"
