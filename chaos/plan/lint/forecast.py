"""How long the elections of a plan may take, from its timings alone.

======== ===================================================================================
phase    bounds
======== ===================================================================================
detect   0 where sockets close; else between the last ping before the silence (``syncLimit``
         ticks less one and a half) and ``syncLimit`` + 2 ticks, H11's bound
vote     from nothing, one message each way, to a round of the slowest re-send
finalize one undisturbed ``finalizeWait`` to three: at most two restarts by a better vote
======== ===================================================================================

Source: the bound of liveness and H11 of ``docs/plan-format.md``'s checks; ZooKeeper's
``Learner.readPacket`` (a silent leader is given up after ``syncLimit`` ticks) and
``FastLeaderElection`` (``finalizeWait``, ``minNotificationInterval`` and its doubling).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chaos.actions import Block, How, Kill, Terminate
from chaos.election.ids import Sid
from chaos.plan.lint.context import Context
from chaos.plan.lint.worlds import Deed, World
from chaos.plan.model import FaultStep, Plan, Step

MS: Final = 1_000_000
START: Final = "start"


@dataclass(frozen=True, slots=True)
class Band:
    """From ``least_ns`` to ``most_ns``, both included."""

    least_ns: int
    most_ns: int

    def __add__(self, other: Band) -> Band:
        return Band(self.least_ns + other.least_ns, self.most_ns + other.most_ns)

    def __or__(self, other: Band) -> Band:
        least = min(self.least_ns, other.least_ns)
        return Band(least, max(self.most_ns, other.most_ns))


@dataclass(frozen=True, slots=True)
class Forecast:
    """The phases of the election that may follow fault ``of``.

    ``sure``: in every draw it ends the leadership. Else the band is of those draws that do.
    """

    of: str
    detect: Band | None
    vote: Band
    finalize: Band
    sure: bool = True

    @property
    def total(self) -> Band:
        """From the fault to the decision of a quorum."""
        rest = self.vote + self.finalize
        return rest if self.detect is None else self.detect + rest


def slowest_ns(plan: Plan) -> int:
    """The slowest link that the plan begins with, one way."""
    return max((one.latency_ns + one.jitter_ns for one in plan.ensemble.links), default=5 * MS)


def silent(plan: Plan) -> Band:
    """Until silence is noticed."""
    timings = plan.ensemble.timings
    least = timings.sync_ms - timings.tick_ms * 3 // 2
    return Band(max(0, least) * MS, (timings.sync_ms + 2 * timings.tick_ms) * MS)


def closed(plan: Plan) -> Band:
    """Until a closed socket is noticed."""
    return Band(0, plan.ensemble.timings.tick_ms * MS + slowest_ns(plan))


def vote(plan: Plan) -> Band:
    """Until a quorum is seen. A stopped or cut peer makes a dial run out first."""
    timings = plan.ensemble.timings
    again = 4 * timings.notification_ms_min + timings.connect_ms
    return Band(0, 4 * slowest_ns(plan) + again * MS)


def finalize(plan: Plan) -> Band:
    """Until it is decided."""
    wait = plan.ensemble.timings.finalize_ms * MS
    return Band(wait, 3 * wait + 2 * slowest_ns(plan))


def first_election(plan: Plan) -> Forecast:
    """The election that every run begins with."""
    return Forecast(START, None, vote(plan), finalize(plan))


def forecasts(context: Context) -> tuple[Forecast, ...]:
    """The elections that a plan's faults are to cause, in the order of its steps."""
    plan = context.plan
    found = [first_election(plan)]
    for step, verb in context.faults:
        one = _of(context, step, verb)
        if one is not None:
            found.append(one)
    return tuple(found)


def _of(context: Context, step: Step, verb: FaultStep) -> Forecast | None:
    """What follows a fault; nothing where no draw of it ends a leadership."""
    plan = context.plan
    bands = [detection(plan, world, world.deeds[step.id]) for world in context.worlds]
    bands = [band for band in bands if band is not None]
    if not bands:
        return None
    least = 0 if verb.for_ns is None else verb.for_ns
    together = _joined(band for band in bands if band is not None)
    if verb.for_ns is not None and least < together.least_ns:
        return None
    return Forecast(
        step.id, together, vote(plan), finalize(plan), len(bands) == len(context.worlds)
    )


def _joined(bands: Iterable[Band]) -> Band:
    found = list(bands)
    return Band(min(one.least_ns for one in found), max(one.most_ns for one in found))


def detection(plan: Plan, world: World, deed: Deed) -> Band | None:
    """How a leadership's end is noticed, if this deed can end one in this world."""
    verifier = world.config.verifier
    ended = frozenset(one.sid for one in deed.actions if isinstance(one, Kill | Terminate))
    band: Band | None = None
    if ended & verifier.voters:
        band = closed(plan)
    stopped = deed.stopped - ended
    loud = any(isinstance(one, Block) and one.how is How.RESET for one in deed.actions)
    if stopped & verifier.voters or deed.cuts:
        more = closed(plan) | silent(plan) if loud else silent(plan)
        band = more if band is None else band | more
    return band


def leads_then(world: World, deed: Deed) -> frozenset[Sid]:
    """Whom the deed hits of those who vote."""
    hit = deed.stopped | {sid for cut in deed.cuts for sid in cut}
    return hit & world.config.voters
