"""What every rule of the linter looks at: the plan, its moments, and its worlds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from chaos.faults.targets import Group, Name, Pick, Selector, Word
from chaos.plan.lint.times import Bound, Moment, Times
from chaos.plan.lint.world import Peers, Undecided, World
from chaos.plan.lint.worlds import worlds
from chaos.plan.model import (
    FaultStep,
    LeaderExpected,
    LeaderOutcome,
    Otherwise,
    Plan,
    RoleExpected,
    Step,
    Wait,
    Where,
)

Window = tuple[tuple[Moment, int], tuple[Moment, Bound]]


@dataclass(frozen=True, slots=True)
class Hope:
    """A leader that a wait or an expectation asks for, between two moments."""

    name: str
    where: Where
    among: Selector | None
    window: Window
    within_ns: int
    hold_ns: int  # how long it has to lead, from some moment of the window on
    step: str | None = None  # the step that it comes after, a fault's if it is one


class Context:
    """One plan under the linter."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.times = Times(plan)
        self.members: Peers = frozenset(plan.ensemble.sids)
        self.steps = {step.id: step for step in plan.every_step}

    @cached_property
    def all_worlds(self) -> tuple[World, ...]:
        """Every way the draws can come out; none if they cannot be told."""
        try:
            return worlds(self.plan, self.times)
        except Undecided:
            return ()

    @cached_property
    def worlds(self) -> tuple[World, ...]:
        """Those in which every step hits somebody."""
        return tuple(world for world in self.all_worlds if not world.empty)

    @property
    def faults(self) -> Iterator[tuple[Step, FaultStep]]:
        """The steps that do harm."""
        for step in self.plan.every_step:
            if isinstance(step.verb, FaultStep):
                yield step, step.verb

    def window(self, one: LeaderExpected | RoleExpected) -> Window:
        """From when until when an expectation may come true."""
        moment, plus = self.times.at(one.after)
        return (moment, plus), (moment, plus + one.within_ns)

    @property
    def hopes(self) -> Iterator[Hope]:
        """Every leader that the plan asks for."""
        for step in self.plan.every_step:
            verb = step.verb
            if not isinstance(verb, Wait) or verb.otherwise is not Otherwise.FAIL:
                continue  # its author reckons with it running out
            if isinstance(verb.condition, LeaderOutcome):
                began = (step.id, "began")
                window: Window = ((began, 0), (began, verb.within_ns - verb.hold_ns))
                among = verb.condition.among
                yield Hope(step.id, step.where, among, window, verb.within_ns, verb.hold_ns)
        for one in self.plan.expectations:
            if isinstance(one, LeaderExpected):
                after = None if one.after is None else one.after.step
                window = self.window(one)
                yield Hope(one.id, one.where, one.among, window, one.within_ns, one.hold_ns, after)


def excludes(among: Selector | None, name: str | None) -> bool:
    """Whether ``among`` leaves out whom a step calls ``$name``."""
    return name is not None and isinstance(among, Pick) and Name(name) in among.but


def is_leader(selector: Selector) -> bool:
    """Whether a target is the leader, whoever it is."""
    return isinstance(selector, Group) and selector.word is Word.LEADER
