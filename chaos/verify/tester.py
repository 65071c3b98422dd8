"""What the tester did itself, which is never held against a peer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import maxsize
from typing import Final

from chaos.actions import (
    Action,
    Corrupt,
    Duplicate,
    Launch,
    Reorder,
    SetEpochs,
    SetZxid,
    SkewTimers,
    SpoilDisk,
    TurnRound,
)
from chaos.election.effects import Reconfigure, SkewEpochs, SkewRound, SkewZxid, Work
from chaos.election.ids import Sid, epoch_of
from chaos.history.events import Acted, Appeared, Began, Event, Stepped
from chaos.history.history import History
from chaos.verify.docket import Once

# What a peer is told also while it holds, or waits for its disk: it writes that down at once, and
# does it behind the step that it is at. So such a line does not say that the step before is done.
ORDERS: Final = (SkewRound, SkewZxid, SkewEpochs, Reconfigure, Work)

Change = tuple[int, Launch | SetEpochs | SetZxid]  # with the index of its event


@dataclass(frozen=True, slots=True)
class Told:
    """What was done to one server.

    ``moved`` is the first event by which its log or an epoch was changed, beyond every event while
    none was. ``turned``: its logical clock was moved. ``shuffled``: a fault wrote its messages in
    another order than it said them.
    """

    moved: int
    turned: bool
    shuffled: bool


@dataclass(slots=True)
class Meddling:
    """What was done to disks and clocks, event by event.

    ``changes`` are those of disks, ``moments`` their times by event; ``first`` is the first event
    by which any log or epoch was changed, beyond every event while none was. ``clocks`` are the
    peers whose logical clocks were moved. ``skewed`` are the peers whose timers ever ran fast or
    slow. ``duplicates`` are the names of the faults that have messages written twice; ``forges``:
    some fault changes bytes. ``shuffled`` are the peers whose messages a fault wrote in another
    order, ``spoilt`` those whose writes a fault ever made late, or fail.
    """

    changes: dict[Sid, list[Change]] = field(default_factory=dict)
    moments: dict[int, int] = field(default_factory=dict)
    first: int = maxsize
    clocks: set[Sid] = field(default_factory=set)
    skewed: set[Sid] = field(default_factory=set)
    duplicates: set[str] = field(default_factory=set)
    forges: bool = False
    shuffled: set[Sid] = field(default_factory=set)
    spoilt: set[Sid] = field(default_factory=set)

    @property
    def turned(self) -> bool:
        """Whether any logical clock was moved by now."""
        return bool(self.clocks)

    @property
    def meddled(self) -> bool:
        """Whether any log or epoch was changed by now."""
        return self.first != maxsize

    def since(self, sid: Sid, event: tuple[int, int], by: int) -> Iterator[Change]:
        """What was changed of ``sid`` after an event, by its index and time, and before ``by``.

        In one instant the tester's lines come first.
        """
        index, at_ns = event
        for at, one in self.changes.get(sid, ()):
            if at < by and (index < at or at_ns == self.moments[at]):
                yield at, one

    def told(self, sid: Sid) -> Told:
        """What was done to ``sid``."""
        changes = self.changes.get(sid, ())
        moved = next((at for at, one in changes if not isinstance(one, Launch)), maxsize)
        return Told(moved, sid in self.clocks, sid in self.shuffled)

    def observe(self, index: int, event: Event) -> None:
        """Take one event in. A plan may begin with logs ahead of their epochs."""
        match event:
            case Stepped(happened=SkewRound()):
                self.clocks.add(event.sid)
                meddled = False
            case Stepped(happened=happened):
                meddled = isinstance(happened, SkewEpochs | SkewZxid)
            case Acted(action=action):
                meddled = self._act(index, action, event.at_ns)
            case Began(inc=0, spec=spec):
                meddled = epoch_of(spec.last_zxid) > spec.current_epoch
            case Appeared(inc=0, zxid=zxid, current_epoch=current):
                meddled = epoch_of(zxid) > current
            case _:
                return
        if meddled:
            self.first = min(self.first, index)

    def _act(self, index: int, action: Action, at_ns: int) -> bool:
        """Take one action in; whether it changes a log or an epoch."""
        match action:
            case Launch(wipe=True) | SetEpochs() | SetZxid():
                self.moments[index] = at_ns
                self.changes.setdefault(action.sid, []).append((index, action))
                return not isinstance(action, Launch)
            case SkewTimers(sid=sid):
                self.skewed.add(sid)
            case SpoilDisk(sids=sids):
                self.spoilt |= set(sids)
            case Duplicate() | Reorder() | Corrupt():
                self._of_messages(action)
            case TurnRound(sid=sid):
                self.clocks.add(sid)
            case _:
                pass
        return False

    def _of_messages(self, harm: Duplicate | Reorder | Corrupt) -> None:
        match harm:
            case Duplicate(name=name):
                self.duplicates.add(name)
            case Reorder(links=links):
                self.shuffled |= {cut.source for cut in links}
            case Corrupt():
                self.forges = True


def _meddling(history: History) -> Meddling:
    found = Meddling()
    for index, event in enumerate(history.events):
        found.observe(index, event)
    return found


meddling = Once(_meddling)  # that of a whole history
