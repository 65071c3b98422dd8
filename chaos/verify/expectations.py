"""What a plan expects of a run, judged against its history.

Records in plain types: a plan's loader or runner makes them once it knows who was meant and
when. All instants are nanoseconds on the history's own clock. ``id`` and ``where`` (file,
line, column) are the plan's. Of one instant an event says more than the time: what was so when
a step ended may be undone, by the next step, in no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter

from chaos.election.ids import Sid
from chaos.history.events import unsure_ns
from chaos.history.history import History
from chaos.verify.doubts import but_for_the_host, of_whole_journals
from chaos.verify.elections import FaultSpan
from chaos.verify.measure import COUNTED, faults_of, measures
from chaos.verify.punctuality import Window
from chaos.verify.replay import Stretch, holder_at, index_at, reigns, seconds, stretches
from chaos.verify.verdict import Kind, Measure, Outcome, Verdict, lasted_ns, start_ns
from chaos.verify.waits import AnyLeaderAmong, Condition, LeaderCondition, RoleCondition, SeenBy

_UNSURE = "it was seen from outside, not exactly enough"


@dataclass(frozen=True, slots=True)
class LeaderExpected:
    """Somebody of ``among`` leads within ``within_ns``, and then for ``hold_ns`` on end.

    ``from_event`` says from where on in the instant ``from_ns``; without it, from its end.
    """

    id: str
    where: str
    among: frozenset[Sid] | None
    from_ns: int
    within_ns: int
    hold_ns: int = 0
    seen_by: SeenBy = SeenBy.MAJORITY
    from_event: int | None = None

    @property
    def name(self) -> str:
        """The plan's name for it."""
        return self.id

    @of_whole_journals()
    def check(self, history: History) -> Verdict:
        """FAILS once the bound has passed; UNKNOWN if the history ends before it."""
        condition = LeaderCondition(self.among, self.seen_by, self.hold_ns)
        what = "a leader" if self.among is None else f"a leader among {_set(self.among)}"
        return _in_time(self, condition, what, history)


@dataclass(frozen=True, slots=True)
class RoleExpected:
    """All of ``of`` are in ``role`` at once within ``within_ns``, and then for ``hold_ns``.

    ``from_event`` says from where on in the instant ``from_ns``; without it, from its end.
    """

    id: str
    where: str
    role: str
    of: frozenset[Sid]
    from_ns: int
    within_ns: int
    hold_ns: int = 0
    from_event: int | None = None

    @property
    def name(self) -> str:
        """The plan's name for it."""
        return self.id

    @of_whole_journals()
    def check(self, history: History) -> Verdict:
        """FAILS once the bound has passed; UNKNOWN if the history ends before it."""
        condition = RoleCondition(self.role, self.of, self.hold_ns)
        return _in_time(self, condition, f"{_set(self.of)} as {self.role}", history)


@dataclass(frozen=True, slots=True)
class NoLeaderExpected:
    """Nobody of ``among`` leads at any moment from ``from_ns`` until ``to_ns``."""

    id: str
    where: str
    among: frozenset[Sid] | None
    from_ns: int
    to_ns: int

    @property
    def name(self) -> str:
        """The plan's name for it."""
        return self.id

    @of_whole_journals(but=Outcome.FAILS)
    def check(self, history: History) -> Verdict:
        """FAILS if somebody led; UNKNOWN if the history ends inside the span."""
        found = [
            stretch
            for stretch in stretches(history, AnyLeaderAmong(self.among))
            if _soonest(stretch, history) < self.to_ns and _until(stretch, history) > self.from_ns
        ]
        surely = [
            one
            for one in found
            if one.from_ns < self.to_ns and _at_least_until(one, history) > self.from_ns
        ]
        span = f"from {seconds(history, self.from_ns)} to {seconds(history, self.to_ns)}"
        if found:
            outcome = Outcome.FAILS if surely else Outcome.UNKNOWN
            first = (surely or found)[0]
            why = f"{_led(first, history)}; nobody of {_set(self.among)} was to lead {span}"
            why += "" if surely else f"; {_UNSURE}"
            return _verdict(self, outcome, why, tuple(one.index for one in found[:5]))
        last = len(history.events) - 1
        if history.end_ns < self.to_ns:
            why = f"the run ended at {seconds(history, history.end_ns)}, inside the span {span}"
            return _verdict(self, Outcome.UNKNOWN, why, (last,) if last >= 0 else ())
        why = f"nobody of {_set(self.among)} led {span}"
        return _verdict(self, Outcome.HOLDS, why, (index_at(history, self.to_ns),))


