"""An expectation of a metric, as written: bounds of each value, of quantiles, of a slowdown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar, Final

from chaos.faults.base import Percent
from chaos.plan.forms import BROKEN, Id, Record, Said, Schema
from chaos.plan.model import SetTest, WhenUndecided, Where
from chaos.plan.parts import Amount, Moment, SaidMoment, SaidPeer, Whose
from chaos.plan.problems import Problems
from chaos.plan.tree import Leaf, Node, Table, kind

CONFIDENCE: Final = 0.95
NOISE_PPM: Final = 50_000
ALPHA: Final = 0.05
QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Probability:
    """A number from ``low`` to ``high``, such as ``usual``."""

    low: float
    high: float
    usual: float

    def read(self, node: Node, problems: Problems) -> object:
        """The number."""
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            number = float(value)
            if self.low <= number <= self.high:
                return number
        text = f"a number from {self.low} to {self.high} is needed, not {kind(node)}"
        problems.add(node.where, f"{text}; write {self.usual}")
        return BROKEN

    def schema(self) -> Schema:
        """A bounded number."""
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class QuantileText:
    """A quantile stays at or below ``max``."""

    title: ClassVar[str] = "a bound of a quantile"
    max: Annotated[Leaf, Amount()]
    confidence: Annotated[float, Probability(0.5, 0.9999, CONFIDENCE)] = CONFIDENCE


class Quantile:
    """``{max: 3s, confidence: 0.95}``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The bound."""
        if isinstance(node, Leaf) and node.value is not None:
            problems.add(
                node.where, f"a bound of a quantile is a mapping; write {{max: {node.text}}}"
            )
            return BROKEN
        return _QUANTILE.read(node, problems)

    def schema(self) -> Schema:
        """A mapping."""
        return _QUANTILE.schema()


@dataclass(frozen=True, slots=True)
class ExpectMetric:
    """A measure stays below a bound, over all of it, at a quantile, or against a baseline."""

    title: ClassVar[str] = "an expectation of a metric"
    where: Where
    id: Annotated[Said, Id()]
    metric: Said
    max: Annotated[Leaf | None, Amount()] = None
    p50: Annotated[QuantileText | None, Quantile()] = None
    p90: Annotated[QuantileText | None, Quantile()] = None
    p95: Annotated[QuantileText | None, Quantile()] = None
    p99: Annotated[QuantileText | None, Quantile()] = None
    of: Annotated[Said | SaidPeer | None, Whose()] = None
    from_: Annotated[SaidMoment, Moment()] | None = None
    baseline: Said | None = None
    test: SetTest | None = None
    max_slowdown: Percent | None = None
    alpha: Annotated[float | None, Probability(0.0001, 0.5, ALPHA)] = None
    when_undecided: WhenUndecided | None = None

    def quantiles(self) -> dict[str, QuantileText]:
        """The bounds of quantiles by their names."""
        said = {"p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99}
        return {name: one for name, one in said.items() if one is not None}


class Metric:
    """An expectation of a metric; a mean is refused with the reason."""

    def read(self, node: Node, problems: Problems) -> object:
        """The record."""
        mean = node.entries.get("mean") if isinstance(node, Table) else None
        if mean is not None:
            text = "there is no mean: an election that never ended has none; write p50: {max: …}"
            problems.add(mean.where, text)
            return BROKEN
        return _METRIC.read(node, problems)

    def schema(self) -> Schema:
        """A mapping."""
        return _METRIC.schema()


_QUANTILE: Final = Record(QuantileText, QuantileText.title)
_METRIC: Final = Record(ExpectMetric, ExpectMetric.title)
