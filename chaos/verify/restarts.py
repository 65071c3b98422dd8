"""Restarts: the log that a peer comes back with is the one that it had synced before.

A line is in the journal before what it says is done, and a write is synced before the next effect.
So after a kill the log is as the last step found it, or as far as that step came: anything else is
a write that was synced and is gone. One that goes beyond its journal is not decided: the last line
of that may be missing. What the tester did to a disk or a log is left out, and who was at a gate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.actions import SetEpochs
from chaos.election.effects import Append, Persist, Restore, SkewZxid, Truncate
from chaos.election.ids import Sid, hex64
from chaos.election.packets import Txn
from chaos.history.events import Began, Held, Stepped
from chaos.history.history import History
from chaos.verify.docket import Docket, Law
from chaos.verify.fold import journals, whole
from chaos.verify.tester import meddling

_State = tuple[int, tuple[Txn, ...]]  # where a log begins, and what lies behind that


@dataclass(slots=True)
class _Log:
    """The log of one start, by its journal.

    Of ``txns`` the first ``sure`` were there before the last step. ``others`` are what the log was
    while that step did more than append; ``loose``: nothing is demanded of it.
    """

    sid: Sid
    inc: int
    index: int  # of the event that changed it last
    begins: int
    txns: list[Txn]
    sure: int = 0
    others: list[_State] = field(default_factory=list)
    loose: bool = False

    @classmethod
    def of(cls, index: int, began: Began) -> _Log:
        """The log that a start found."""
        spec = began.spec
        return cls(began.sid, began.inc, index, spec.zxid, list(spec.log), len(spec.log))

    def step(self, index: int, event: Stepped) -> None:
        """Take one step in."""
        self.loose = self.loose or isinstance(event.happened, SkewZxid)
        self.sure, self.others = len(self.txns), []
        for effect in event.effects:
            match effect:
                case Append(txns=txns):
                    self.txns += txns
                    self.index = index
                case Truncate() | Restore() | Persist(name="zxid"):
                    self.others += self._states()
                    self._change(effect)
                    self.sure = len(self.txns)
                    self.index = index
                case _:
                    pass

    def wrong(self, began: Began) -> tuple[str, bool]:
        """What the next start ought not to have found, and whether a missing line may tell why."""
        begins, log = began.spec.zxid, began.spec.log
        if (begins, log) in [*self._states(), *self.others]:
            return "", False
        who = f"peer {self.sid} comes back"
        if begins > self.begins:
            return (
                f"{who} with a log behind {hex64(begins)}, of which its journal tells nothing",
                True,
            )
        if begins == self.begins and log[: len(self.txns)] == tuple(self.txns):
            return f"{who} with {hex64(log[-1].zxid)}, of which its journal tells nothing", True
        there = set(log)
        lost = [txn.zxid for txn in self.txns[: self.sure] if txn not in there]
        if lost:
            return f"{who} without {hex64(lost[0])}, which was synced to its disk", False
        return f"{who} with another log than it had synced to its disk", False

    def _states(self) -> list[_State]:
        """What it may be, since the last effect that did more than append."""
        return [
            (self.begins, tuple(self.txns[:many])) for many in range(self.sure, len(self.txns) + 1)
        ]

    def _change(self, effect: Truncate | Restore | Persist) -> None:
        match effect:
            case Truncate(zxid=zxid):
                self.txns = [txn for txn in self.txns if txn.zxid <= zxid]
            case Restore(zxid=zxid, txns=txns):
                self.begins, self.txns = zxid, list(txns)
            case Persist(value=value):
                self.begins, self.txns = value, []


def judge_restarts(history: History, docket: Docket) -> None:
    """Hold the log of every start against that of the one before it."""
    tester, events = meddling(history), history.events
    past: dict[Sid, _Log] = {}
    for (sid, inc), lines in journals(history).items():
        before = past.pop(sid, None)
        readable, gap = whole(lines)
        if not readable or not isinstance(readable[0][1], Began):
            continue
        index, began = readable[0][0], readable[0][1]
        if before is not None and before.inc == inc - 1:
            down = tester.since(sid, (before.index, events[before.index].at_ns), index)
            moved = any(not isinstance(action, SetEpochs) for _, action in down)
            if not moved and not before.loose:
                _judge(before, (index, began), tester.first, docket)
        log = past[sid] = _Log.of(index, began)
        log.loose = gap is not None or sid in tester.spoilt
        for at, event in readable:
            if isinstance(event, Stepped):
                log.step(at, event)
            elif isinstance(event, Held):
                log.loose = True  # what it was told meanwhile may be written down and not done


def _judge(before: _Log, birth: tuple[int, Began], tester: int, docket: Docket) -> None:
    index, began = birth
    wrong, unseen = before.wrong(began)
    if unseen:
        docket.doubt(Law.SYNCED, wrong, before.index, index)
    elif wrong and tester < index:
        why = f"{wrong}, after the tester changed a log or an epoch"
        docket.doubt(Law.SYNCED, why, index, tester)
    elif wrong or before.sure:  # of a log that was empty nothing can be lost
        docket.case(Law.SYNCED, wrong, before.index, index)