@dataclass(frozen=True, slots=True)
class SameLeaderExpected:
    """Who led at ``first_ns`` leads at ``second_ns`` too.

    ``events`` says, for each, at which event of that instant; without it, at its end.
    """

    id: str
    where: str
    first_ns: int
    second_ns: int
    events: tuple[int | None, int | None] = (None, None)

    @property
    def name(self) -> str:
        """The plan's name for it."""
        return self.id

    @of_whole_journals()
    def check(self, history: History) -> Verdict:
        """FAILS if another or nobody leads at one of them; UNKNOWN past the history's end."""
        asked = zip((self.first_ns, self.second_ns), self.events, strict=True)
        instants = sorted(asked, key=itemgetter(0))
        times = [at_ns for at_ns, _ in instants]
        if history.end_ns < times[1]:
            why = f"the run ended before {seconds(history, times[1])}"
            return _verdict(self, Outcome.UNKNOWN, why, ())
        found = [_leader_at(history, at_ns, event) for at_ns, event in instants]
        words = [
            f"{'nobody' if one is None else f'peer {one}'} at {seconds(history, at_ns)}"
            for (one, _), at_ns in zip(found, times, strict=True)
        ]
        evidence = tuple(index for _, index in found)
        (first, _), (second, _) = found
        same = first is not None and first == second
        outcome, why = Outcome.HOLDS if same else Outcome.FAILS, f"{words[0]} and {words[1]} led"
        if any(_straddled(history, at_ns) for at_ns in times):
            outcome, why = Outcome.UNKNOWN, f"{why}; {_UNSURE}"
        return _verdict(self, outcome, why, evidence)


