"""How the delays of single messages scatter about a latency.

===============  =====================================================================
distribution     a message's delay, ``jitter`` being
===============  =====================================================================
``uniform``      latency ± jitter, every nanosecond alike; jitter is half the width
``normal``       a normal of mean latency; jitter is its standard deviation, and draws
                 beyond three of them are not made: the normal is truncated there
``exponential``  latency plus an exponential; jitter is its mean before it is truncated
                 at five means, which leaves out 0.7 % of it
``pareto``       latency plus a Pareto of the second kind (Lomax) of shape 3, as the table of
                 that name in Linux's netem has it; jitter is its mean before it is truncated
                 at twenty means, which leaves out 0.08 % of it
===============  =====================================================================

A delay is never below zero: what would be less is zero. Each delay takes one number from its
stream, by the inverse of the distribution's function, so that the seventh message's delay does
not depend on how the six before it came out.
"""

from __future__ import annotations

import math
from enum import StrEnum
from statistics import NormalDist
from typing import Final, assert_never


class Distribution(StrEnum):
    """A shape that delays have."""

    UNIFORM = "uniform"
    NORMAL = "normal"
    EXPONENTIAL = "exponential"
    PARETO = "pareto"


_REACH: Final = {
    Distribution.UNIFORM: 1,
    Distribution.NORMAL: 3,
    Distribution.EXPONENTIAL: 5,
    Distribution.PARETO: 20,
}
_STANDARD: Final = NormalDist()
_BELOW: Final = _STANDARD.cdf(-3)  # the share of a normal under its truncation
_EXPONENTIAL_SHARE: Final = 1 - math.exp(-5)
_SHAPE: Final = 3  # of the Pareto; the mean is its scale divided by one less
_SCALE: Final = _SHAPE - 1  # means
_PARETO_SHARE: Final = 1 - (1 + _REACH[Distribution.PARETO] / _SCALE) ** -_SHAPE


def longest_ns(distribution: str, latency_ns: int, jitter_ns: int) -> int:
    """The longest delay that is ever drawn."""
    return latency_ns + _REACH[Distribution(distribution)] * jitter_ns


def drawn_ns(distribution: Distribution, latency_ns: int, jitter_ns: int, share: float) -> int:
    """The delay that a ``share`` of all delays, from 0 on and below 1, falls short of."""
    match distribution:
        case Distribution.UNIFORM:
            off = int(share * (2 * jitter_ns + 1)) - jitter_ns
        case Distribution.NORMAL:
            inner = _BELOW + share * (1 - 2 * _BELOW)
            off = round(jitter_ns * _STANDARD.inv_cdf(inner))
        case Distribution.EXPONENTIAL:
            off = round(-jitter_ns * math.log(1 - share * _EXPONENTIAL_SHARE))
        case Distribution.PARETO:
            tail = (1 - share * _PARETO_SHARE) ** (-1 / _SHAPE) - 1
            off = round(jitter_ns * _SCALE * tail)
        case _:
            assert_never(distribution)
    return max(0, latency_ns + off)
