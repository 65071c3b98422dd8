"""Elections of a foreign server, judged by the notifications that it said and heard.

A decision needs votes that were delivered by then. A log tells of a decision to the
millisecond: what came within that is taken to have come before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chaos.election.effects import (
    ConnectLeader,
    Decided,
    Deliver,
    Entered,
    Exit,
    PacketRead,
    Proposed,
    Send,
    SendPacket,
)
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import NewLeader
from chaos.history.events import UNSURE_NS, Seen, Source, Wrote, unsure_ns
from chaos.verify.ballots import Spoken
from chaos.verify.docket import Docket, Law
from chaos.verify.foreign.lives import Life, Votership
from chaos.verify.rules import Ballot, ballot_of, weight
from chaos.verify.tester import Told

_SETTLED = (ServerState.FOLLOWING, ServerState.LEADING)


class Heard(NamedTuple):
    """A notification that reached the server, or that it said itself."""

    event: int
    at_ns: int
    sender: int
    ballot: Ballot
    state: int
    link: str = ""  # that brought it
    forged: bool = False  # a fault changed it on its way


@dataclass(frozen=True, slots=True)
class Support:
    """Who stands behind a decision; ``ballot`` is set where votes of LOOKING servers did it."""

    of: frozenset[int]
    ballot: Ballot | None


class Votes:
    """One start of one server."""

    def __init__(self, life: Life, docket: Docket, told: Told) -> None:
        self._life = life
        self._docket = docket
        self._tester = told
        self._config = Votership(life.appeared.config)
        self._heard: list[Heard] = []  # since its last decision
        self._said: dict[str, tuple[int, Wrote, Ballot]] = {}  # its last vote on each link
        self._cast: dict[int, set[tuple[int, int, int]]] = {}  # the votes that it said, by round
        self._told: set[int] = set()  # to whom it ever said anything
        self._rounds: set[int] = set()  # of LOOKING servers, ever heard
        self._steps: dict[int, Seen] = {}
        self.spoken: dict[tuple[int, int], Spoken] = {}  # by seq and number of the effect
        self._own: dict[int, tuple[int, int, int]] = {}  # its vote for itself, by round
        self._since: dict[Ballot, int] = {}  # since when it may have cast it
        self._meant: dict[int, Decided] = {}  # by the line of a guess: what it turned out to be
        self._leader: int | None = None
        self._captured = False

    def judge(self) -> None:
        """Go through its life."""
        self._meant = _meant(self._life.lines)
        self._since = _firsts(self._life)
        for index, line in self._life.lines:
            if isinstance(line, Wrote):
                self._wrote(index, line)
                continue
            self._steps[line.seq] = line
            self._captured = self._captured or line.source is Source.WIRE
            self._take(index, line)
            for effect in line.effects:
                match effect:
                    case Decided():
                        self._decided(index, line, self._meant.get(index, effect))
                    case Entered(state=ServerState.LOOKING):
                        self._leader = None
                        me, since = self._life.sid, line.since_ns
                        self._heard = [h for h in self._heard if h.at_ns > since or h.sender != me]
                    case SendPacket(packet=NewLeader(config=config)):
                        self._config.sees(config)
                    case _:
                        pass

    def _take(self, index: int, line: Seen) -> None:
        match line.happened:
            case Deliver() as heard:
                self._hear(index, line.at_ns, heard)
            case PacketRead(packet=NewLeader(config=config)):
                self._config.sees(config)
            case _:
                pass

    # ---- what it heard and said

    def _hear(self, index: int, at_ns: int, heard: Deliver) -> None:
        said = heard.notification
        ballot = ballot_of(said)
        self._config.hears(said.config)
        forged = bool(self._life.forged.wrote(heard, at_ns))
        self._heard.append(
            Heard(index, at_ns, heard.sender, ballot, said.state, heard.link, forged)
        )
        if said.state == ServerState.LOOKING:
            self._rounds.add(ballot.round)

    def _wrote(self, index: int, line: Wrote) -> None:
        said = self._notification(line)
        if said is None:
            return
        self._config.commits(said.config)
        before = self._said.pop(line.link, None)
        old = line.frame == 0 and line.to in self._told  # the last one of a link before, repeated
        self._told.add(line.to)
        proposes = line.to in self._config.electorate.voters  # others hear its last decision
        if old or not proposes or said.state != ServerState.LOOKING:
            return
        ballot = ballot_of(said)
        self._heard.append(Heard(index, line.at_ns, self._life.sid, ballot, said.state))
        if ballot.leader == self._life.sid:
            self._own[ballot.round] = ballot.rank
        if ballot.round in self._own:
            known = Spoken(self._own[ballot.round], self._config.electorate.voters)
            self.spoken[line.step, line.index] = known
        self._cast.setdefault(ballot.round, set()).add(ballot.rank)
        self._said[line.link] = (index, line, ballot)
        if before is None or self._tester.shuffled or not self._life.turns:
            return
        # A link may have held a message back, so it is as old as its vote can be.
        said_ns = min(before[1].at_ns, self._since.get(before[2], before[1].at_ns))
        if self._life.settled(said_ns, line.at_ns):  # else it may be of another election
            self._follows(before, (index, ballot))

    def _notification(self, line: Wrote) -> Notification | None:
        step = self._steps.get(line.step)
        if step is None or line.index >= len(step.effects):
            return None
        effect = step.effects[line.index]
        return effect.notification if isinstance(effect, Send) else None

    def _follows(self, before: tuple[int, Wrote, Ballot], now: tuple[int, Ballot]) -> None:
        """E1, E2: within one election rounds rise to what was heard, and votes get better.

        Who joins others takes their round, be it lower, before it changes its state: what it
        says between the two has the state of before.
        """
        old, (index, new), who = before[2], now, self._life.who
        at = (before[0], index)
        if new.round == old.round:
            worse = new.rank < old.rank
            if worse and self._answers(before, new):
                return
            self._docket.held(Law.CLOCK)
            wrong = f"{who} said {new} after it had said {old}" if worse else ""
            moved = self._tester.moved < index  # what it is told is part of its vote at once
            but = "moved by the tester" if moved else ""
            self._docket.case(Law.VOTE_ORDER, wrong, *at, but=but)
        elif self._knows(new.round, above=old.round):
            self._docket.held(Law.CLOCK)
        elif self._tester.turned:  # which no packet tells
            why = f"{who} went from round {old.round} to {new.round}; the tester moved its clock"
            self._docket.doubt(Law.CLOCK, why, *at)
        elif new.round < old.round:
            wrong = f"{who} went from round {old.round} to {new.round} within one election"
            self._docket.case(Law.CLOCK, wrong, *at)
        elif self._life.hole:
            why = f"{who} rose to round {new.round}, and {self._life.hole}"
            self._docket.doubt(Law.CLOCK, why, *at)
        else:
            wrong = f"{who} rose to round {new.round}, of which it had not heard"
            self._docket.case(Law.CLOCK, wrong, *at)

    def _answers(self, before: tuple[int, Wrote, Ballot], new: Ballot) -> bool:
        """Whether the worse of two votes may be right, since one of them answers who is behind.

        ``WorkerReceiver``, a thread of its own, answers with the vote that it reads. It may read
        between the setting of a round and of a vote in ``lookForLeader``: the new round, and the
        vote of the last. And it may read before a vote gets better, and queue its answer after.
        """
        event, line, old = before
        looking = [heard for heard in self._heard if _looks(heard)]
        if not any(heard.sender == line.to and heard.ballot.round < new.round for heard in looking):
            return False
        last = any(old.rank in ranks for round_, ranks in self._cast.items() if round_ < old.round)
        known = any(heard.ballot == new and heard.event < event for heard in looking)
        return last or known or new.leader == self._life.sid

    def _knows(self, round_: int, *, above: int) -> bool:
        """Whether it had heard of a round: of those that it joins, or of one that is higher."""
        joins = any(h.state in _SETTLED and h.ballot.round == round_ for h in self._heard)
        return joins or (round_ > above and round_ in self._rounds)

    # ---- what it decided

    def _decided(self, index: int, line: Seen, effect: Decided) -> None:
        if self._leader == effect.vote.leader:
            return  # told before
        self._leader = effect.vote.leader
        if effect.how is Exit.DESIGNATED:
            return  # nobody voted for it
        self._roles(index, effect)
        self._supported(index, line, ballot_of(effect.vote))
        self._heard = [heard for heard in self._heard if heard.at_ns > line.since_ns]

    def _supported(self, index: int, line: Seen, ballot: Ballot) -> None:
        """E5a, E7: by LOOKING votes, or by those who follow already."""
        life, docket = self._life, self._docket
        what = f"{life.who} decided for {ballot.leader}"
        unsure = unsure_ns(line) > UNSURE_NS
        sure = [h for h in self._heard if h.at_ns <= line.since_ns] if unsure else self._heard
        found = self._support(ballot, sure)
        if found is not None:
            docket.held(Law.SUPPORT)
            if self._config.electorate.split:
                docket.held(Law.BOTH_QUORUMS)
            self._no_worse(index, found)
            return
        named = [h.event for h in self._heard if h.ballot.leader == ballot.leader][-8:]
        hole = life.hole if self._captured else "its packets were not captured"
        if unsure and self._support(ballot, self._heard) is not None:
            hole = f"its votes came within the {unsure_ns(line) / 1e6:.0f} ms of it"
        elif self._support(ballot, [*self._heard, *self._soon(index, line)]) is not None:
            hole = "its votes came too close behind it to tell"
        elif self._config.unsure:
            hole = hole or "a newer configuration may have been in force alone"
        elif ballot.leader != life.sid and not self._joins(index, ballot.leader):
            hole = hole or "its log lets guess so, and it did not go there"
        if hole:
            self._doubt(f"{what}; {hole}", index, *named)
            return
        told = sorted({h.sender for h in self._heard if h.ballot.leader == ballot.leader})
        wrong = f"{what}, and no quorum had told it so: only {told or 'nobody'} named that leader"
        docket.case(Law.SUPPORT, wrong, index, *named)

    def _joins(self, index: int, leader: int) -> bool:
        """Whether it went to that leader before it looked again: by a packet, or as it said."""
        if index in self._meant:
            return True
        for later, line in self._life.lines:
            if later <= index or not isinstance(line, Seen):
                continue
            for effect in line.effects:
                if isinstance(effect, ConnectLeader) and effect.leader == leader:
                    return True
                if isinstance(effect, Entered) and effect.state is ServerState.LOOKING:
                    return False
        return False

    def _doubt(self, why: str, *evidence: int) -> None:
        """A decision that may have been right; without packets its votes are not known, either."""
        self._docket.doubt(Law.SUPPORT, why, *evidence)
        if self._config.electorate.split:
            self._docket.doubt(Law.BOTH_QUORUMS, why, *evidence)
        if not self._captured:
            self._docket.doubt(Law.VOTE_ORDER, why, *evidence)
            self._docket.doubt(Law.CLOCK, why, *evidence)

    def _soon(self, index: int, line: Seen) -> Iterator[Heard]:
        """What reached it so soon after a decision that clocks may have swapped the two."""
        for later, other in self._life.lines:
            if later > index and other.at_ns - line.at_ns > UNSURE_NS:
                return
            if later > index and isinstance(other, Seen) and isinstance(other.happened, Deliver):
                said = other.happened.notification
                sender = other.happened.sender
                yield Heard(later, other.at_ns, sender, ballot_of(said), said.state)

    def _support(self, decided: Ballot, heard: Iterable[Heard]) -> Support | None:
        heard = list(heard)
        quorum, me = self._config.electorate.quorum, self._life.sid
        for ballot in _ballots(decided, heard):
            cast = {h.sender for h in heard if h.ballot == ballot} | {me}  # settled ones, too
            if quorum(cast):
                return Support(frozenset(cast), ballot)
        settled = [h for h in heard if h.state in _SETTLED and h.ballot.leader == decided.leader]
        leads = any(h.state == ServerState.LEADING and h.sender == decided.leader for h in settled)
        if not leads and decided.leader != me:
            return None  # it must say itself that it leads
        joined = {h.sender for h in settled}
        for probe in {None, *(h.ballot for h in settled)}:  # a LOOKING vote agrees in all with one
            same = {h.sender for h in heard if _looks(h) and h.ballot == probe}
            if quorum(joined | same):
                return Support(frozenset(joined | same), None)
        return None

    def _no_worse(self, index: int, support: Support) -> None:
        """E6: the winner is no worse than what a voter had said of itself when it voted so."""
        committed, ballot = self._config.electorate.committed, support.ballot
        if ballot is None or self._life.sid not in self._config.electorate.voters:
            return  # who does not vote hears of last decisions, and not of proposals
        own: dict[int, Heard] = {}  # each voter's vote for itself, as it stands when it votes
        for heard in self._heard:
            sender, said = heard.sender, heard.ballot
            if not _looks(heard) or said.round != ballot.round or heard.forged:
                continue
            if said.leader == sender:
                own[sender] = heard
            votes = sender in committed.voters and weight(committed, sender) != 0
            if said == ballot and sender in own and votes and self._one_life(own[sender], heard):
                before, wrong = own.pop(sender), ""
                if said.rank < before.ballot.rank:
                    wrong = (
                        f"{self._life.who} decided {ballot}; {sender}, which supports it, is "
                        f"better itself: {before.ballot}"
                    )
                self._docket.case(Law.VOTE_ORDER, wrong, index, before.event, heard.event)

    def _one_life(self, before: Heard, now: Heard) -> bool:
        """Whether the sender surely said both in one life: who restarts may hold less than before.

        A leader holds the beginning of its epoch in memory alone.
        """
        return before.link == now.link or not self._life.restarted(now.sender, now.event)

    def _roles(self, index: int, effect: Decided) -> None:
        """E7, E9: the winner leads and nobody else; who has no vote neither leads nor wins."""
        electorate, me = self._config.electorate, self._life.sid
        leader, who, wrong = effect.vote.leader, self._life.who, ""
        if (effect.state is ServerState.LEADING) != (leader == me):
            wrong = f"{who} became {effect.state.name} under leader {leader}"
        self._docket.case(Law.SUPPORT, wrong, index)
        wrong = ""
        if leader not in electorate.voters:
            wrong = f"{who} elected {leader}, which does not vote"
        elif me in electorate.committed.observers and effect.state is not ServerState.OBSERVING:
            wrong = f"{who} is an observer and became {effect.state.name}"
        if electorate.bystanders or wrong:
            self._docket.case(Law.OBSERVERS, wrong, index)


def _meant(lines: Iterable[tuple[int, Seen | Wrote]]) -> dict[int, Decided]:
    """What was decided by each line of a log that a later one of the same election corrects.

    What a log tells of votes may be too little to know whom a server will connect to.
    """
    open_, meant = list[int](), dict[int, Decided]()
    for index, line in lines:
        for effect in line.effects if isinstance(line, Seen) else ():
            match effect:
                case Decided(how=how) if how is not Exit.DESIGNATED:
                    meant.update(dict.fromkeys(open_, effect))
                    open_.append(index)
                case Entered(state=ServerState.LOOKING):
                    open_.clear()
                case _:
                    pass
    return meant


def _firsts(life: Life) -> dict[Ballot, int]:
    """Since when the server may have cast each vote of its own, as its log tells or a packet."""
    found: dict[Ballot, int] = {}
    for _, line in life.lines:
        if not isinstance(line, Seen):
            continue
        for effect in line.effects:
            match effect:
                case Proposed(vote=vote):
                    ballot, since_ns = ballot_of(vote), line.since_ns
                case Send(notification=said):
                    ballot, since_ns = ballot_of(said), line.at_ns
                case _:
                    continue
            found[ballot] = min(since_ns, found.get(ballot, since_ns))
    return found


def _looks(heard: Heard) -> bool:
    return heard.state == ServerState.LOOKING


def _ballots(decided: Ballot, heard: list[Heard]) -> list[Ballot]:
    """The vote that was decided; where nobody cast it like that, all for the same leader.

    A log may not tell all four numbers of a decision.
    """
    cast = {h.ballot for h in heard if _looks(h) and h.ballot.leader == decided.leader}
    return [decided] if decided in cast or not cast else sorted(cast)
