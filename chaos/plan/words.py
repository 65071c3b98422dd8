"""A step, a selector and an expectation in plain words."""

from __future__ import annotations

from chaos.actions import How
from chaos.election.ids import Sid, hex64
from chaos.faults.base import Direction, Fault
from chaos.faults.disks import DiskFull, SlowDisk
from chaos.faults.host import CpuStress
from chaos.faults.membership import BumpConfigVersion
from chaos.faults.messages import Corrupt, Delay, Duplicate, Loss, Reorder, Slice, Throttle
from chaos.faults.network import BlockPort, Isolate, OneWay, Partition, Shape
from chaos.faults.outsiders import Flood, HalfOpen, Malformed
from chaos.faults.processes import Kill, Pause, Restart, Terminate
from chaos.faults.skews import Shift, SkewLogicalClock, SkewPeerEpoch, SkewTimers, SkewZxid
from chaos.faults.survivors import Leaves
from chaos.faults.targets import (
    Between,
    By,
    Group,
    Name,
    OneLink,
    Pick,
    Selector,
    Several,
    Sids,
    Word,
)
from chaos.faults.work import Workload
from chaos.plan.amount_words import span
from chaos.plan.around_words import around
from chaos.plan.asking_words import question
from chaos.plan.event_words import event
from chaos.plan.message_words import of_messages
from chaos.plan.model import (
    After,
    At,
    Change,
    Condition,
    Edge,
    Elapsed,
    FaultStep,
    LeaderOutcome,
    NoLeaderOutcome,
    Note,
    Parallel,
    Probe,
    Random,
    Release,
    RoleOutcome,
    Step,
    Verb,
    Wait,
    When,
)
from chaos.plan.ranges import Range
from chaos.texts import visible

_ANY = {
    Word.VOTERS: "any voter",
    Word.OBSERVERS: "any observer",
    Word.FOLLOWERS: "any follower",
    Word.ALL: "any peer",
}


def sentence(step: Step) -> str:
    """What a step does, and when if not in its turn: ``at 2s, pause the leader for 1500ms``.

    One line, whatever the plan has somebody say in it.
    """
    text = visible(_verb(step.verb).replace("\n", " "))
    if step.when is not None:
        text = f"{_event(step.when)}, {text}"
    match step.start:
        case At():
            return f"at {span(step.start.at_ns)}, {text}"
        case After():
            return f"{moment(step.start)}, {text}"
        case _:
            return text


def _event(when: When) -> str:
    """Of several peers any one will do."""
    by = when.by.parts[0] if isinstance(when.by, Several) and len(when.by.parts) == 1 else when.by
    match by:
        case Group(word=Word.LEADER) | Sids(sids=(_,)) | Name() | Pick(n=1):
            who = whom(by)
        case Group(word=word) if word in _ANY:
            who = _ANY[word]
        case _:
            who = f"one of {whom(by)}"
    return event(when, who, "" if when.peer is None else whom(when.peer))


def _verb(verb: Verb) -> str:  # noqa: PLR0911 - one return for each verb
    match verb:
        case Wait():
            return _wait(verb)
        case FaultStep():
            return _harm(verb)
        case Release():
            return f"end {' and '.join(verb.steps)}"
        case Note():
            return f"note: {verb.text}"
        case Parallel():
            return f"begin together: {', '.join(step.id for step in verb.steps)}"
        case Random():
            return _random(verb)
        case Probe():
            return _probe(verb)
        case Change():
            return _change(verb)


def _random(verb: Random) -> str:
    """What may be done, with how often beside the others where that differs."""
    even = len({choice.weight for choice in verb.choices}) == 1
    told = [
        _harm(choice.verb) + ("" if even else f" (weight {choice.weight})")
        for choice in verb.choices
    ]
    every = f"every {span(verb.every_ns)}"
    return f"{verb.count} times, {every}, by lot: {' or '.join(told)}"


def moment(after: After) -> str:
    """An edge of a step in words."""
    edge = "begins" if after.edge is Edge.STARTED else "is over"
    return (
        f"{span(after.plus_ns)} after {after.step} {edge}"
        if after.plus_ns
        else (f"when {after.step} {edge}")
    )


def whom(selector: Selector) -> str:
    """Whom a selector means, in words."""
    match selector:
        case Group():
            return _group(selector.word)
        case Sids():
            return _peers(selector.sids)
        case Name():
            return f"${selector.name}"
        case Several():
            return _several(selector.parts)
        case Between() | OneLink():
            return _links(selector)
        case Pick():
            return _pick(selector)


