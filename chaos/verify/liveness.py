"""Conditional liveness, L1 to L3: progress is due only while a living quorum is left alone.

The bound is that of :func:`bound`, from the plan's timings and from what the members of S were
when the span began (``chaos/verify/stability.py``); a message spells it out. Only k, the
handshakes that failed, is counted afterwards. A span that the next fault ends before its bound
demands nothing. What the tester's own run cut short is UNKNOWN; a runner goes on for as long as
:func:`open_until_ns` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.election.timings import Timings
from chaos.history.history import History
from chaos.verify.docket import Docket, Finding, invariant
from chaos.verify.fold import fold
from chaos.verify.foreign.judge import servers
from chaos.verify.punctuality import Window, lateness
from chaos.verify.replay import index_at, seconds
from chaos.verify.span import Span, Was
from chaos.verify.stability import stable, unaccounted
from chaos.verify.verdict import Outcome, Verdict

_MS: Final = 1_000_000
_CONNECTS_MS: Final = 500  # all attempts at a leader that has not opened its port
_SYNC_MS: Final = 40  # four times that a disk is written through
_FAILURES: Final = 8  # handshakes in a row that no chance explains


@dataclass(frozen=True, slots=True)
class Bound:
    """A + B + C + D + k (initLimit + C + D), milliseconds each."""

    release: int
    silence: int
    exchange: int
    handshake: int
    failed: int
    init: int

    @property
    def total_ns(self) -> int:
        """The sum."""
        again = self.failed * (self.init + self.least)
        return (self.release + self.silence + self.least + again) * _MS

    @property
    def least(self) -> int:
        """What an election takes that nothing holds up."""
        return self.exchange + self.handshake

    def __str__(self) -> str:
        return (
            f"{self.total_ns / 1e9:.3f} s = A {self.release} + B {self.silence} + "
            f"C {self.exchange} + D {self.handshake} + {self.failed}·({self.init} + "
            f"{self.exchange} + {self.handshake}) ms"
        )


def bound(held: Iterable[Was], span: Span, failed: int, *, joins: bool = False) -> Bound:
    """How long it may take until one of ``held`` serves, after ``failed`` handshakes.

    Who ``joins`` needs its leader's own answer. What it asks first may go over a link that is dead
    already; only what it says next makes a new one (``QuorumCnxManager.toSend``).
    """
    timings, members = span.timings, list(held)
    delay = -(-span.delay_ns // _MS)
    release = max(_release(one, timings) for one in members)
    return Bound(
        release,
        _silence(members, release, timings, joins=joins) + timings.connect_ms,
        4 * delay + 3 * timings.finalize_ms,
        _CONNECTS_MS + 6 * delay + _SYNC_MS,
        failed,
        2 * timings.init_ms,  # its connect phase may vanish, then it shakes hands
    )


def endless(span: Span) -> str:
    """Why the rules let this election go on for ever; empty if they do not.

    Who waits for silence says nothing meanwhile, and what it hears begins its wait anew. A peer
    that has missed its vote says its own again and again: as often as that wait is long, or
    more often, if the longest notification wait is no longer.
    """
    timings = span.timings
    longest, wait = timings.notification_ms_max, timings.finalize_ms
    if longest > wait + -(-span.delay_ns // _MS):
        return ""
    return (
        f"an election need not end: peers speak every {longest} ms, and {wait} ms of silence "
        "have to come first"
    )


def take_turns(span: Span) -> bool:
    """Whether a leader may give up before the others can have decided, time and again."""
    timings = span.timings
    election = timings.notification_ms_min + timings.finalize_ms + -(-span.delay_ns // _MS)
    return timings.init_ms <= election


def _silence(members: list[Was], release: int, timings: Timings, *, joins: bool) -> int:
    """How long members of one round may wait for the vote of the one that has waited longest.

    A notification of the same round is not answered, so that vote is heard when its sender says
    it again: after its wait, which has grown while others still clung to a hope, and which
    begins anew with everything that it hears. All waits then run from the same message, so the
    shortest ends first, and doubles: each other member speaks up until its own wait is as long,
    in all for twice that wait.
    """
    wait = max(one.resend_ms for one in members)
    longest = min(max(2 * wait, wait + release), timings.notification_ms_max)
    return longest + (len(members) - 1) * 2 * longest + joins * longest


def _release(held: Was, timings: Timings) -> int:
    """How long a member may cling to a hope that is dead."""
    match held.state:
        case ServerState.LOOKING:
            return 0
        case ServerState.LEADING if held.serving:
            return (timings.sync_limit + 2) * timings.tick_ms
        case ServerState.LEADING:
            return 3 * timings.init_ms
        case _ if held.serving:
            return timings.sync_ms + timings.tick_ms // 2
        case _:
            return 2 * timings.init_ms


@dataclass(frozen=True, slots=True)
class Due:
    """``whom`` is waited for since ``since_ns``, no longer than ``bound``."""

    whom: str
    bound: Bound
    since_ns: int


@dataclass(slots=True)
class _Found:
    """What the spans of one history say."""

    fails: list[Finding]
    doubts: list[Finding]
    excused: list[Finding]
    judged: int = 0
    lapsed: int = 0


Judge = Callable[[History, Span, _Found], None]


@dataclass(frozen=True, slots=True)
class Liveness:
    """One of L1 to L3 over every span of a history."""

    name: str
    what: str  # what was judged, for the summary
    judge: Judge

    def check(self, history: History) -> Verdict:
        """FAILS past the bound; UNKNOWN where the evidence or the run ended before it."""
        found = _Found([], [], [])
        for span in stable(history):
            self.judge(history, span, found)
        docket: Docket = fold(history).docket
        if found.fails and not docket.gaps:
            return invariant(
                self.name, Outcome.FAILS, found.fails[0].why, found.fails, found.judged
            )
        doubts = [*found.doubts, *docket.gaps]
        if doubts:
            return invariant(self.name, Outcome.UNKNOWN, doubts[0].why, doubts, found.judged)
        if found.excused:
            why = found.excused[0].why
            return invariant(self.name, Outcome.NOT_EXERCISED, why, found.excused, found.judged)
        lost = unaccounted(history)
        blind = f"; nothing is demanded any more since {lost}" if lost else ""
        if not found.judged:
            why = f"no living quorum was left alone for long enough{blind}"
            return invariant(self.name, Outcome.NOT_EXERCISED, why, [], 0)
        times = "once" if found.judged == 1 else f"{found.judged} times"
        lapsed = f"; {found.lapsed} ended before their bounds" if found.lapsed else ""
        why = f"{self.what} {times}{lapsed}{blind}"
        return invariant(self.name, Outcome.HOLDS, why, [], found.judged)


def _leader_serves(history: History, span: Span, found: _Found) -> None:
    """L1: some member of S leads a quorum of S in time."""
    failed = max(span.failed.values(), default=0)
    due = bound(span.held.values(), span, failed)
    until = span.served[0] if span.served is not None else span.to_ns
    took = until - span.from_ns
    hopeless = failed > _FAILURES and not take_turns(span)
    overdue = took > due.total_ns or hopeless
    silence_ns = (due.release + due.silence) * _MS
    if (overdue or span.served is None) and (forever := endless(span) or span.mute(silence_ns)):
        found.excused.append(Finding(f"{_alone(history, span)}: {forever}", (span.index,)))
    elif overdue:
        why = f"{_alone(history, span)}: {_first(span)} after {took / 1e9:.3f} s; due in {due}"
        if hopeless:
            why += f"; {failed} handshakes of one member failed in a row"
        _past(history, span, found, Finding(why, (span.index, index_at(history, until))))
    elif span.served is not None:
        found.judged += 1
    else:
        _short(history, span, found, Due("a leader", due, span.from_ns))


def _members_serve(history: History, span: Span, found: _Found) -> None:
    """L2: every other member of S serves under it in time, or the rules excuse it."""
    if span.served is None or span.leader is None:
        return
    since, _ = span.served
    for sid in sorted(span.members - {span.leader}):
        failed = span.failed_later.get(sid, 0)
        due = bound([span.at_serve[sid]], span, failed, joins=True)
        until = span.joined[sid][0] if sid in span.joined else span.to_ns
        took = until - since
        if sid in span.joined and took <= due.total_ns:
            found.judged += 1
        elif excuse := span.excuse(sid):
            found.excused.append(Finding(f"peer {sid} is excused: {excuse}", (span.index,)))
        elif took > due.total_ns:
            joined = "serves" if sid in span.joined else "does not serve"
            why = (
                f"{_alone(history, span)}: peer {sid} {joined} {took / 1e9:.3f} s after leader "
                f"{span.leader}; due in {due}"
            )
            _past(history, span, found, Finding(why, (span.index, index_at(history, until))))
        else:
            _short(history, span, found, Due(f"peer {sid}", due, since))


def _nobody_changes(history: History, span: Span, found: _Found) -> None:
    """L3: once all members serve, the leadership lasts as long as the span."""
    if span.lost is None or span.spoiled:
        found.judged += len(span.joined) == len(span.members)
        return
    at_ns, index = span.lost
    why = (
        f"{_alone(history, span)}: all served under peer {span.leader}, which led no more at "
        f"{seconds(history, at_ns)}, and no fault touched them"
    )
    _past(history, span, found, Finding(why, (span.index, index)))


# ---- while a run goes on


def open_until_ns(history: History) -> int | None:
    """Until when a run has to go on to decide what is demanded at its end, if anything is."""
    ends = [
        due.since_ns + due.bound.total_ns
        for span in stable(history)
        if span.by_end
        for due in _awaited(span)
    ]
    return max(ends, default=None)


def _awaited(span: Span) -> Iterator[Due]:
    """Who is waited for: a leader, then each member that no rule keeps away."""
    if span.served is None:
        if endless(span):
            return
        failed = max(span.failed.values(), default=0)
        yield Due("a leader", bound(span.held.values(), span, failed), span.from_ns)
        return
    for sid in sorted(span.members - {span.leader} - set(span.joined)):
        if not span.excuse(sid):
            failed = span.failed_later.get(sid, 0)
            due = bound([span.at_serve[sid]], span, failed, joins=True)
            yield Due(f"peer {sid}", due, span.served[0])


# ---- in common


def _past(history: History, span: Span, found: _Found, finding: Finding) -> None:
    """A breach, unless the evidence is of outside, or the host itself was late."""
    foreign = span.members & set(history.foreign)
    late = lateness(history, Window(span.from_ns, span.to_ns, span.members))
    doubt = "" if late is None else late.words
    if foreign:
        doubt = f"{servers(foreign)} were seen from outside only"
    found.judged += 1
    if doubt:
        found.doubts.append(Finding(f"{finding.why}; {doubt}", finding.evidence))
    else:
        found.fails.append(finding)


def _short(history: History, span: Span, found: _Found, due: Due) -> None:
    """The span ended before the bound."""
    if not span.by_end:
        found.lapsed += 1
        return
    lasted_ns = span.to_ns - span.from_ns
    why = (
        f"{_alone(history, span)}: the run ended {lasted_ns / 1e9:.3f} s later, and did not wait "
        f"for {due.whom}; due in {due.bound}"
    )
    found.doubts.append(Finding(why, (span.index,)))


def _alone(history: History, span: Span) -> str:
    who = ", ".join(map(str, sorted(span.members)))
    return f"{{{who}}} were left alone from {seconds(history, span.from_ns)}"


def _first(span: Span) -> str:
    return "nobody serves" if span.served is None else f"peer {_sid(span.leader)} serves only"


def _sid(sid: Sid | None) -> str:
    return "?" if sid is None else str(sid)


LEADER_SERVES_IN_TIME = Liveness("leader_serves_in_time", "a leader served in time", _leader_serves)
MEMBERS_SERVE_IN_TIME = Liveness(
    "members_serve_in_time", "a member served under its leader in time", _members_serve
)
NO_NEEDLESS_CHANGE = Liveness(
    "no_needless_change", "a leadership lasted while nothing touched it", _nobody_changes
)
