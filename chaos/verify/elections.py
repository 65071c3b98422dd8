"""One election: from the fault that caused it until everybody follows the new leader."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from chaos.actions import Kill, Terminate
from chaos.election.ids import Sid
from chaos.history.events import Acted, unsure_ns
from chaos.history.history import History
from chaos.verify.replay import Stretch, index_at, reigns
from chaos.verify.turns import Turn, What, scenes, turns
from chaos.verify.verdict import Measure

START = "start"  # what the first election of a run is measured for


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """Fault ``step`` was in effect on ``targets`` from ``began_ns`` on, perhaps sooner.

    A process ends between its signal, ``since_ns``, and the moment in which it is reaped.
    ``ended_ns`` is when it was over, ``None`` where it goes on.
    """

    step: str
    began_ns: int
    targets: tuple[Sid, ...]
    since_ns: int | None = None
    ended_ns: int | None = None

    @property
    def soonest_ns(self) -> int:
        """The earliest that it can have been in effect."""
        return self.began_ns if self.since_ns is None else self.since_ns

    def over_by(self, at_ns: int) -> bool:
        """Whether it was over before then."""
        return self.ended_ns is not None and self.ended_ns < at_ns


def signals(history: History) -> dict[str, int]:
    """When each step sent its first signal that ended a process."""
    found: dict[str, int] = {}
    for _, event in history.every(Acted):
        if event.step and isinstance(event.action, Kill | Terminate):
            found[event.step] = min(event.at_ns, found.get(event.step, event.at_ns))
    return found


@dataclass(frozen=True, slots=True)
class Moment:
    """An event and its time."""

    index: int
    at_ns: int


def changes_leader(history: History, spans: Sequence[FaultSpan], place: int) -> bool:
    """Whether the fault at ``place`` of ``spans`` found no leader, or ended its leadership.

    The next fault may begin before this one is known to be in effect: what ends until then may
    be the work of either.
    """
    span = spans[place]
    for reign in reigns(history):
        if reign.from_ns > span.soonest_ns or (
            reign.end is not None and reign.to_ns < span.soonest_ns
        ):
            continue
        if reign.end is None:
            return False
        if reign.to_ns > span.began_ns and _ended_by(reign, spans) != place:
            return False
    return True


def _ended_by(reign: Stretch, spans: Sequence[FaultSpan]) -> int:
    """The place of the fault that ended it: the last one before, but for a better reason.

    A leader that a fault still holds when it gives up does so for that, whatever began since on
    others: it may take ``sync_limit`` ticks to know that nobody hears it.
    """
    before = [place for place, span in enumerate(spans) if span.soonest_ns <= reign.to_ns]
    holding = [
        place
        for place in before
        if reign.holder in spans[place].targets
        and spans[place].soonest_ns >= reign.from_ns
        and not spans[place].over_by(reign.to_ns)
    ]
    return max(holding or before, default=-1)


def spanned(
    history: History, name: str, of: str, start: Moment | Turn, end: Moment | Turn
) -> Measure:
    """The measure from ``start`` to ``end``, each taken at the latest that it may have been."""
    more, less = (unsure_ns(history.events[one.index]) for one in (start, end))
    took = end.at_ns - start.at_ns
    return Measure(name, of, took, start.index, end.index, less_ns=less, more_ns=more)


class Election:
    """What followed ``span``, as moments; ``None`` for what never came."""

    def __init__(self, history: History, span: FaultSpan) -> None:
        self._history = history
        self._span = span
        self._start = _start(history, span)
        everything = turns(history)
        first = bisect_left(everything, span.soonest_ns, key=lambda turn: turn.at_ns)
        self._before, self._after = everything[:first], everything[first:]
        self.served = self._served()
        self.decided = self._decided()

    def measures(self) -> Iterator[Measure]:
        """Every measure that applies to this election."""
        yield from self._phases()
        yield self._since_fault("election.total", self.decided)
        yield self._since_fault("election.leaderless", self.served)
        yield self._since_fault("election.converge", self._converged())
        yield self._rounds()

    # ---- moments

    def _served(self) -> Moment | None:
        for reign in reigns(self._history):
            if reign.from_ns > self._span.soonest_ns:
                return Moment(reign.index, reign.from_ns)
        return None

    def _decided(self) -> Moment | None:
        """When a quorum of voters had decided for one leader since the fault."""
        by_leader: dict[Sid, set[Sid]] = {}
        for turn in self._after:
            if self.served is not None and turn.index > self.served.index:
                break
            if turn.what in (What.LOOKING, What.GONE):
                for voters in by_leader.values():
                    voters.discard(turn.sid)
            elif turn.what is What.DECIDED:
                voters = by_leader.setdefault(turn.leader, set())
                voters.add(turn.sid)
                if turn.leader in voters and self._quorum(voters, turn.index):
                    return Moment(turn.index, turn.at_ns)
        return self.served

    def _quorum(self, voters: set[Sid], index: int) -> bool:
        frames = scenes(self._history)
        at = bisect_left(frames, index, key=lambda scene: scene.index)
        config = frames[min(at, len(frames) - 1)].config
        return config.verifier.contains_quorum(voters)

    def _converged(self) -> Moment | None:
        if self.served is None:
            return None
        frames = scenes(self._history)
        first = bisect_left(frames, self.served.index, key=lambda scene: scene.index)
        for scene in frames[first:]:
            if scene.leader is not None and scene.astray <= set(self._span.targets):
                return Moment(scene.index, scene.at_ns)
        return None

    # ---- measures

    def _phases(self) -> Iterator[Measure]:
        """Detect, vote and finalize: one begins where the other ends."""
        base: Moment | Turn = Moment(self._start, self._span.began_ns)
        left = self._first(lambda turn: turn.left and turn.sid not in self._span.targets)
        if left is not None or (self.decided is None and self._settled()):
            yield self._since_fault("election.detect", left)
        base = left or base
        quorum = self._first(lambda turn: turn.what is What.QUORUM and turn.index >= base.index)
        if quorum is not None:
            yield self._measure("election.vote", base, quorum)
            yield self._finalized(quorum)
        elif self.decided is None:
            yield self._measure("election.vote", base, None)

    def _finalized(self, quorum: Turn) -> Measure:
        """Until the decision of the peer that saw the first quorum, unless it ended before."""
        name = "election.finalize"
        for turn in self._after:
            if turn.index < quorum.index or turn.sid != quorum.sid:
                continue
            if turn.what is What.GONE:
                of, why = self._span.step, f"peer {turn.sid} ended"
                return Measure(name, of, None, quorum.index, turn.index, why=why)
            if turn.what is What.DECIDED:
                return self._measure(name, quorum, turn)
        return self._measure(name, quorum, None)

    def _settled(self) -> bool:
        """Whether the fault found some survivor under a leader."""
        latest: dict[Sid, What] = {}
        for turn in self._before:
            if turn.what in (What.LOOKING, What.DECIDED, What.GONE):
                latest[turn.sid] = turn.what
        spared = set(latest) - set(self._span.targets)
        return any(latest[sid] is What.DECIDED for sid in spared)

    def _rounds(self) -> Measure:
        last = self.decided.index if self.decided is not None else len(self._history.events)
        rounds = {
            turn.round for turn in self._after if turn.what is What.PROPOSED and turn.index <= last
        }
        end = None if self.decided is None else self.decided.index
        return Measure("rounds", self._span.step, len(rounds), self._start, end, "count")

    def _first(self, wanted: Callable[[Turn], bool]) -> Turn | None:
        """The first such turn before the election was over."""
        for turn in self._after:
            if self.decided is not None and turn.index > self.decided.index:
                return None
            if wanted(turn):
                return turn
        return None

    def _since_fault(self, name: str, end: Moment | Turn | None) -> Measure:
        """From the fault on, which may have been in effect before that was known, and noticed."""
        found = self._measure(name, Moment(self._start, self._span.began_ns), end)
        if found.value_ns is None:
            return found
        took = max(0, found.value_ns)
        most = found.value_ns + self._span.began_ns - self._span.soonest_ns
        less, more = min(found.less_ns, took), max(found.more_ns, most - took)
        return replace(found, value_ns=took, less_ns=less, more_ns=more)

    def _measure(self, name: str, start: Moment | Turn, end: Moment | Turn | None) -> Measure:
        if end is None:
            why = "the run ended before"
            return Measure(name, self._span.step, None, start.index, None, why=why)
        return spanned(self._history, name, self._span.step, start, end)


def _start(history: History, span: FaultSpan) -> int:
    """The event that put the fault in place."""
    found = [
        index
        for index, event in history.every(Acted)
        if event.step == span.step and event.done_ns <= span.began_ns
    ]
    return found[-1] if found else index_at(history, span.began_ns)
