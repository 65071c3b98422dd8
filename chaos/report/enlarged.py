"""An election to scale: every vote with its label, waits, decisions, the handshake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from chaos.election.ids import Sid
from chaos.election.notification import Notification, ServerState
from chaos.report import words
from chaos.report.bins import Loss, Sent, binned, losses, thinned
from chaos.report.elections import finding_of
from chaos.report.handshakes import Parcel, Sign, Wait
from chaos.report.messages import Fate, Message, sayings
from chaos.report.svg import (
    BLUE,
    HALO,
    MARGIN,
    MONO,
    RED,
    WIDTH,
    Attribute,
    Markup,
    Scale,
    element,
    figure,
    grid,
    joined,
    label,
    number,
    titled,
)
from chaos.report.timeline import bar, rail
from chaos.report.windows import Close, Window
from chaos.report.words import MS, SECOND

AXIS: Final = 24
HEAD: Final = 14  # room for marks above a bar
BAR: Final = 14
WAIT: Final = 5
ROW: Final = 12  # a row of labels
GAP: Final = 12
ROWS_MAX: Final = 8
ARROWS_MAX: Final = 400  # with a title of their own
LOSSES_MAX: Final = 150
WAITS_MAX: Final = 500
_GLYPH: Final = 5.7  # width of a letter of a label


@dataclass(frozen=True, slots=True)
class Caption:
    """A label beside the moment at which ``sid`` said something."""

    sid: Sid
    at_ns: int
    text: str


class _Panel:
    """One panel under construction: where lanes are, and what their labels say."""

    def __init__(self, close: Close, window: Window) -> None:
        self.close = close
        self.window = window
        self.scale = Scale(window.from_ns, window.to_ns)
        captions = self._captions()
        self.folded = 0
        self.placed: dict[Sid, list[tuple[int, Caption]]] = {sid: [] for sid in close.sids}
        rows = {sid: self._place(sid, captions) for sid in close.sids}
        self.top: dict[Sid, float] = {}
        y = float(AXIS + 4)
        for sid in close.sids:
            self.top[sid] = y + HEAD
            y += HEAD + BAR + WAIT + ROW * rows[sid] + GAP
        self.height = y

    def _captions(self) -> list[Caption]:
        """Labels by time; what one peer says to several in the same pixels shares one."""
        groups: dict[tuple[Sid, str, int], tuple[int, set[Sid]]] = {}
        for sid, at_ns, text, to in self._spoken():
            key = (sid, text, int(self.scale.x(at_ns)) // 4)
            groups.setdefault(key, (at_ns, set()))[1].update(to)
        others = len(self.close.sids) - 1
        found = [
            Caption(sid, at_ns, f"{text} →{_names(to, others)}")
            for (sid, text, _), (at_ns, to) in groups.items()
        ]
        return sorted(found, key=lambda caption: caption.at_ns)

    def _spoken(self) -> Iterator[tuple[Sid, int, str, tuple[Sid, ...]]]:
        window = self.window
        for said in sayings(self.close.messages) if window.votes else ():
            if window.from_ns <= said.at_ns <= window.to_ns and said.note is not None:
                yield said.source, said.at_ns, _vote_label(said.note), said.to
        for parcel in self.close.parcels if window.packets else ():
            if window.from_ns <= parcel.sent_ns <= window.to_ns:
                yield parcel.source, parcel.sent_ns, parcel.kind, (parcel.target,)

    def _place(self, sid: Sid, captions: Iterable[Caption]) -> int:
        """Give each label of a lane the first row where it hides no other; how many rows."""
        ends: list[float] = []
        for caption in captions:
            if caption.sid != sid:
                continue
            x = self.left_of(caption)
            row = next((row for row, end in enumerate(ends) if end <= x), len(ends))
            if row >= ROWS_MAX:
                self.folded += 1
                continue
            ends[row : row + 1] = [x + _GLYPH * len(caption.text) + 8]
            self.placed[sid].append((row, caption))
        return len(ends)

    def left_of(self, caption: Caption) -> float:
        """Where a label begins: at its moment, or so far left of it that it fits."""
        widest = WIDTH - MARGIN - _GLYPH * len(caption.text)
        return min(self.scale.x(caption.at_ns) + 3, widest)

    # ---- drawing

    def draw(self) -> Markup:
        close, window = self.close, self.window
        unit = SECOND if window.to_ns - window.from_ns > 2 * SECOND else MS
        inside = [
            grid(self.scale, close.election.looking_ns, (AXIS, self.height - GAP / 2), unit),
            *self._lanes(),
            *self._moments(),
            *self._arrows(),
            *self._labels(),
            *self._marks(),
        ]
        finding = finding_of(close.election)
        return figure(
            window.name, self.height, f"{window.title} {close.election.number}", finding, inside
        )

    def _lanes(self) -> Iterator[Markup]:
        for sid, y in self.top.items():
            yield rail(sid, y + 11, self.close.programs)
        for segment in thinned(self.close.segments, self.scale):
            yield bar(segment, self.scale, self.top[segment.sid] + BAR / 2, BAR)
        yield from map(self._wait, self._waits())

    def _waits(self) -> list[Wait]:
        """One for each pixel, the longest; where those are too many, the ones that held."""
        longest: dict[tuple[Sid, int], Wait] = {}
        for wait in self.close.waits:
            if not self.scale.shows(wait.from_ns, wait.to_ns):
                continue
            key = (wait.sid, int(self.scale.x(wait.from_ns)))
            other = longest.get(key)
            if other is None or wait.to_ns > other.to_ns:
                longest[key] = wait
        found = list(longest.values())
        return found if len(found) <= WAITS_MAX else [wait for wait in found if wait.done]

    def _wait(self, wait: Wait) -> Markup:
        x = self.scale.x(wait.from_ns)
        rect = element(
            "rect",
            x=x,
            y=self.top[wait.sid] + BAR,
            width=max(self.scale.x(wait.to_ns) - x, 0.8),
            height=WAIT,
            fill="url(#wait)",
        )
        end = "nothing better came" if wait.done else "started over, or left"
        took = words.duration(wait.to_ns - wait.from_ns)
        return titled([rect], f"peer {wait.sid}: finalize wait of {took}, {end}")

    def _moments(self) -> Iterator[Markup]:
        """Upright lines where one phase of the election ends and the next begins."""
        election = self.close.election
        stops = [(phase.from_ns, phase.name) for phase in election.phases]
        served = election.served_ns
        if served is not None:
            stops.append((served, "served"))
        for at_ns, name in stops:
            if not self.window.from_ns <= at_ns <= self.window.to_ns:
                continue
            x = self.scale.x(at_ns)
            line = element(
                "path",
                d=f"M{number(x)} {AXIS}V{number(self.height - GAP / 2)}",
                stroke="currentColor",
                stroke_opacity=".55",
                stroke_dasharray="2 3",
            )
            yield titled([line], f"{name}: {words.duration(at_ns - election.looking_ns)}")

    def _arrows(self) -> Iterator[Markup]:
        window, close = self.window, self.close
        votes = [m for m in close.messages if self._seen(m.sent_ns, m.read_ns)]
        if not window.votes:  # what is still on its way from before says nothing here
            votes = [m for m in votes if m.sent_ns >= window.from_ns]
        read = [m for m in votes if m.fate is Fate.DELIVERED]
        parcels = [p for p in close.parcels if self._seen(p.sent_ns, p.read_ns)]
        grey = {"stroke": "currentColor", "stroke_opacity": ".6"}
        if len(read) <= ARROWS_MAX:
            told = (self._arrow(m, _told(m) if window.votes else "") for m in read)
            yield _group(told, **grey)
        else:
            yield _group(self._plain(read), **grey)
        if len(parcels) <= ARROWS_MAX:
            carried = (self._arrow(p, _carried(p) if window.packets else "") for p in parcels)
            yield _group(carried, stroke=BLUE)
        else:
            yield _group(self._plain(parcels), stroke=BLUE)
        lost, _ = losses(votes, self.scale, LOSSES_MAX)
        yield from self._crosses(lost)

    def _plain(self, sent: Iterable[Sent]) -> Iterator[Markup]:
        """Arrows without a title of their own, as one path."""
        parts = []
        for line in binned(sent, self.scale, ARROWS_MAX)[0]:
            y1, y2 = self._ends(line.source, line.target)
            parts.append(f"M{line.x1} {number(y1)}L{line.x2} {number(y2)}")
        if parts:
            yield element("path", d="".join(parts), marker_end="none")

    def _seen(self, sent_ns: int, read_ns: int | None) -> bool:
        return self.scale.shows(sent_ns, sent_ns if read_ns is None else read_ns)

    def _ends(self, source: Sid, target: Sid) -> tuple[float, float]:
        """From the near edge of one bar to the near edge of the other; a stranger has none."""
        there = self.top.get(target, self.top[source])
        down = self.top[source] < there
        here = self.top[source] + (BAR if down else 0)
        return here, there + (0 if down else BAR)

    def _arrow(self, sent: Message | Parcel, title: str) -> Markup:
        """From lane to lane; what is read beyond the edge goes as far as the edge."""
        y1, y2 = self._ends(sent.source, sent.target)
        window = self.window
        end_ns = sent.sent_ns if sent.read_ns is None else sent.read_ns
        took = max(1, end_ns - sent.sent_ns)
        begin = max(0.0, (window.from_ns - sent.sent_ns) / took)
        end = min(1.0, (window.to_ns - sent.sent_ns) / took)
        x1, x2 = self.scale.x(sent.sent_ns), self.scale.x(end_ns)
        y1, y2 = y1 + (y2 - y1) * begin, y1 + (y2 - y1) * end
        d = f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
        children = [element("title", title)] if title else []
        headless = {} if end == 1 else {"marker_end": "none"}
        return element("path", *children, d=d, **headless)

    def _crosses(self, lost: Iterable[Loss]) -> Iterator[Markup]:
        """What did not arrive: half a way, and a cross; grey where a newer message took over."""
        lost = list(lost)
        harm = (self._cross(loss) for loss in lost if loss.harm)
        routine = (self._cross(loss) for loss in lost if not loss.harm)
        yield _group(routine, stroke="currentColor", stroke_opacity=".7")
        yield _group(harm, stroke=RED, stroke_width="1.6")

    def _cross(self, loss: Loss) -> Markup:
        y1, y2 = self._ends(loss.source, loss.source if loss.target is None else loss.target)
        y = y1 + (y2 - y1) * 0.4
        cross = f"M{loss.x - 4} {number(y - 4)}l8 8m-8 0l8-8"
        d = f"M{loss.x} {number(y1)}V{number(y)}{cross}"
        title = loss.told(self.close.election.looking_ns)
        return element("path", element("title", title), d=d, marker_end="none")

    def _labels(self) -> Iterator[Markup]:
        parts = []
        for sid, placed in self.placed.items():
            for row, caption in placed:
                y = self.top[sid] + BAR + WAIT + ROW * row + 9
                parts.append(element("text", caption.text, x=self.left_of(caption), y=y))
        if parts:
            ink: dict[str, Attribute] = {"fill": "currentColor", "font_family": MONO}
            yield element("g", *parts, font_size=9.5, **HALO, **ink)

    def _marks(self) -> Iterator[Markup]:
        drawn: set[tuple[Sid, Sign, int]] = set()
        for mark in self.close.marks:
            key = (mark.sid, mark.sign, int(self.scale.x(mark.at_ns)))
            if self.window.from_ns <= mark.at_ns <= self.window.to_ns and key not in drawn:
                drawn.add(key)
                sign = label(
                    self.scale.x(mark.at_ns),
                    self.top[mark.sid] - 2,
                    mark.sign.value[0],
                    text_anchor="middle",
                    font_size=10 if mark.sign is Sign.QUORUM else 12,
                )
                yield titled([sign], f"peer {mark.sid} {mark.text}")


def panel(close: Close, window: Window) -> tuple[Markup, int]:
    """One panel, and how many labels found no room in it."""
    made = _Panel(close, window)
    return made.draw(), made.folded


def _group(parts: Iterable[Markup], **attributes: str) -> Markup:
    inside = joined(parts)
    if not inside:
        return Markup("")
    shape = {"fill": "none", "marker_end": "url(#head)", "stroke_width": "1"}
    return element("g", inside, **(shape | attributes))


def _names(to: set[Sid], others: int) -> str:
    if len(to) == others and others > 1:
        return "all"
    return ",".join(str(sid) for sid in sorted(to)) if len(to) < 8 else f"{len(to)} peers"


def _vote_label(note: Notification) -> str:
    text = words.vote(note.leader, note.zxid, note.round)
    return text if note.state == ServerState.LOOKING else f"{text} {words.state(note.state)}"


def _told(message: Message) -> str:
    note = message.note
    said = "unknown" if note is None else words.vote(note.leader, note.zxid, note.round)
    state = "" if note is None else f" ({words.state(note.state)})"
    if message.read_ns is None:
        end = f"{message.fate.value}: {message.why}"
    else:
        end = f"read after {words.duration(message.read_ns - message.sent_ns)}"
    return f"{message.source} → {message.target}: {said}{state}, {end}"


def _carried(parcel: Parcel) -> str:
    took = "" if parcel.read_ns is None else words.duration(parcel.read_ns - parcel.sent_ns)
    end = f"read after {took}" if took else "nobody is known to have read it"
    return f"{parcel.source} → {parcel.target}: {parcel.kind}, {parcel.text}, {end}"
