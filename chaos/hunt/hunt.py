"""Which plan gives a bug away, by which check, after how many runs.

The shipped plans go first, those that aim at the bug before the others, then random ones. A hunt
ends when both kinds of evidence are there, or the plans are used up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from chaos.hunt.drawn import drawn
from chaos.hunt.trial import Catch, Trial, trial
from chaos.plan.model import Plan
from chaos.zoo.bug import Bug

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Caught:
    """The first run that gave a bug away; ``after_ns`` and ``runs`` count from the beginning."""

    check: str
    why: str
    plan: str
    seed: int
    runs: int
    after_ns: int


@dataclass(slots=True)
class Hunted:
    """What became of the hunt for one bug; ``None`` where it was not caught."""

    bug: str
    properties: Caught | None = None
    conformance: Caught | None = None
    runs: int = 0
    took_ns: int = 0
    trials: list[Trial] = field(default_factory=list)


def hunt(bug: Bug, plans: Iterable[Plan], seeds: int, clock: Clock) -> Hunted:
    """Run the plans, then ``seeds`` random ones, until both kinds of evidence are there."""
    found, began_ns = Hunted(bug.name), clock()
    for plan, seed in _order(bug, plans, seeds):
        seen = trial(plan, seed, bug.rules)
        found.runs += 1
        found.took_ns = clock() - began_ns
        found.properties = found.properties or _caught(seen.properties, seen, found)
        found.conformance = found.conformance or _caught(seen.conformance, seen, found)
        if found.properties and found.conformance:
            break
    return found


def _order(bug: Bug, plans: Iterable[Plan], seeds: int) -> Iterator[tuple[Plan, int]]:
    for plan in sorted(plans, key=lambda plan: plan.name not in bug.plans):
        yield plan, 1
    for seed in range(seeds):
        yield drawn(seed), seed


def _caught(catches: list[Catch], seen: Trial, found: Hunted) -> Caught | None:
    if not catches:
        return None
    first = catches[0]
    return Caught(first.check, first.why, seen.plan, seen.seed, found.runs, found.took_ns)
