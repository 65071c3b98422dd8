"""Shares of trials: intervals, what no failure in n says, and whether two shares differ.

Sources: Wilson 1927; Newcombe 1998, method 10; Hanley and Lippman-Hand 1983 for the rule of
three. Wilson's interval is a line of arithmetic, which a command that compares nothing can
afford without SciPy; a test holds it to SciPy's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Proportion:
    """``k`` of ``n`` trials."""

    k: int
    n: int

    def wilson(self, confidence: float = 0.95) -> tuple[float, float]:
        """Between what the true share lies; anywhere without trials."""
        if self.n == 0:
            return 0.0, 1.0
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        share, weight = self.k / self.n, z * z / self.n
        middle = share + weight / 2
        reach = z * sqrt(share * (1 - share) / self.n + weight / (4 * self.n))
        low = 0.0 if self.k == 0 else (middle - reach) / (1 + weight)
        high = 1.0 if self.k == self.n else (middle + reach) / (1 + weight)
        return low, high

    def difference(self, other: Proportion, confidence: float = 0.95) -> tuple[float, float]:
        """Between what ``other``'s true share minus this one's lies."""
        mine, theirs = self.wilson(confidence), other.wilson(confidence)
        p, q = self.k / max(1, self.n), other.k / max(1, other.n)
        low = q - p - sqrt((q - theirs[0]) ** 2 + (mine[1] - p) ** 2)
        high = q - p + sqrt((theirs[1] - q) ** 2 + (p - mine[0]) ** 2)
        return max(-1.0, low), min(1.0, high)

    def same_as(self, other: Proportion) -> float:
        """Fisher's exact test: the p value of shares so different, were they the same."""
        from scipy.stats import fisher_exact

        table = [[self.k, self.n - self.k], [other.k, other.n - other.k]]
        return float(fisher_exact(table).pvalue)


def none_of(n: int, confidence: float = 0.95) -> float:
    """How large a share may be that did not show in ``n`` trials; about 3/n at 95 %."""
    return 1.0 if n == 0 else float(1 - (1 - confidence) ** (1 / n))
