"""A plan with everything drawn that it leaves open: ranges, and what ``random`` chooses.

Each number comes from a stream of its own, named by step and key: taking one step away, or one
range, leaves all others as they were. Whom a target means is drawn later, when its step begins.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from itertools import accumulate

from chaos.faults.base import Fault
from chaos.plan.model import Choice, FaultStep, Parallel, Plan, Random, Step
from chaos.plan.ranges import Draw, Range, settled

Dice = Callable[[str], random.Random]  # the stream of a name
Drawn = Mapping[str, Mapping[str, int]]  # by step and key


@dataclass(frozen=True, slots=True)
class Draws:
    """Where numbers come from: those of an earlier run, else the dice. ``made`` keeps them."""

    dice: Dice
    earlier: Drawn = field(default_factory=dict)
    made: dict[str, dict[str, int]] = field(default_factory=dict)

    def draw(self, step: str, key: str, open_: Range) -> int:
        """A number of the range."""
        value = self.earlier.get(step, {}).get(key)
        if value is None:
            lot = self.dice(f"{step}/{key}").randint(0, (open_.high - open_) // open_.step)
            value = open_ + lot * open_.step
        self.made.setdefault(step, {})[key] = value
        return value


def drawn(plan: Plan, draws: Draws) -> Plan:
    """The plan with nothing open but its targets."""
    return replace(plan, steps=tuple(_step(step, draws) for step in plan.steps))


def _step(step: Step, draws: Draws) -> Step:
    match step.verb:
        case FaultStep():
            return replace(step, verb=_fault(step.id, step.verb, draws))
        case Parallel(steps=steps):
            return replace(step, verb=Parallel(tuple(_step(child, draws) for child in steps)))
        case Random():
            return replace(step, verb=_random(step, step.verb, draws))
        case _:
            return step


def _fault(name: str, verb: FaultStep, draws: Draws) -> FaultStep:
    draw = _of(name, draws)
    fault = settled(verb.fault, "with", draw)
    for_ns = settled(verb.for_ns, "for", draw)
    assert isinstance(fault, Fault)
    assert for_ns is None or isinstance(for_ns, int)
    return replace(verb, fault=fault, for_ns=for_ns)


def _random(step: Step, verb: Random, draws: Draws) -> Random:
    """Each choice with its gap, as a step of its own."""
    total = sum(choice.weight for choice in verb.choices)
    steps: list[Step] = []
    gaps: list[int] = []
    for number in range(1, verb.count + 1):
        gap = settled(verb.every_ns, f"every.{number}", _of(step.id, draws))
        assert isinstance(gap, int)
        gaps.append(gap)
        lot = draws.draw(step.id, f"choose.{number}", Range(1, total))
        chosen = _chosen(verb.choices, lot)
        name = f"{step.id}.{number}"
        harm = replace(chosen.verb, fault=_called(chosen.verb.fault, name))
        steps.append(Step(name, chosen.where, _fault(name, harm, draws)))
    return replace(verb, steps=tuple(steps), offsets_ns=tuple(accumulate(gaps)))


def _called(fault: Fault, name: str) -> Fault:
    """The same fault of another step."""
    assert is_dataclass(fault), "faults are records"
    made = replace(fault, name=name)
    assert isinstance(made, Fault)
    return made


def _of(name: str, draws: Draws) -> Draw:
    return lambda key, open_: draws.draw(name, key, open_)


def _chosen(choices: tuple[Choice, ...], lot: int) -> Choice:
    """The choice that the ``lot``-th unit of weight belongs to, counting from 1."""
    for choice, reach in zip(choices, accumulate(one.weight for one in choices), strict=True):
        if lot <= reach:
            return choice
    raise AssertionError(lot)
