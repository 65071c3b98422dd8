"""The tables of a page: steps, verdicts, evidence, measures, messages, the host."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from chaos.election.ids import Sid
from chaos.history.events import UNSURE_NS, Sampled, Used
from chaos.history.history import History
from chaos.plan.lint.outline import numbers_of
from chaos.report import words
from chaos.report.messages import Fate, Message, Tally
from chaos.report.telling import what, who
from chaos.store import StepRecord
from chaos.verify.punctuality import late_limit_ns
from chaos.verify.verdict import Measure, Outcome, Verdict, not_green

CITED_MAX: Final = 250  # events in the evidence list
CITED_EACH: Final = 12  # links beside one verdict
MEASURES_MAX: Final = 60  # rows of one name
PAIRS_MAX: Final = 30  # peers whose pairs are counted apart
CAUSES_MAX: Final = 40

_WHERE = re.compile(r":(\d+):\d+$")
_SIGNS = {"done": "✓", "failed": "✗", "skipped": "–", "inconclusive": "?"}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of the plan as it went. ``line`` is its line in the plan, 0 if unknown."""

    step: str
    verb: str
    sentence: str
    sign: str
    outcome: str
    why: str
    line: int
    times: str
    facts: tuple[tuple[str, str], ...]
    depth: int = 0
    number: str = ""  # its place in the tree of ``chaos validate --explain``


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict. ``evidence`` holds indexes that the page has anchors for."""

    sign: str
    outcome: str
    name: str
    kind: str
    summary: str
    judged: int
    line: int
    evidence: tuple[int, ...]
    more: int
    signature: str = ""
    known: str = ""


@dataclass(frozen=True, slots=True)
class CitedRow:
    """One event that a verdict names, in words."""

    index: int
    at: str
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One measured span."""

    of: str
    value: str
    since: str
    until: str
    censored: bool


@dataclass(frozen=True, slots=True)
class MeasureGroup:
    """All measures of one name; ``spread`` sums up where there are several."""

    name: str
    rows: tuple[MeasureRow, ...]
    spread: str
    left: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Messages from each peer (rows) to each (columns); ``None`` where there were none.

    With more than :data:`PAIRS_MAX` peers the one column is to all others together.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Sid, tuple[Tally | None, ...]], ...]
    total: Tally
    causes: tuple[tuple[str, int], ...]
    causes_all: int


def line_of(where: str) -> int:
    """The line in ``file:line:column``, 0 if there is none."""
    found = _WHERE.search(where)
    return int(found.group(1)) if found else 0


def step_rows(steps: Iterable[StepRecord], verdicts: Iterable[Verdict]) -> tuple[StepRow, ...]:
    """The plan as it went; a step that was done, and was judged to be none, says so."""
    known = tuple(steps)
    bad = not_green(verdicts)
    numbers = numbers_of(one.depth for one in known)
    return tuple(
        _step_row(number, step, bad.get(step.step) if step.outcome == "done" else None)
        for number, step in zip(numbers, known, strict=True)
    )


def _step_row(number: str, step: StepRecord, bad: Verdict | None) -> StepRow:
    why = "" if step.verb == "note" else step.why  # its sentence says it
    return StepRow(
        step.step,
        step.verb,
        step.sentence,
        _SIGNS.get(step.outcome, "·") if bad is None else words.OUTCOMES[bad.outcome],
        step.outcome if bad is None else bad.outcome.value,
        why if bad is None else bad.summary,
        line_of(step.where),
        _times(step),
        tuple((name, str(fact)) for name, fact in step.evidence.items()),
        step.depth,
        number,
    )


def _times(step: StepRecord) -> str:
    parts = []
    if step.planned_ns is not None:
        parts.append(f"planned {words.moment(step.planned_ns)}")
    if step.began_ns is None:
        parts.append("never began")
    elif step.planned_ns is None:
        parts.append(f"began {words.moment(step.began_ns)}")
    else:
        late = step.began_ns - step.planned_ns
        sign = "+" if late >= 0 else "−"
        parts.append(f"began {words.moment(step.began_ns)} ({sign}{words.duration(abs(late))})")
    if step.ended_ns is not None:
        parts.append(f"ended {words.moment(step.ended_ns)}")
    return " · ".join(parts)


def cited(verdicts: Iterable[Verdict], history: History) -> tuple[tuple[int, ...], int]:
    """Indexes that the page tells of, and how many it leaves out; the worst verdicts first."""
    ranked = sorted(verdicts, key=lambda verdict: _RANK[verdict.outcome])
    wanted = list(dict.fromkeys(chain.from_iterable(verdict.evidence for verdict in ranked)))
    known = [index for index in wanted if 0 <= index < len(history.events)]
    return tuple(sorted(known[:CITED_MAX])), len(wanted) - len(known[:CITED_MAX])


_RANK = {Outcome.FAILS: 0, Outcome.UNKNOWN: 1, Outcome.HOLDS: 2, Outcome.NOT_EXERCISED: 3}


def verdict_rows(verdicts: Iterable[Verdict], anchors: Iterable[int]) -> tuple[VerdictRow, ...]:
    """The worst first, otherwise in the order of the result."""
    known = frozenset(anchors)
    rows = []
    for verdict in sorted(verdicts, key=lambda verdict: _RANK[verdict.outcome]):
        links = tuple(index for index in verdict.evidence if index in known)[:CITED_EACH]
        rows.append(
            VerdictRow(
                words.OUTCOMES[verdict.outcome],
                verdict.outcome.value,
                verdict.name,
                verdict.kind.value,
                verdict.summary,
                verdict.judged,
                line_of(verdict.where),
                links,
                len(verdict.evidence) - len(links),
                verdict.signature,
                verdict.known,
            )
        )
    return tuple(rows)


