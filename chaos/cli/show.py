"""A run on a terminal: live with Rich, or as plain lines where nobody can watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chaos.election.ids import hex64
from chaos.history.view import EnsembleView, PeerView
from chaos.runner.show import Show
from chaos.store import RunResult
from chaos.verify.verdict import Kind, Outcome

_REDRAW_NS: Final = 80_000_000
_RECENT: Final = 6  # steps that stay in sight

_STYLE = {
    "leader": "bold green",
    "follower": "cyan",
    "observer": "blue",
    "looking": "yellow",
    "paused": "bold magenta",
    "down": "bold red",
}
_SIGN = {
    "leader": "★",
    "follower": "F",
    "observer": "O",
    "looking": "L",
    "paused": "‖",
    "down": "×",
}
OUTCOMES: Final = {
    Outcome.HOLDS: ("✓", "green"),
    Outcome.FAILS: ("✗", "bold red"),
    Outcome.UNKNOWN: ("?", "bold yellow"),
    Outcome.NOT_EXERCISED: ("·", "dim"),
}


def seconds(elapsed_ns: int) -> str:
    """``  1.204 s`` since time zero."""
    return f"{elapsed_ns / 1e9:7.3f} s"


class Plain:
    """One line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        self._line(f"{plan}: {system}, {network} network, seed {seed}")

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        pass

    def told(self, elapsed_ns: int, text: str) -> None:
        self._line(f"{seconds(elapsed_ns)}  {text}")

    def ended(self, result: RunResult, report: str) -> None:
        conclude(self._console, result, report)

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


class Watched:
    """A table of the peers that is drawn anew while things change."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._title = ""
        self._recent: list[str] = []
        self._view: EnsembleView | None = None
        self._drawn_ns = 0

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        self._title = f"{plan} · {system} · {network} network · seed {seed}"
        self._recent.clear()
        self._view = None

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        self._view = view
        if time.monotonic_ns() - self._drawn_ns >= _REDRAW_NS:
            self._draw(elapsed_ns)

    def told(self, elapsed_ns: int, text: str) -> None:
        self._recent = [*self._recent, f"{seconds(elapsed_ns)}  {text}"][-_RECENT:]
        self._draw(elapsed_ns)

    def ended(self, result: RunResult, report: str) -> None:
        self._live.update(Text(""))
        conclude(self._console, result, report)

    def _draw(self, elapsed_ns: int) -> None:
        self._drawn_ns = time.monotonic_ns()
        head = Text(f"{self._title} · {elapsed_ns / 1e9:.1f} s", style="bold")
        parts: list[Text | Table] = [head]
        if self._view is not None:
            parts.append(_peers(self._view))
        parts += [Text(line, style="dim") for line in self._recent]
        self._live.update(Group(*parts), refresh=True)


@contextmanager
def showing(console: Console, *, quiet: bool) -> Iterator[Show]:
    """Who shows the runs: nobody, a live table, or plain lines off a terminal."""
    from chaos.runner.show import Silent

    if quiet:
        yield Silent()
    elif console.is_terminal and not console.is_dumb_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield Watched(console, live)
    else:
        yield Plain(console)


def _peers(view: EnsembleView) -> Table:
    table = Table(box=None, padding=(0, 2), show_edge=False)
    for title in ("peer", "role", "leader", "round", "epoch", "proposal"):
        table.add_column(title, style="dim" if title == "proposal" else "")
    roles = view.roles()
    for sid, peer in sorted(view.peers.items()):
        role = roles[sid]
        style = _STYLE[role]
        table.add_row(str(sid), Text(f"{_SIGN[role]} {role}", style=style), *_numbers(peer, role))
    return table


def _numbers(peer: PeerView, role: str) -> tuple[str, str, str, str]:
    if role == "down":
        return ("", "", "", "")
    vote = peer.proposal
    settled = "" if peer.vote is None else str(peer.vote.leader)
    epoch = "" if peer.epoch is None else str(peer.epoch)
    if vote is None:
        return (settled, "", epoch, "")
    proposal = "nobody" if vote.leader < 0 else f"{vote.leader} at {hex64(vote.zxid)}"
    return (settled, str(vote.round), epoch, proposal)


def conclude(console: Console, result: RunResult, report: str) -> None:
    """The verdict table, the headline, the report's path."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, title_justify="left")
    table.add_column("")
    table.add_column("verdict", overflow="fold")
    table.add_column("what was seen", overflow="fold")
    for verdict in result.verdicts:
        sign, style = OUTCOMES[verdict.outcome]
        if verdict.outcome is Outcome.NOT_EXERCISED and verdict.kind is Kind.INVARIANT:
            continue
        table.add_row(Text(sign, style=style), Text(verdict.name), Text(verdict.summary))
    console.print()
    console.print(table)
    console.print()
    if result.disturbed:
        console.print(Text(f"disturbed: {result.disturbed}", style="yellow"), soft_wrap=True)
    good = result.exit_code == 0
    console.print(
        Text(
            f"{'✓' if good else '✗'} {result.headline}", style="bold green" if good else "bold red"
        ),
        soft_wrap=True,
    )
    if report:
        console.print(Text(f"report: {report}"), soft_wrap=True)
    console.print(Text(f"reproduce: {result.reproduce}"), soft_wrap=True)
