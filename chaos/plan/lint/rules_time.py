"""Times that cannot be, or that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.faults.skews import SkewTimers
from chaos.faults.targets import Ambiguity, Group, Word
from chaos.plan.amount_words import span
from chaos.plan.lint.context import Context, Hope, excludes, is_leader
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.forecast import Band, detection, finalize
from chaos.plan.lint.times import ZERO, Bound
from chaos.plan.model import (
    At,
    Elapsed,
    FaultStep,
    InOrder,
    MetricExpected,
    NoLeaderExpected,
    Note,
    Otherwise,
    Random,
    Release,
    Step,
    Wait,
)
from chaos.plan.ranges import highest

MS: Final = 1_000_000


def _hurried(context: Context) -> bool:
    """Whether some clock may run faster than the host's: no wait has a least time then."""
    choices = (
        step.verb.choices for step in context.plan.every_step if isinstance(step.verb, Random)
    )
    faults = [verb.fault for _, verb in context.faults]
    faults += [choice.verb.fault for drawn in choices for choice in drawn]
    return any(isinstance(fault, SkewTimers) for fault in faults)


def held_too_long(context: Context) -> Iterator[Finding]:
    """A wait for something to hold for longer than it is waited for."""
    for step in context.plan.every_step:
        verb = step.verb
        if not isinstance(verb, Wait) or isinstance(verb.condition, Elapsed):
            continue
        if verb.hold_ns > verb.within_ns and verb.otherwise is Otherwise.FAIL:
            yield Finding(
                "too-short", Severity.ERROR, step.where, step.id,
                f"nothing can hold for {span(verb.hold_ns)} within {span(verb.within_ns)}",
                "a wait ends when its condition has held, and counts all of that time",
                f"within: {half_seconds(2 * verb.hold_ns)}",
            )  # fmt: skip


def too_short(context: Context) -> Iterator[Finding]:
    """Less time than the protocol needs for a first leader."""
    if _hurried(context):
        return
    wait = finalize(context.plan).least_ns
    for hope in context.hopes:
        end, until = hope.window[1]
        held = until >= 0  # else no leader can hold for so long, whenever it is there
        if held and context.times.most(ZERO, end) + until < wait:
            yield Finding(
                "too-short",
                Severity.ERROR,
                hope.where,
                hope.name,
                f"no leader can be there within {span(hope.within_ns)}",
                f"nobody decides before one finalize wait, {span(wait)} after time zero, is over",
                f"within: {half_seconds(3 * wait)}",
            )


def shorter_than_detection(context: Context) -> Iterator[Finding]:
    """A new leader although the old one is back, or the time is up, before anybody notices."""
    for hope in [] if _hurried(context) else context.hopes:
        found = _new_leader(context, hope)
        if found is None:
            continue
        step, verb = found
        band = _noticed(context, step)
        if band is None or band.least_ns == 0:
            continue
        decide = finalize(context.plan).least_ns
        timings = context.plan.ensemble.timings
        ticks = f"{timings.sync_limit} ticks of {timings.tick_ms}ms, counted from the last ping"
        least, most = band.least_ns + decide, band.most_ns + finalize(context.plan).most_ns
        if verb.for_ns is not None and highest(verb.for_ns) < band.least_ns:
            yield _finding(
                "shorter-than-detection", hope, f"{step.id} is over before anybody notices",
                f"silence is noticed after {ticks}: {span(band.least_ns)} to "
                f"{span(band.most_ns)}; it lasts {span(verb.for_ns)}",
                f"for: {half_seconds(most)} at {step.id}, or expect same_leader",
            )  # fmt: skip
        elif hope.window[1][1] < least:
            yield _finding(
                "too-short", hope, f"no new leader can be there within {span(hope.within_ns)}",
                f"silence is noticed after {ticks}: at least {span(band.least_ns)}, and the "
                f"finalize wait is {span(decide)}: {span(least)} together",
                f"within: {half_seconds(most)}",
            )  # fmt: skip


def _finding(rule: str, hope: Hope, what: str, why: str, instead: str) -> Finding:
    return Finding(rule, Severity.ERROR, hope.where, hope.name, what, why, instead)


