"""Figures as markup: elements with attributes and no style, so that no policy strips them.

Where styles and scripts are forbidden a figure keeps its colours and its size. Text and axes
are ``currentColor`` and halos ``Canvas``, which follow the page into the dark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from chaos.report.words import SECOND
from chaos.texts import visible

WIDTH: Final = 1080
GUTTER: Final = 84  # names of lanes
MARGIN: Final = 14  # right of the plot
TICKS_MAX: Final = 11

# Paul Tol's bright and medium-contrast schemes: 3:1 or more on white and on near-black.
BLUE: Final = "#4477AA"
GREEN: Final = "#228833"
AMBER: Final = "#997700"
PURPLE: Final = "#AA4499"
RED: Final = "#CC3311"
PALETTE: Final = (BLUE, GREEN, AMBER, PURPLE, RED)

MONO: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
SANS: Final = "system-ui, sans-serif"

Attribute = str | int | float


class Markup(str):
    """Text that is markup already; the template engine asks for ``__html__``."""

    __slots__ = ()

    def __html__(self) -> str:
        """Itself, as it is."""
        return str(self)


HALO: Final[dict[str, Attribute]] = {  # keeps text readable on textures, in light and dark
    "stroke": "Canvas",
    "stroke_width": 3,
    "stroke_linejoin": "round",
    "paint_order": "stroke",
}


def element(name: str, *children: str, **attributes: Attribute) -> Markup:
    """An element; ``_`` in attribute names is ``-``. Children that are no Markup are escaped."""
    assert "style" not in attributes
    parts = [f"<{name}"]
    for key, value in attributes.items():
        text = value if isinstance(value, str) else number(value)
        parts.append(f' {key.replace("_", "-")}="{escape(text)}"')
    inside = "".join(
        child if isinstance(child, Markup) else escape(visible(child)) for child in children
    )
    parts.append(f">{inside}</{name}>" if children else "/>")
    return Markup("".join(parts))


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def joined(parts: Iterable[Markup]) -> Markup:
    """Elements one after another."""
    return Markup("".join(parts))


def label(x: float, y: float, text: str, **attributes: Attribute) -> Markup:
    """Text in the page's colour, its baseline at ``y``."""
    ink: dict[str, Attribute] = {"x": x, "y": y, "fill": "currentColor"}
    return element("text", text, **(ink | attributes))


def titled(inside: Iterable[Markup], title: str, **attributes: Attribute) -> Markup:
    """A group that says ``title`` under the pointer."""
    return element("g", element("title", title), *inside, **attributes)


def figure(name: str, height: float, title: str, finding: str, inside: Iterable[Markup]) -> Markup:
    """A figure as wide as :data:`WIDTH`. ``name`` is its id, ``finding`` says what it shows."""
    return element(
        "svg",
        element("title", title, id=f"{name}-t"),
        element("desc", finding, id=f"{name}-d"),
        *inside,
        id=name,
        role="img",
        aria_labelledby=f"{name}-t {name}-d",
        width=WIDTH,
        height=height,
        viewBox=f"0 0 {WIDTH} {number(height)}",
        font_size=12,
        font_family=SANS,
    )


@dataclass(frozen=True, slots=True)
class Lines:
    """A texture: lines of a width, ``gap`` apart, turned by degrees, over a tint of 0 to 1."""

    width: float
    gap: int
    turn: int
    tint: float


def hatch(name: str, colour: str, lines: Lines) -> Markup:
    """A pattern called ``name``."""
    gap = lines.gap
    tint = f"{lines.tint:.2f}"
    return element(
        "pattern",
        element("rect", width=gap, height=gap, fill=colour, fill_opacity=tint),
        element("rect", width=lines.width, height=gap, fill=colour),
        id=name,
        patternUnits="userSpaceOnUse",
        width=gap,
        height=gap,
        patternTransform=f"rotate({lines.turn})",
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """Time to x, and back to a text. Times outside the window are kept at its edges."""

    from_ns: int
    to_ns: int
    left: float = GUTTER
    right: float = WIDTH - MARGIN

    def x(self, at_ns: int) -> float:
        """Where ``at_ns`` is."""
        span = max(1, self.to_ns - self.from_ns)
        share = min(max(at_ns - self.from_ns, 0), span) / span
        return self.left + share * (self.right - self.left)

    def shows(self, from_ns: int, to_ns: int) -> bool:
        """Whether a stretch of time is in the window, in part or whole."""
        return from_ns <= self.to_ns and to_ns >= self.from_ns

    def ticks(self, base_ns: int, unit: int) -> list[tuple[float, str]]:
        """Round moments with their labels, in ``unit`` (of nanoseconds) after ``base_ns``."""
        step = _step((self.to_ns - self.from_ns) / TICKS_MAX)
        first = -((base_ns - self.from_ns) // step) * step
        decimals = max(0, len(str(unit)) - len(str(step)))
        found = []
        offset = first
        while base_ns + offset <= self.to_ns:
            if base_ns + offset >= self.from_ns:
                text = f"{offset / unit:.{decimals}f}".replace("-", "−")
                found.append(
                    (self.x(base_ns + offset), f"{text} {'s' if unit == SECOND else 'ms'}")
                )
            offset += step
        return found


def _step(least_ns: float) -> int:
    """The smallest 1, 2 or 5 times a power of ten that is not below ``least_ns``."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least_ns:
                return factor * power
        power *= 10


def grid(scale: Scale, base_ns: int, edges: tuple[float, float], unit: int = SECOND) -> Markup:
    """Upright lines from edge to edge at round moments, their labels above."""
    top, bottom = edges
    ticks = scale.ticks(base_ns, unit)
    lines = "".join(f"M{number(x)} {number(top)}V{number(bottom)}" for x, _ in ticks)
    names = [
        label(min(x, scale.right - 20), top - 6, text, text_anchor="middle", opacity=".75")
        for x, text in ticks
    ]
    rule = element("path", d=lines, stroke="currentColor", stroke_opacity=".16", fill="none")
    return joined([rule, element("g", *names, font_size=11, font_family=MONO)]) if names else rule
