"""The end of a run in words: its verdicts, its outcome, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chaos.cli.tree import run_lines
from chaos.runner import codes
from chaos.runner.known import sentence
from chaos.runner.rejudge import Change
from chaos.store import RunResult
from chaos.verify.verdict import Kind, Outcome, Verdict

OUTCOMES: Final = {
    Outcome.HOLDS: ("✓", "green"),
    Outcome.FAILS: ("✗", "bold red"),
    Outcome.UNKNOWN: ("?", "bold yellow"),
    Outcome.NOT_EXERCISED: ("·", "dim"),
}
_HEADS: Final = {codes.PASSED: ("✓", "bold green"), codes.INCONCLUSIVE: ("?", "bold yellow")}
_BAD: Final = ("✗", "bold red")


def conclude(console: Console, result: RunResult, papers: Mapping[str, str]) -> None:
    """The verdicts, the headline, where it is told in full, and last the command to repeat it."""
    tell(console, result.verdicts)
    if result.exit_code != codes.PASSED:
        for line in run_lines(result.steps, result.verdicts):
            console.print(Text(line), soft_wrap=True)
        console.print()
    for known in result.known_issues:
        console.print(Text(f"{sentence(known)}"), soft_wrap=True)
    if result.disturbed:
        console.print(Text(f"disturbed: {result.disturbed}", style="yellow"), soft_wrap=True)
    sign, style = headed(result.exit_code)
    console.print(Text(f"{sign} {result.headline}", style=style), soft_wrap=True)
    for what, path in papers.items():
        console.print(Text(f"{what}: {path}"), soft_wrap=True)
    console.print(Text(f"reproduce: {result.reproduce}"), soft_wrap=True)


def tell(console: Console, verdicts: Iterable[Verdict]) -> None:
    """The verdicts, but for invariants that nothing exercised."""
    shown = [one for one in verdicts if _exercised(one)]
    console.print()
    if console.is_terminal:
        console.print(_table(shown))
    else:
        _lines(console, shown)
    console.print()


def headed(code: int) -> tuple[str, str]:
    """The sign and the style of a run with this exit code."""
    return _HEADS.get(code, _BAD)


def change_words(change: Change) -> str:
    """``changed: next was holds, and is fails``."""
    was, now = (
        "not judged" if outcome is None else outcome.value for outcome in (change.was, change.now)
    )
    return f"changed: {change.name} was {was}, and is {now}"


def _exercised(verdict: Verdict) -> bool:
    return verdict.outcome is not Outcome.NOT_EXERCISED or verdict.kind is not Kind.INVARIANT


def _table(verdicts: list[Verdict]) -> Table:
    """Two columns; what was seen wraps within its own."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("verdict", no_wrap=True, overflow="ellipsis")
    table.add_column("what was seen", overflow="fold", ratio=1)
    for one in verdicts:
        sign, style = OUTCOMES[one.outcome]
        holds = one.outcome is Outcome.HOLDS
        name = Text(one.name, style="" if holds else style)
        seen = Text.assemble(one.summary, (_place(one), "dim"))
        table.add_row(Text(sign, style=style), name, seen)
    return table


def _lines(console: Console, verdicts: list[Verdict]) -> None:
    """A line each, however long: a file has no edge."""
    width = max((len(one.name) for one in verdicts), default=0)
    for one in verdicts:
        sign, _ = OUTCOMES[one.outcome]
        line = f"{sign}  {one.name:<{width}}  {one.summary}{_place(one)}".rstrip()
        console.print(line, soft_wrap=True, markup=False)


def _place(verdict: Verdict) -> str:
    """Where the plan asks for it, and the signature of the failure, if it does not hold."""
    if verdict.outcome is Outcome.HOLDS:
        return ""
    known = f"expected: {verdict.known}" if verdict.known else ""
    return "".join(f"  {word}" for word in (verdict.where, verdict.signature, known) if word)
