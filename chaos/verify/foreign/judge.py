"""Laws held against servers that keep no journal, by what was seen of them.

Packets show what a server said and heard, its log and its answers what it became. What they
leave open is UNKNOWN. The names of the laws are those of our own peers' journals.
"""

from __future__ import annotations

from collections.abc import Set

from chaos.election.ids import Sid
from chaos.history.history import History
from chaos.verify.births import Meddling
from chaos.verify.docket import Docket
from chaos.verify.foreign.epochs import Epochs
from chaos.verify.foreign.lives import lives
from chaos.verify.foreign.votes import Votes
from chaos.verify.standing import Forgot, Led


def servers(sids: Set[Sid]) -> str:
    """``server 2``, ``servers 2, 3``."""
    names = ", ".join(map(str, sorted(sids)))
    return f"server {names}" if len(sids) == 1 else f"servers {names}"


def judge_foreign(
    history: History, tester: Meddling, docket: Docket
) -> tuple[list[Led], list[Forgot]]:
    """Judge every start of every foreign server; who led what epoch, and lost promises."""
    found: dict[int, Epochs] = {}
    for life in lives(history):
        Votes(life, docket).judge()
        server = found.setdefault(life.sid, Epochs(life.sid, tester.changes, docket))
        server.judge(life)
    led = [one for server in found.values() for one in server.led]
    return led, [one for server in found.values() for one in server.forgot]
