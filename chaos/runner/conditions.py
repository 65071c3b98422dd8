"""A plan's conditions with their selectors resolved."""

from __future__ import annotations

from collections.abc import Callable

from chaos.election.ids import Sid
from chaos.faults.targets import Selector
from chaos.plan.model import Elapsed, LeaderOutcome, NoLeaderOutcome, RoleOutcome, Wait
from chaos.verify.waits import Condition, LeaderCondition, NoLeaderCondition, RoleCondition, SeenBy

Resolve = Callable[[Selector], tuple[Sid, ...]]


def condition_of(wait: Wait, resolve: Resolve) -> Condition | None:
    """What to watch for; ``None`` for a wait that only lets time go by.

    Raises:
        NoTarget: a selector means nobody now.
    """
    match wait.condition:
        case Elapsed():
            return None
        case LeaderOutcome(among=among, seen_by=seen_by):
            return LeaderCondition(some(among, resolve), SeenBy(seen_by), wait.hold_ns)
        case NoLeaderOutcome(among=among):
            return NoLeaderCondition(some(among, resolve), wait.hold_ns)
        case RoleOutcome(role=role, of=of):
            return RoleCondition(role, frozenset(resolve(of)), wait.hold_ns)


def some(selector: Selector | None, resolve: Resolve) -> frozenset[Sid] | None:
    """Whom a selector means, ``None`` if nobody in particular was asked for."""
    return None if selector is None else frozenset(resolve(selector))
