"""How long the elections of a plan may take, from its timings alone.

======== ===================================================================================
phase    bounds
======== ===================================================================================
detect   0 where sockets close; else between the last ping before the silence (``syncLimit``
         ticks less one and a half) and ``syncLimit`` + 2 ticks, H11's bound
vote     from nothing, one message each way, to a round of the slowest re-send
finalize one undisturbed ``finalizeWait`` to three: at most two restarts by a better vote
======== ===================================================================================

Where no quorum is left, the vote lasts until the fault ends, and one backed-off
re-send more.

Source: the bound of conditional liveness; the step-down of a leader without quorum; ZooKeeper's
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
from chaos.plan.lint.quorums import Held
from chaos.plan.lint.world import Deed, World
from chaos.plan.model import Change, FaultStep, LeaderOutcome, Plan, Random, Step, Wait
from chaos.plan.ranges import highest

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
    """The elections that a plan's faults may cause, in the order of its steps."""
    found = [first_election(context.plan)]
    at_rest = False
    for step in context.plan.every_step:
        if isinstance(step.verb, Wait):
            at_rest = at_rest or isinstance(step.verb.condition, LeaderOutcome)
        if isinstance(step.verb, Random | Change):
            at_rest = False
        if isinstance(step.verb, FaultStep):
            one = _of(context, step, step.verb, at_rest=at_rest and step.when is None)
            found += [] if one is None else [one]
            at_rest = at_rest and one is None
    return tuple(found)


def _of(context: Context, step: Step, verb: FaultStep, *, at_rest: bool) -> Forecast | None:
    """What follows a fault; nothing where no draw of it ends a leadership.

    Not ``at_rest``: it meets an election that may be over at any moment.
    """
    plan = context.plan
    bands = [detection(plan, world, world.deeds[step.id]) for world in context.worlds]
    known = [band for band in bands if band is not None]
    if not known:
        return None
    detect, decide = _joined(known), finalize(plan)
    if verb.for_ns is not None and at_rest and highest(verb.for_ns) < detect.least_ns:
        return None
    if not at_rest:
        detect, decide = Band(0, detect.most_ns), Band(0, decide.most_ns)
    wait = max((_without_quorum(context, step, world) for world in context.worlds), default=0)
    votes = vote(plan)
    votes = Band(votes.least_ns, votes.most_ns + wait)
    return Forecast(step.id, detect, votes, decide, len(known) == len(bands))


def _without_quorum(context: Context, step: Step, world: World) -> int:
    """How long no quorum may be left in this world; the backed-off re-sends come after it."""
    first, until = ((step.id, "began"), 0), ((step.id, "began"), 0)
    on = [
        name
        for name, deed in world.deeds.items()
        if (deed.stopped or deed.cuts) and context.times.perhaps(name, first, until)
    ]
    deeds = [world.deeds[name] for name in on]
    now = Held(
        frozenset[Sid]().union(*(deed.stopped for deed in deeds)),
        frozenset[tuple[Sid, Sid]]().union(*(deed.cuts for deed in deeds)),
        ((*(config.verifier for _, config in world.configs),),),
        tuple(on),
    )
    if now.able(world.config.voters):
        return 0
    ends = [context.times.most((step.id, "began"), (name, "ended")) for name in on]
    timeout = context.plan.run_timeout_ns
    longest = max((int(end) for end in ends if end < timeout), default=timeout)
    return longest + min(context.plan.ensemble.timings.notification_ms_max * MS, longest)


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
