"""A run on a terminal: live with Rich, or as plain lines where nobody can watch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chaos.cli.verdicts import conclude
from chaos.election.ids import Sid, hex64
from chaos.history.view import EnsembleView, PeerView
from chaos.runner.show import Show, Silent
from chaos.store import RunResult

_REDRAW_NS: Final = 80_000_000
_RECENT: Final = 6  # steps that stay in sight
_AROUND: Final = _RECENT + 7  # lines that are not peers
_PEERS_MIN: Final = 3

_STYLE: Final = {
    "leader": "bold green",
    "follower": "cyan",
    "observer": "blue",
    "looking": "yellow",
    "paused": "bold magenta",
    "down": "bold red",
}
_SIGN: Final = {
    "leader": "★",
    "follower": "F",
    "observer": "O",
    "looking": "L",
    "paused": "‖",
    "down": "×",
}
_COLUMNS: Final = {"peer": 4, "role": 10, "follows": 7, "round": 5, "epoch": 5}


def seconds(elapsed_ns: int) -> str:
    """``  1.204 s`` since time zero."""
    return f"{elapsed_ns / 1e9:7.3f} s"


class Plain:
    """One line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        """Name the run."""
        self._line(f"{plan}: {system}, {network} network, seed {seed}")

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        """Nothing: only steps get a line."""

    def told(self, elapsed_ns: int, text: str) -> None:
        """One line, with its time."""
        self._line(f"{seconds(elapsed_ns)}  {text}")

    def ended(self, result: RunResult, papers: Mapping[str, str]) -> None:
        """The verdicts."""
        conclude(self._console, result, papers)

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


class Watched:
    """A table of the peers that is drawn anew while things change.

    It stands only while its run does: what is printed at the end must not be drawn around it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._title = Text()
        self._recent: list[Text] = []
        self._view: EnsembleView | None = None
        self._drawn_ns = 0

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        """Begin a table."""
        self._title = Text.assemble(
            (plan, "bold"), (f"  {system} · {network} network · seed {seed}", "dim")
        )
        self._recent = []
        self._view = None
        self.stop()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        """Draw it, unless it was drawn a moment ago."""
        self._view = view
        if time.monotonic_ns() - self._drawn_ns >= _REDRAW_NS:
            self._draw(elapsed_ns)

    def told(self, elapsed_ns: int, text: str) -> None:
        """Put a line under the table."""
        line = Text.assemble((seconds(elapsed_ns), "dim"), "  ", text)
        line.no_wrap, line.overflow = True, "ellipsis"
        self._recent = [*self._recent, line][-_RECENT:]
        self._draw(elapsed_ns)

    def ended(self, result: RunResult, papers: Mapping[str, str]) -> None:
        """Put the verdicts in the table's place."""
        self.stop()
        self._console.print(self._title, soft_wrap=True)
        conclude(self._console, result, papers)

    def stop(self) -> None:
        """Take the table away. Safe to call at any time."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, elapsed_ns: int) -> None:
        if self._live is None:
            return
        self._drawn_ns = time.monotonic_ns()
        head = Text.assemble(self._title, (f"  {elapsed_ns / 1e9:.1f} s", "bold"))
        head.no_wrap, head.overflow = True, "ellipsis"
        parts: list[Text | Padding] = [head]
        if self._view is not None:
            room = max(_PEERS_MIN, self._console.height - _AROUND)
            parts.append(Padding(_peers(self._view, room), (1, 0, 1, 0)))
        self._live.update(Group(*parts, *self._recent), refresh=True)


@contextmanager
def showing(console: Console, *, quiet: bool) -> Iterator[Show]:
    """Who shows the runs: nobody, a live table, or plain lines off a terminal."""
    if quiet:
        yield Silent()
    elif console.is_terminal and not console.is_dumb_terminal:
        watched = Watched(console)
        try:
            yield watched
        finally:
            watched.stop()
    else:
        yield Plain(console)


def _peers(view: EnsembleView, room: int) -> Table:
    """As many peers as there is room for, in columns that keep their places."""
    table = Table(box=None, padding=(0, 2, 0, 1), show_edge=False, header_style="dim")
    for title, width in _COLUMNS.items():
        right = title in ("peer", "round", "epoch")
        table.add_column(title, min_width=width, justify="right" if right else "left")
    table.add_column("proposal", style="dim", min_width=20, no_wrap=True)
    roles = view.roles()
    shown, hidden = _fitting(sorted(view.peers), roles, room)
    for sid in shown:
        role = roles[sid]
        said = Text(f"{_SIGN[role]} {role}", style=_STYLE[role])
        table.add_row(str(sid), said, *_numbers(view.peers[sid], role))
    if hidden:
        counts = Counter(roles[sid] for sid in hidden)
        rest = ", ".join(f"{count} {role}" for role, count in counts.most_common())
        table.add_row("…", Text(rest, style="dim"))
    return table


def _fitting(sids: list[Sid], roles: Mapping[Sid, str], room: int) -> tuple[list[Sid], list[Sid]]:
    """Whom to show and whom only to count; ordinary followers give way first."""
    if len(sids) <= room:
        return sids, []
    by_interest = sorted(sids, key=lambda sid: (roles[sid] in ("follower", "observer"), sid))
    kept = set(by_interest[: room - 1])
    return sorted(kept), [sid for sid in sids if sid not in kept]


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
