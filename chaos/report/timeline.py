"""The whole run as swim lanes: what each peer was, votes, faults, who led."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chaos.election.ids import Sid
from chaos.report import words
from chaos.report.bands import Band
from chaos.report.bins import Line, Loss, binned, losses, thinned
from chaos.report.lanes import Look, Reign, Segment
from chaos.report.messages import Message
from chaos.report.svg import (
    AMBER,
    BLUE,
    GREEN,
    HALO,
    PURPLE,
    RED,
    Attribute,
    Lines,
    Markup,
    Scale,
    element,
    figure,
    grid,
    hatch,
    label,
    number,
    titled,
)

AXIS: Final = 24
FAULT: Final = 20  # height of a row of faults
LANE: Final = 38
BAR: Final = 22
PROGRAM_MAX: Final = 15  # letters of a program beside its lane
LINES_MAX: Final = 3000  # of votes
LOSSES_MAX: Final = 400  # of marks for what did not arrive


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure, and how coarsely it was drawn.

    ``lines`` stand for votes, which share one within ``pixels``, as crosses do within
    ``loss_pixels``; ``hidden`` counts states that share a pixel with another.
    """

    markup: Markup
    lines: int
    pixels: int
    loss_pixels: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Story:
    """What a timeline shows, everything by time. ``zero_ns`` is time zero of the plan."""

    sids: Sequence[Sid]
    segments: Sequence[Segment]
    reigns: Sequence[Reign]
    bands: Sequence[Band]
    messages: Sequence[Message]
    zero_ns: int
    from_ns: int
    to_ns: int
    finding: str = ""
    programs: Mapping[Sid, str] = field(default_factory=dict)  # where not all are our own


def defs() -> Markup:
    """Patterns and arrow heads that all figures of a page share."""
    head = element("path", d="M0 0L7 3.5L0 7z", fill="context-stroke")
    return element(
        "defs",
        hatch("looking", AMBER, Lines(2.5, 6, 45, 0.25)),
        hatch("observing", PURPLE, Lines(1, 5, 90, 0.25)),
        hatch("paused", "currentColor", Lines(1, 6, 0, 0.06)),
        hatch("held", "currentColor", Lines(1, 6, 90, 0.06)),
        hatch("fault", RED, Lines(1.2, 7, -45, 0.06)),
        hatch("early", GREEN, Lines(2.5, 5, 90, 0.3)),
        hatch("wait", AMBER, Lines(1.2, 4, 0, 0.1)),
        element(
            "marker",
            head,
            id="head",
            viewBox="0 0 7 7",
            refX=6.5,
            refY=3.5,
            markerWidth=6,
            markerHeight=6,
            orient="auto",
        ),
    )


def timeline(story: Story) -> Drawn:
    """The figure of a whole run."""
    scale = Scale(story.from_ns, story.to_ns)
    rows = _rows(story.bands, scale)
    top = AXIS + FAULT * (max(rows.values()) + 1 if rows else 0) + 8
    middle = {sid: top + LANE * place + LANE / 2 for place, sid in enumerate(story.sids)}
    strip = top + LANE * len(story.sids) + 12
    states = thinned(story.segments, scale)
    lines, pixels = binned(story.messages, scale, LINES_MAX)
    lost, loss_pixels = losses(story.messages, scale, LOSSES_MAX)
    inside = [
        grid(scale, story.zero_ns, (AXIS, strip + BAR)),
        *_faults(story, scale, rows, middle),
        *(rail(sid, y + 4, story.programs) for sid, y in middle.items()),
        _votes(lines, middle),
        *(bar(segment, scale, middle[segment.sid], BAR) for segment in states),
        *_losses(lost, middle, story.zero_ns),
        *_strip(story, scale, strip),
    ]
    markup = figure(
        "timeline-figure", strip + BAR + 6, "Timeline of the run", story.finding, inside
    )
    return Drawn(markup, len(lines), pixels, loss_pixels, len(story.segments) - len(states))


def bar(segment: Segment, scale: Scale, y: float, height: float) -> Markup:
    """A state: its colour, its texture, its letter where there is room, its name on hover."""
    if not scale.shows(segment.from_ns, segment.to_ns):
        return Markup("")
    x, to_x = scale.x(segment.from_ns), scale.x(segment.to_ns)
    width = max(to_x - x, 0.8)
    paint, ink = _paint(segment)
    rect = element("rect", x=x, y=y - height / 2, width=width, height=height, rx=2, **paint)
    parts = [rect]
    text = _inscription(segment, width, height)
    if text:
        size = min(13.0, height * 0.6)
        baseline = y + size * 0.36
        halo = HALO if segment.look in _TEXTURED else {}
        shape: dict[str, Attribute] = {"x": x + 5, "y": baseline, "fill": ink}
        parts.append(element("text", text, **shape, **halo, font_size=size, font_weight=600))
    took = words.duration(segment.to_ns - segment.from_ns)
    whom = "" if segment.leader is None else f" under {segment.leader}"
    early = "" if segment.settled or segment.look not in _ROLES else ", epoch not established"
    return titled(parts, f"peer {segment.sid}: {segment.look.word}{whom}{early} for {took}")