def _links(link: Between | OneLink) -> str:
    if isinstance(link, OneLink):
        return f"one link from {_links(link.among)}"
    return f"{whom(link.source)} towards {whom(link.towards)}"


def _several(parts: tuple[Selector, ...]) -> str:
    sids = [sid for part in parts if isinstance(part, Sids) for sid in part.sids]
    others = [whom(part) for part in parts if not isinstance(part, Sids)]
    return " and ".join([*([_peers(tuple(sids))] if sids else []), *others])


def _peers(sids: tuple[Sid, ...]) -> str:
    names = [str(sid) for sid in sids]
    if len(names) == 1:
        return f"peer {names[0]}"
    return f"peers {', '.join(names[:-1])} and {names[-1]}"


def _group(word: Word) -> str:
    words = {
        Word.LEADER: "the leader",
        Word.FOLLOWERS: "the followers",
        Word.VOTERS: "all voters",
        Word.OBSERVERS: "the observers",
        Word.ALL: "every peer",
        Word.MINORITY: "as many voters as a quorum can spare",
        Word.MAJORITY: "a smallest quorum",
        Word.HALF: "the smaller half of the voters",
        Word.MINORITY_THIRD: "as many voters as weigh less than a third",
        Word.QUORUM_BREAKER: "as few voters as no quorum can do without",
    }
    return words[word]


def _pick(pick: Pick) -> str:
    text = whom(pick.of) if pick.n is None else f"{pick.n} of {whom(pick.of)}"
    text += f" that run {pick.runs}" if pick.runs else ""
    text += f" in zone {pick.zone}" if pick.zone else ""
    text += f" of group {pick.group}" if pick.group is not None else ""
    text += f" of weight {pick.weight_at_least} or more" if pick.weight_at_least else ""
    text += f" but {' and '.join(whom(part) for part in pick.but)}" if pick.but else ""
    text += f", {_ORDERS[pick.by]} first" if pick.by is not None else ""
    return text + (f", so that {_LEFT[pick.leaves]} is left" if pick.leaves is not None else "")


_ORDERS = {
    By.HIGHEST_SID: "the highest id",
    By.LOWEST_SID: "the lowest id",
    By.HIGHEST_ZXID: "the highest zxid",
    By.LOWEST_ZXID: "the lowest zxid",
    By.HEAVIEST: "the heaviest",
    By.LIGHTEST: "the lightest",
    By.BEST_VOTE: "the best vote",
    By.WORST_VOTE: "the worst vote",
}
_LEFT = {Leaves.QUORUM: "a quorum", Leaves.NO_QUORUM: "no quorum"}


# ---- waits


def _wait(wait: Wait) -> str:
    if isinstance(wait.condition, Elapsed):
        return f"let {span(wait.condition.time_ns)} go by"
    hold = f" for {span(wait.hold_ns)} on end" if wait.hold_ns else ""
    return f"wait until {_condition(wait.condition)}{hold}, at most {span(wait.within_ns)}"


def _condition(condition: Condition) -> str:
    match condition:
        case LeaderOutcome():
            of = "" if condition.among is None else f" from {whom(condition.among)}"
            seen = " that every running peer is settled under" if condition.seen_by == "all" else ""
            return f"a leader{of} serves{seen}"
        case NoLeaderOutcome():
            of = "nobody" if condition.among is None else f"none of {whom(condition.among)}"
            return f"{of} leads"
        case RoleOutcome():
            return f"{condition.role} is the role of {whom(condition.of)}"
        case Elapsed():
            return f"{span(condition.time_ns)} went by"


# ---- faults


def _harm(step: FaultStep) -> str:
    if isinstance(step.fault, Workload):
        end = "" if step.for_ns is None else f" for {span(step.for_ns)}"
        return f"{_work(step.fault)}{end}"
    text = what(step.fault, whom(step.target))
    if step.for_ns is not None:
        returns = isinstance(step.fault, Kill | Terminate)
        text += f" {'after' if returns else 'for'} {span(step.for_ns)}"
    return text + (f", call it ${step.bind}" if step.bind is not None else "")


def _work(work: Workload) -> str:
    return f"commit {work.writes_per_s} writes a second, {work.payload} bytes each"