@dataclass(frozen=True, slots=True)
class MetricMax:
    """No measure called ``metric`` is above ``maximum`` (nanoseconds, or a count).

    ``of`` keeps to one fault, election or peer; ``from_ns`` to measures that begin no
    earlier. ``faults`` are those of the plan; by default they are read from the history.
    """

    id: str
    where: str
    metric: str
    maximum: int
    of: str | None = None
    from_ns: int | None = None
    faults: tuple[FaultSpan, ...] | None = None

    @property
    def name(self) -> str:
        """The plan's name for it."""
        return self.id

    @of_whole_journals()
    def check(self, history: History) -> Verdict:
        """FAILS at the largest measure above the bound.

        A measure whose end never came FAILS if the history lasted beyond the bound, and is
        UNKNOWN otherwise; so is a metric that was never measured.
        """
        verdict = self._at_most(self.maximum, history)
        window = None if self.metric in COUNTED else _between(verdict.evidence, history)
        return but_for_the_host(
            verdict, window, history, lambda ns: self._at_most(self.maximum + ns, history)
        )

    def _at_most(self, maximum: int, history: History) -> Verdict:
        faults = faults_of(history) if self.faults is None else self.faults
        began = {fault.step: fault.began_ns for fault in faults}
        found = [
            one
            for one in measures(history, faults, self.from_ns)
            if self._mine(one, max(start_ns(history, one), began.get(one.of, 0)))
        ]
        if not found:
            of = f" of {self.of}" if self.of else ""
            return _verdict(self, Outcome.UNKNOWN, f"{self.metric}{of} was never measured", ())
        worst = max(found, key=lambda one: lasted_ns(history, one) - one.less_ns)
        bound = _size(worst.unit, maximum)
        evidence = tuple(i for i in (worst.start, worst.end) if i is not None)
        if lasted_ns(history, worst) - worst.less_ns > maximum:
            reached = _size(worst.unit, lasted_ns(history, worst))
            more = "at least " if worst.value_ns is None else ""
            why = f"{self.metric} of {worst.of}: {more}{reached}, above {bound}"
            return _verdict(self, Outcome.FAILS, why, evidence, len(found))
        open_ = next((one for one in found if one.value_ns is None), None)
        if open_ is not None:
            evidence = tuple(i for i in (open_.start, open_.end) if i is not None)
            cut = "had not ended when the run did"
            if open_.end is not None:
                reached = _size(open_.unit, lasted_ns(history, open_))
                cut = f"was cut short after {reached}: {open_.why}"
            why = f"{self.metric} of {open_.of} {cut}, below {bound}"
            return _verdict(self, Outcome.UNKNOWN, why, evidence, len(found))
        worst = max(found, key=lambda one: lasted_ns(history, one) + one.more_ns)
        if lasted_ns(history, worst) + worst.more_ns > maximum:
            least, most = (lasted_ns(history, worst) + by for by in (-worst.less_ns, worst.more_ns))
            why = f"{self.metric} of {worst.of}: between {_size(worst.unit, least)} and "
            why += f"{_size(worst.unit, most)}, around {bound}; it is not known exactly enough"
            return _verdict(self, Outcome.UNKNOWN, why, evidence, len(found))
        why = (
            f"{self.metric}: {_size(worst.unit, lasted_ns(history, worst))} at most, of {worst.of}"
        )
        return _verdict(self, Outcome.HOLDS, why, evidence, len(found))

    def _mine(self, one: Measure, began_ns: int) -> bool:
        if one.name != self.metric or (self.of is not None and one.of != self.of):
            return False
        return self.from_ns is None or one.name == "epochs.started" or began_ns >= self.from_ns


Expectation = LeaderExpected | NoLeaderExpected | SameLeaderExpected | RoleExpected | MetricMax


# ---- in common


def _in_time(
    expected: LeaderExpected | RoleExpected, condition: Condition, what: str, history: History
) -> Verdict:
    """Whether ``condition`` is reached by the deadline, or may have been but for a late host."""
    deadline = expected.from_ns + expected.within_ns
    return but_for_the_host(
        _reached(expected, (condition, what), deadline, history),
        Window(expected.from_ns, deadline),
        history,
        lambda ns: _reached(expected, (condition, what), deadline + ns, history),
    )


def _reached(
    expected: LeaderExpected | RoleExpected,
    wanted: tuple[Condition, str],
    deadline: int,
    history: History,
) -> Verdict:
    """Whether a condition begins to hold by the deadline, and goes on for long enough."""
    condition, what = wanted
    at_once = expected.from_event
    if at_once is not None and not expected.hold_ns:
        holder = holder_at(history, condition, at_once)
        if holder is not None:
            why = (
                f"{what}: peer {holder} at {seconds(history, expected.from_ns)}, when it was asked"
            )
            return _verdict(expected, Outcome.HOLDS, why, (at_once,), 1)
    perhaps: Stretch | None = None
    for stretch in stretches(history, condition):
        start, end = max(stretch.from_ns, expected.from_ns), _until(stretch, history)
        soonest = max(_soonest(stretch, history), expected.from_ns)
        if soonest <= deadline and end > soonest and end - soonest >= expected.hold_ns:
            perhaps = perhaps or stretch
        end = _at_least_until(stretch, history)
        if start > deadline or end <= start:
            continue
        if stretch.end is None and history.end_ns < start + expected.hold_ns:
            why = f"{what} from {seconds(history, start)}; the run ended before it had held"
            return _verdict(expected, Outcome.UNKNOWN, why, (stretch.index,))
        if end - start >= expected.hold_ns:
            took = seconds(history, start)
            why = f"{what}: peer {stretch.holder} from {took}, by {seconds(history, deadline)}"
            return _verdict(expected, Outcome.HOLDS, why, (stretch.index,), 1)
    if perhaps is not None:
        why = f"{what}: {_led(perhaps, history)}, by {seconds(history, deadline)}; {_UNSURE}"
        return _verdict(expected, Outcome.UNKNOWN, why, (perhaps.index,))
    if history.end_ns < deadline:
        why = f"the run ended at {seconds(history, history.end_ns)}, before the bound for {what}"
        return _verdict(expected, Outcome.UNKNOWN, why, ())
    return _verdict(expected, Outcome.FAILS, *_missed(expected, what, deadline, history), 1)


