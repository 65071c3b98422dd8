"""Law H6 at the learner: whoever acks NEWLEADER of an epoch has on disk what it began with.

The journal of a learner tells what it was sent and what it logged (``laws/acks.py``); here its
log is held against the log of the leader itself, and the leader against the learners: it serves
once a quorum of such acks is there. What was synced is there after a restart (``restarts.py``).
Learners and leaders without a journal are taken at their word.
"""

from __future__ import annotations

from chaos.election.ids import Sid, hex64
from chaos.history.history import History
from chaos.verify.docket import Docket, Law, Once
from chaos.verify.fold import fold
from chaos.verify.laws.watcher import names
from chaos.verify.lineage import Held, same
from chaos.verify.replicas import Established, Replicas, Synced, replicas
from chaos.verify.restarts import judge_restarts
from chaos.verify.standing import GIVEN
from chaos.verify.tester import meddling


def lacking(held: Held, initial: Held) -> int | None:
    """The first transaction of ``initial`` that ``held`` lacks; a tree is not looked into."""
    for txn in initial.txns:
        if txn.zxid > held.begins:
            found = held.at(txn.zxid)
            if found is None or not same(found, txn):
                return txn.zxid
    return None


class _Syncs:
    """All acks of NEWLEADER, and what leaders made of them."""

    def __init__(self, history: History, found: Replicas) -> None:
        own = fold(history).docket
        self.docket = Docket(gaps=list(own.gaps))
        self.docket.judged[Law.SYNCED] = own.judged[Law.SYNCED]
        for findings, mine in (
            (own.breaches, self.docket.breaches),
            (own.doubts, self.docket.doubts),
        ):
            mine[Law.SYNCED] = list(findings.get(Law.SYNCED, []))
        self._history = history
        self._found = found
        self._tester = meddling(history).first
        self._good: set[tuple[int, Sid, Sid]] = set()  # epoch, leader, learner
        self._said: set[tuple[int, Sid, Sid]] = set()

    def judge(self) -> Docket:
        """Each ack, and each leader that began to serve."""
        for one in self._found.synced:
            self._acked(one)
        for reign in self._found.established:
            self._serves(reign)
        judge_restarts(self._history, self.docket)
        return self.docket

    def _acked(self, one: Synced) -> None:
        key = (one.epoch, one.leader, one.sid)
        self._said.add(key)
        initial = self._initial(one)
        what = f"peer {one.sid} acks NEWLEADER of epoch {one.epoch}"
        wrong = ""
        if one.current_epoch != one.epoch:
            wrong = f"{what}; its currentEpoch on disk is {one.current_epoch}"
        elif initial is not None and (zxid := lacking(one.held, initial)) is not None:
            wrong = f"{what} without {hex64(zxid)}, which its leader {one.leader} began with"
        if not wrong:
            self._good.add(key)
        self._case(wrong, one.index)

    def _initial(self, one: Synced) -> Held | None:
        """What the leader of an ack had begun with, the last time before that ack."""
        events = self._history.events
        until_ns = events[one.index].at_ns  # lines of one instant are in no order
        reigns = self._found.initial.get((one.epoch, one.leader), [])
        held = (reign.held for reign in reversed(reigns) if events[reign.index].at_ns <= until_ns)
        return next(held, None)

    def _serves(self, reign: Established) -> None:
        term = (reign.epoch, reign.sid)
        foreign = {sid for sid in reign.acks if sid in self._history.foreign}
        good = {sid for sid in reign.acks if (*term, sid) in self._good}
        own = reign.acks - foreign - {reign.sid}
        unsaid: set[int] = {sid for sid in own if (*term, sid) not in self._said}
        serves = f"peer {reign.sid} serves epoch {reign.epoch}"
        if reign.electorate.quorum({reign.sid, *foreign, *good}):
            self._case("", reign.index)
        elif reign.electorate.quorum({reign.sid, *foreign, *good, *unsaid}) and not all(
            self._goes_on(sid, reign.index) for sid in unsaid
        ):
            if self.docket.gaps:
                return  # those say it already
            why = f"{serves} by acks of {names(unsaid)}, which their journals do not tell of"
            self.docket.doubt(Law.SYNCED, why, reign.index)
        else:
            who = names({reign.sid, *foreign, *good})
            wrong, but = f"{serves}; on disk it is with {who} only", GIVEN if reign.given else ""
            self._case(wrong, reign.index, but=but)

    def _goes_on(self, sid: int, index: int) -> bool:
        """Whether a journal of ``sid`` has later lines, so that none before is missing unseen."""
        events = self._history.events
        last = [at for (who, _), at in self._found.last_lines.items() if who == sid]
        return bool(last) and all(events[at].at_ns > events[index].at_ns for at in last)

    def _case(self, wrong: str, index: int, but: str = "") -> None:
        if wrong and self._tester < index:
            why = f"{wrong}, after the tester changed a log or an epoch"
            self.docket.doubt(Law.SYNCED, why, index, self._tester)
        else:
            self.docket.case(Law.SYNCED, wrong, index, but=but)


def _synced(history: History) -> Docket:
    return _Syncs(history, replicas(history)).judge()


synced = Once(_synced)
