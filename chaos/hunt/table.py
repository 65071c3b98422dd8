"""The zoo as a table: every bug, what it breaks, and what caught it first.

``docs/zoo.md`` keeps it between two marks, so that it can be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chaos.hunt.hunt import Caught, Hunted
from chaos.zoo.cage import ZOO

BEGIN: Final = "<!-- made by chaos zoo --markdown: begin -->"
END: Final = "<!-- end -->"
_HEAD: Final = (
    "| Bug | The rule that it breaks | What a user sees | Caught by properties | By conformance |",
    "|---|---|---|---|---|",
)


def table(found: Sequence[Hunted]) -> str:
    """One row a bug, and the counts below."""
    seen = sum(one.properties is not None for one in found)
    told = sum(one.conformance is not None for one in found)
    counts = f"{len(found)} bugs: {seen} caught by properties, {told} by conformance."
    return "\n".join([*_HEAD, *map(_row, found), "", counts]) + "\n"


def woven(text: str, made: str) -> str:
    """``text`` with ``made`` between its marks, in place of what was; behind it without them."""
    head, begin, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not begin:
        head += "\n" if head else ""
        tail = "\n"
    return f"{head}{BEGIN}\n{made}{END}{tail}"


def _row(one: Hunted) -> str:
    bug = ZOO[one.bug]
    missed = bug.missed or f"not in {one.runs} runs"
    cells = (
        f"`{bug.name}`",
        f"{bug.rule} ({bug.source})",
        bug.shows,
        _cell(one.properties, missed),
        _cell(one.conformance, f"not in {one.runs} runs"),
    )
    return f"| {' | '.join(cells)} |"


def _cell(caught: Caught | None, missed: str) -> str:
    if caught is None:
        return f"no: {missed}"
    runs = "the first run" if caught.runs == 1 else f"run {caught.runs}"
    return f"`{caught.check}` in `{caught.plan}`, {runs}, {caught.after_ns / 1e9:.1f} s"
