"""Faults that cannot bite, and properties that nothing can break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.actions import Block, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.faults.base import Fault
from chaos.faults.counting import peers_words
from chaos.faults.disks import DiskFull, SlowDisk
from chaos.faults.messages import Corrupt, Delay, Duplicate, Loss, Reorder, Slice, Throttle
from chaos.faults.network import BlockPort, Partition
from chaos.faults.outsiders import Flood, HalfOpen, Malformed
from chaos.faults.targets import Group, Pick, Word
from chaos.plan.amount_words import percent
from chaos.plan.lint.context import Context
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.times import ZERO, Moment
from chaos.plan.lint.world import Deed
from chaos.plan.model import (
    Change,
    FaultStep,
    LeaderExpected,
    LeaderOutcome,
    MetricExpected,
    Step,
    Wait,
    Where,
)
from chaos.plan.ranges import highest

_ONE_PERCENT: Final = 10_000  # parts per million


def nobody_left(context: Context) -> Iterator[Finding]:
    """A target, or a gate, that means nobody: the run would be inconclusive."""
    empty = [world for world in context.all_worlds if world.empty]
    if not empty:
        return
    always = len(empty) == len(context.all_worlds)
    step = context.steps[empty[0].empty]
    named = {name: peers for name, peers in empty[0].names.items() if name}
    draw = "; ".join(f"${name} is {peers_words(peers)}" for name, peers in named.items())
    often = "in every draw" if always else f"in {len(empty)} of {len(context.all_worlds)} draws"
    yield Finding(
        "nobody-left", Severity.ERROR if always else Severity.WARNING, step.where, step.id,
        f"{'its target' if step.when is None else 'its target, or whom it waits for,'} "
        f"{'means' if always else 'may mean'} nobody",
        f"{often}{', as when ' + draw if draw else ''}; such a run is inconclusive",
        "fewer peers to pick, or fewer exceptions",
    )  # fmt: skip


def dialed_back(context: Context) -> Iterator[Finding]:
    """An election port that nobody dials: of two peers the larger sid does."""
    for step, verb in context.faults:
        if not isinstance(verb.fault, BlockPort) or verb.fault.port is not Port.ELECTION:
            continue
        if not context.worlds:
            continue
        targets = {world.deeds[step.id].targets for world in context.worlds}
        largest = max(context.members)
        useless = [one for one in targets if one == frozenset({largest})]
        if not useless:
            continue
        always = len(useless) == len(targets)
        yield Finding(
            "dialed-back", Severity.WARNING if always else Severity.HINT, step.where, step.id,
            f"{'' if always else 'where it hits '}peer {largest}"
            f"{' dials all others, so its' if always else ', its'} election port carries nothing",
            "of two peers the larger sid keeps the link that it dialed, and closes the other's: "
            f"0 of {len(context.members) - 1} links come in at peer {largest}",
            f"a smaller sid, partition, or block_port at peer {min(context.members)}",
        )  # fmt: skip


def idle_port(context: Context) -> Iterator[Finding]:
    """What only touches what passes the election port, while a leader serves: nothing does."""
    settled = False
    for step in context.plan.every_step:
        if isinstance(step.verb, Wait) and isinstance(step.verb.condition, LeaderOutcome):
            settled = True
        if not isinstance(step.verb, FaultStep) or not _of_election_messages(step.verb.fault):
            continue
        if settled and not _company(context, step):
            block = isinstance(step.verb.fault, BlockPort)
            what = "a silent block without a packet" if block else "a fault that met no message"
            how = "port: quorum, how: reset, or " if block else ""
            yield Finding(
                "idle-port", Severity.WARNING, step.where, step.id,
                f"this {'block has nothing to stop' if block else 'fault meets no message'}",
                "a leader serves before it and no other fault ends that: the election port is "
                f"idle then, and {what} is no evidence",
                f"{how}a fault that makes peers look meanwhile",
            )  # fmt: skip


def _of_election_messages(fault: Fault) -> bool:
    """Whether it needs a message on the election port to bite."""
    match fault:
        case BlockPort(port=Port.ELECTION, how=How.SILENT):
            return True
        case Delay(port=Port.ELECTION) | Throttle(port=Port.ELECTION) | Slice(port=Port.ELECTION):
            return True
        case _:
            return isinstance(fault, Loss | Duplicate | Reorder | Corrupt)


def idle_disk(context: Context) -> Iterator[Finding]:
    """A disk fault while a leader serves: nothing is written then, unless there is a reason."""
    settled = False
    for step in context.plan.every_step:
        verb = step.verb
        if isinstance(verb, Wait) and isinstance(verb.condition, LeaderOutcome):
            settled = True
        if not isinstance(verb, FaultStep) or not isinstance(verb.fault, DiskFull | SlowDisk):
            continue
        if settled and not _company(context, step):
            yield Finding(
                "idle-disk", Severity.WARNING, step.where, step.id,
                "nothing is to be written meanwhile",
                "a leader serves before it and no other step gives cause for an election or a "
                "transaction: a disk fault without a write is no evidence",
                "a workload, or a fault that makes peers look meanwhile",
            )  # fmt: skip


def closed_port(context: Context) -> Iterator[Finding]:
    """The quorum port of peers that do not lead: nobody listens there."""
    for step, verb in context.faults:
        fault, aim = verb.fault, verb.target
        if not isinstance(fault, BlockPort | Flood | Malformed | HalfOpen):
            continue
        if isinstance(aim, Pick):
            aim = aim.of
        idle = isinstance(aim, Group) and aim.word in (Word.FOLLOWERS, Word.OBSERVERS)
        if idle and fault.port is Port.QUORUM:
            yield Finding(
                "closed-port", Severity.WARNING, step.where, step.id,
                "nobody can come in at this port",
                "only a leader listens at its quorum port, and these peers follow",
                "target: leader or all, or port: election",
            )  # fmt: skip


def _company(context: Context, step: Step) -> bool:
    """Whether another fault may be in effect, or begin, meanwhile."""
    first: tuple[Moment, int] = ((step.id, "began"), 0)
    until: tuple[Moment, float] = ((step.id, "ended"), 0)
    changing = (one for one in context.plan.every_step if isinstance(one.verb, FaultStep | Change))
    others = (one.id for one in changing if one.id != step.id)
    return any(context.times.perhaps(one, first, until) for one in others)


def nothing_at_stake(context: Context) -> Iterator[Finding]:
    """An election expected of a fault on peers that count for nothing."""
    for one in context.plan.expectations:
        match one:
            case MetricExpected(of=str(name), metric=metric) if metric.startswith("election"):
                pass
            case _:
                continue
        step = context.steps.get(name)
        if step is None or not isinstance(step.verb, FaultStep) or not context.worlds:
            continue
        if all(_weightless(context, world.deeds[name]) for world in context.worlds):
            who = context.worlds[0].deeds[name].targets
            yield Finding(
                "nothing-at-stake", Severity.WARNING, one.where, one.id,
                f"no election comes of {name}",
                f"{peers_words(who)}: weight 0 in every configuration, so no quorum is at stake",
                "a fault on the leader, or on enough voters",
            )  # fmt: skip


def _weightless(context: Context, deed: Deed) -> bool:
    hit: frozenset[Sid] = deed.targets
    if any(isinstance(one, Block) and _ports(one) for one in deed.actions):
        return False
    configs = [config for world in context.worlds[:1] for _, config in world.configs]
    return all(
        config.verifier.weight(sid) == 0 or sid not in config.voters
        for config in configs
        for sid in hit
    )


def _ports(block: Block) -> bool:
    return any(isinstance(cut, PortCut) for cut in block.cuts)


def small_share(context: Context) -> Iterator[Finding]:
    """A share of messages so small that an election has too few of them."""
    for step, verb in context.faults:
        fault = verb.fault
        if not isinstance(fault, Loss | Duplicate | Reorder | Corrupt):
            continue
        if highest(fault.percent) >= _ONE_PERCENT:
            continue
        yield Finding(
            "small-share", Severity.HINT, step.where, step.id,
            f"it hits {percent(fault.percent)} % of the messages, which may be none",
            "an election has some dozens of them, and a fault that hits none is inconclusive",
            "percent: 30% for three of ten",
        )  # fmt: skip


def nothing_cut(context: Context) -> Iterator[Finding]:
    """A ring or a bridge of so few that no link is cut."""
    for step, verb in context.faults:
        if not isinstance(verb.fault, Partition) or not context.worlds:
            continue
        deeds = (world.deeds[step.id] for world in context.worlds)
        if any(isinstance(one, Block) and one.cuts for deed in deeds for one in deed.actions):
            continue
        yield Finding(
            "nothing-cut", Severity.ERROR, step.where, step.id, "it cuts nothing",
            "no link is left out: with so few members each needs all others, or there are no "
            "two sides",
            "three voters or more that count",
        )  # fmt: skip


def nothing_judged(context: Context) -> Iterator[Finding]:
    """A plan that does nothing and expects nothing."""
    plan = context.plan
    if not plan.steps and not plan.expectations:
        yield Finding(
            "nothing-judged", Severity.WARNING, Where(plan.file, 1, 1), "steps",
            "the plan does nothing and expects nothing",
            "a run without steps is over at once, and what judges nothing is inconclusive",
            "{id: up, wait: {outcome: leader, seen_by: all}, within: 5s}, to begin with",
        )  # fmt: skip


def already_true(context: Context) -> Iterator[Finding]:
    """A leader expected where a step has just waited for one, and nothing comes between."""
    for one in context.plan.expectations:
        if not isinstance(one, LeaderExpected) or one.after is None:
            continue
        step = context.steps[one.after.step]
        verb = step.verb
        if not isinstance(verb, Wait) or not isinstance(verb.condition, LeaderOutcome):
            continue
        if one.after.plus_ns or one.hold_ns or verb.condition.among != one.among:
            continue
        yield Finding(
            "already-true", Severity.WARNING, one.where, one.id,
            "it holds at once, whatever comes after",
            f"{step.id} is done only when such a leader serves, and this asks for one from then",
            "after: the fault, or hold_for",
        )  # fmt: skip


def nothing_before(context: Context) -> Iterator[Finding]:
    """An invariant that is given up before anything happens."""
    for one in context.plan.invariants:
        for name in one.except_after:
            if context.times.most(ZERO, (name, "began")) <= 0:
                yield Finding(
                    "nothing-before", Severity.WARNING, one.where, one.name,
                    "nothing is left to judge",
                    f"{name} begins at time zero, and except_after takes out all that follows",
                    "a later step, or no except_after",
                )  # fmt: skip
