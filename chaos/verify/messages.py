"""What follows a vote from its sender to the decision that counted it.

Sends are matched with deliveries by link and frame, so no common clock is needed. Of a vote
whose writing no journal tells of, the journal of its sender must tell at least that it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaos.election.effects import Deliver, Send
from chaos.election.ids import Sid
from chaos.history.events import Seen, Stepped, Wrote
from chaos.history.history import History
from chaos.verify.ballots import Decision, Spoken
from chaos.verify.docket import Docket, Law
from chaos.verify.forged import Forged, forged
from chaos.verify.rules import ballot_of, weight
from chaos.verify.senders import Senders
from chaos.verify.verdict import Outcome

Source = tuple[Sid, int, int, int]  # peer, incarnation, line and number of the effect


def follow(
    history: History,
    decisions: list[Decision],
    spoken: Mapping[Source, Spoken],
    docket: Docket,
) -> None:
    """E5b: counted votes were sent. E6: the winner is no worse than any of its voters."""
    steps = {(step.sid, step.inc, step.seq): index for index, step in history.steps()}
    wrote: dict[tuple[Sid, str, int], list[int]] = {}
    for index, line in history.every(Wrote):
        wrote.setdefault((line.sid, line.link, line.frame), []).append(index)
    changed, senders = forged(history), Senders(history)
    for decision in decisions:
        for sid, at in decision.arrived.items():
            if _by_a_fault(history, at, changed, senders):
                docket.spare(Law.SUPPORT)  # nobody sent that
                docket.spare(Law.VOTE_ORDER)
                continue
            source = _source(history, at, sid, wrote, steps)
            if source is None:
                _judge_author(decision, at, senders, docket)
                continue
            said = spoken.get(source[1])
            _judge_content(decision, (at, *source), history, docket)
            if said is not None:
                _judge_rank(decision, sid, said, (at, source[0]), docket)
    counted = {at for decision in decisions for at in decision.arrived.values()}
    for at in _unwritten(history, wrote):
        if at not in counted and not _by_a_fault(history, at, changed, senders):
            _judge_author(None, at, senders, docket)


def _unwritten(history: History, wrote: Mapping[tuple[Sid, str, int], list[int]]) -> Iterator[int]:
    """Deliveries of messages of which nobody says that it wrote them."""
    for index, step in history.every(Stepped):
        match step.happened:
            case Deliver(sender=sid, link=link, frame=frame) if (sid, link, frame) not in wrote:
                yield index
            case _:
                pass


def _by_a_fault(history: History, at: int, changed: Forged, senders: Senders) -> bool:
    """Whether event ``at`` delivered a message of which a fault had changed a byte."""
    event = history.events[at]
    assert isinstance(event, Stepped)
    heard = event.happened
    if not isinstance(heard, Deliver) or not changed:
        return False
    until_ns = senders.read_by(at, event)
    return bool(changed.wrote(heard, event.at_ns) or changed.wrote(heard, until_ns))


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


def _judge_author(decision: Decision | None, at: int, senders: Senders, docket: Docket) -> None:
    """E5b: no journal says who wrote it, but its sender's own has to say that it was sent.

    A vote that no decision by silence counted may still have carried a join: it is a case where
    it is a breach.
    """
    event = senders.events[at]
    if not isinstance(event, Stepped) or not isinstance(event.happened, Deliver):
        return  # its own vote, which takes no link
    heard = event.happened
    answer = senders.answer(at, event, heard)
    did, last = ("heard", at) if decision is None else ("counted", decision.index)
    said = ballot_of(heard.notification)
    why = f"peer {event.sid} {did} {said} of peer {heard.sender}, which never sent it"
    if answer is Outcome.FAILS:
        docket.case(Law.SUPPORT, why, at, last)
    elif decision is None:
        return
    elif answer is Outcome.UNKNOWN:
        docket.doubt(Law.SUPPORT, f"{why}, as far as its journal tells", at, last)
    elif answer is Outcome.HOLDS:
        docket.held(Law.SUPPORT)


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
