"""One peer's elections, judged while its journal is folded.

What the peer said (``Proposed``, ``Send``, ``QuorumSeen``, ``Decided``) is held against what
:class:`~chaos.verify.oracle.Oracle` expects of the same messages. After a breach the oracle
goes on from what the peer did, so that one mistake is told once. Inputs that are the
tester's own doing (skews) are followed and not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.election.effects import Decided, Exit, Expire, Proposed, QuorumSeen, Send, TimerKind
from chaos.election.ids import Sid
from chaos.election.notification import ServerState
from chaos.history.events import Stepped
from chaos.verify.docket import Docket, Law
from chaos.verify.oracle import Oracle
from chaos.verify.rules import Ballot, Electorate, ballot_of, weight


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a LOOKING peer held when it said something.

    ``own`` is the rank of its initial vote, ``None`` if the tester changed it since.
    ``voters`` are those whom it told its proposal; others hear its last decision.
    """

    own: tuple[int, int, int] | None
    voters: frozenset[Sid]


@dataclass(frozen=True, slots=True)
class Decision:
    """``sid`` finalized ``ballot``; ``arrived`` says which event brought each vote for it."""

    index: int
    sid: Sid
    ballot: Ballot
    electorate: Electorate
    arrived: Mapping[int, int]


class Ballots:
    """The elections of one incarnation."""

    def __init__(self, sid: Sid, electorate: Electorate, docket: Docket) -> None:
        self.sid = sid
        self.oracle = Oracle(sid, electorate)
        self.decisions: list[Decision] = []
        self.told: dict[Ballot, int] = {}  # what it proposed as a voter, and when first
        self.spoken: dict[tuple[int, int], Spoken] = {}  # by seq and number of the effect
        self._docket = docket
        self._current = self.oracle.proposal  # what a Send carries now
        self._tainted = False  # the tester changed the initial vote in this call
        self._excused = False  # this step is the tester's doing
        self._said: list[Ballot] = []
        self._seen: list[tuple[Ballot, frozenset[int]]] = []
        self._finalizing = self._rearmed = False  # as the peer's effects tell it

    def use(self, electorate: Electorate) -> None:
        """Another configuration counts from now on."""
        self.oracle.electorate = electorate

    def excuse(self, *, initial: bool) -> None:
        """This step is the tester's doing; ``initial`` if it changes the peer's own vote."""
        self._excused = True
        self._tainted = self._tainted or initial

    def begin(self, initial: Ballot, index: int) -> None:
        """The peer enters LOOKING."""
        self.settle(index)
        self._tainted = False
        self.oracle.begin(initial, index)

    def restart(self, index: int) -> None:
        """The election layer is built anew."""
        self.settle(index)
        self.oracle.restart()

    # ---- what the peer said

    def proposed(self, effect: Proposed, index: int) -> None:
        """Collected; :meth:`settle` judges."""
        self._current = ballot_of(effect.vote)
        # Who has no vote hears the last decision of those who look, in their present round.
        if self.sid in self.oracle.electorate.voters:
            self.told.setdefault(self._current, index)
        self._said.append(self._current)

    def quorum_seen(self, effect: QuorumSeen) -> None:
        """Collected; :meth:`settle` judges."""
        self._seen.append((ballot_of(effect.vote), frozenset(effect.support)))

    def waits(self, *, on: bool) -> None:
        """The finalize timer was armed or disarmed."""
        self._finalizing = self._rearmed = on

    def sent(self, effect: Send, index: int, key: tuple[int, int]) -> None:
        """E3: what it says is what it holds. ``key`` is the step's seq, the effect's number."""
        if not effect.to:
            return
        message, voters = effect.notification, self.oracle.electorate.voters
        looking = message.state == ServerState.LOOKING
        if looking:
            own = None if self._tainted else self.oracle.initial.rank
            self.spoken[key] = Spoken(own, voters)
        ballot = ballot_of(message)
        if effect.to[0] not in voters:
            self._round(ballot.round, self._now, index)
        elif looking:
            self._round(ballot.round, self._current.round, index)
            wrong = ""
            if ballot != self._current:
                wrong = f"peer {self.sid} said {ballot} while its proposal was {self._current}"
            self._docket.case(Law.VOTE_ORDER, wrong, index)

    @property
    def _now(self) -> int:
        """The round as last said in this step, else as the rules have it."""
        return self._said[-1].round if self._said else self.oracle.round

    # ---- judging

    def settle(self, index: int) -> None:
        """Hold what was said since the last call against what was due."""
        due = self.oracle.due
        if not self._excused:
            self._judge_join(index)
            self._judge_proposals(due.proposals, index)
            self._judge_quorums(due.quorums, index)
            self._judge_wait(index)
        self.oracle.follow(self._said, finalizing=self._finalizing)
        self._excused = self._rearmed = False
        self._said, self._seen = [], []

    def _judge_wait(self, index: int) -> None:
        """E5c: whatever reaches the queue in the finalize wait starts it anew."""
        if self.oracle.due.dropped and self._finalizing:
            wrong = "" if self._rearmed else f"peer {self.sid} did not start its silence anew"
            self._docket.case(Law.SILENCE, wrong, index)

    def _judge_join(self, index: int) -> None:
        """E7c: an answer that completes a quorum of settled peers ends the election."""
        due = self.oracle.due
        support = due.same_round if due.same_round is not None else due.out_of_election
        if support is None:
            return
        wrong = ""
        if self.oracle.looking:
            wrong = (
                f"peer {self.sid} goes on looking; the answers of {_set(support)} tell it to join "
                f"leader {due.joined.leader if due.joined is not None else '?'}"
            )
        self._docket.case(Law.JOINS, wrong, index)

    def _judge_proposals(self, due: list[Ballot], index: int) -> None:
        case = self._docket.case
        for number, said in enumerate(self._said):
            if number >= len(due):
                wrong = f"peer {self.sid} proposed {said}, and nothing it heard calls for that"
                case(Law.VOTE_ORDER, wrong, index)
                continue
            want = due[number]
            self._round(said.round, want.round, index)
            wrong = ""
            if said.rank != want.rank:
                wrong = f"peer {self.sid} proposed {said}; its votes call for {want}"
            case(Law.VOTE_ORDER, wrong, index)
        if len(due) > len(self._said):
            want = due[len(self._said)]
            wrong = f"peer {self.sid} did not propose {want}, which what it heard calls for"
            law = Law.VOTE_ORDER if want.round == self._current.round else Law.CLOCK
            case(law, wrong, index)

    def _round(self, said: int, want: int, index: int) -> None:
        wrong = ""
        if said != want:
            wrong = f"peer {self.sid} says round {said}; by what it heard its clock is at {want}"
        self._docket.case(Law.CLOCK, wrong, index)

    def _judge_quorums(self, due: list[frozenset[int]], index: int) -> None:
        for number, (ballot, said) in enumerate(self._seen):
            want = due[number] if number < len(due) else self.oracle.support(ballot)
            self._support(f"saw a quorum for {ballot}", said, want, index)

    def _support(self, what: str, said: frozenset[int], want: frozenset[int], index: int) -> None:
        """E5a, E8, E9, E10: ``want`` counted from what was delivered, ``said`` by the peer."""
        electorate, wrong, both = self.oracle.electorate, "", ""
        if said != want:
            wrong = f"peer {self.sid} {what} from {_set(said)}; the votes it holds are {_set(want)}"
        elif not electorate.quorum(want):
            wrong = f"peer {self.sid} {what}, but {_set(want)} are no quorum"
        self._docket.case(Law.SUPPORT, wrong, index)
        stale = said - want - (said - electorate.voters)
        kept = ""
        if stale:
            kept = (
                f"peer {self.sid} {what} and counted {_set(stale)}, whose last word in this "
                "round, or call, is another"
            )
        self._docket.case(Law.TALLY, kept, index)
        if electorate.split:
            if not electorate.quorum(said):
                both = (
                    f"peer {self.sid} {what} without a quorum of each configuration: {_set(said)}"
                )
            self._docket.case(Law.BOTH_QUORUMS, both, index)
        strangers = said - electorate.voters
        if electorate.bystanders or strangers:
            counted = f"peer {self.sid} {what} and counted {_set(strangers)}, who do not vote"
            self._docket.case(Law.OBSERVERS, counted if strangers else "", index)

    def decided(self, effect: Decided, index: int, event: Stepped) -> None:
        """E5a, E5c, E7, E9: the exit from an election."""
        due = self.oracle.due
        ballot, said = ballot_of(effect.vote), frozenset(effect.support)
        finalized = effect.how is Exit.FINALIZED
        if finalized:
            self._silence(event, ballot, index)
            want: frozenset[int] | None = self.oracle.support(ballot)
        else:
            joins = due.same_round, due.out_of_election
            want = joins[effect.how is Exit.OUT_OF_ELECTION]
            want = want if due.joined == ballot else None
        self._support(f"decided {ballot} ({effect.how})", said, want or frozenset(), index)
        self._role(effect, index)
        if finalized and want is not None:
            arrived = {sid: self.oracle.arrived[sid] for sid in want}
            electorate = self.oracle.electorate
            self.decisions.append(Decision(index, self.sid, ballot, electorate, arrived))
        self.oracle.looking = False
        self.settle(index)
        if effect.how is Exit.OUT_OF_ELECTION:
            self.oracle.round = ballot.round  # up or down
        self.oracle.finalizing = self._finalizing = False

    def _silence(self, event: Stepped, ballot: Ballot, index: int) -> None:
        """E5c: the finalize wait ran out, and for this very proposal."""
        match event.happened:
            case Expire(timer=timer) if timer.kind is TimerKind.FINALIZE:
                waited = self.oracle.finalizing
            case _:
                waited = False
        wrong = ""
        if not waited:
            wrong = f"peer {self.sid} decided {ballot} without the silence that it must wait for"
        elif ballot != self.oracle.proposal:
            wrong = f"peer {self.sid} decided {ballot}; its proposal was {self.oracle.proposal}"
        self._docket.case(Law.SILENCE, wrong, index)

    def _role(self, effect: Decided, index: int) -> None:
        """E9: observers observe, and who has no weight leads nobody else."""
        electorate, leader = self.oracle.electorate, effect.vote.leader
        me, wrong = self.sid, ""
        if (effect.state is ServerState.LEADING) != (leader == me):
            wrong = f"peer {me} became {effect.state.name} under leader {leader}"
        self._docket.case(Law.SUPPORT, wrong, index)
        wrong = ""
        if effect.state is ServerState.LEADING and me not in electorate.voters:
            wrong = f"peer {me} leads, and does not vote"
        elif me in electorate.committed.observers and effect.state is not ServerState.OBSERVING:
            wrong = f"peer {me} is an observer and became {effect.state.name}"
        elif (
            effect.how is Exit.FINALIZED
            and leader != me
            and weight(electorate.committed, leader) == 0
        ):
            wrong = f"peer {me} elected {leader}, which has no weight"
        if electorate.bystanders or wrong:
            self._docket.case(Law.OBSERVERS, wrong, index)


def _set(sids: frozenset[int]) -> str:
    return "{" + ", ".join(map(str, sorted(sids))) + "}" if sids else "nobody"