def _new_leader(context: Context, hope: Hope) -> tuple[Step, FaultStep] | None:
    """The fault on the leader that ``hope`` comes right after, if no other fault matters."""
    step = context.steps.get(hope.step or "")
    verb = None if step is None else step.verb
    if step is None or not isinstance(verb, FaultStep) or hope.window[0] != ((step.id, "done"), 0):
        return None
    if not is_leader(verb.target) or not excludes(hope.among, verb.bind):
        return None
    others = (one.id for one, _ in context.faults if one.id != step.id)
    if any(context.times.perhaps(one, *hope.window) for one in others):
        return None
    return step, verb


def _noticed(context: Context, step: Step) -> Band | None:
    """When the fault is noticed, at the earliest and latest of all draws."""
    found: Band | None = None
    for world in context.worlds:
        deed = world.deeds.get(step.id)  # none of a step that does no harm
        band = None if deed is None else detection(context.plan, world, deed)
        if band is None:
            return None
        found = band if found is None else found | band
    return found


def metric_bounds(context: Context) -> Iterator[Finding]:
    """A maximum that no election can keep, or that none can break."""
    plan = context.plan
    hurried = _hurried(context)
    least = {
        "election.finalize": finalize(plan).least_ns,
        "election.peer": finalize(plan).least_ns if not plan.ensemble.reconfig_enabled else 0,
    }
    for one in plan.expectations:
        if not isinstance(one, MetricExpected) or one.unit != "ns":
            continue
        bound = 0 if hurried else least.get(one.metric, 0)
        if one.metric in ("election.total", "election.leaderless") and one.of in context.steps:
            band = _noticed(context, context.steps[one.of])
            bound = 0 if band is None or hurried else band.least_ns + finalize(plan).least_ns
        each = [] if one.max is None else [("", one.max)]
        for name, most in [*each, *((f"{q.name} of ", q.max) for q in one.quantiles)]:
            yield from _bound(context, one, f"{name}{one.metric}", (most, bound))


def _bound(
    context: Context, one: MetricExpected, what: str, bounds: tuple[int, int]
) -> Iterator[Finding]:
    """What is wrong with the maximum of a metric that is never less than the other number."""
    most, least = bounds
    if most < least:
        yield Finding(
            "too-short", Severity.ERROR, one.where, one.id,
            f"{what} can never be {span(most)} or less",
            f"it takes {span(least)} at the least",
            f"max: {half_seconds(2 * least)}",
        )  # fmt: skip
    elif most >= context.plan.run_timeout_ns:
        yield Finding(
            "never-binds", Severity.WARNING, one.where, one.id,
            f"{what}: max: {span(most)} can never be exceeded",
            f"the run itself is over after {span(context.plan.run_timeout_ns)}",
            "a max that a slow election would miss",
        )  # fmt: skip


def empty_span(context: Context) -> Iterator[Finding]:
    """``no_leader`` over no time at all."""
    for one in context.plan.expectations:
        if not isinstance(one, NoLeaderExpected):
            continue
        if _momentary(context, one):
            yield Finding(
                "empty-span", Severity.WARNING, one.where, one.id,
                "its span lasts no time, so nothing is judged",
                f"{one.since.step} is over as it begins",
                "a fault that lasts, or between two moments that are apart",
            )  # fmt: skip
            continue
        (since, plus), (until, more) = context.times.at(one.since), context.times.at(one.until)
        longest = context.times.most(since, until) + more - plus
        if longest <= 0:
            yield Finding(
                "empty-span", Severity.ERROR, one.where, one.id,
                "its span is empty, so nothing is judged",
                _before_it_begins(longest),
                "moments in their order; a fault that is over at once has no span of its own",
            )  # fmt: skip


def _momentary(context: Context, one: NoLeaderExpected) -> bool:
    """Whether it is asked from the begin to the end of a step that lasts no time."""
    verb = context.steps[one.since.step].verb
    over = isinstance(verb, Note | Release) or (isinstance(verb, FaultStep) and verb.fault.instant)
    return over and one.since.step == one.until.step and one.until.plus_ns <= one.since.plus_ns


def _before_it_begins(longest: Bound) -> str:
    return f"it ends {span(int(-longest))} before it begins" if longest else "it ends as it begins"