_TEXTURED = (Look.LOOKING, Look.PAUSED, Look.HELD, Look.OBSERVING)
_ROLES = (Look.LEADING, Look.FOLLOWING, Look.OBSERVING)


_PAINT: Final[Mapping[Look, dict[str, Attribute]]] = {
    Look.LEADING: {"fill": GREEN},
    Look.FOLLOWING: {"fill": BLUE, "fill_opacity": ".30", "stroke": BLUE},
    Look.OBSERVING: {"fill": "url(#observing)", "stroke": PURPLE},
    Look.LOOKING: {"fill": "url(#looking)", "stroke": AMBER},
    Look.PAUSED: {"fill": "url(#paused)", "stroke": "currentColor"},
    Look.HELD: {"fill": "url(#held)", "stroke": "currentColor"},
    Look.DOWN: {
        "fill": "none",
        "stroke": "currentColor",
        "stroke_opacity": ".7",
        "stroke_dasharray": "3 3",
    },
}
_EARLY: Final[Mapping[Look, dict[str, Attribute]]] = {  # before the epoch is established
    Look.LEADING: {"fill": "url(#early)", "stroke": GREEN},
    Look.FOLLOWING: {"fill": BLUE, "fill_opacity": ".12", "stroke": BLUE},
}


def _paint(segment: Segment) -> tuple[dict[str, Attribute], str]:
    """The attributes of a bar, and the colour of the text in it."""
    look = segment.look
    if not segment.settled and look in _EARLY:
        return _EARLY[look], "currentColor"
    return _PAINT[look], "#FFFFFF" if look is Look.LEADING else "currentColor"


def _inscription(segment: Segment, width: float, height: float) -> str:
    if width < 14 or height < 12:
        return ""
    if width < 120 or height < 18:
        return segment.look.letter
    whom = segment.look in (Look.FOLLOWING, Look.OBSERVING) and segment.leader is not None
    return f"{segment.look.letter}  {segment.look.word}{f' {segment.leader}' if whom else ''}"


def rail(sid: Sid, y: float, programs: Mapping[Sid, str]) -> Markup:
    """The name of a lane, its baseline at ``y``; below it the server's program, if it matters."""
    program = programs.get(sid, "")
    name = label(10, y - (5 if program else 0), f"peer {sid}", font_weight=600)
    if not program:
        return name
    short = program if len(program) <= PROGRAM_MAX else program[: PROGRAM_MAX - 1] + "…"
    return titled([name, label(10, y + 7, short, font_size=9)], f"peer {sid}: {program}")


def _rows(bands: Sequence[Band], scale: Scale) -> dict[int, int]:
    """A row for each fault, such that no label runs into the next fault."""
    ends: list[float] = []
    rows: dict[int, int] = {}
    for place, band in enumerate(bands):
        x = scale.x(band.from_ns)
        right = max(scale.x(band.to_ns), x + 14 + 7 * len(band.label)) + 6
        free = (row for row, end in enumerate(ends) if end <= x)
        row = next(free, len(ends))
        if row == len(ends):
            ends.append(right)
        else:
            ends[row] = right
        rows[place] = row
    return rows


def _faults(
    story: Story, scale: Scale, rows: dict[int, int], middle: dict[Sid, float]
) -> list[Markup]:
    parts = [label(10, AXIS + 14, "faults", font_weight=600)] if rows else []
    for place, band in enumerate(story.bands):
        y = AXIS + FAULT * rows[place] + 2
        x, to_x = scale.x(band.from_ns), scale.x(band.to_ns)
        width = max(to_x - x, 1.5)
        shade: dict[str, Attribute] = {"fill": "url(#fault)", "stroke": RED}
        if not band.harms and not band.lanes:  # a workload, or a note
            shade = {"fill": "none", "stroke": "currentColor", "stroke_opacity": ".45"}
        boxes = [element("rect", x=x, y=y, width=width, height=FAULT - 4, rx=2, **shade)]
        boxes += [
            element(
                "rect",
                x=x,
                y=middle[sid] - LANE / 2 + 1,
                width=width,
                height=LANE - 2,
                fill="url(#fault)",
                stroke=RED,
                stroke_opacity=".35",
            )
            for sid in band.lanes
            if sid in middle
        ]
        if band.instant:
            ink = RED if band.harms or band.lanes else "currentColor"  # a note
            boxes.append(element("path", d=_diamond(x, y + 8, 6), fill=ink))
        inscription = label(
            x + (10 if band.instant else 5),
            y + 12,
            band.label,
            font_size=11,
            **HALO,
        )
        parts.append(titled([*boxes, inscription], _told(band, story.zero_ns)))
    return parts


