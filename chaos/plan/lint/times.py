"""When the moments of a plan can be: bounds on the time between any two of them.

A simple temporal network (Dechter, Meiri, Pearl 1991): each moment is a node, each thing known
of two moments an edge, and the shortest path between two nodes the tightest bound that follows.
So "5 s after that fault began" is exact although nobody knows when the fault will begin.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from math import inf
from typing import Final

from chaos.faults.targets import Ambiguity
from chaos.plan.model import (
    After,
    At,
    Change,
    Edge,
    Elapsed,
    FaultStep,
    LeaderOutcome,
    Note,
    Otherwise,
    Parallel,
    Plan,
    Probe,
    Random,
    Release,
    Step,
    Wait,
)
from chaos.plan.ranges import highest

Moment = tuple[str, str]  # a step's id, and "began", "done" or "ended"
ZERO: Final[Moment] = ("", "zero")
Bound = float  # whole nanoseconds, or infinity


class Times:
    """All moments of a plan, as far as its text decides when they are."""

    def __init__(self, plan: Plan) -> None:
        self._edges: dict[Moment, dict[Moment, Bound]] = {ZERO: {}}
        self._back: dict[Moment, dict[Moment, Bound]] = {}  # the same edges, by where they lead
        self._found: dict[Moment, dict[Moment, Bound]] = {}  # from each moment that was asked for
        self._led: dict[Moment, dict[Moment, Bound]] = {}  # and to each
        self._faults = {
            step.id: step.verb.fault for step in plan.every_step if isinstance(step.verb, FaultStep)
        }
        self._finalize_ns = plan.ensemble.timings.finalize_ms * 1_000_000
        self._skips = [step.id for step in plan.every_step if _skips(step)]
        self._doubtful = {step.id for step in plan.every_step if _doubtful(step)}
        self.late: dict[str, Bound] = {}  # by how much an ``at`` is surely over when its turn is
        before = ZERO
        for step in plan.steps:
            self._step(step, before)
            before = (step.id, "done")

    # ---- questions

    def most(self, first: Moment, then: Moment) -> Bound:
        """The longest that ``then`` can come after ``first``; infinity if nothing bounds it."""
        return _tree(self._found, first, self._edges).get(then, inf)

    def least(self, first: Moment, then: Moment) -> Bound:
        """The shortest that ``then`` can come after ``first``; minus infinity likewise."""
        return -_tree(self._led, first, self._back).get(then, inf)

    def at(self, after: After | None) -> tuple[Moment, int]:
        """The moment that ``after`` means, and what is to be added to it."""
        if after is None:
            return ZERO, 0
        started = after.edge is Edge.STARTED
        if after.step not in self._faults:  # it begins when it is armed, and ends when it is done
            return (after.step, "began" if started else "done"), after.plus_ns
        once = self._faults[after.step].instant  # over at once, though what it did may last
        return (after.step, "done" if started or once else "ended"), after.plus_ns

    def surely(self, step: str, first: tuple[Moment, int], until: tuple[Moment, Bound]) -> bool:
        """Whether the fault ``step`` is in effect from ``first`` to ``until``, come what may."""
        begins = self.least((step, "done"), first[0]) + first[1]
        return begins >= 0 and self.least(until[0], (step, "ended")) - until[1] >= 0

    def perhaps(self, step: str, first: tuple[Moment, int], until: tuple[Moment, Bound]) -> bool:
        """Whether it can be in effect at some moment between them."""
        over = self.most(first[0], (step, "ended")) - first[1] < 0
        later = self.least(until[0], (step, "began")) - until[1] > 0
        return not (over or later)

    def may_be_left_out(self, step: str, reached: Moment) -> bool:
        """Whether the run may come to ``reached`` although ``step`` never began.

        What waits with ``otherwise: skip`` may keep all that comes after it from beginning, and
        so may an event that does not come, or nobody who leads, of the step itself.
        """
        if step in self._doubtful:
            return True
        if reached != ZERO and self.least((step, "done"), (reached[0], "began")) >= 0:
            return False
        began = (step, "began")
        return any(self.least(began, (skip, "began")) < 0 for skip in self._skips)

    # ---- building

    def _step(self, step: Step, before: Moment) -> None:
        self._start(step, before)
        self._verb(step)
        if isinstance(step.verb, Parallel):
            self._together(step)
        for one in () if isinstance(step.verb, Parallel) else step.nested:
            self._step(one, (step.id, "began"))  # drawn already: not sooner, in their own time

    def _together(self, step: Step) -> None:
        """All begin at once; the whole is done when the last of them is."""
        began: Moment = (step.id, "began")
        for one in step.nested:
            self._step(one, began)
        dones: list[Moment] = [(one.id, "done") for one in step.nested]
        most = max((self.most(began, done) for done in dones), default=0)
        self._between(began, (step.id, "done"), 0, most)
        for done in dones:
            self._between(done, (step.id, "done"), 0, inf)

    def _start(self, step: Step, before: Moment) -> None:
        turn: Moment = (step.id, "turn")
        began: Moment = (step.id, "began")
        self._between(before, turn, 0, inf)
        match step.start:
            case At(at_ns=at_ns):
                self._latest(turn, before, (ZERO, at_ns))
                self.late[step.id] = self.least(ZERO, before) - highest(at_ns)
            case After() as after:
                self._latest(turn, before, self.at(after))
            case _:
                self._between(before, turn, 0, 0)
        self._between(turn, began, 0, 0 if step.when is None else highest(step.when.within_ns))

    def _latest(self, turn: Moment, before: Moment, other: tuple[Moment, int]) -> None:
        """``turn`` is the later of ``before`` and ``other``, which one is known or not."""
        moment, plus = other
        late = highest(plus)
        if self.least(moment, before) >= late:
            self._between(before, turn, 0, 0)
        elif self.most(moment, before) <= plus:
            self._between(moment, turn, plus, late)
        else:
            self._between(moment, turn, plus, inf)
            most = max(self.most(ZERO, before), self.most(ZERO, moment) + late)
            self._between(ZERO, turn, 0, most)

    def _verb(self, step: Step) -> None:
        began: Moment = (step.id, "began")
        done: Moment = (step.id, "done")
        match step.verb:
            case Wait(condition=Elapsed(time_ns=time_ns)):
                self._between(began, done, time_ns, highest(time_ns))
            case Wait() as wait:
                held = min(wait.hold_ns, wait.within_ns)
                self._between(began, done, held, highest(max(wait.within_ns, wait.hold_ns)))
                if isinstance(wait.condition, LeaderOutcome):  # nobody leads before a quorum voted
                    self._between(ZERO, done, self._finalize_ns, inf)
            case FaultStep() as fault:
                self._between(began, done, 0, 0)
                self._ends(step.id, fault)
            case Probe(within_ns=within_ns) | Change(within_ns=within_ns):
                self._between(began, done, 0, highest(within_ns))
            case Random() as drawn:
                self._between(began, done, 0, highest(drawn.count) * highest(drawn.every_ns))
            case Note():
                self._between(began, done, 0, 0)
            case Release(steps=steps):
                self._between(began, done, 0, 0)
                for name in steps:
                    self._released(name, began)
            case _:
                self._between(began, done, 0, inf)

    def _ends(self, name: str, fault: FaultStep) -> None:
        """A fault without ``for`` ends when a later step says so, or never."""
        most = inf if fault.for_ns is None else highest(fault.for_ns)
        self._between((name, "done"), (name, "ended"), 0, most)
        if fault.for_ns is not None:
            self._between((name, "done"), (name, "ended"), fault.for_ns, most)
        elif fault.fault.instant:
            self._between((name, "done"), (name, "ended"), inf, inf)

    def _released(self, name: str, began: Moment) -> None:
        ended: Moment = (name, "ended")
        known = self.least((name, "done"), ended)
        if known in (inf, 0):
            self._between(began, ended, 0, 0)
            return
        if self.least(ended, began) >= 0:
            return  # over already: its ``for`` counts
        self._edges[ended].pop((name, "done"), None)  # it may now end before its ``for``
        self._back[name, "done"].pop(ended, None)
        self._between(began, ended, -inf, 0)
        self._between((name, "done"), ended, 0, known)

    def _between(self, first: Moment, then: Moment, least: Bound, most: Bound) -> None:
        """``then`` is at least ``least`` and at most ``most`` after ``first``."""
        for source, target, bound in ((first, then, most), (then, first, -least)):
            row = self._edges.setdefault(source, {})
            row[target] = min(bound, row.get(target, inf))
            self._back.setdefault(target, {})[source] = row[target]
        self._found.clear()
        self._led.clear()


def _skips(step: Step) -> bool:
    """Whether no further step may begin once its time is up."""
    return isinstance(step.verb, Wait | Probe) and step.verb.otherwise is Otherwise.SKIP


def _doubtful(step: Step) -> bool:
    """Whether the step alone may be left out."""
    if step.when is not None and step.when.otherwise is Otherwise.SKIP:
        return True
    return isinstance(step.verb, FaultStep) and repr(Ambiguity.SKIP) in repr(step.verb.target)


def _tree(
    trees: dict[Moment, dict[Moment, Bound]],
    source: Moment,
    edges: Mapping[Moment, Mapping[Moment, Bound]],
) -> Mapping[Moment, Bound]:
    """The shortest paths from ``source``, which are kept for the next that asks."""
    if source not in trees:
        trees[source] = _shortest(source, edges)
    return trees[source]


def _shortest(
    source: Moment, edges: Mapping[Moment, Mapping[Moment, Bound]]
) -> dict[Moment, Bound]:
    """Shortest paths from ``source`` (Bellman and Ford, only from where something changed)."""
    found: dict[Moment, Bound] = {source: 0}
    queue, often = deque([source]), Counter[Moment]()
    waiting = {source}
    while queue:
        moment = queue.popleft()
        waiting.discard(moment)
        often[moment] += 1
        if often[moment] > len(edges):
            continue  # a plan that contradicts itself: there is no shortest path
        base = found[moment]
        for target, bound in edges.get(moment, {}).items():
            if base + bound < found.get(target, inf):
                found[target] = base + bound
                if target not in waiting:
                    waiting.add(target)
                    queue.append(target)
    return found
