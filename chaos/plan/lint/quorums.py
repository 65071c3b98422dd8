"""Whether anybody can lead while some are stopped and some links are cut.

The benefit of every doubt goes to the plan: a link that works one way counts as a link, and of
several configurations that may be in force the kindest counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.ids import Sid
from chaos.election.quorum import QuorumVerifier
from chaos.faults.membership import BumpConfigVersion
from chaos.plan.lint.times import Bound, Moment, Times
from chaos.plan.lint.world import Peers, World
from chaos.plan.model import FaultStep, Plan


@dataclass(frozen=True, slots=True)
class Held:
    """What is surely so in one world from one moment to another."""

    stopped: Peers
    cuts: frozenset[tuple[Sid, Sid]]
    verifiers: tuple[tuple[QuorumVerifier, ...], ...]  # any one of them; each a set that all count
    faults: tuple[str, ...]

    def reach(self, leader: Sid, voters: Peers) -> Peers:
        """Whom ``leader`` can have behind it, itself included."""
        return frozenset(
            sid for sid in voters - self.stopped if not {(sid, leader), (leader, sid)} <= self.cuts
        )

    def able(self, among: Peers) -> Peers:
        """Who of ``among`` can lead."""
        return frozenset(sid for sid in among - self.stopped if self._backed(sid))

    def _backed(self, leader: Sid) -> bool:
        for verifiers in self.verifiers:
            voters = all(leader in one.voters and one.weight(leader) > 0 for one in verifiers)
            if voters and all(
                one.contains_quorum(self.reach(leader, one.voters)) for one in verifiers
            ):
                return True
        return False


def held(
    plan: Plan, times: Times, world: World, first: tuple[Moment, int], until: tuple[Moment, Bound]
) -> Held:
    """What surely holds all the time from ``first`` to ``until``."""
    on = [
        name
        for name in world.deeds
        if times.surely(name, first, until) and not times.may_be_left_out(name, first[0])
    ]
    deeds = [world.deeds[name] for name in on]
    return Held(
        frozenset[Sid]().union(*(deed.stopped for deed in deeds)),
        frozenset[tuple[Sid, Sid]]().union(*(deed.cuts for deed in deeds)),
        _verifiers(plan, times, world, (first, until)),
        tuple(name for name in on if world.deeds[name].stopped or world.deeds[name].cuts),
    )


def _verifiers(
    plan: Plan,
    times: Times,
    world: World,
    span: tuple[tuple[Moment, Bound], tuple[Moment, Bound]],
) -> tuple[tuple[QuorumVerifier, ...], ...]:
    """The configurations that may count at some moment of ``span``."""
    first, until = span
    everybody = frozenset(plan.ensemble.sids)
    bumps = {
        step.id: step.verb.fault
        for step in plan.every_step
        if isinstance(step.verb, FaultStep) and isinstance(step.verb.fault, BumpConfigVersion)
    }
    found: list[tuple[QuorumVerifier, ...]] = []
    before: tuple[QuorumVerifier, ...] = ()
    for name, config in world.configs:
        if name and times.least(until[0], (name, "began")) - until[1] > 0:
            break  # surely later
        fault = bumps.get(name)
        both = fault is not None and not fault.activate
        before = (*before, config.verifier) if both else (config.verifier,)
        told = name in world.deeds and world.deeds[name].targets == everybody
        if told and times.least((name, "done"), first[0]) + first[1] >= 0:
            found.clear()  # nobody is left who counts by an older one alone
        found.append(before)
    return tuple(found)
