"""Empirical distributions of durations: how large a share of the runs had ended by when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.report import words
from chaos.report.svg import (
    GUTTER,
    PALETTE,
    WIDTH,
    Markup,
    Scale,
    element,
    figure,
    grid,
    label,
    number,
    titled,
)
from chaos.report.words import MS, SECOND
from chaos.statistics.observations import Sample

AXIS: Final = 24
HIGH: Final = 150
RIGHT: Final = 250  # of the plot: names of lines stand there
_LINE: Final = 17  # between two names
_TOLD_MAX: Final = 32  # characters of a name and what follows it; all of it is under the pointer
_DASHES: Final = ("", "7 4", "2 3", "9 3 2 3", "12 5")
LINES_MAX: Final = len(PALETTE)


@dataclass(frozen=True, slots=True)
class Curve:
    """What one cell measured, and what it is called."""

    name: str
    sample: Sample


def ecdf(name: str, title: str, curves: Sequence[Curve]) -> Markup:
    """Steps of the first :data:`LINES_MAX` curves. What never ended keeps a curve below 1.

    A value that was seen from outside may lie anywhere between two bounds; its step is drawn
    where it had surely ended.
    """
    shown = curves[:LINES_MAX]
    ends = [high for curve in shown for high in curve.sample.highs() if high is not None]
    scale = Scale(0, max(ends, default=1) * 21 // 20, GUTTER, WIDTH - RIGHT)
    base = AXIS + HIGH
    unit = SECOND if scale.to_ns >= 2 * SECOND else MS
    levels = ((share, base - HIGH * share) for share in (0, 0.5, 1))
    inside = [
        grid(scale, 0, (AXIS, base), unit),
        *(label(10, y + 4, f"{share:.0%}", font_size=11) for share, y in levels),
        *_drawn(shown, scale, base),
    ]
    return figure(name, base + 10, title, _finding(shown), inside)


def _drawn(curves: Sequence[Curve], scale: Scale, base: float) -> Iterator[Markup]:
    for place, curve in enumerate(curves):
        ink = PALETTE[place]
        path = element(
            "path",
            d=_steps(curve.sample, scale, base),
            stroke=ink,
            stroke_width=1.8,
            stroke_dasharray=_DASHES[place],
            fill="none",
        )
        y = AXIS + 6 + _LINE * place
        left = scale.right + 16
        key = element(
            "path",
            d=f"M{number(left)} {y}h26",
            stroke=ink,
            stroke_width=1.8,
            stroke_dasharray=_DASHES[place],
        )
        name = label(left + 32, y + 4, _told(curve), font_size=11)
        yield titled([path, key, name], _median(curve))


def _told(curve: Curve) -> str:
    """The name of a line as far as there is room for it, and how many runs it is of."""
    runs = f", n = {curve.sample.n}"
    if curve.sample.censored:
        runs += f", → {curve.sample.censored}"
    room = _TOLD_MAX - len(runs)
    return (curve.name if len(curve.name) <= room else f"{curve.name[: room - 1]}…") + runs


def _steps(sample: Sample, scale: Scale, base: float) -> str:
    """A step up at each value that ended; an open end to the right edge."""
    path = f"M{number(scale.left)} {number(base)}"
    ended = [high for high in sample.highs() if high is not None]
    for count, high in enumerate(ended, 1):
        path += f"H{number(scale.x(high))}V{number(base - HIGH * count / sample.n)}"
    return path + f"H{number(scale.right)}"


def _median(curve: Curve) -> str:
    middle = curve.sample.median()
    told = "never ended" if middle.high is None else words.duration(middle.high)
    return f"{curve.name}: median {told}, {curve.sample.censored} of {curve.sample.n} never ended"


def _finding(curves: Sequence[Curve]) -> str:
    return "; ".join(map(_median, curves))
