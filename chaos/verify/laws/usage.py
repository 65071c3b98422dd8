"""``stays_within_bounds``, of what a peer holds: links, descriptors, memory.

An election link to each other voter, and a second for the moment in which one replaces another;
of descriptors besides those a connection of the quorum port and one that is being made at either
port. A peer that opens and never closes passes these bounds long before the kernel's own.

Memory is bounded where no client writes: what clients write is kept, and grows with them.

Source: ``checks`` 1.2 (E11, "links, descriptors, queues, memory"); ``QuorumCnxManager``, which
holds one ``SendWorker`` for each other server.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from chaos.actions import Attack, CallOff, Load
from chaos.election.ids import Sid
from chaos.history.events import Acted, LinkClosed, LinkOpened, Used
from chaos.history.history import History
from chaos.verify.docket import Docket, Law

_LINKS: Final = 2  # to one other peer: one, and the one that replaces it
_PER_PEER: Final = 5  # descriptors: those, one quorum connection, and one being made at each port
_FILES: Final = 4  # that are open for a moment: an epoch, a configuration, a log and its successor
_MEMORY_KIB: Final = 32 * 1024  # over what a peer of the same run began with
_LINGERS_NS: Final = 2_000_000_000  # what an outsider opened is closed by then


class Links:
    """The election links of one incarnation, by its own journal."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket
        self._open: defaultdict[Sid, set[str]] = defaultdict(set)

    def take(self, index: int, line: LinkOpened | LinkClosed) -> None:
        """A link stands, or one ended, or an attempt at one."""
        links = self._open[line.other]
        if isinstance(line, LinkClosed):
            links.discard(line.link)
            return
        links.add(line.link)
        wrong = ""
        if len(links) > _LINKS:
            wrong = f"peer {line.sid} has {len(links)} links to peer {line.other} at once"
        self._docket.case(Law.BOUNDS, wrong, index)


def judge_usage(history: History, docket: Docket) -> None:
    """Hold each sample against what peers of this run held before they had any link."""
    samples = list(history.every(Used))
    first = [one for _, one in samples if one.inc == 0 and one.at_ns <= history.zero_ns]
    if not first:
        return
    bare = max(one.descriptors for one in first)
    most = bare + _PER_PEER * (len(history.sids) - 1) + _FILES
    kib = max(one.rss_kib for one in first)
    attacks = _attacks(history)
    writes = any(isinstance(event.action, Load) for _, event in history.every(Acted))
    for index, one in samples:
        strangers = sum(attack.opens(one) for attack in attacks)
        wrong = ""
        if one.descriptors > most + strangers:
            wrong = (
                f"peer {one.sid} holds {one.descriptors} descriptors; {most + strangers} are "
                f"enough: {bare} without a link + {_PER_PEER} for each of "
                f"{len(history.sids) - 1} others + {_FILES} + {strangers} of outsiders"
            )
        elif one.rss_kib > kib + _MEMORY_KIB and not strangers and not writes:
            wrong = (
                f"peer {one.sid} holds {one.rss_kib} KiB of memory, {one.rss_kib - kib} more than "
                f"peers began with, and nobody writes"
            )
        docket.case(Law.BOUNDS, wrong, index)


@dataclass(frozen=True, slots=True)
class _Attack:
    """An outsider, from its first connection until the last is surely closed."""

    action: Attack
    from_ns: int
    to_ns: int

    def opens(self, sample: Used) -> int:
        """How many connections the peer may hold because of it."""
        stands = self.from_ns <= sample.at_ns <= self.to_ns
        return self.action.open_max if stands and sample.sid in self.action.targets else 0


def _attacks(history: History) -> list[_Attack]:
    over: dict[str, int] = {}
    for _, event in history.every(Acted):
        if isinstance(event.action, CallOff):
            over[event.action.name] = event.done_ns + _LINGERS_NS
    return [
        _Attack(event.action, event.at_ns, over.get(event.action.name, history.end_ns))
        for _, event in history.every(Acted)
        if isinstance(event.action, Attack)
    ]