def past_at(context: Context) -> Iterator[Finding]:
    """An ``at`` that is over when the step's turn comes."""
    for step in context.plan.every_step:
        late = context.times.late.get(step.id, 0)
        if isinstance(step.start, At) and late > 0:
            yield Finding(
                "past-at", Severity.WARNING, step.where, step.id,
                f"at: {span(step.start.at_ns)} is past when its turn comes",
                f"the steps before it take {span(int(late) + step.start.at_ns)} at the least",
                "a later at, or leave it away: the step begins when the one before is done",
            )  # fmt: skip


def released_late(context: Context) -> Iterator[Finding]:
    """A release of what is over already."""
    for step in context.plan.every_step:
        if not isinstance(step.verb, Release):
            continue
        for name in step.verb.steps:
            verb = context.steps[name].verb
            for_ns = verb.for_ns if isinstance(verb, FaultStep) else None
            apart = context.times.least((name, "done"), (step.id, "began"))
            if for_ns is not None and apart > highest(for_ns):
                yield Finding(
                    "released-late", Severity.WARNING, step.where, step.id,
                    f"{name} is over before it is released",
                    f"it lasts {span(for_ns)}, and this comes {span(int(apart))} after it at "
                    "the least",
                    f"a longer for at {name}, or no release",
                )  # fmt: skip


def plain_pause(context: Context) -> Iterator[Finding]:
    """A pause without its reason (R5): waits for events do not get flaky."""
    for step in context.plan.every_step:
        elapsed = isinstance(step.verb, Wait) and isinstance(step.verb.condition, Elapsed)
        if elapsed and not step.why:
            yield Finding(
                "plain-pause", Severity.WARNING, step.where, step.id,
                "time goes by, and nobody says why",
                "a fixed pause is too long on one host and too short on another",
                "wait for an outcome, or say what the time is for with why",
            )  # fmt: skip


def no_leader_yet(context: Context) -> Iterator[Finding]:
    """A target that is the leader before anybody surely leads."""
    waited = False
    wait = finalize(context.plan).least_ns
    for step in context.plan.every_step:
        if isinstance(step.verb, Wait):
            waited = waited or not isinstance(step.verb.condition, Elapsed)
        if not isinstance(step.verb, FaultStep) or waited or step.when is not None:
            continue
        if not _led(step.verb.target):
            continue
        never = context.times.most(ZERO, (step.id, "began")) < wait
        skips = repr(Ambiguity.SKIP) in repr(step.verb.target)  # without a leader it is left out
        if skips and not never:
            continue
        if skips:
            yield Finding(
                "no-leader-yet", Severity.WARNING, step.where, step.id, "it is always left out",
                f"nobody decides before {span(wait)} after time zero, and if_ambiguous: skip "
                "leaves the step out where nobody leads",
                "a wait for a leader before it",
            )  # fmt: skip
            continue
        yield Finding(
            "no-leader-yet", Severity.ERROR if never else Severity.WARNING, step.where, step.id,
            "nobody can lead yet" if never else "perhaps nobody leads yet",
            f"nobody decides before {span(wait)} after time zero, and no step waits for a leader "
            "before this: without one its target means nobody and the run is inconclusive",
            "before it: {id: up, wait: {outcome: leader, seen_by: all, hold_for: 300ms}, "
            "within: 5s}",
        )  # fmt: skip


def _led(selector: object) -> bool:
    found = repr(selector)
    return (
        repr(Word.LEADER) in found
        or repr(Word.FOLLOWERS) in found
        or (isinstance(selector, Group) and is_leader(selector))
    )


def armed_late(context: Context) -> Iterator[Finding]:
    """The first step waits for an event, and is armed when peers look already."""
    for step in context.plan.steps[:1]:
        if step.when is not None and isinstance(step.start, InOrder):
            yield Finding(
                "armed-late", Severity.HINT, step.where, step.id,
                "what it waits for may be over when it is armed",
                "a step without a time begins a few milliseconds after the peers do",
                "at: 0ms, which arms it before any peer looks",
            )  # fmt: skip


def half_seconds(time_ns: int) -> str:
    """The next whole half second, as a plan writes it."""
    half = 500_000_000
    return span(-(-time_ns // half) * half)
