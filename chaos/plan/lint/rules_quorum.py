"""Who can lead at all: quorum arithmetic against what the plan asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from chaos.faults.counting import count_words, peers_words
from chaos.plan.amount_words import span
from chaos.plan.lint.context import Context, Hope, excludes
from chaos.plan.lint.finding import Finding, Severity
from chaos.plan.lint.meanings import set_of
from chaos.plan.lint.quorums import Held, held
from chaos.plan.lint.times import ZERO, Moment
from chaos.plan.lint.world import Peers, Undecided, World
from chaos.plan.model import FaultStep, NoLeaderExpected, RoleExpected

MS: Final = 1_000_000
_SLACK_NS: Final = 500 * MS  # what the steps may be late by


def never_leads(context: Context) -> Iterator[Finding]:
    """A leader that no quorum can carry, in every draw or in some."""
    if not context.worlds:
        return
    for hope in context.hopes:
        yield from _hope(context, hope)


def _hope(context: Context, hope: Hope) -> Iterator[Finding]:
    failing: list[tuple[World, Held, Peers]] = []
    for world in context.worlds:
        try:
            among = set_of(hope.among, world, context.members)
        except Undecided:
            return
        times = [now for now in _whiles(context, world, hope) if not now.able(among)]
        failing += [(world, now, among) for now in times[:1]]
    if not failing:
        return
    always = len(failing) == len(context.worlds)
    _, now, among = failing[0]
    draws = "" if always else f"in {len(failing)} of {len(context.worlds)} possible draws, as when "
    held_for = f", within the {span(hope.hold_ns)} of hold_for" if hope.hold_ns else ""
    why = f"{draws}{_arithmetic(now, among)}{held_for}"
    yield Finding(
        "never-leads",
        Severity.ERROR if always else Severity.WARNING,
        hope.where,
        hope.name,
        "this leader can never be" if always else "this leader may be impossible, by the draw",
        why,
        "let a quorum stay connected, ask after the fault ends, or expect no_leader",
    )


def _whiles(context: Context, world: World, hope: Hope) -> Iterator[Held]:
    """What holds at moments of which a leader would have to live through one at least.

    It begins to lead within the window, and leads for ``hold_for``. So it leads at some moment
    from when the first such stretch could end to when the last could begin; if the first ends
    later than that, at every moment between the two.
    """
    (start, plus), (_, until) = hope.window
    hold = max(0, hope.hold_ns - _SLACK_NS)
    yield _held(context, world, hope, hold)
    for name in world.deeds:
        done = (name, "done")
        room = plus + hold - context.times.most(start, done)
        if context.times.least(start, done) < until or room < 0:
            continue
        if context.times.may_be_left_out(name, start):
            continue
        now = held(context.plan, context.times, world, (done, 0), (done, 0))
        yield replace(now, cuts=frozenset())
        notice = _notice_ns(context)
        if room >= notice:
            yield held(context.plan, context.times, world, (done, 0), (done, notice))


def _held(context: Context, world: World, hope: Hope, hold: int) -> Held:
    """What holds from ``hold`` after the begin of the window until it is too late.

    Cuts count only once an old leader must have noticed, or if none was there to be cut off.
    """
    plan, times = context.plan, context.times
    (start, plus), (end, until) = hope.window
    decide = plan.ensemble.timings.finalize_ms * MS
    never = times.most(ZERO, start) + plus < decide
    # What ends in the very instant that is asked about does not hold in it.
    late = max(until - decide if never else until, plus + hold + 1)
    whole = held(plan, times, world, (start, plus + hold), (end, late))
    verb = context.steps[hope.step].verb if hope.step in context.steps else None
    other = isinstance(verb, FaultStep) and excludes(hope.among, verb.bind)
    before = plus + hold - _notice_ns(context)
    cuts = held(plan, times, world, (start, before), (end, late)).cuts
    if other or never:
        cuts |= held(plan, times, world, (start, plus), (end, late)).cuts
    for name in whole.faults:
        if times.most(ZERO, (name, "done")) < decide:
            cuts |= world.deeds[name].cuts
    return replace(whole, cuts=cuts)


def _notice_ns(context: Context) -> int:
    """When a leader has surely noticed that it is cut off."""
    timings = context.plan.ensemble.timings
    return (timings.sync_ms + 2 * timings.tick_ms) * MS


def _arithmetic(now: Held, among: Peers) -> str:
    verifiers = now.verifiers[-1]
    voters = verifiers[0].voters
    able = [sid for sid in sorted(among & voters) if verifiers[0].weight(sid) > 0]
    if not able:
        return f"{peers_words(among)}: none of them is a voter with weight, so none can lead"
    sides = {sid: now.reach(sid, voters) for sid in able if sid not in now.stopped}
    faults = ", ".join(now.faults) or "the configuration"
    hit = f", {peers_words(now.stopped)} stopped," if now.stopped else ""
    if not sides:
        return f"{faults} stops all who may lead ({peers_words(able)})"
    side = max(sides.values(), key=lambda one: (len(one), sorted(one)))
    counts = [count_words(one, side) for one in verifiers if not one.contains_quorum(side)]
    joined = "; in the other configuration ".join(counts)
    return f"{faults} leaves{hit} at most {joined}"


def quorum_remains(context: Context) -> Iterator[Finding]:
    """``no_leader`` where nothing keeps a quorum from electing one."""
    if not context.worlds:
        return
    timings = context.plan.ensemble.timings
    enough = (timings.init_ms + timings.sync_ms + 4 * timings.finalize_ms) * MS
    for one in context.plan.expectations:
        if not isinstance(one, NoLeaderExpected) or one.among is not None:
            continue
        since, until = context.times.at(one.since), context.times.at(one.until)
        length = context.times.least(since[0], until[0]) + until[1] - since[1]
        if length < enough or not all(_free(context, w, since, until) for w in context.worlds):
            continue
        verifier = context.worlds[0].config.verifier
        yield Finding(
            "quorum-remains",
            Severity.WARNING,
            one.where,
            one.id,
            "nothing keeps a leader away in this span",
            f"no fault reaches a quorum ({count_words(verifier, verifier.voters)}) and the span "
            f"of {span(int(length))} is longer than an election",
            "name who must not lead with among, or take a quorum away with a fault",
        )


def _free(
    context: Context, world: World, since: tuple[Moment, int], until: tuple[Moment, int]
) -> bool:
    if world.random:
        return False
    hit = frozenset(
        sid
        for name, deed in world.deeds.items()
        if context.times.perhaps(name, since, until)
        for sid in deed.targets
    )
    return len(world.configs) == 1 and world.config.verifier.contains_quorum(
        world.config.voters - hit
    )


def says_nothing(context: Context) -> Iterator[Finding]:
    """``no_leader`` of peers that are stopped all the while: no bug could break it."""
    for one in context.plan.expectations:
        if not isinstance(one, NoLeaderExpected) or one.among is None or not context.worlds:
            continue
        since, until = context.times.at(one.since), context.times.at(one.until)
        who: Peers = frozenset()
        for world in context.worlds:
            try:
                who = set_of(one.among, world, context.members)
            except Undecided:
                return
            now = held(context.plan, context.times, world, since, until)
            if who - now.stopped:
                break
        else:
            yield Finding(
                "says-nothing",
                Severity.WARNING,
                one.where,
                one.id,
                "it holds whatever happens",
                f"{peers_words(who)}: down or paused from its first moment to its last",
                "name in among those who run and might wrongly lead",
            )


def role_of_the_absent(context: Context) -> Iterator[Finding]:
    """A role that peers cannot have: they are stopped all the while, or do not vote."""
    for one in context.plan.expectations:
        if not isinstance(one, RoleExpected) or not context.worlds:
            continue
        found = [_absent(context, one, world) for world in context.worlds]
        if all(found):
            yield Finding(
                "role-of-the-absent",
                Severity.ERROR,
                one.where,
                one.id,
                f"they can never be {one.role}",
                found[0],
                "ask after the fault is over, or for the role that they do have",
            )


def _absent(context: Context, one: RoleExpected, world: World) -> str:
    """Why ``one`` is impossible in ``world``; empty if it is not."""
    try:
        of = set_of(one.of, world, context.members)
    except Undecided:
        return ""
    first, until = context.window(one)
    now = held(context.plan, context.times, world, first, until)
    gone = of & now.stopped
    if gone and one.role not in ("down", "paused"):
        return f"{', '.join(now.faults)} stops {peers_words(gone)} during all of it"
    if len(world.configs) > 1:
        return ""
    observers = of & world.config.observers
    if observers and one.role in ("leader", "follower"):
        return f"{peers_words(observers)} only observes: it has no vote"
    voters = of & world.config.voters
    return f"{peers_words(voters)} votes" if voters and one.role == "observer" else ""