def _told(band: Band, zero_ns: int) -> str:
    since = words.moment(band.from_ns - zero_ns)
    until = "" if band.instant else f" until {words.moment(band.to_ns - zero_ns)}"
    return f"step {band.step}: {band.text}; {since}{until}"


def _diamond(x: float, y: float, size: float) -> str:
    x1, x2, y1, y2 = (number(value) for value in (x - size, x + size, y - size, y + size))
    return f"M{number(x)} {y1}L{x2} {number(y)}L{number(x)} {y2}L{x1} {number(y)}z"


def _votes(lines: Iterable[Line], middle: dict[Sid, float]) -> Markup:
    """All votes as one path: thin, behind the lanes."""
    parts = []
    for line in lines:
        if line.source in middle and line.target in middle:
            y1, y2 = middle[line.source], middle[line.target]
            parts.append(f"M{line.x1} {number(y1)}L{line.x2} {number(y2)}")
    if not parts:
        return Markup("")
    return element(
        "path",
        d="".join(parts),
        fill="none",
        stroke="currentColor",
        stroke_width=".8",
        stroke_opacity=".45",
    )


def _losses(lost: Iterable[Loss], middle: dict[Sid, float], zero_ns: int) -> list[Markup]:
    """A cross on the way of what did not arrive, a third of the way to its receiver."""
    harmful: list[Markup] = []
    routine: list[Markup] = []
    for loss in lost:
        here = middle.get(loss.source)
        there = here if loss.target is None else middle.get(loss.target)
        if here is None or there is None:
            continue
        y = here + (there - here) * 0.32
        cross = titled([element("path", d=_cross(loss.x, y, 3.5))], loss.told(zero_ns))
        (harmful if loss.harm else routine).append(cross)
    ink: dict[str, Attribute] = {"stroke": RED, "stroke_width": 2, "fill": "none"}
    pale: dict[str, Attribute] = {"stroke": "currentColor", "stroke_width": 1, "fill": "none"}
    return [
        element("g", *parts, **paint) for parts, paint in ((routine, pale), (harmful, ink)) if parts
    ]


def _cross(x: float, y: float, size: float) -> str:
    x1, x2, y1, y2 = (number(value) for value in (x - size, x + size, y - size, y + size))
    return f"M{x1} {y1}L{x2} {y2}M{x1} {y2}L{x2} {y1}"


@dataclass(frozen=True, slots=True)
class _Reigning:
    """How a reign looks, what may stand in it, the longest first, and what it says on hover."""

    paint: dict[str, Attribute]
    ink: dict[str, Attribute]
    texts: tuple[str, ...]
    said: str


def _strip(story: Story, scale: Scale, y: float) -> list[Markup]:
    """Who led with a quorum: one, nobody, or more than one."""
    parts = [label(10, y + 15, "leader", font_weight=600)]
    for reign in story.reigns:
        if not scale.shows(reign.from_ns, reign.to_ns):
            continue
        x = scale.x(reign.from_ns)
        width = max(scale.x(reign.to_ns) - x, 1)
        took = words.duration(reign.to_ns - reign.from_ns)
        look = _reigning(reign, took)
        inside = [element("rect", x=x, y=y, width=width, height=BAR, rx=2, **look.paint)]
        text = next((text for text in look.texts if width > 7 * len(text) + 8), "")
        if text:
            place: dict[str, Attribute] = {"x": x + 6, "y": y + 15, "font_weight": 600}
            inside.append(element("text", text, **place, **look.ink))
        parts.append(titled(inside, f"{look.said} for {took}"))
    return parts


def _reigning(reign: Reign, took: str) -> _Reigning:
    plain: dict[str, Attribute] = {"fill": "currentColor"}
    if not reign.leaders:
        dashed: dict[str, Attribute] = {"fill": "none", "stroke": RED, "stroke_dasharray": "4 3"}
        return _Reigning(dashed, plain, (f"none {took}", "none", "–"), "nobody led with a quorum")
    names = " and ".join(f"{sid} in epoch {epoch}" for sid, epoch in reign.leaders)
    if len(reign.leaders) > 1:
        several = ", ".join(str(sid) for sid, _ in reign.leaders)
        hatched: dict[str, Attribute] = {"fill": "url(#fault)", "stroke": RED, "stroke_width": 2}
        texts = (f"{len(reign.leaders)} leaders: {several}", several, "!")
        return _Reigning(hatched, plain | HALO, texts, f"{names} led at once")
    sid, epoch = reign.leaders[0]
    texts = (f"★ {sid} · epoch {epoch}", f"★ {sid}", str(sid))
    return _Reigning({"fill": GREEN}, {"fill": "#FFFFFF"}, texts, f"{names} led")