def cited_rows(indexes: Iterable[int], history: History) -> tuple[CitedRow, ...]:
    """The events behind the verdicts."""
    return tuple(
        CitedRow(
            index,
            words.moment(history.events[index].at_ns - history.zero_ns),
            who(history.events[index]),
            what(history.events[index]),
        )
        for index in indexes
    )


def measure_groups(measures: Iterable[Measure], history: History) -> tuple[MeasureGroup, ...]:
    """Measures by name, in the order of their first."""
    groups: dict[str, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(measure.name, []).append(measure)
    return tuple(
        MeasureGroup(
            name,
            tuple(_measured(one, history) for one in found[:MEASURES_MAX]),
            _spread(found),
            max(0, len(found) - MEASURES_MAX),
        )
        for name, found in groups.items()
    )


def _measured(measure: Measure, history: History) -> MeasureRow:
    value = "did not end" if measure.value_ns is None else _value(measure, measure.value_ns)
    if max(measure.less_ns, measure.more_ns) > UNSURE_NS:
        value += f" (−{words.duration(measure.less_ns)}, +{words.duration(measure.more_ns)})"
    since, until = (_at(index, history) for index in (measure.start, measure.end))
    return MeasureRow(measure.of, value, since, until, measure.value_ns is None)


def _value(measure: Measure, value: int) -> str:
    return words.duration(value) if measure.unit == "ns" else f"{value:,}"


def _at(index: int | None, history: History) -> str:
    if index is None or not 0 <= index < len(history.events):
        return "–"
    return words.moment(history.events[index].at_ns - history.zero_ns)


def _spread(measures: Sequence[Measure]) -> str:
    """Number, least, median, most. Censored ones count, as longer than any other."""
    if len(measures) < 3:
        return ""
    ends = sorted(m.value_ns for m in measures if m.value_ns is not None)
    hidden = len(measures) - len(ends)
    parts = [f"n {len(measures)}"] + ([f"{hidden} did not end"] if hidden else [])
    if ends:
        parts.append(f"least {_value(measures[0], ends[0])}")
    middle = (len(measures) - 1) // 2
    if middle < len(ends):
        parts.append(f"median {_value(measures[0], ends[middle])}")
    if ends and not hidden:
        parts.append(f"most {_value(measures[0], ends[-1])}")
    return " · ".join(parts)


def matrix(found: Sequence[Tally], messages: Iterable[Message], sids: Sequence[Sid]) -> Matrix:
    """All pairs, their sum, and why messages did not arrive."""
    known = tuple(sorted({*sids, *(tally.source for tally in found), *(t.target for t in found)}))
    rows: tuple[tuple[Sid, tuple[Tally | None, ...]], ...]
    if len(known) > PAIRS_MAX:
        columns: tuple[str, ...] = ("to all others",)
        rows = tuple((sid, (_sum([t for t in found if t.source == sid]),)) for sid in known)
    else:
        columns = tuple(f"to {sid}" for sid in known)
        cells = {(tally.source, tally.target): tally for tally in found}
        rows = tuple((sid, tuple(cells.get((sid, other)) for other in known)) for sid in known)
    causes = Counter(
        f"{message.fate.value}: {message.why}"
        for message in messages
        if message.fate is not Fate.DELIVERED
    )
    return Matrix(columns, rows, _sum(found), tuple(causes.most_common(CAUSES_MAX)), len(causes))


def _sum(found: Sequence[Tally]) -> Tally:
    return Tally(
        Sid(0),
        Sid(0),
        sum(tally.offered for tally in found),
        sum(tally.delivered for tally in found),
        sum(tally.replaced for tally in found),
        sum(tally.lost for tally in found),
        sum(tally.undelivered for tally in found),
        sum(tally.queued for tally in found),
    )


def health(history: History) -> tuple[tuple[str, str], ...]:
    """The host while the run went on, as the canary saw it."""
    samples = [event for _, event in history.every(Sampled)]
    if len(samples) < 2:
        return ()
    used = [event for _, event in history.every(Used)]
    late = sorted(sample.late_ns for sample in samples)
    span_us = max(1, (samples[-1].at_ns - samples[0].at_ns) // 1000)
    pressed = 100 * (samples[-1].pressure_us - samples[0].pressure_us) / span_us
    limit = late_limit_ns(history)
    return (
        ("samples", f"{len(samples):,}"),
        ("canary late, median", words.duration(late[(len(late) - 1) // 2])),
        ("canary late, most", words.duration(late[-1])),
        *((("times are doubtful past", words.duration(limit)),) if limit else ()),
        ("CPU time stolen", f"{samples[-1].steal_ticks - samples[0].steal_ticks} ticks"),
        ("CPU pressure", f"{pressed:.1f} % of the run"),
        *((("what peers held, at most", _most(used)),) if used else ()),
    )


def _most(used: Sequence[Used]) -> str:
    """The most descriptors and the most memory of any of our peers."""
    files = max(used, key=lambda one: one.descriptors)
    memory = max(used, key=lambda one: one.rss_kib)
    return (
        f"{files.descriptors} descriptors (peer {files.sid}), "
        f"{memory.rss_kib / 1024:.1f} MiB (peer {memory.sid})"
    )
