"""What follows a vote from its sender to the decision that counted it.

Sends are matched with deliveries by link and frame, so no common clock is needed. A vote
whose writing no journal tells of is not judged here.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaos.election.effects import Deliver, Send
from chaos.election.ids import Sid
from chaos.history.events import Seen, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.ballots import Decision, Spoken
from chaos.verify.docket import Docket, Law
from chaos.verify.forged import Forged, forged
from chaos.verify.rules import ballot_of, weight

Source = tuple[Sid, int, int, int]  # peer, incarnation, line and number of the effect


def follow(
    history: History,
    decisions: list[Decision],
    spoken: Mapping[Source, Spoken],
    docket: Docket,
) -> None:
    """E5b: counted votes were sent. E6: the winner is no worse than any of its voters."""
    wrote: dict[tuple[Sid, str, int], list[int]] = {}
    steps: dict[tuple[Sid, int, int], int] = {}
    for index, event in enumerate(history.events):
        if isinstance(event, Wrote):
            wrote.setdefault((event.sid, event.link, event.frame), []).append(index)
        elif isinstance(event, Stepped | Seen):
            steps[event.sid, event.inc, event.seq] = index
    changed = forged(history)
    for decision in decisions:
        for sid, at in decision.arrived.items():
            if _by_a_fault(history, at, changed):
                docket.spare(Law.SUPPORT)  # nobody sent that
                docket.spare(Law.VOTE_ORDER)
                continue
            source = _source(history, at, sid, wrote, steps)
            if source is not None:
                said = spoken.get(source[1])
                _judge_content(decision, (at, *source), history, docket)
                if said is not None:
                    _judge_rank(decision, sid, said, (at, source[0]), docket)


def _by_a_fault(history: History, at: int, changed: Forged) -> bool:
    """Whether event ``at`` delivered a message of which a fault had changed a byte."""
    event = history.events[at]
    assert isinstance(event, Stepped)
    heard = event.happened
    return isinstance(heard, Deliver) and bool(changed.wrote(heard, event.at_ns))


def _source(
    history: History,
    at: int,
    sender: int,
    wrote: dict[tuple[Sid, str, int], list[int]],
    steps: dict[tuple[Sid, int, int], int],
) -> tuple[int, Source] | None:
    """The step and the effect that made the message which event ``at`` delivered."""
    event = history.events[at]
    assert isinstance(event, Stepped)
    match event.happened:
        case Deliver(sender=sid, link=link, frame=frame) if sid == sender:
            lines = [history.events[index] for index in wrote.get((sid, link, frame), [])]
            line = next((one for one in reversed(lines) if one.at_ns <= event.at_ns), None)
            if not isinstance(line, Wrote) or line.to != event.sid:
                return None  # no journal says who wrote it
            index = steps.get((sid, line.inc, line.step))
            return None if index is None else (index, (sid, line.inc, line.step, line.index))
        case _:
            return None  # its own vote, which takes no link


def _judge_content(
    decision: Decision, link: tuple[int, int, Source], history: History, docket: Docket
) -> None:
    """E5b: what was delivered is what was sent."""
    read, index, (sid, _, _, number) = link
    step, taken = history.events[index], history.events[read]
    assert isinstance(step, Stepped | Seen)
    assert isinstance(taken, Stepped)
    effect = step.effects[number] if number < len(step.effects) else None
    if not isinstance(effect, Send) or not isinstance(taken.happened, Deliver):
        return  # the journal names no message here
    sent, heard = ballot_of(effect.notification), ballot_of(taken.happened.notification)
    wrong = ""
    if sent != heard:
        wrong = f"peer {decision.sid} counted {heard} of peer {sid}, which had sent {sent}"
    docket.case(Law.SUPPORT, wrong, decision.index, read, index)


def _judge_rank(
    decision: Decision, sid: int, said: Spoken, at: tuple[int, int], docket: Docket
) -> None:
    """E6: the decision is no worse than the initial vote of any voter that supports it."""
    if said.own is None or decision.sid not in said.voters:
        return
    if weight(decision.electorate.committed, sid) == 0:
        return
    wrong = ""
    if decision.ballot.rank < said.own:
        epoch, zxid, leader = said.own
        wrong = (
            f"peer {decision.sid} decided {decision.ballot}; peer {sid}, which supports it, is "
            f"better itself: (leader {leader}, zxid {zxid:#x}, epoch {epoch})"
        )
    docket.case(Law.VOTE_ORDER, wrong, decision.index, *at)
