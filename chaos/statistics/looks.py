"""When a sample that grows is looked at, and how much of the doubt each look may spend.

Who looks again after every run finds an answer by chance sooner or later. Here the looks are laid
down before the first run: at an eighth, a quarter, a half and all of the runs. A look at n of N
spends of the doubt what n/N allows and earlier ones left: (n − m)/N, with m the look before. The
parts add up to one, so by Bonferroni's inequality the chance of any false answer at any look is at
most the whole doubt, whatever test is made at each, and however the looks hang together.

Sources: Lan and DeMets 1983 for spending functions; Kim and DeMets 1987 for this one, linear in
n/N. Their sharper bounds for looks that hang together are not used: they hold for a test that is
nearly normal, and ours are exact ones of few values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_PARTS: Final = (8, 4, 2, 1)


@dataclass(frozen=True, slots=True)
class Look:
    """The ``number``-th look, after ``n`` runs, with ``share`` of the doubt to spend."""

    number: int
    n: int
    share: float


def looks(runs: int, least: int = 1) -> tuple[Look, ...]:
    """The looks at so many runs, the last at all of them; none before ``least`` have ended."""
    at = sorted({-(-runs // part) for part in _PARTS})
    kept = [n for n in at if n >= least or n == runs]
    before = [0, *kept]
    return tuple(
        Look(number, n, (n - before[number - 1]) / runs) for number, n in enumerate(kept, 1)
    )


def sure_of(confidence: float, share: float) -> float:
    """How sure a look has to be that may spend ``share`` of the doubt."""
    return 1 - (1 - confidence) * share