def _missed(
    expected: LeaderExpected | RoleExpected, what: str, deadline: int, history: History
) -> tuple[str, tuple[int, ...]]:
    hold = f" for {expected.hold_ns / 1e9:g} s" if expected.hold_ns else ""
    why = f"no {what.removeprefix('a ')}{hold} between {seconds(history, expected.from_ns)} and "
    why += seconds(history, deadline)
    seen = [
        one
        for one in reigns(history)
        if one.from_ns <= deadline and _until(one, history) > expected.from_ns
    ]
    if seen:
        why += f"; {_led(seen[-1], history)}"
    return why, (*(one.index for one in seen[-3:]), index_at(history, deadline))


def _until(stretch: Stretch, history: History) -> int:
    """Its end; what had not ended with the history is still true at its last instant."""
    return stretch.to_ns if stretch.end is not None else history.end_ns + 1


def _soonest(stretch: Stretch, history: History) -> int:
    """The earliest that it can have begun."""
    return stretch.from_ns - unsure_ns(history.events[stretch.index])


def _at_least_until(stretch: Stretch, history: History) -> int:
    """The earliest that it can have ended."""
    if stretch.end is None:
        return history.end_ns + 1
    return stretch.to_ns - unsure_ns(history.events[stretch.end])


def _straddled(history: History, at_ns: int) -> bool:
    """Whether some reign may have begun or ended just then, or not."""
    return any(
        _soonest(one, history) <= at_ns < one.from_ns
        or (one.end is not None and _at_least_until(one, history) <= at_ns < one.to_ns)
        for one in reigns(history)
    )


def _leader_at(history: History, at_ns: int, event: int | None) -> tuple[Sid | None, int]:
    """Who led then, and the event that shows it."""
    if event is not None:
        return holder_at(history, LeaderCondition(), event), event
    for one in reigns(history):
        if one.from_ns <= at_ns < _until(one, history):
            return one.holder, one.index
    return None, index_at(history, at_ns)


def _led(stretch: Stretch, history: History) -> str:
    end = "the end" if stretch.end is None else seconds(history, stretch.to_ns)
    return f"peer {stretch.holder} led from {seconds(history, stretch.from_ns)} to {end}"


def _between(evidence: tuple[int, ...], history: History) -> Window | None:
    """From its first event to its last; to the end where nothing came of it."""
    if not evidence:
        return None
    first, *more = evidence
    to_ns = history.events[more[-1]].at_ns if more else history.end_ns
    return Window(history.events[first].at_ns, to_ns)


def _size(unit: str, value: int) -> str:
    return str(value) if unit == "count" else f"{value / 1e6:.1f} ms"


def _set(sids: frozenset[Sid] | None) -> str:
    return "all peers" if sids is None else "{" + ", ".join(map(str, sorted(sids))) + "}"


def _verdict(
    of: Expectation, outcome: Outcome, why: str, evidence: tuple[int, ...], judged: int = 1
) -> Verdict:
    return Verdict(of.id, Kind.EXPECTATION, outcome, why, evidence, judged, of.where)
