"""What falls into the same pixels, as one: figures stay small however long a run was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from chaos.election.ids import Sid
from chaos.report import words
from chaos.report.lanes import Segment
from chaos.report.messages import Fate, Message
from chaos.report.svg import Scale

# How wide a bin of crosses may be, and whether each pair has its own.
_COARSER: Final = (*((n, True) for n in (1, 2, 4, 8, 16)), *((n, False) for n in (4, 16, 64, 256)))


class Sent(Protocol):
    """Something that went from one peer to another: a vote or a packet."""

    @property
    def source(self) -> Sid: ...  # noqa: D102
    @property
    def target(self) -> Sid: ...  # noqa: D102
    @property
    def sent_ns(self) -> int: ...  # noqa: D102
    @property
    def read_ns(self) -> int | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Line:
    """Votes from ``source`` to ``target`` that fall into the same pixels."""

    source: Sid
    target: Sid
    x1: int
    x2: int
    count: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Messages that did not arrive, in the same pixels; ``target`` is ``None`` for several.

    ``harm`` counts those whose place no newer message took.
    """

    source: Sid
    target: Sid | None
    x: int
    at_ns: int
    why: str
    count: int
    harm: int

    def told(self, base_ns: int) -> str:
        """What was lost, and why; the time is that since ``base_ns``."""
        many = "" if self.count == 1 else f"{self.count} messages, the first: "
        at = words.moment(self.at_ns - base_ns)
        to = "several" if self.target is None else str(self.target)
        return f"{many}{self.source} → {to} at {at}, {self.why}"


def binned(messages: Iterable[Sent], scale: Scale, most: int) -> tuple[list[Line], int]:
    """What was read, by pixel; how many pixels wide a bin had to be for ``most`` lines.

    Pairs that are too many for any width share one line from the lowest to the highest sid.
    """
    sent = [m for m in messages if m.read_ns is not None and scale.shows(m.sent_ns, m.read_ns)]
    pixels = 1
    while True:
        counts: dict[tuple[Sid, Sid, int, int], int] = defaultdict(int)
        for message in sent:
            assert message.read_ns is not None
            x1 = int(scale.x(message.sent_ns)) // pixels * pixels
            x2 = int(scale.x(message.read_ns)) // pixels * pixels
            counts[message.source, message.target, x1, x2] += 1
        if len(counts) <= most:
            return [Line(*key, many) for key, many in sorted(counts.items())], pixels
        if pixels >= 16:
            return _envelopes(counts), pixels
        pixels *= 2


def _envelopes(counts: Mapping[tuple[Sid, Sid, int, int], int]) -> list[Line]:
    columns: dict[tuple[int, int], list[tuple[Sid, Sid, int]]] = defaultdict(list)
    for (source, target, x1, x2), many in counts.items():
        columns[x1, x2].append((source, target, many))
    return [
        Line(
            min(min(source, target) for source, target, _ in parts),
            max(max(source, target) for source, target, _ in parts),
            x1,
            x2,
            sum(many for _, _, many in parts),
        )
        for (x1, x2), parts in sorted(columns.items())
    ]


def losses(messages: Iterable[Message], scale: Scale, most: int) -> tuple[list[Loss], int]:
    """What did not arrive, by pixel; the counts add up to all of it.

    Pairs that are too many share a cross beside their sender.
    """
    gone = [
        m for m in messages if m.fate is not Fate.DELIVERED and scale.shows(m.sent_ns, m.sent_ns)
    ]
    bins: dict[tuple[Sid, Sid | None, int, bool], list[Message]] = {}
    pixels = 1
    for pixels, pairs in _COARSER:
        bins = defaultdict(list)
        for message in gone:
            x = int(scale.x(message.sent_ns)) // pixels * pixels
            target = message.target if pairs else None
            bins[message.source, target, x, message.routine].append(message)
        if len(bins) <= most:
            break
    found = [_loss(*key[:3], parts) for key, parts in bins.items()]
    return sorted(found, key=lambda loss: (loss.at_ns, loss.source)), pixels


def _loss(source: Sid, target: Sid | None, x: int, parts: list[Message]) -> Loss:
    why = f"{parts[0].fate.value}: {parts[0].why}"
    harm = sum(not message.routine for message in parts)
    return Loss(source, target, x, parts[0].sent_ns, why, len(parts), harm)


def merged(segments: Iterable[Segment]) -> list[Segment]:
    """Neighbours that look the same, as one."""
    found: list[Segment] = []
    for one in segments:
        last = found[-1] if found else None
        if (
            last is not None
            and (last.sid, last.look, last.settled) == (one.sid, one.look, one.settled)
            and (last.leader, last.to_ns) == (one.leader, one.from_ns)
        ):
            found[-1] = Segment(
                last.sid, last.look, last.settled, last.leader, last.from_ns, one.to_ns, last.index
            )
        else:
            found.append(one)
    return found


def thinned(segments: Iterable[Segment], scale: Scale) -> list[Segment]:
    """Without those that would hide behind another one of the same pixel."""
    found: list[Segment] = []
    taken: tuple[Sid, int] | None = None
    for segment in segments:
        if not scale.shows(segment.from_ns, segment.to_ns):
            continue
        pixel = int(scale.x(segment.from_ns))
        small = scale.x(segment.to_ns) - scale.x(segment.from_ns) < 1
        if small and taken == (segment.sid, pixel):
            continue
        taken = (segment.sid, pixel)
        found.append(segment)
    return found
