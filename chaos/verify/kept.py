"""Whether what a quorum acked is kept: by later leaders, and for clients that look for it.

Law H7, over our own peers (``chaos/verify/logs.py``) and others (``chaos/verify/foreign``).
"""

from __future__ import annotations

from typing import Final

from chaos.actions import Launch
from chaos.election.ids import hex64
from chaos.election.packets import Txn
from chaos.history.events import Listed, Recalled
from chaos.history.history import History
from chaos.verify.docket import Docket, Law, Once
from chaos.verify.foreign.judge import servers
from chaos.verify.foreign.terms import follow_foreign
from chaos.verify.lineage import Acked, Logs, Reign
from chaos.verify.logs import follow_journals
from chaos.verify.tester import meddling

_OURS: Final = "/chaos-"  # what our own leaders create for a workload, with its zxid behind
_NAMED: Final = 3  # missing writes that a sentence names


def _kept(history: History) -> Docket:
    logs = Logs()
    follow_journals(history, logs)
    follow_foreign(history, logs)
    tester = meddling(history)
    wipes = [at for changes in tester.changes.values() for at, one in changes if _wipes(one)]
    first = min([tester.first, *wipes])
    acked = sorted(logs.acked.values(), key=lambda one: one.index)
    if history.foreign:
        logs.docket.foreign = servers(frozenset(history.foreign))
    for reign in logs.reigns:
        due = [one for one in acked if one.epoch < reign.epoch]
        if due:
            before = logs.docket.judged[Law.ACKED]
            _judge_reign(reign, due, logs, first)
            if reign.sid in history.foreign:
                logs.docket.outside[Law.ACKED] += logs.docket.judged[Law.ACKED] - before
    for index, recalled in history.every(Recalled):
        _judge_recalled(index, recalled, logs.docket, first)
    for index, listed in history.every(Listed):
        ours = [one for one in acked if one.index < index and _path(one.txn)]
        _judge_listed(index, listed, ours, logs.docket, first)
    return logs.docket


def _judge_reign(reign: Reign, due: list[Acked], logs: Logs, tester: int) -> None:
    docket, lineage = logs.docket, logs.lineage
    who = f"{reign.who}, leader of epoch {reign.epoch}"
    tenure = lineage.terms.get(reign.term)
    if tenure is None or (tenure.held is None and not tenure.shown):
        docket.doubt(Law.ACKED, f"nobody sees the log of {who}", reign.index)
        return
    for one in due:
        has = lineage.leads(reign.term, one.txn)
        if has:
            docket.held(Law.ACKED)
            continue
        what = f"{hex64(one.txn.zxid)}, which epoch {one.epoch} committed"
        if has is None:
            unseen = hex64(lineage.unseen(reign.term, one.txn))
            why = f"what {who} has before {unseen} is out of sight: {what}"
            docket.doubt(Law.ACKED, why, one.index, reign.index)
        elif tester < max(reign.index, one.index):  # a wiped leader may lead an old epoch again
            why = f"{who} lacks {what}, after the tester changed a log or an epoch"
            docket.doubt(Law.ACKED, why, one.index, reign.index, tester)
        else:
            docket.case(Law.ACKED, f"{who} lacks {what}", one.index, reign.index)


# ---- clients


def _judge_recalled(index: int, found: Recalled, docket: Docket, tester: int) -> None:
    """Every write that a client was told is done is there."""
    what = f"workload {found.workload}"
    if found.why:
        writes = f"the {found.acknowledged} writes" if found.acknowledged else "the writes"
        docket.doubt(Law.ACKED, f"nobody could look for {writes} of {what}: {found.why}", index)
        return
    docket.held(Law.ACKED, found.acknowledged - len(found.missing))
    _lost(f"{what} was told", found.missing, index, docket, tester)


def _judge_listed(
    index: int, listed: Listed, ours: list[Acked], docket: Docket, tester: int
) -> None:
    """Every node that a leader of ours committed is shown by other servers, too."""
    if listed.why:
        if ours:
            why = f"nobody could look for {len(ours)} nodes of our leaders: {listed.why}"
            docket.doubt(Law.ACKED, why, index)
        return
    there = {f"{listed.path.rstrip('/')}/{name}" for name in listed.names}
    missing = [_path(one.txn) for one in ours if _path(one.txn) not in there]
    docket.held(Law.ACKED, len(ours) - len(missing))
    _lost("our leaders committed", missing, index, docket, tester)


def _lost(
    who: str, missing: tuple[str, ...] | list[str], index: int, docket: Docket, tester: int
) -> None:
    if not missing:
        return
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    why = f"{who} of {', '.join(missing[:_NAMED])}{more}, and a client finds them no longer"
    if tester < index:
        told = f"{why}, after the tester changed a log or an epoch"
        docket.doubt(Law.ACKED, told, index, tester)
    else:
        docket.case(Law.ACKED, why, index)


def _path(txn: Txn) -> str:
    """The node that one of our own leaders made for a workload, else empty."""
    path = f"{_OURS}{txn.zxid % 2**64:x}"
    size = len(path).to_bytes(4, "big")
    return path if txn.body.startswith(size + path.encode()) else ""


def _wipes(change: object) -> bool:
    return isinstance(change, Launch)


kept = Once(_kept)
