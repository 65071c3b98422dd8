"""Laws held against servers that keep no journal, by what was seen of them.

Packets show what a server said and heard, its log and its answers what it became. What they
leave open is UNKNOWN. The names of the laws are those of our own peers' journals.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from chaos.election.ids import Sid
from chaos.history.history import History
from chaos.verify.ballots import Spoken
from chaos.verify.docket import Docket
from chaos.verify.foreign.epochs import Epochs
from chaos.verify.foreign.lives import lives
from chaos.verify.foreign.votes import Votes
from chaos.verify.messages import Source
from chaos.verify.standing import Forgot, Led
from chaos.verify.tester import Meddling


def servers(sids: Set[Sid]) -> str:
    """``server 2``, ``servers 2, 3``."""
    names = ", ".join(map(str, sorted(sids)))
    return f"server {names}" if len(sids) == 1 else f"servers {names}"


@dataclass(slots=True)
class Outside:
    """What the laws of a whole history need to know of foreign servers."""

    led: list[Led] = field(default_factory=list)
    forgot: list[Forgot] = field(default_factory=list)
    spoken: dict[Source, Spoken] = field(default_factory=dict)


def judge_foreign(history: History, tester: Meddling, docket: Docket) -> Outside:
    """Judge every start of every foreign server."""
    found = Outside()
    servers_: dict[Sid, Epochs] = {}
    for life in lives(history):
        sid = life.sid
        votes = Votes(life, docket, tester.told(sid))
        votes.judge()
        for (seq, number), spoken in votes.spoken.items():
            found.spoken[life.sid, life.appeared.inc, seq, number] = spoken
        changes = tester.changes.get(sid, [])
        server = servers_.setdefault(sid, Epochs(sid, changes, history.events, docket))
        server.judge(life)
    for server in servers_.values():
        found.led += server.led
        found.forgot += server.forgot
    return found
