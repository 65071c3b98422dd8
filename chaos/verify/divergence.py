"""Where two runs of one plan part ways: the first thing that was done in one and not the other.

Each peer, and the plan, is a lane. What its lane did is compared in order and without times:
which states it entered, what it proposed, saw a quorum for and decided, which epochs it wrote.
Of the lanes' first differences the earliest is told. All times are of one clock, so what happens
before something is also earlier: nothing that the other differences did can have caused it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.election.effects import Decided, Effect, Entered, Persist, Proposed, QuorumSeen
from chaos.history.events import Exited, Left, Seen, StepBegan, StepEnded, Stepped
from chaos.history.history import History

PLAN = "plan"
_VOTES = (Proposed, QuorumSeen)
_CONTEXT = 3  # events of the lane that are told from before


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a lane did: event ``index``, in words, ``at_ns`` after time zero."""

    index: int
    at_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class Divergence:
    """Both did ``same`` things in ``lane``; then one did ``here``, and the other ``there``.

    ``None``: nothing more. ``before`` are the last things that both did, as this run did them.
    """

    lane: str
    same: int
    here: Deed | None
    there: Deed | None
    before: tuple[Deed, ...]

    @property
    def at_ns(self) -> int:
        """When it can be seen first, in either."""
        return min(deed.at_ns for deed in (self.here, self.there) if deed is not None)


def first_divergence(here: History, there: History, *, votes: bool = True) -> Divergence | None:
    """The earliest difference of two histories; ``None`` if their lanes are the same.

    Without ``votes`` what was proposed on the way to a decision is left out: runs of different
    seeds differ in the order in which votes arrive, and nothing follows from that alone.
    """
    return min(
        divergences(here, there, votes=votes), key=lambda one: (one.at_ns, one.lane), default=None
    )


def divergences(here: History, there: History, *, votes: bool = True) -> Iterator[Divergence]:
    """The first difference of each lane that has one."""
    ours, theirs = lanes(here, votes=votes), lanes(there, votes=votes)
    for lane in sorted({*ours, *theirs}):
        one, other = ours.get(lane, ()), theirs.get(lane, ())
        same = 0
        while same < min(len(one), len(other)) and one[same].text == other[same].text:
            same += 1
        if same == len(one) == len(other):
            continue
        yield Divergence(
            lane,
            same,
            one[same] if same < len(one) else None,
            other[same] if same < len(other) else None,
            one[max(0, same - _CONTEXT) : same],
        )


def lanes(history: History, *, votes: bool = True) -> dict[str, tuple[Deed, ...]]:
    """What each peer and the plan did, in order."""
    found: dict[str, list[Deed]] = {}
    for index, event in enumerate(history.events):
        at_ns = event.at_ns - history.zero_ns
        match event:
            case Stepped() | Seen():
                lane = f"peer {event.sid}"
                effects = (e for e in event.effects if votes or not isinstance(e, _VOTES))
                texts = [text for text in map(_effect, effects) if text]
            case Exited() | Left():
                lane, texts = f"peer {event.sid}", [type(event).__name__.lower()]
            case StepBegan():
                whom = f" on {', '.join(map(str, event.targets))}" if event.targets else ""
                lane, texts = PLAN, [f"{event.step} begins{whom}"]
            case StepEnded():
                lane, texts = PLAN, [f"{event.step} is {event.outcome}"]
            case _:
                continue
        found.setdefault(lane, []).extend(Deed(index, at_ns, text) for text in texts)
    return {lane: tuple(deeds) for lane, deeds in found.items()}


def _effect(effect: Effect) -> str:
    """An effect in words; empty for what does not belong to the protocol's own course."""
    match effect:
        case Entered():
            return f"is {effect.state.name} ({effect.phase.value})"
        case Proposed():
            return f"proposes {effect.vote.leader} in round {effect.vote.round}"
        case QuorumSeen():
            return f"sees a quorum for {effect.vote.leader}"
        case Decided():
            return f"decides to be {effect.state.name} under {effect.vote.leader}"
        case Persist():
            return f"writes {effect.name} {effect.value}"
        case _:
            return ""
