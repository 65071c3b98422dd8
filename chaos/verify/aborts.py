"""What ends a run before its steps do: a host too busy to be believed, a peer that crashed.

A condition on the host is asked of the canary's samples, of which the last ``for_ns`` are taken
together: a share of that whole time, or the mean lateness. So one quiet tenth of a second ends
no such stretch, and one busy one begins none. Where the host is not sampled, as in virtual
time, it never holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from chaos.election.ids import Sid
from chaos.history.events import Aborted, Event, Exited, Sampled
from chaos.history.history import History
from chaos.verify.ends import Told, how
from chaos.verify.verdict import Kind, Outcome, Verdict

_MILLION = 1_000_000


class HostMetric(StrEnum):
    """What is known of the host while a run goes on."""

    LOAD = "host.load"  # of the time of all CPUs, what was neither idle nor waiting for a disk
    PRESSURE = "host.pressure"  # of the time, that in which some task waited for a CPU
    STEAL = "host.steal"  # of the time of all CPUs, what the hypervisor took
    LATENESS = "host.lateness"  # how late a thread woke that slept until a moment

    @property
    def is_share(self) -> bool:
        """Whether its bound is a share in millionths, and not a time in ns."""
        return self is not HostMetric.LATENESS


class AbortVerdict(StrEnum):
    """What a run is that was ended so."""

    INFRASTRUCTURE = "infrastructure"  # exit code 4
    FAIL = "fail"  # exit code 1
    INCONCLUSIVE = "inconclusive"  # exit code 3


@dataclass(frozen=True, slots=True)
class HostAbove:
    """``metric`` is above ``above`` (millionths, or ns) over all of the last ``for_ns``."""

    metric: HostMetric
    above: int
    for_ns: int
    verdict: AbortVerdict
    where: str = ""

    @property
    def name(self) -> str:
        """The plan's word for what is asked."""
        return self.metric.value


@dataclass(frozen=True, slots=True)
class PeerCrashed:
    """The process of a peer ends; with ``unless_injected``, though no fault of the plan did it."""

    unless_injected: bool
    verdict: AbortVerdict
    where: str = ""

    @property
    def name(self) -> str:
        """The plan's word for what is asked."""
        return "peer_crashed"


AbortWhen = HostAbove | PeerCrashed


class Guard:
    """Follows a run. ``found`` is the first of its conditions that held."""

    def __init__(self, conditions: tuple[AbortWhen, ...]) -> None:
        self.found: Aborted | None = None
        self._conditions = conditions
        self._told = Told()
        self._samples: deque[Sampled] = deque()
        self._longest_ns = max(
            (one.for_ns for one in conditions if isinstance(one, HostAbove)), default=0
        )

    def observe(self, event: Event) -> None:
        """Take one event in, unless all is said already."""
        if not self._conditions or self.found is not None:
            return
        self._told.take(event)
        if isinstance(event, Sampled):
            self._keep(event)
            self.found = next(self._busy(), None)
        elif isinstance(event, Exited):
            self.found = next(self._crashed(event), None)

    def _keep(self, sample: Sampled) -> None:
        """As many as the longest condition looks back to, and the one before them."""
        self._samples.append(sample)
        while len(self._samples) > 1 and self._samples[1].at_ns <= sample.at_ns - self._longest_ns:
            self._samples.popleft()

    def _busy(self) -> Iterator[Aborted]:
        last = self._samples[-1]
        for number, one in enumerate(self._conditions):
            if not isinstance(one, HostAbove):
                continue
            since = [s for s in self._samples if s.at_ns <= last.at_ns - one.for_ns]
            if not since:
                continue  # not sampled for so long
            value = _value(one.metric, [s for s in self._samples if s.at_ns >= since[-1].at_ns])
            if value is not None and value > one.above:
                span_ns = last.at_ns - since[-1].at_ns
                why = f"{_size(one, value)} over the last {span_ns / 1e9:.1f} s, "
                why += f"above {_size(one, one.above)}"
                yield Aborted(last.at_ns, since[-1].at_ns, number, one.name, one.verdict.value, why)

    def _crashed(self, event: Exited) -> Iterator[Aborted]:
        asked = self._told.asked(event)
        for number, one in enumerate(self._conditions):
            if not isinstance(one, PeerCrashed) or (asked and one.unless_injected):
                continue
            said = self._told.words.get(event.sid, "")
            why = f"the process of peer {event.sid} ended by {how(event.status)}"
            why += ", as a fault asked it to" if asked else ", and no fault did it"
            yield Aborted(
                event.at_ns,
                event.at_ns,
                number,
                one.name,
                one.verdict.value,
                f"{why}: {said}" if said else why,
                event.sid,
            )


def _value(metric: HostMetric, samples: list[Sampled]) -> int | None:
    """Over all of ``samples``, in millionths or ns; None where the host does not tell."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    if metric is HostMetric.LATENESS:
        return sum(later.late_ns for _, later in pairwise(samples)) // (len(samples) - 1)
    if metric is HostMetric.PRESSURE:
        return (
            (last.pressure_us - first.pressure_us) * 1_000 * _MILLION // (last.at_ns - first.at_ns)
        )
    ticks = last.ticks - first.ticks
    if ticks <= 0:
        return None
    part = last.steal_ticks - first.steal_ticks
    if metric is HostMetric.LOAD:
        part = last.busy_ticks - first.busy_ticks
    return part * _MILLION // ticks


def _size(one: HostAbove, value: int) -> str:
    return f"{value / _MILLION:.3g}" if one.metric.is_share else f"{value / 1e6:.1f} ms"


_KINDS = {
    AbortVerdict.INFRASTRUCTURE: (Kind.HOST, Outcome.FAILS),
    AbortVerdict.FAIL: (Kind.ABORT, Outcome.FAILS),
    AbortVerdict.INCONCLUSIVE: (Kind.ABORT, Outcome.UNKNOWN),
}


def abort_of(history: History, conditions: tuple[AbortWhen, ...]) -> Verdict | None:
    """What ended the steps of a run before their time, if a condition did."""
    found = next(history.every(Aborted), None)
    if found is None:
        return None
    index, event = found
    kind, outcome = _KINDS[AbortVerdict(event.verdict)]
    where = conditions[event.number].where if event.number < len(conditions) else ""
    evidence = (*_shown(history, event), index)
    return Verdict(event.name, kind, outcome, event.why, evidence, 1, where)


def _shown(history: History, event: Aborted) -> tuple[int, ...]:
    """The end of the process, or the first and the last sample."""
    found = [
        index
        for index, seen in enumerate(history.events)
        if event.since_ns <= seen.at_ns <= event.at_ns and _about(seen, event.sid)
    ]
    return tuple(dict.fromkeys(found[:1] + found[-1:]))


def _about(seen: Event, sid: Sid | None) -> bool:
    if sid is None:
        return isinstance(seen, Sampled)
    return isinstance(seen, Exited) and seen.sid == sid


def unseen(history: History, conditions: tuple[AbortWhen, ...]) -> tuple[str, ...]:
    """The metrics of conditions that could not hold, since nobody sampled them."""
    samples = [event for _, event in history.every(Sampled)]
    return tuple(
        dict.fromkeys(
            one.name
            for one in conditions
            if isinstance(one, HostAbove) and not any(_told(one.metric, s) for s in samples)
        )
    )


def _told(metric: HostMetric, sample: Sampled) -> bool:
    """Whether the host says anything of it: no kernel that counts has counted nothing."""
    match metric:
        case HostMetric.LATENESS:
            return True
        case HostMetric.PRESSURE:
            return sample.pressure_us > 0
        case _:
            return sample.ticks > 0
