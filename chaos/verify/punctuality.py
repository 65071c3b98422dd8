"""Whether the host let peers be on time, by what it and they left behind.

Two witnesses. The canary: a thread that only sleeps, and notes how late it woke. And each of our
own peers: its journal has the timers that it armed and when they ran out for it, and the kernel
counts how long its process was ready to run and had no CPU. A peer whose timer was late *because*
it got no CPU was kept waiting by the host, whatever the canary says; one that was late for any
other reason, as by a call that blocks, has nobody but itself to blame.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chaos.actions import Burn
from chaos.election.effects import Arm, Disarm, Expire, Timer
from chaos.election.ids import Sid
from chaos.election.timings import Timings
from chaos.history.events import Acted, Began, Exited, Sampled, Stepped, Used
from chaos.history.history import History
from chaos.verify.docket import Once

_MS: Final = 1_000_000
LATE_PERCENT: Final = 25  # of a tick; a host that is later than that judges no times
HEARD_NS: Final = 1_000_000_000  # a canary that woke late is heard no later than this


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a run, and whose times in it matter; ``None``: those of all peers."""

    from_ns: int
    to_ns: int
    sids: frozenset[Sid] | None = None


@dataclass(frozen=True, slots=True)
class Lateness:
    """By how much the host was late, all in all, and the worst of it in words."""

    ns: int
    words: str


def lateness(history: History, window: Window) -> Lateness | None:
    """How much of a window the host took away; none if it was on time, or the plan burns its CPU.

    What is less than a quarter of a tick at a time is of no account. All that the canary was
    late is added up, and so is what any one peer's timers were late for want of a CPU.
    """
    least_ns = late_limit_ns(history)
    if not least_ns or _burnt(history, window.to_ns):
        return None
    late_ns = [
        sample.late_ns
        for _, sample in history.every(Sampled)
        if window.from_ns <= sample.at_ns <= window.to_ns + HEARD_NS and sample.late_ns > least_ns
    ]
    if late_ns:
        return Lateness(sum(late_ns), f"the host was {max(late_ns) / _MS:.0f} ms late meanwhile")
    starved = [one for one in _starved(history, window) if one.late_ns > least_ns]
    if not starved:
        return None
    worst = max(starved, key=lambda one: one.late_ns)
    return Lateness(
        sum(one.late_ns for one in starved if one.sid == worst.sid),
        f"a timer of peer {worst.sid} was {worst.late_ns / _MS:.0f} ms late meanwhile, and its "
        f"process waited {worst.waited_ns / _MS:.0f} ms for a CPU",
    )


def late_limit_ns(history: History) -> int:
    """A quarter of a tick; 0 where no peer of ours tells how long its tick is."""
    first = next((event for _, event in history.every(Began)), None)
    return 0 if first is None else limit_ns(first.spec.timings)


def limit_ns(timings: Timings) -> int:
    """How late a host may be for times to mean anything."""
    return timings.tick_ms * _MS * LATE_PERCENT // 100


def _burnt(history: History, until_ns: int) -> bool:
    """Whether a fault kept a CPU busy before: then the host does what it was told to."""
    return any(
        isinstance(event.action, Burn) and event.at_ns < until_ns
        for _, event in history.every(Acted)
    )


@dataclass(frozen=True, slots=True)
class _Starved:
    """A timer that was late because its peer got no CPU, as far as a window is touched."""

    sid: Sid
    late_ns: int
    waited_ns: int


def _starved(history: History, window: Window) -> Iterator[_Starved]:
    accounts = _accounts(history)
    for one in _overdue(history):
        since_ns = max(one.due_ns, window.from_ns)  # what came before touches it no more
        mine = window.sids is None or one.sid in window.sids
        late_ns = one.at_ns - since_ns
        if not mine or late_ns <= 0 or since_ns >= window.to_ns:
            continue
        waited_ns = accounts[one.sid, one.inc].between(since_ns, one.at_ns)
        if 2 * waited_ns >= late_ns:
            yield _Starved(one.sid, late_ns, waited_ns)


# ---- timers of peers


@dataclass(frozen=True, slots=True)
class _Overdue:
    """A timer of a peer that was due at ``due_ns`` ran out at ``at_ns`` only."""

    sid: Sid
    inc: int
    due_ns: int
    at_ns: int


class _Timers:
    """Those of one incarnation, and when each is due."""

    def __init__(self) -> None:
        self.due: dict[Timer, int] = {}

    def take(self, event: Stepped) -> int | None:
        """Take one step in; when the timer that ran out with it was due, if one did."""
        happened, due_ns = event.happened, None
        if isinstance(happened, Expire):
            due_ns = self.due.pop(happened.timer, None)
        for effect in event.effects:
            if isinstance(effect, Arm):
                self.due[effect.timer] = event.at_ns + effect.delay_ms * _MS
            elif isinstance(effect, Disarm):
                self.due.pop(effect.timer, None)
        return due_ns


def _find(history: History) -> tuple[_Overdue, ...]:
    """Every timer that ran out after it was due, and those that never did, until the end."""
    found: list[_Overdue] = []
    timers: defaultdict[tuple[Sid, int], _Timers] = defaultdict(_Timers)
    for event in history.events:
        if isinstance(event, Exited):
            timers.pop((event.sid, event.inc), None)
        elif isinstance(event, Stepped):
            due_ns = timers[event.sid, event.inc].take(event)
            if due_ns is not None and due_ns < event.at_ns:
                found.append(_Overdue(event.sid, event.inc, due_ns, event.at_ns))
    end_ns = history.end_ns
    for (sid, inc), mine in timers.items():
        found.extend(_Overdue(sid, inc, at, end_ns) for at in mine.due.values() if at < end_ns)
    return tuple(found)


_overdue = Once(_find)


class _Account:
    """What the kernel had counted for one process, by when that was asked."""

    def __init__(self) -> None:
        self._at: list[int] = []
        self._waited: list[int] = []

    def add(self, used: Used) -> None:
        self._at.append(used.at_ns)
        self._waited.append(used.waited_ns)

    def between(self, from_ns: int, to_ns: int) -> int:
        """How long it waited, from the last sample before a time to the first after another."""
        if not self._at:
            return 0
        first = max(0, bisect_right(self._at, from_ns) - 1)
        last = min(len(self._at) - 1, bisect_left(self._at, to_ns))
        return max(0, self._waited[last] - self._waited[first])


def _accounts_of(history: History) -> Mapping[tuple[Sid, int], _Account]:
    accounts: defaultdict[tuple[Sid, int], _Account] = defaultdict(_Account)
    for _, used in history.every(Used):
        accounts[used.sid, used.inc].add(used)
    return accounts


_accounts = Once(_accounts_of)
