"""From a stored run to everything that its page shows. Pure: nothing is read or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.history.events import Sampled
from chaos.history.history import History
from chaos.report import words
from chaos.report.bands import Band, bands, notes
from chaos.report.bins import merged
from chaos.report.canary import canary
from chaos.report.elections import Election, elections, finding_of, important, whole
from chaos.report.enlarged import panel
from chaos.report.handshakes import Mark, Parcel, Sign, Wait, marks, parcels, waits
from chaos.report.lanes import Reign, Segment, reigns, segments
from chaos.report.messages import Fate, Message, messages, sayings, tallies
from chaos.report.rows import (
    CitedRow,
    Matrix,
    MeasureGroup,
    StepRow,
    VerdictRow,
    cited,
    cited_rows,
    health,
    matrix,
    measure_groups,
    step_rows,
    verdict_rows,
)
from chaos.report.servers import ServerRow, programs, servers
from chaos.report.svg import Markup, Scale
from chaos.report.timeline import Story, defs, timeline
from chaos.report.waterfall import waterfall
from chaos.report.windows import Close, windows
from chaos.runner.known import sentence
from chaos.store import RunResult
from chaos.verify.punctuality import late_limit_ns
from chaos.verify.verdict import Measure, Outcome

INSETS_MAX: Final = 6
VOTES_MAX: Final = 150  # rows of one election's table
STATES_MAX: Final = 200  # rows of the timeline's table
ROWS_MAX: Final = 40  # elections in the waterfall
MESSAGES_MANY: Final = 2000  # from here on the page says that they share lines
PLAN_LINES_MAX: Final = 2000
PLAN_WIDTH_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One notification as it was said."""

    at: str
    source: int
    to: str
    state: str
    vote: str
    epoch: str
    end: str


@dataclass(frozen=True, slots=True)
class Inset:
    """One election enlarged."""

    number: int
    heading: str
    finding: str
    noticed: str
    panels: tuple[tuple[str, Markup, int], ...]  # title, figure, labels without room
    votes: tuple[VoteRow, ...]
    votes_left: int


