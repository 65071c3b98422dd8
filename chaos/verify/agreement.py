"""Law H8: replicas agree on what they deliver.

Of the transactions that our own peers delivered, any two replicas have the same, as far as both
go; each was proposed once, by the leader of its epoch; a replica delivers in the order of zxids,
what one leader proposed without a gap, and a leader all of older epochs before it proposes
anything; and what a replica delivered it never lacks again.

Source: PrefixConsistency, Integrity, Agreement, TotalOrder, LocalPrimaryOrder,
GlobalPrimaryOrder, PrimaryIntegrity and MonotonicRead of the Zab specifications. What lies within
a snapshot is H7's to judge (``chaos/verify/kept.py``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.actions import Launch
from chaos.election.ids import Sid, epoch_of, hex64
from chaos.history.history import History
from chaos.verify.docket import Docket, Law, Once
from chaos.verify.lineage import same
from chaos.verify.replicas import Delivered, Primary, Replicas, Segment, replicas
from chaos.verify.tester import meddling


@dataclass(frozen=True, slots=True)
class _Line:
    """Who delivered a transaction first of all."""

    sid: Sid
    done: Delivered


class _Agreement:
    """The total order that all replicas together delivered, and who departs from it."""

    def __init__(self, history: History, found: Replicas) -> None:
        self.docket = Docket(gaps=list(found.gaps))
        self._history = history
        self._found = found
        tester = meddling(history)
        wipes = [
            at
            for changes in tester.changes.values()
            for at, one in changes
            if isinstance(one, Launch)
        ]
        self._tester = min([tester.first, *wipes])
        self._first: dict[int, _Line] = {}
        self._proposed = sorted(found.proposals)
        self._line: list[int] = []

    def judge(self) -> Docket:
        """Everything, law by law of the docstring above."""
        for segment in self._found.segments:
            for done in segment.delivered:
                self._agrees(segment.sid, done)
        self._line = sorted(self._first)
        for segment in self._found.segments:
            self._in_order(segment)
            self._without_gap(segment)
            self._as_proposed(segment)
        for zxid in self._line:
            self._proposed_once(zxid, self._first[zxid])
        for primary in self._found.primaries:
            self._caught_up(primary)
        for finding in self._found.shrunk:
            self._wrong(finding.why, *finding.evidence)
        return self.docket

    def _agrees(self, sid: Sid, done: Delivered) -> None:
        zxid = done.txn.zxid
        first = self._first.setdefault(zxid, _Line(sid, done))
        if same(first.done.txn, done.txn):
            self.docket.held(Law.AGREE)
            return
        why = f"peers {first.sid} and {sid} delivered different transactions as {hex64(zxid)}"
        self._wrong(why, first.done.index, done.index)

    def _in_order(self, segment: Segment) -> None:
        zxids = [segment.begins, *(done.txn.zxid for done in segment.delivered)]
        for done, before in zip(segment.delivered, zxids, strict=False):
            if done.txn.zxid <= before:
                why = f"peer {segment.sid} delivers {hex64(done.txn.zxid)} after {hex64(before)}"
                self._wrong(why, done.index)
                return

    def _without_gap(self, segment: Segment) -> None:
        """Prefix consistency, between this replica and all others at once."""
        mine = {done.txn.zxid for done in segment.delivered}
        for zxid in _between(self._line, segment):
            if zxid not in mine:
                other = self._first[zxid]
                after = next(done for done in segment.delivered if done.txn.zxid > zxid)
                why = (
                    f"peer {segment.sid} delivers {hex64(after.txn.zxid)} without "
                    f"{hex64(zxid)}, which peer {other.sid} delivered"
                )
                self._wrong(why, other.done.index, after.index)
                return

    def _as_proposed(self, segment: Segment) -> None:
        """Local primary order: of one leader's transactions the earlier one comes first."""
        mine = {done.txn.zxid for done in segment.delivered}
        last = {epoch_of(zxid): zxid for zxid in sorted(mine)}
        for zxid in _between(self._proposed, segment):
            if zxid in mine or zxid >= last.get(epoch_of(zxid), zxid):
                continue
            made = self._found.proposals[zxid][0]
            after = next(done for done in segment.delivered if done.txn.zxid > zxid)
            why = (
                f"peer {segment.sid} delivers {hex64(after.txn.zxid)} without {hex64(zxid)}, "
                f"which peer {made.sid} had proposed before"
            )
            self._wrong(why, made.index, after.index)
            return

    def _proposed_once(self, zxid: int, first: _Line) -> None:
        made = self._found.proposals.get(zxid, [])
        if len(made) > 1:
            who = " and ".join(f"peer {one.sid}" for one in made)
            why = f"{hex64(zxid)}, which peer {first.sid} delivered, was proposed by {who}"
            self._wrong(why, *(one.index for one in made), first.done.index)
        elif made and not same(made[0].txn, first.done.txn):
            why = f"peer {first.sid} delivered another {hex64(zxid)} than peer {made[0].sid} made"
            self._wrong(why, made[0].index, first.done.index)
        elif not made and zxid not in self._found.given:
            self._of_nobody(zxid, first)

    def _of_nobody(self, zxid: int, first: _Line) -> None:
        """Nobody is known to have proposed it: its leader's journal tells, if it is whole."""
        leaders = self._found.led.get(epoch_of(zxid), set())
        index = first.done.index
        why = f"peer {first.sid} delivered {hex64(zxid)}, which nobody proposed"
        if not leaders and self._history.foreign:
            return  # a server without a journal made it
        events, last = self._history.events, self._found.last_lines
        # Lines of one instant are in no order: only a later one shows that none is missing before.
        if leaders and all(events[last[one]].at_ns > events[index].at_ns for one in leaders):
            self._wrong(why, index)
        else:
            self.docket.doubt(Law.AGREE, f"{why}, as far as the journals tell", index)

    def _caught_up(self, primary: Primary) -> None:
        """Primary integrity."""
        wrong, at = "", primary.index
        older = bisect_left(self._line, primary.epoch << 32)
        newest = self._line[older - 1] if older else None
        who = f"peer {primary.sid} proposes in epoch {primary.epoch}"
        if primary.delivered < primary.logged:
            wrong = f"{who} before it has delivered what its log holds"
            wrong += f", up to {hex64(primary.logged)}"
        elif newest is not None and newest > primary.delivered:
            first = self._first[newest]
            wrong, at = (
                f"{who} without {hex64(newest)}, which peer {first.sid} delivered",
                max(at, first.done.index),
            )
        if wrong:
            self._wrong(wrong, *sorted({primary.index, at}))
        else:
            self.docket.held(Law.AGREE)

    def _wrong(self, why: str, *evidence: int) -> None:
        """A breach, unless a torn journal may hide what mends it, or the tester made it."""
        if self._tester < max(evidence):
            told = f"{why}, after the tester changed a log or an epoch"
            self.docket.doubt(Law.AGREE, told, *evidence, self._tester)
        else:
            self.docket.case(Law.AGREE, why, *evidence)


def _between(line: Sequence[int], segment: Segment) -> Sequence[int]:
    """The zxids that a segment would hold if it lacked nothing."""
    return line[bisect_right(line, segment.begins) : bisect_right(line, segment.last)]


def _agreement(history: History) -> Docket:
    return _Agreement(history, replicas(history)).judge()


agreement = Once(_agreement)
