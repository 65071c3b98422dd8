"""A second, plain ``lookForLeader``: what one election layer must say, given what it heard.

It is told the messages of the journal and keeps round, proposal and tallies by the rules of
ZooKeeper 3.8 ``FastLeaderElection.lookForLeader``; what it expects to be said is ``due``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.election.ids import NO_ZXID, Sid, wrap64
from chaos.election.notification import Notification, ServerState
from chaos.verify.rules import Ballot, Electorate, ballot_of

_SETTLED = (ServerState.FOLLOWING, ServerState.LEADING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a settled peer said; ``at`` is the event that brought it."""

    ballot: Ballot
    state: int
    version: int
    at: int


@dataclass(slots=True)
class Due:
    """What the rules expect of the step at hand. A support is ``None`` where there is none."""

    proposals: list[Ballot] = field(default_factory=list)
    quorums: list[frozenset[int]] = field(default_factory=list)
    dropped: bool = False  # a message fell into the finalize wait
    joined: Ballot | None = None
    same_round: frozenset[int] | None = None
    out_of_election: frozenset[int] | None = None


class Oracle:
    """The election layer of one peer, from one restart of the layer to the next."""

    def __init__(self, me: Sid, electorate: Electorate) -> None:
        self.me = me
        self.electorate = electorate
        self.round = 0
        self.looking = False
        self.finalizing = False
        self.proposal = self.initial = Ballot(me, 0, 0, 0)
        self.recv: dict[int, Ballot] = {}
        self.arrived: dict[int, int] = {}  # by which event each vote of recv came
        self.due = Due()
        self._states: dict[int, int] = {}  # of the senders in recv
        self._ooe: dict[int, Answer] = {}
        self._own: list[Ballot] = []

    # ---- what happens to it

    def begin(self, initial: Ballot, at: int) -> None:
        """A call begins: the round rises, and the peer proposes itself."""
        self.looking, self.finalizing = True, False
        self.round = wrap64(self.round + 1)
        self.initial = initial
        self._forget()
        self._ooe.clear()
        self._propose(initial)
        self._hear_myself(at)

    def hear(self, sender: int, message: Notification, at: int) -> None:
        """A notification reached the peer while it looks."""
        if sender not in self.electorate.voters or not 0 <= message.state <= ServerState.OBSERVING:
            return  # answered or dropped before the queue
        self._take(sender, ballot_of(message), (message.state, message.version), at)
        self._hear_myself(at)

    def resend(self, at: int) -> None:
        """The notification wait ran out, and there is somebody to say it to."""
        self._say()
        self._hear_myself(at)

    def turn(self, round_: int, at: int) -> None:
        """The tester moved the logical clock."""
        self.round = wrap64(round_)
        if self.looking:
            self._forget()
            self._again(self.proposal, at)

    def reconsider(self, initial: Ballot, at: int) -> None:
        """The tester changed what the peer's own log or epoch is."""
        self.initial = initial
        if self.looking and self.proposal.leader == initial.leader:
            self._again(initial, at)

    def restart(self) -> None:
        """The layer is built anew; it knows nothing of before."""
        self.round, self.looking, self.finalizing = 0, False, False
        self._forget()
        self._ooe.clear()

    def follow(self, said: list[Ballot], *, finalizing: bool) -> None:
        """Go on from what the peer really did, whatever the rules expected."""
        if said and said[-1] != self.proposal:
            self.proposal, self.round = said[-1], said[-1].round
            if self.me in self.recv:
                self.recv[self.me] = said[-1]
        self.finalizing = finalizing
        self.due = Due()

    # ---- who supports what

    def support(self, ballot: Ballot) -> frozenset[int]:
        """Whose vote of this round equals ``ballot`` in all four numbers."""
        return self.electorate.counted({sid for sid, cast in self.recv.items() if cast == ballot})

    def _in_round(self, said: Answer) -> frozenset[int]:
        """Who of ``recv`` counts for a settled peer's answer (its votes have version 0)."""
        found: set[int] = set()
        for sid, cast in self.recv.items():
            if self._states[sid] == ServerState.LOOKING:
                same = cast == said.ballot
            else:
                same = _alike(cast, said.ballot, by_leader_only=said.version > 0)
            if same:
                found.add(sid)
        return self.electorate.counted(found)

    def _outside(self, said: Answer) -> frozenset[int]:
        found = {
            sid
            for sid, other in self._ooe.items()
            if _alike(
                other.ballot,
                said.ballot,
                by_leader_only=(other.version > 0) != (said.version > 0),
            )
        }
        return self.electorate.counted(found)

    # ---- the rules

    def _forget(self) -> None:
        self.recv.clear()
        self.arrived.clear()
        self._states.clear()

    def _propose(self, ballot: Ballot) -> None:
        self.proposal = ballot._replace(round=self.round)
        self._say()

    def _say(self) -> None:
        self.due.proposals.append(self.proposal)
        if self.me in self.electorate.voters:
            self._own.append(self.proposal)

    def _again(self, ballot: Ballot, at: int) -> None:
        self.finalizing = False
        self._propose(ballot)
        self._hear_myself(at)

    def _hear_myself(self, at: int) -> None:
        while self._own:
            self._take(self.me, self._own.pop(0), (ServerState.LOOKING, 2), at)

    def _take(self, sender: int, ballot: Ballot, kind: tuple[int, int], at: int) -> None:
        if self.finalizing:
            if not self.electorate.better(ballot, self.proposal):
                self.due.dropped = True
                return  # thrown away; the wait starts again
            self.finalizing = False
        voters = self.electorate.voters
        if sender not in voters or ballot.leader not in voters:
            return
        if kind[0] == ServerState.LOOKING:
            self._looking(sender, ballot, at)
        elif kind[0] in _SETTLED:
            self._settled(sender, Answer(ballot, *kind, at))

    def _looking(self, sender: int, ballot: Ballot, at: int) -> None:
        if NO_ZXID in (self.initial.zxid, ballot.zxid) or ballot.round < self.round:
            return
        better = self.electorate.better
        if ballot.round > self.round:
            self.round = ballot.round
            self._forget()
            self._propose(ballot if better(ballot, self.initial) else self.initial)
        elif better(ballot, self.proposal):
            self._propose(ballot)
        self._store(sender, ballot, ServerState.LOOKING, at)
        support = self.support(self.proposal)
        if self.electorate.quorum(support):
            self.finalizing = True
            self.due.quorums.append(support)

    def _settled(self, sender: int, said: Answer) -> None:
        due, quorum = self.due, self.electorate.quorum
        due.joined = said.ballot
        if said.ballot.round == self.round:
            self._store(sender, said.ballot, said.state, said.at)
            support = self._in_round(said)
            if quorum(support) and self._leads(said.ballot, self._states):
                due.same_round = support
        self._ooe[sender] = said
        support = self._outside(said)
        states = {sid: other.state for sid, other in self._ooe.items()}
        if quorum(support) and self._leads(said.ballot, states):
            due.out_of_election = support

    def _leads(self, ballot: Ballot, states: Mapping[int, int]) -> bool:
        """The leader said itself that it leads; for me, only my own round counts."""
        if ballot.leader == self.me:
            return ballot.round == self.round
        return states.get(ballot.leader) == ServerState.LEADING

    def _store(self, sender: int, ballot: Ballot, state: int, at: int) -> None:
        self.recv[sender] = ballot
        self.arrived[sender] = at
        self._states[sender] = state


def _alike(one: Ballot, other: Ballot, *, by_leader_only: bool) -> bool:
    """Whether two answers of settled peers name the same leadership."""
    return one.leader == other.leader and (by_leader_only or one.epoch == other.epoch)
