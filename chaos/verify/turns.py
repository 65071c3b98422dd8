"""The few things that peers did which an election is measured by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chaos.election.config import Configuration
from chaos.election.effects import Decided, Entered, Proposed, QuorumSeen, Send
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Appeared, Exited, Left, Seen, Source, Step, Stepped
from chaos.history.history import History
from chaos.verify.docket import Once
from chaos.verify.foreign.lives import repeats
from chaos.verify.replay import frames


class What(Enum):
    """What a peer did."""

    LOOKING = "looking"
    PROPOSED = "proposed"
    QUORUM = "quorum"
    DECIDED = "decided"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that ``sid`` did at event ``index``.

    ``left``: it was settled until then (LOOKING only). ``leader`` belongs to DECIDED and
    ``round`` to PROPOSED.
    """

    index: int
    at_ns: int
    sid: Sid
    what: What
    left: bool = False
    leader: Sid = Sid(0)
    round: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """The ensemble from event ``index`` on: who leads, and which living peers do not follow."""

    index: int
    at_ns: int
    leader: Sid | None
    astray: frozenset[Sid]
    config: Configuration


def _turns(history: History) -> tuple[Turn, ...]:
    state: dict[Sid, What] = {}
    return tuple(turn for turn in _every(history, state))


def _every(history: History, state: dict[Sid, What]) -> Iterator[Turn]:
    """``state`` is the last of LOOKING, DECIDED and GONE that each server did."""
    old = repeats(history) if history.foreign else frozenset()
    for index, event in enumerate(history.events):
        match event:
            case Stepped():
                yield from _of_step(index, event, state)
            case Seen() if state.get(event.sid) is not What.GONE:  # else told after the end
                yield from _of_step(index, event, state)
                if (event.sid, event.inc, event.seq) not in old:
                    yield from _said(index, event)
            case Appeared():
                state.pop(event.sid, None)
            case Exited() | Left():
                state[event.sid] = What.GONE
                yield Turn(index, event.at_ns, event.sid, What.GONE)
            case _:
                pass


def _of_step(index: int, event: Step, state: dict[Sid, What]) -> Iterator[Turn]:
    at_ns, sid = event.at_ns, event.sid
    again = isinstance(event, Stepped) or event.source is Source.LOG  # others see it go on
    for effect in event.effects:
        match effect:
            case Entered(state=ServerState.LOOKING):
                if again or state.get(sid) is not What.LOOKING:
                    yield Turn(index, at_ns, sid, What.LOOKING, left=state.get(sid) is What.DECIDED)
                state[sid] = What.LOOKING
            case Proposed(vote=vote):
                yield Turn(index, at_ns, sid, What.PROPOSED, round=vote.round)
            case QuorumSeen():
                yield Turn(index, at_ns, sid, What.QUORUM)
            case Decided(vote=vote):
                state[sid] = What.DECIDED
                yield Turn(index, at_ns, sid, What.DECIDED, leader=vote.leader)
            case _:
                pass


def _said(index: int, event: Seen) -> Iterator[Turn]:
    """What a foreign server proposes is what its packets say, once it has looked at all."""
    for effect in event.effects:
        match effect:
            case Send(notification=said) if said.state == ServerState.LOOKING and said.round != -1:
                yield Turn(index, event.at_ns, event.sid, What.PROPOSED, round=said.round)
            case _:
                pass


def _scenes(history: History) -> tuple[Scene, ...]:
    found: list[Scene] = []
    for index, event, view in frames(history):
        leader = view.leader
        astray: frozenset[Sid] = frozenset()
        if leader is not None:
            alive = frozenset(sid for sid, peer in view.peers.items() if peer.alive)
            astray = alive - view.followers_of(leader)
        found.append(Scene(index, event.at_ns, leader, astray, view.newest))
    return tuple(found)


turns = Once(_turns)
scenes = Once(_scenes)