@dataclass(frozen=True, slots=True)
class StateRow:
    """One stretch of a lane, for readers of tables."""

    sid: int
    state: str
    leader: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template needs; texts are plain, figures are markup."""

    result: RunResult
    sign: str
    word: str
    meaning: str
    facts: tuple[str, ...]
    servers: tuple[ServerRow, ...]
    steps: tuple[StepRow, ...]
    plan_lines: tuple[str, ...]
    plan_left: int
    defs: Markup
    timeline: Markup | None
    finding: str
    coarse: tuple[str, ...]
    states: tuple[StateRow, ...]
    states_left: int
    waterfall: Markup | None
    phases: bool
    elections: tuple[tuple[Election, str], ...]
    elections_left: int
    cut: str
    insets: tuple[Inset, ...]
    measures: tuple[MeasureGroup, ...]
    verdicts: tuple[VerdictRow, ...]
    known: tuple[str, ...]
    evidence: tuple[CitedRow, ...]
    evidence_left: int
    matrix: Matrix
    health: tuple[tuple[str, str], ...]
    canary: Markup | None
    empty: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """The history, folded once for all sections."""

    history: History
    bands: tuple[Band, ...]
    segments: tuple[Segment, ...]
    reigns: tuple[Reign, ...]
    messages: tuple[Message, ...]
    elections: tuple[Election, ...]
    marks: tuple[Mark, ...]
    waits: tuple[Wait, ...]
    parcels: tuple[Parcel, ...]


def _seen(result: RunResult, history: History, *, phases: bool) -> _Seen:
    faults = bands(history, {step.step: step.verb for step in result.steps})
    lanes = tuple(merged(segments(history)))
    led = reigns(history)
    found = elections(history, led, lanes, faults)
    return _Seen(
        history,
        faults,
        lanes,
        led,
        messages(history, faults),
        found if phases else tuple(map(whole, found)),
        marks(history),
        waits(history),
        parcels(history),
    )


def page_of(
    result: RunResult, history: History, insets: int = INSETS_MAX, *, phases: bool = True
) -> Page:
    """Everything that the page of a run shows, with at most ``insets`` elections enlarged.

    Without ``phases`` elections are undivided, and what was measured of phases is left out.
    """
    seen = _seen(result, history, phases=phases)
    anchors, left = cited(result.verdicts, history)
    sign, word, meaning = words.ending(
        result.exit_code, expected=any(verdict.known for verdict in result.verdicts)
    )
    drawn = _timeline(seen, notes(history, {step.step: step.verb for step in result.steps}))
    lines = result.plan_text.splitlines()
    by_time = seen.elections
    return Page(
        result=result,
        sign=sign,
        word=word,
        meaning=meaning,
        facts=_facts(result, history),
        servers=servers(history, result.environment.get("chaos", "?")),
        steps=step_rows(result.steps, result.verdicts),
        plan_lines=tuple(line[:PLAN_WIDTH_MAX] for line in lines[:PLAN_LINES_MAX]),
        plan_left=max(0, len(lines) - PLAN_LINES_MAX),
        defs=defs(),
        timeline=drawn[0],
        finding=_finding(seen),
        coarse=drawn[1],
        states=tuple(_state(segment, history) for segment in seen.segments[:STATES_MAX]),
        states_left=max(0, len(seen.segments) - STATES_MAX),
        waterfall=waterfall(by_time[:ROWS_MAX]) if by_time else None,
        phases=phases,
        elections=tuple((e, finding_of(e)) for e in by_time[:ROWS_MAX]),
        elections_left=max(0, len(by_time) - ROWS_MAX),
        cut=_cut(len(by_time), insets),
        insets=_insets(seen, result, insets),
        measures=measure_groups(_shown(result.measures, phases=phases), history),
        verdicts=verdict_rows(result.verdicts, anchors),
        known=tuple(map(sentence, result.known_issues)),
        evidence=cited_rows(anchors, history),
        evidence_left=left,
        matrix=matrix(tallies(history, seen.messages), seen.messages, history.sids),
        health=health(history),
        canary=_canary(history),
        empty="" if history.sids else "No peer left a line in this history.",
    )


def _shown(measures: Iterable[Measure], *, phases: bool) -> Iterator[Measure]:
    return (one for one in measures if phases or not one.name.startswith("election.phase."))


def _facts(result: RunResult, history: History) -> tuple[str, ...]:
    held = sum(verdict.outcome is Outcome.HOLDS for verdict in result.verdicts)
    asked = sum(verdict.outcome is not Outcome.NOT_EXERCISED for verdict in result.verdicts)
    span = words.duration(history.end_ns - history.zero_ns)
    return (
        f"exit code {result.exit_code}",
        *((f"{held} of {words.count(asked, 'verdict')} held",) if asked > held else ()),
        words.count(len(history.sids), "peer"),
        span,
        f"{result.system}, {result.network} network",
        f"seed {result.seed}",
    )


# ---- the timeline


def _edges(history: History) -> tuple[int, int]:
    """From time zero until the end, in at least a millisecond."""
    return history.zero_ns, max(history.end_ns, history.zero_ns + words.MS)


def _timeline(seen: _Seen, told: tuple[Band, ...]) -> tuple[Markup | None, tuple[str, ...]]:
    history = seen.history
    if not history.sids:
        return None, ()
    from_ns, to_ns = _edges(history)
    drawn = timeline(
        Story(
            history.sids,
            seen.segments,
            seen.reigns,
            (*seen.bands, *told),
            seen.messages,
            history.zero_ns,
            from_ns,
            to_ns,
            _finding(seen),
            programs(history),
        )
    )
    said = []
    read = sum(message.fate is Fate.DELIVERED for message in seen.messages)
    if drawn.pixels > 1 or read > MESSAGES_MANY:
        within = words.count(drawn.pixels, "pixel")
        lines = words.count(drawn.lines, "line")
        said.append(f"{words.count(read, 'message')} are drawn as {lines}: one within {within}.")
    if drawn.loss_pixels > 1:
        said.append(f"Crosses within {drawn.loss_pixels} pixels share one, which counts them.")
    if drawn.hidden:
        said.append(f"{words.count(drawn.hidden, 'state')} shorter than a pixel share one.")
    return drawn.markup, tuple(said)


def _finding(seen: _Seen) -> str:
    """What the timeline shows, in two sentences."""
    names = [sid for reign in seen.reigns for sid, _ in reign.leaders]
    order = [str(sid) for place, sid in enumerate(names) if place == 0 or names[place - 1] != sid]
    history = seen.history
    without = sum(
        reign.to_ns - max(reign.from_ns, history.zero_ns)
        for reign in seen.reigns
        if not reign.leaders and reign.to_ns > history.zero_ns
    )
    several = any(len(reign.leaders) > 1 for reign in seen.reigns)
    led = f"Led by {', then '.join(order)}" if order else "Nobody led with a quorum"
    split = " More than one at a time had a quorum." if several else ""
    gone = sum(m.fate is not Fate.DELIVERED and not m.routine for m in seen.messages)
    lost = f" {words.count(gone, 'message')} did not arrive." if gone else ""
    return f"{led}; without a leader for {words.duration(without)}.{split}{lost}"


def _state(segment: Segment, history: History) -> StateRow:
    leader = "" if segment.leader is None else str(segment.leader)
    since, until = (words.moment(t - history.zero_ns) for t in (segment.from_ns, segment.to_ns))
    name = f"{segment.look.letter} {segment.look.word}"
    return StateRow(segment.sid, name, leader, since, until)


# ---- elections


def _cut(found: int, most: int) -> str:
    if most == INSETS_MAX or found <= most:
        return ""
    return f"the page would be too large with more than {words.count(most, 'election')} enlarged."


def _insets(seen: _Seen, result: RunResult, most: int) -> tuple[Inset, ...]:
    history = seen.history
    cited_ns = [
        history.events[index].at_ns
        for verdict in result.verdicts
        if verdict.outcome in (Outcome.FAILS, Outcome.UNKNOWN)
        for index in verdict.evidence
        if 0 <= index < len(history.events)
    ]
    chosen = important(seen.elections, cited_ns)[:most]
    return tuple(_inset(seen, election) for election in chosen)


def _inset(seen: _Seen, election: Election) -> Inset:
    close = _close(seen, election)
    panels = tuple((window.title, *panel(close, window)) for window in windows(close))
    said = sayings(close.messages)
    zero_ns = seen.history.zero_ns
    after = "the start" if election.number == 1 else "no fault"
    cause = after if election.cause is None else election.cause.label
    return Inset(
        election.number,
        f"#{election.number} after {cause}, {words.moment(election.begin_ns - zero_ns)}",
        finding_of(election),
        election.noticed,
        panels,
        tuple(_vote_row(one.parts, election.looking_ns) for one in said[:VOTES_MAX]),
        max(0, len(said) - VOTES_MAX),
    )


def _close(seen: _Seen, election: Election) -> Close:
    """What happened from just before the first LOOKING until the last learner was served."""
    from_ns = election.looking_ns
    late_ns = election.end_ns + max(1, election.end_ns - from_ns) // 2
    served = [
        mark.at_ns
        for mark in seen.marks
        if mark.sign is Sign.SERVING and election.end_ns <= mark.at_ns <= late_ns
    ]
    until_ns = max([election.end_ns, *served])
    return Close(
        election,
        seen.history.sids,
        seen.segments,
        [m for m in seen.messages if from_ns <= m.sent_ns <= until_ns],
        seen.marks,
        seen.waits,
        [p for p in seen.parcels if from_ns <= p.sent_ns <= until_ns],
        until_ns,
        programs(seen.history),
    )


def _vote_row(parts: Sequence[Message], base_ns: int) -> VoteRow:
    note = parts[0].note
    took = [m.read_ns - m.sent_ns for m in parts if m.read_ns is not None]
    ends = []
    if took:
        least, most = words.duration(min(took)), words.duration(max(took))
        ends.append(f"read after {least}" if len(took) == 1 else f"read after {least} – {most}")
    ends += [f"✕ {m.target} {m.fate.value}: {m.why}" for m in parts if m.read_ns is None]
    return VoteRow(
        words.duration(parts[0].sent_ns - base_ns),
        parts[0].source,
        ", ".join(str(sid) for sid in sorted({message.target for message in parts})),
        "?" if note is None else words.state(note.state),
        "?" if note is None else words.vote(note.leader, note.zxid, note.round),
        "?" if note is None or note.leader < 0 else str(note.peer_epoch),
        "; ".join(ends),
    )


def _canary(history: History) -> Markup | None:
    samples = [event for _, event in history.every(Sampled)]
    if len(samples) < 2:
        return None
    return canary(samples, Scale(*_edges(history)), history.zero_ns, late_limit_ns(history))
