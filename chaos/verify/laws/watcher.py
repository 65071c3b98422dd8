"""What watches one incarnation, line by line, beside its ballots and its standing."""

from __future__ import annotations

from typing import Final, Protocol

from chaos.election.effects import SkewEpochs, SkewRound, SkewZxid
from chaos.history.events import Stepped
from chaos.verify.standing import Standing

SKEWS: Final = (SkewRound, SkewZxid, SkewEpochs)  # inputs that are the tester's doing


class Watcher(Protocol):
    """Judges some laws over one journal."""

    def take(self, index: int, event: Stepped, standing: Standing) -> None:
        """Take one step in. ``standing`` knows its input, and none of its effects yet.

        Only a configuration that leads the effects counts already: it came before the input
        was looked at.
        """
        ...


def names(sids: set[int] | frozenset[int]) -> str:
    """``{1, 2}``, or ``nobody``."""
    return "{" + ", ".join(map(str, sorted(sids))) + "}" if sids else "nobody"
