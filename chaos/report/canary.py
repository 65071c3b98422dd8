"""How late the canary woke, along the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chaos.history.events import Sampled
from chaos.report import words
from chaos.report.svg import BLUE, RED, Markup, Scale, element, figure, grid, label, number

AXIS: Final = 24
HIGH: Final = 64


def canary(samples: Sequence[Sampled], scale: Scale, zero_ns: int, limit_ns: int) -> Markup:
    """The worst lateness of each two pixels as an upright line, and the limit where in sight."""
    worst: dict[int, int] = {}
    for sample in samples:
        x = int(scale.x(sample.at_ns)) // 2 * 2
        worst[x] = max(worst.get(x, 0), sample.late_ns)
    most = max(worst.values(), default=0)
    full = max(most, 1)
    show_limit = limit_ns and full > limit_ns / 4
    if show_limit:
        full = max(full, limit_ns)
    base = AXIS + HIGH
    bars = "".join(
        f"M{x} {base}V{number(base - HIGH * late / full)}" for x, late in sorted(worst.items())
    )
    inside = [
        grid(scale, zero_ns, (AXIS, base)),
        label(10, AXIS + 11, words.duration(full), font_size=11),
        label(10, base, "0", font_size=11),
        element("path", d=bars, stroke=BLUE, stroke_width=1.6, fill="none"),
    ]
    if show_limit:
        y = number(base - HIGH * limit_ns / full)
        line = f"M{number(scale.left)} {y}H{number(scale.right)}"
        inside.append(element("path", d=line, stroke=RED, stroke_dasharray="5 4", fill="none"))
    finding = f"At most {words.duration(most)} late; a dashed line marks where times are doubtful."
    return figure("canary", base + 8, "How late the canary woke", finding, inside)
