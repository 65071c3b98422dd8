"""Elections one below the other: how long each leg took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chaos.report import words
from chaos.report.elections import UNDIVIDED, Election
from chaos.report.svg import AMBER, BLUE, PURPLE, Attribute, Markup, element, figure, label, titled
from chaos.report.svg import WIDTH as FULL

ROW: Final = 34
LEFT: Final = 210
RIGHT: Final = 92
PAINT: Final = {"vote": PURPLE, UNDIVIDED: PURPLE, "finalize": AMBER, "handshake": BLUE}


def waterfall(elections: Sequence[Election]) -> Markup:
    """The figure; bars share one scale."""
    longest = max((election.took_ns for election in elections), default=1) or 1
    room = FULL - LEFT - RIGHT
    parts: list[Markup] = []
    for place, election in enumerate(elections):
        y = ROW * place + 6
        parts.append(label(10, y + 15, _name(election), font_weight=600))
        x = float(LEFT)
        for phase in election.phases:
            span = phase.to_ns - phase.from_ns
            width = room * max(0, phase.to_ns - max(phase.from_ns, election.begin_ns)) / longest
            parts.append(_leg(phase.name, span, x, y, width))
            x += width
        end = words.duration(election.took_ns)
        if election.served_ns is None:
            end = f"→ > {end}"
        parts.append(label(x + 8, y + 15, end, font_weight=600))
    said = "; ".join(f"{_name(e)}: {words.duration(e.took_ns)}" for e in elections)
    return figure("waterfall", ROW * len(elections) + 6, "How long each election took", said, parts)


def _name(election: Election) -> str:
    if election.cause is None:
        after = "start" if election.number == 1 else "no fault"
    else:
        after = election.cause.label
    text = f"#{election.number} {after}"
    return text if len(text) < 28 else f"{text[:27]}…"


def _leg(name: str, span_ns: int, x: float, y: float, width: float) -> Markup:
    shape: dict[str, Attribute] = {"x": x, "y": y, "width": max(width - 1, 0.8), "height": 20}
    if name in PAINT:
        parts, ink = [element("rect", fill=PAINT[name], **shape)], "#FFFFFF"
    else:  # waiting to be noticed is nobody's work: pale
        shade: dict[str, Attribute] = {"fill": "currentColor", "fill_opacity": ".10"}
        edge: dict[str, Attribute] = {"stroke": "currentColor", "stroke_opacity": ".55"}
        parts, ink = [element("rect", **shape, **shade, **edge)], "currentColor"
    took = words.duration(span_ns)
    for text in (f"{name} {took}", name, name[0].upper()):
        if width > 6.6 * len(text) + 10:
            parts.append(element("text", text, x=x + 5, y=y + 14, fill=ink, font_size=11))
            break
    return titled(parts, f"{name}: {took}")
