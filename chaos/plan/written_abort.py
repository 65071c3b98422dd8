"""What ends a run before its steps do, as ``limits: {abort_when: […]}`` says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from chaos.faults.base import Duration
from chaos.plan import values
from chaos.plan.forms import BROKEN, Record, Schema
from chaos.plan.model import Where
from chaos.plan.problems import Problems
from chaos.plan.tree import Leaf, Node, Table, kind
from chaos.verify.aborts import AbortVerdict, AbortWhen, HostAbove, HostMetric, PeerCrashed

_SHARE: Final = r"[0-9]+(\.[0-9]+)?%?"


class AbortEvent(StrEnum):
    """What may happen in a run that ends it."""

    PEER_CRASHED = "peer_crashed"


class Unless(StrEnum):
    """What takes an event out."""

    INJECTED = "injected"


@dataclass(frozen=True, slots=True)
class Bound:
    """``amount`` in millionths, or in ns if it ``is_time``."""

    amount: int
    is_time: bool


class Above:
    """A share of the time, ``0.9`` or ``90%``, or a duration."""

    def read(self, node: Node, problems: Problems) -> object:
        """The bound."""
        if not isinstance(node, Leaf) or node.value is None or isinstance(node.value, bool):
            problems.add(node.where, f"a share or a duration is needed, not {kind(node)}")
            return BROKEN
        try:
            if re.fullmatch(values.DURATION, node.text):
                return Bound(values.duration_ns(node.text), is_time=True)
            return Bound(_share_ppm(node.text), is_time=False)
        except ValueError as error:
            problems.add(node.where, str(error))
            return BROKEN

    def schema(self) -> Schema:
        """A number, or a string of a pattern."""
        text: Schema = {"type": "string", "pattern": f"^(({_SHARE})|({values.DURATION}))$"}
        return {"anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, text]}


def _share_ppm(text: str) -> int:
    """``0.9`` or ``90%`` in millionths.

    Raises:
        ValueError: it is no share, or one that nothing is above.
    """
    if not re.fullmatch(_SHARE, text):
        raise ValueError(f'"{text}" is no share; write 0.9 or 90%')
    share = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if share >= 1:
        raise ValueError(f"nothing is above {text} of the time; write 0.9 or 90%")
    return int(share * 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostText:
    """``{metric: host.load, above: 0.9, for: 5s}``."""

    title: ClassVar[str] = "a condition of abort_when"
    where: Where
    metric: HostMetric
    above: Annotated[Bound, Above()]
    for_: Duration
    verdict: AbortVerdict = AbortVerdict.INFRASTRUCTURE

    def __post_init__(self) -> None:
        """Refuse a bound of another kind than the metric's."""
        if self.metric.is_share and self.above.is_time:
            raise ValueError(f"{self.metric} is a share of the time; write above: 0.9")
        if not self.metric.is_share and not self.above.is_time:
            raise ValueError(f"{self.metric} is a time; write above: 50ms")
        if not self.for_:
            raise ValueError("for: so long it has to be so; write for: 5s")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventText:
    """``{event: peer_crashed, unless: injected}``."""

    title: ClassVar[str] = "a condition of abort_when"
    where: Where
    event: AbortEvent
    unless: Unless | None = None
    verdict: AbortVerdict = AbortVerdict.FAIL


AbortText = HostText | EventText
_HOST: Final = Record(HostText, HostText.title)
_EVENT: Final = Record(EventText, EventText.title)


class Abort:
    """A condition on the host, or an event."""

    def read(self, node: Node, problems: Problems) -> object:
        """One of the two."""
        if isinstance(node, Table) and ("metric" in node.entries) == ("event" in node.entries):
            text = "a condition of abort_when has a metric, as host.load, or an event: peer_crashed"
            problems.add(node.where, text)
            return BROKEN
        is_event = isinstance(node, Table) and "event" in node.entries
        return (_EVENT if is_event else _HOST).read(node, problems)

    def schema(self) -> Schema:
        """Either."""
        return {"anyOf": [_HOST.schema(), _EVENT.schema()]}


def abort_of(said: AbortText) -> AbortWhen:
    """The condition as a run follows it."""
    where = str(said.where)
    if isinstance(said, HostText):
        return HostAbove(said.metric, said.above.amount, said.for_, said.verdict, where)
    return PeerCrashed(said.unless is Unless.INJECTED, said.verdict, where)