def what(fault: Fault, target: str) -> str:
    """What a fault does to its target, in words."""
    match fault:
        case Pause():
            return f"pause {target}"
        case Kill() | Terminate():
            verb = "kill" if isinstance(fault, Kill) else "terminate"
            return f"{verb} {target}{_return(fault.restart, wipe=fault.wipe)}"
        case BlockPort() | Partition() | Isolate() | OneWay():
            return _network(fault, target)
        case Delay() | Loss() | Duplicate() | Reorder() | Throttle() | Corrupt() | Slice():
            return of_messages(fault, target)
        case Flood() | Malformed() | HalfOpen() | DiskFull() | SlowDisk() | CpuStress():
            return around(fault, target)
        case _:
            return _skew(fault, target)


def _return(restart: Restart, *, wipe: bool) -> str:
    if restart is Restart.NEVER:
        return ""
    return f", bring it back {'without its data' if wipe else 'with its data'}"


def _network(fault: BlockPort | Partition | Isolate | OneWay, target: str) -> str:
    match fault:
        case BlockPort():
            return (
                f"block the {fault.port} port of {target}"
                f"{_way(fault.direction)} ({_how(fault.how)})"
            )
        case Partition(shape=Shape.RING):
            text = f"let each of {target} hear no more than a quorum around it"
            return f"{text} ({_how(fault.drop)})"
        case Partition(shape=Shape.BRIDGE):
            text = f"cut the others in two sides that only {target} still joins"
            return f"{text} ({_how(fault.drop)})"
        case Partition():
            text = f"cut {target} off from all others, not from each other"
            return f"{text}{_way(fault.direction)} ({_how(fault.drop)})"
        case Isolate():
            return f"isolate {target}{_way(fault.direction)} ({_how(fault.drop)})"
        case OneWay():
            return f"cut what goes from {target} ({_how(fault.drop)})"


def _way(direction: Direction) -> str:
    return "" if direction is Direction.BOTH else f", {direction}ward only"


def _how(how: How) -> str:
    words = {How.SILENT: "silently", How.RESET: "with resets", How.REFUSE: "refusing connections"}
    return words[how]


def _probe(verb: Probe) -> str:
    if verb.question is not None:
        return question(verb.question, whom(verb.of), verb.within_ns)
    what = verb.role or ("reachable" if verb.reachable else "unreachable")
    return f"ask {whom(verb.of)} until all are {what}, at most {span(verb.within_ns)}"


def _change(verb: Change) -> str:
    fault = verb.fault
    told = {
        "voting": fault.members.add,
        "gone": fault.members.remove,
        "observing": fault.members.observers,
    }
    parts = [f"{_peers(sids)} {word}" for word, sids in told.items() if sids]
    if fault.weights:
        parts.append("weights " + ", ".join(f"{s}: {w}" for s, w in fault.weights.items()))
    what = ", ".join(parts)
    return f"reconfigure the ensemble: {what}; a quorum adopts it within {span(verb.within_ns)}"


def _skew(fault: Fault, target: str) -> str:
    """What it changes of that which a peer knows."""
    match fault:
        case BumpConfigVersion():
            return _bump(fault, target)
        case SkewLogicalClock():
            return f"move the round of {target} {_shift(fault.by, fault.to)}"
        case SkewZxid():
            return f"move the last zxid of {target} {_shift(fault.by, fault.to, ids=True)}"
        case SkewPeerEpoch():
            parts = {"accepted": fault.accepted, "current": fault.current}
            told = [f"{name} epoch {_moved(one)}" for name, one in parts.items() if one is not None]
            return f"move the {' and the '.join(told)} of {target}"
        case SkewTimers():
            offset = f", shifted by {fault.offset / 1e6:g}ms" if fault.offset else ""
            return f"run the timers of {target} at {fault.rate / 1e6:g} of true speed{offset}"
        case _:
            raise AssertionError(fault)


def _moved(shift: Shift) -> str:
    return _shift(shift.by, shift.to)


def _shift(by: int | None, to: int | None, *, ids: bool = False) -> str:
    if isinstance(by, Range):
        return f"by {int(by):+d} to {by.high:+d}"
    if isinstance(to, Range):
        return f"{_shift(None, int(to), ids=ids)} up {_shift(None, to.high, ids=ids)}"
    if by is not None:
        return f"by {by:+d}"
    assert to is not None
    return f"to {hex64(to) if ids else to}"


def _bump(fault: BumpConfigVersion, target: str) -> str:
    verb = "give" if fault.activate else "propose to"
    text = f"{verb} {target} a configuration whose version moves {_shift(fault.by, fault.to)}"
    members = fault.members
    changes = {"with": members.add, "without": members.remove, "not voting:": members.observers}
    for word, sids in changes.items():
        text += f", {word} {', '.join(map(str, sids))}" if sids else ""
    text += ", other weights" if fault.weights else ""
    return text + (", other groups" if fault.groups else "")
