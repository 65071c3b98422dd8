from collections.abc import Sequence

class _Test:
    statistic: float
    pvalue: float

class _Binomial:
    def cdf(self, k: int, n: int, p: float) -> float: ...

class _Interval:
    low: float
    high: float

class _BinomialTest:
    def proportion_ci(self, confidence_level: float = ..., method: str = ...) -> _Interval: ...

binom: _Binomial

def binomtest(k: int, n: int) -> _BinomialTest: ...
def fisher_exact(table: Sequence[Sequence[int]]) -> _Test: ...
def mannwhitneyu(
    x: Sequence[float], y: Sequence[float], *, alternative: str, method: str
) -> _Test: ...
def wilcoxon(
    x: Sequence[float], *, zero_method: str = ..., correction: bool = ..., method: str = ...
) -> _Test: ...
