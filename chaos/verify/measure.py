"""How long elections took: spans between events of a history.

===================  =========================================  ==============================
name                 from                                       to
===================  =========================================  ==============================
election.detect      fault in effect                            first survivor is LOOKING
election.vote        first survivor LOOKING                     first quorum for one vote seen
election.finalize    that quorum seen                           that peer has decided
election.total       fault in effect                            a quorum of voters has decided
                                                                for one new leader
election.leaderless  fault in effect                            a leader serves a living quorum
election.converge    fault in effect                            every living peer that the fault
                                                                spares is settled under it
election.peer        a peer enters LOOKING                      the same peer decides
===================  =========================================  ==============================

A fault is in effect once its first actions are confirmed. A process that is killed or told to end
is dead at some moment between its signal and its reaping: what counts from there took as long as
from the reaping, 0 at least, and perhaps as much longer (``more_ns``) as the reaping came late.
So a survivor may detect, vote and decide before its leader's death is known.

``activation.discovery``, ``activation.synchronisation`` and ``activation.broadcast`` are Zab's
phases of each peer, ``leader.overlap`` the time for which two peers served as leader at once,
``fault.late`` how long after its planned time a fault was begun (``activation.py``), and
``leader.absent`` a time for which nobody served, as [certain, possible] (``absence.py``).

``rounds`` counts the distinct rounds that were proposed during an election;
``epochs.started`` counts the epochs of a run. The first election of a run belongs to
``start`` and is measured from time zero. A fault that ended nobody's leadership, and found
one, has no election; a leader that gives up does so for the last fault that holds it then, or
for the last one of all if none does. What never ended has ``value_ns`` ``None``: it is censored,
not left out. What was seen from outside is taken at the end of the span of time in which it
happened; a measure says by how much that leaves it unsure. All times are those of the history's
one clock, the host's or the simulator's. ``docs/statistics.md`` has the whole table.

Source: ``LEADER ELECTION TOOK`` and ZOOKEEPER-3479, which is why the clock starts at the cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from chaos.election.ids import Sid
from chaos.history.events import Acted, StepBegan
from chaos.history.history import History
from chaos.verify.absence import absences
from chaos.verify.activation import lateness, overlaps, phases
from chaos.verify.elections import START, Election, FaultSpan, changes_leader, signals, spanned
from chaos.verify.fold import fold
from chaos.verify.gating import GATING
from chaos.verify.traces import ends
from chaos.verify.turns import Turn, What, turns
from chaos.verify.verdict import Measure

__all__ = ["START", "FaultSpan", "faults_of", "measures"]

COUNTED: Final = ("epochs.started", "rounds")  # metrics that are no durations


def faults_of(history: History) -> tuple[FaultSpan, ...]:
    """The faults of a history in order: each is in effect once its first actions are done."""
    targets = {event.step: event.targets for _, event in history.every(StepBegan)}
    began: dict[str, int] = {}
    over: dict[str, int] = {}
    for _, event in history.every(Acted):
        if not event.step or isinstance(event.action, GATING):
            continue
        if ends(event.action):
            over.setdefault(event.step, event.at_ns)
        elif event.step not in over:
            began[event.step] = max(event.done_ns, began.get(event.step, 0))
    sent = signals(history)
    spans = [
        FaultSpan(step, at_ns, targets.get(step, ()), sent.get(step), over.get(step))
        for step, at_ns in began.items()
    ]
    return tuple(sorted(spans, key=lambda span: (span.began_ns, span.step)))


def measures(
    history: History, faults: Sequence[FaultSpan], from_ns: int | None = None
) -> tuple[Measure, ...]:
    """All measures of a run. ``from_ns`` bounds those that count over the whole run."""
    found: list[Measure] = []
    if not history.events:
        return ()
    start = FaultSpan(START, history.zero_ns, ())
    spans = [start, *sorted(faults, key=lambda span: span.soonest_ns)]
    for place, span in enumerate(spans):
        if changes_leader(history, spans, place):
            found += Election(history, span).measures()
    found += _of_peers(history)
    found += [*phases(history), *absences(history), *overlaps(history), *lateness(history)]
    found.append(_epochs(history, from_ns))
    return tuple(found)


def _of_peers(history: History) -> Iterator[Measure]:
    """``election.peer``: one for each peer and attempt."""
    looking: dict[Sid, Turn] = {}
    for turn in turns(history):
        began = looking.get(turn.sid)
        if turn.what in (What.LOOKING, What.DECIDED, What.GONE) and began is not None:
            del looking[turn.sid]
            if turn.what is What.DECIDED:
                yield spanned(history, "election.peer", f"peer {turn.sid}", began, turn)
            else:
                why = "it ended" if turn.what is What.GONE else "it looked anew"
                of = f"peer {turn.sid}"
                yield Measure("election.peer", of, None, began.index, turn.index, why=why)
        if turn.what is What.LOOKING:
            looking[turn.sid] = turn
    for sid, began in sorted(looking.items()):
        why = "the run ended before"
        yield Measure("election.peer", f"peer {sid}", None, began.index, None, why=why)


def _epochs(history: History, from_ns: int | None) -> Measure:
    """``epochs.started``: epochs for which somebody had the ACKEPOCH of a quorum."""
    led = [
        one
        for one in fold(history).led
        if from_ns is None or history.events[one.index].at_ns >= from_ns
    ]
    last = max((one.index for one in led), default=None)
    return Measure("epochs.started", "run", len({one.epoch for one in led}), 0, last, "count")
