"""``when`` as a plan writes it: an event of the protocol that a step waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from chaos.election.moments import EPOCH_WORDS, PACKET_WORDS, STATE_WORDS, MomentKind
from chaos.faults.base import Duration
from chaos.faults.targets import Group, Word
from chaos.plan.forms import BROKEN, Id, Number, Said, Schema
from chaos.plan.model import Mode, Otherwise, Turn, When, Where
from chaos.plan.parts import Moment, SaidMoment
from chaos.plan.problems import Problems, meant
from chaos.plan.selectors import Aimed, Target
from chaos.plan.tree import Leaf, Node, kind

_NTH_MAX: Final = 1_000_000
_HALF: Final = 2**63
_DETAIL: Final = {  # which key says more of an event
    MomentKind.PACKET_SENT: "packet",
    MomentKind.PACKET_RECEIVED: "packet",
    MomentKind.STATE_CHANGED: "state",
    MomentKind.DECIDED: "state",
    MomentKind.EPOCH_PERSISTED: "epoch",
}
_ALONE: Final = frozenset(  # events that concern nobody else
    {
        MomentKind.STATE_CHANGED,
        MomentKind.EPOCH_PERSISTED,
        MomentKind.CONFIGURATION_ADOPTED,
        MomentKind.STEPPED_DOWN,
    }
)
_NO_ROUND: Final = frozenset({MomentKind.LINK_OPENED, MomentKind.LINK_BROKEN})


class OneOf:
    """One of a few words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)

    def read(self, node: Node, problems: Problems) -> object:
        """The word."""
        if isinstance(node, Leaf) and node.value in self._words:
            return node.text
        advice = meant(node.text, self._words) if isinstance(node, Leaf) else ""
        known = ", ".join(self._words)
        problems.add(node.where, f"{kind(node)} is none of {known}{advice}")
        return BROKEN

    def schema(self) -> Schema:
        """An enumeration."""
        return {"enum": [*self._words]}


class RoundForm:
    """A round: its number, ``next`` or ``last``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The number or the word."""
        if isinstance(node, Leaf) and node.value in list(Turn):
            return Turn(node.text)
        if isinstance(node, Leaf) and type(node.value) is int and -_HALF <= node.value < _HALF:
            return node.value
        problems.add(node.where, f"a round is a number, next or last, not {kind(node)}")
        return BROKEN

    def schema(self) -> Schema:
        """Either."""
        return {"anyOf": [{"type": "integer"}, {"enum": [turn.value for turn in Turn]}]}


@dataclass(frozen=True, slots=True)
class WhenText:
    """An event of the protocol."""

    title: ClassVar[str] = '"when"'
    where: Where
    event: MomentKind
    by: Annotated[Aimed, Target()] | None = None
    peer: Annotated[Aimed, Target()] | None = None
    round: Annotated[int | Turn, RoundForm()] | None = None
    nth: Annotated[int, Number(1, _NTH_MAX)] = 1
    packet: Annotated[str, OneOf(PACKET_WORDS)] | None = None
    state: Annotated[str, OneOf(STATE_WORDS)] | None = None
    epoch: Annotated[str, OneOf(EPOCH_WORDS.values())] | None = None
    mode: Mode = Mode.GATE
    as_: Annotated[Said, Id()] | None = None

    @property
    def details(self) -> dict[str, str]:
        """What it says of the event, by the key."""
        given = {"packet": self.packet, "state": self.state, "epoch": self.epoch}
        return {key: value for key, value in given.items() if value is not None}


def check_when(
    when: WhenText | None,
    within: int | None,
    problems: Problems,
) -> None:
    """Add what is wrong with ``when``."""
    if when is None:
        return
    if within is None:
        problems.add(when.where, '"when" needs "within" beside it; write within: 5s')
    right = _DETAIL.get(when.event)
    for key in when.details:
        if key != right:
            problems.add(when.where, f"{when.event} has no {key}")
    if when.peer is not None and when.event in _ALONE:
        problems.add(when.where, f"{when.event} concerns no other peer")
    if when.round is not None and when.event in _NO_ROUND:
        problems.add(when.where, f"{when.event} is of no round")


def check_alone(step: Timed, own: tuple[str, ...], problems: Problems) -> None:
    """Without ``when`` a step has no key of it but its ``own``."""
    if step.when is not None:
        return
    said = {"within": step.within, "otherwise": step.otherwise}
    stray = [key for key, value in said.items() if value is not None and key not in own]
    if stray:
        problems.add(step.where, f'"{stray[0]}" goes with "when", and this step has none')


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What every step has: a name, its time, and why it is there."""

    where: Where
    id: Annotated[Said, Id()]
    at: Duration | None = None
    after: Annotated[SaidMoment, Moment()] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed(Placed):
    """A step that may wait for an event of the protocol."""

    when: WhenText | None = None
    within: Duration | None = None
    otherwise: Otherwise | None = None


def when_of(when: WhenText, within_ns: int, otherwise: Otherwise | None) -> When:
    """The event that a step waits for."""
    return When(
        event=when.event,
        by=Group(Word.ALL) if when.by is None else when.by.selector,
        within_ns=within_ns,
        peer=None if when.peer is None else when.peer.selector,
        what=next(iter(when.details.values()), ""),
        round=when.round,
        nth=when.nth,
        mode=when.mode,
        bind=None if when.as_ is None else when.as_.text,
        otherwise=otherwise or Otherwise.FAIL,
    )
