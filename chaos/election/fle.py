"""FastLeaderElection: one peer while it is LOOKING.

Source: ZooKeeper 3.8 ``FastLeaderElection.lookForLeader`` and ``createElectionAlgorithm``.
Where Java waits in ``recvqueue.poll`` this machine arms a timer and returns; its queue is
empty between two steps, since each message is handled in the step that brings it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chaos.election.effects import (
    Arm,
    ConnectAll,
    Decided,
    Disarm,
    Effect,
    Exit,
    Ignored,
    Proposed,
    QuorumSeen,
    Send,
    Timer,
    TimerKind,
)
from chaos.election.ids import NO_ZXID, Round, Sid, wrap64
from chaos.election.notification import Notification, ServerState
from chaos.election.timings import Timings
from chaos.election.vote import Vote
from chaos.election.voting import Views
from chaos.errors import ConfigError

RESEND = Timer(TimerKind.RESEND)
FINALIZE = Timer(TimerKind.FINALIZE)

_SETTLED = (ServerState.FOLLOWING, ServerState.LEADING)


def create_election_algorithm(
    algorithm: int, me: Sid, timings: Timings, initial: Callable[[], Vote]
) -> FastLeaderElection:
    """The election of ``electionAlg``: 3 is the only one that ZooKeeper still has.

    Raises:
        ConfigError: any other number; 0 to 2 were removed in ZooKeeper 3.6.
    """
    if algorithm != 3:
        raise ConfigError(f"election algorithm {algorithm} is not supported; use 3")
    return FastLeaderElection(me, timings, initial)


class FastLeaderElection:
    """One election layer of one peer: its logical clock lives as long as the layer.

    ``initial`` gives the peer's own first vote as it is now (``getInitId``,
    ``getInitLastLoggedZxid``, ``getPeerEpoch``); its round is ignored.
    """

    def __init__(self, me: Sid, timings: Timings, initial: Callable[[], Vote]) -> None:
        self.me = me
        self.round = Round(0)
        self.proposal = initial()
        self._timings = timings
        self._initial = initial
        self._views: Views | None = None
        self._learner_state = ServerState.FOLLOWING
        self._recv: dict[Sid, Vote] = {}  # of this round
        self._ooe: dict[Sid, Vote] = {}  # of settled peers, any round
        self._wait_ms = 0
        self._finalizing = False
        self._recount = False  # something else than a vote like mine may make a quorum
        self._own: list[Notification] = []  # my broadcasts on their way back to me

    @property
    def looking(self) -> bool:
        """Whether a call of :meth:`look` has not ended yet."""
        return self._views is not None

    @property
    def finalizing(self) -> bool:
        """Whether it waits for silence after a quorum."""
        return self._finalizing

    def look(self, views: Views, learner_state: ServerState) -> list[Effect]:
        """Begin an election. ``learner_state`` is what this peer becomes under a leader."""
        self._views = views
        self._learner_state = learner_state
        self._recv, self._ooe = {}, {}
        self._finalizing = False
        self._wait_ms = self._timings.notification_ms_min
        self.round = Round(wrap64(self.round + 1))
        self._propose(self._initial())
        return self._heard([*self._broadcast(), Arm(RESEND, self._wait_ms)])

    def stop(self) -> list[Effect]:
        """Leave the election without a result."""
        self._views = None
        return [Disarm(RESEND), Disarm(FINALIZE)]

    def use(self, views: Views) -> list[Effect]:
        """Count by other configurations from now on.

        Deliberately better than ZooKeeper: a finalize wait whose quorum is none any more ends.
        """
        if self._views is None:
            return []
        self._views = views
        self._recount = True
        if not self._finalizing or views.tally(self._recv, self.proposal).has_all_quorums():
            return []
        self._finalizing = False
        return [Disarm(FINALIZE), Arm(RESEND, self._wait_ms)]

    def receive(self, sender: Sid, message: Notification) -> list[Effect]:
        """Take the next message from the receive queue."""
        return self._heard(self._receive(sender, message))

    def resend(self, *, have_delivered: bool) -> list[Effect]:
        """The notification wait ran out: say it again, or reconnect, and wait twice as long."""
        if self._views is None:
            return []
        effects: list[Effect] = self._broadcast() if have_delivered else [ConnectAll()]
        self._wait_ms = self._next_wait_ms()
        return self._heard([*effects, Arm(RESEND, self._wait_ms)])

    def _next_wait_ms(self) -> int:
        return min(2 * self._wait_ms, self._timings.notification_ms_max)

    def finalize(self) -> list[Effect]:
        """No message came during the finalize wait: the proposal wins."""
        if self._views is None or not self._finalizing:
            return []
        leads = self.proposal.leader == self.me
        state = ServerState.LEADING if leads else self._learner_state
        support = self._views.tally(self._recv, self.proposal)
        return self._leave(self.proposal, state, tuple(sorted(support.acks)), Exit.FINALIZED)

    def turn(self, round_: int) -> list[Effect]:
        """A skew fault sets the logical clock. A LOOKING peer announces it at once."""
        self.round = Round(wrap64(round_))
        if self._views is None:
            return []
        self._recv.clear()
        return self._again(self.proposal)

    def reconsider(self) -> list[Effect]:
        """My own log or epoch changed under me: if I propose myself, propose what I am now."""
        mine = self._initial()
        if self._views is None or self.proposal.leader != mine.leader:
            return []
        return self._again(mine)

    # ----

    def _again(self, vote: Vote) -> list[Effect]:
        self._finalizing = False
        self._propose(vote)
        return self._heard([Disarm(FINALIZE), *self._broadcast(), Arm(RESEND, self._wait_ms)])

    def _propose(self, vote: Vote) -> None:
        self.proposal = Vote(vote.leader, vote.zxid, self.round, vote.peer_epoch)

    def _broadcast(self) -> list[Effect]:
        """``sendNotifications``: to every voter; my own copy comes back through the queue."""
        assert self._views is not None
        vote = self.proposal
        message = Notification(
            ServerState.LOOKING,
            vote.leader,
            vote.zxid,
            self.round,
            vote.peer_epoch,
            config=self._views.text,
        )
        others = tuple(sid for sid in self._views.voters if sid != self.me)
        if len(others) < len(self._views.voters):
            self._own.append(message)
        return [Proposed(vote), Send(others, message)]

    def _heard(self, effects: list[Effect]) -> list[Effect]:
        """Add what my own broadcasts do to me on their way back through the queue."""
        if not self._own:
            return effects
        while self._own and self._views is not None:
            effects += self._receive(self.me, self._own.pop(0))
        self._own.clear()
        return _last_word(effects)

    def _receive(self, sender: Sid, message: Notification) -> list[Effect]:
        assert self._views is not None
        vote = _vote_of(message)
        if self._finalizing:
            if not self._views.beats(vote, self.proposal):
                why = "it does not beat the proposal in the finalize wait"
                return [Ignored(sender, why), Arm(FINALIZE, self._timings.finalize_ms)]
            self._finalizing = False
            self._recount = True
            return [Disarm(FINALIZE), *self._consider(sender, vote, message)]
        return self._consider(sender, vote, message)

    def _consider(self, sender: Sid, vote: Vote, message: Notification) -> list[Effect]:
        effects = self._by_state(sender, vote, message.state)
        if self._views is None:
            return effects
        if self._finalizing:
            return [*effects, Disarm(RESEND), Arm(FINALIZE, self._timings.finalize_ms)]
        return [*effects, Arm(RESEND, self._wait_ms)]

    def _by_state(self, sender: Sid, vote: Vote, state: int) -> list[Effect]:
        assert self._views is not None
        if not self._views.valid(sender) or not self._views.valid(vote.leader):
            return [Ignored(sender, "the sender or its leader is no voter")]
        if state == ServerState.LOOKING:
            return self._looking(sender, vote)
        if state in _SETTLED:
            return self._settled(sender, vote)
        return [Ignored(sender, "it comes from an observer")]

    def _looking(self, sender: Sid, vote: Vote) -> list[Effect]:
        views = self._views
        assert views is not None
        initial = self._initial()
        if self._unusable(initial) or self._unusable(vote):
            return [Ignored(sender, "a zxid is -1")]
        if self._is_old(vote):
            return [Ignored(sender, "its round is lower")]
        effects: list[Effect] = []
        if vote.round > self.round:
            self.round = vote.round
            self._forget()
            self._propose(self._after_jump(vote, initial))
            effects = self._broadcast()
        elif views.beats(vote, self.proposal):
            self._propose(vote)
            effects = self._broadcast()
        self._recv[sender] = cast_ = _cast(vote)
        if not cast_.agrees_with(self.proposal) and not self._recount:
            return effects  # it adds nothing to the tally, which had no quorum before
        self._recount = False
        tracker = views.tally(self._recv, self.proposal)
        if tracker.has_all_quorums():
            self._finalizing = True
            effects.append(QuorumSeen(self.proposal, tuple(sorted(tracker.acks))))
        return effects

    def _forget(self) -> None:
        """The votes of the round that was are none of the new one."""
        self._recv.clear()

    def _unusable(self, vote: Vote) -> bool:
        return vote.zxid == NO_ZXID

    def _is_old(self, vote: Vote) -> bool:
        return vote.round < self.round

    def _after_jump(self, vote: Vote, initial: Vote) -> Vote:
        """Against the *initial* vote: the old proposal may name a server that is gone."""
        assert self._views is not None
        return vote if self._views.beats(vote, initial) else initial

    def _settled(self, sender: Sid, vote: Vote) -> list[Effect]:
        """An answer of a FOLLOWING or LEADING peer: join its leader if enough say so."""
        views = self._views
        assert views is not None
        if vote.round == self.round:
            self._recv[sender] = replace(vote, version=0)
            self._recount = True
            tracker = views.tally(self._recv, vote)
            if tracker.has_all_quorums() and self._check_leader(self._recv, vote):
                return self._join(vote, tracker.acks, Exit.SAME_ROUND)
        self._ooe[sender] = vote
        tracker = views.tally(self._ooe, vote)
        if tracker.has_all_quorums() and self._check_leader(self._ooe, vote):
            self.round = vote.round
            return self._join(vote, tracker.acks, Exit.OUT_OF_ELECTION)
        return []

    def _check_leader(self, votes: dict[Sid, Vote], vote: Vote) -> bool:
        """A leader must say so itself; I am one only in my own round (ZOOKEEPER-1514)."""
        if vote.leader == self.me:
            return vote.round == self.round
        said = votes.get(vote.leader)
        return said is not None and said.state == ServerState.LEADING

    def _join(self, vote: Vote, support: set[Sid], how: Exit) -> list[Effect]:
        leads = vote.leader == self.me
        state = ServerState.LEADING if leads else self._learner_state
        chosen = Vote(vote.leader, vote.zxid, vote.round, vote.peer_epoch)
        return self._leave(chosen, state, tuple(sorted(support)), how)

    def _leave(
        self, vote: Vote, state: ServerState, support: tuple[Sid, ...], how: Exit
    ) -> list[Effect]:
        """``leaveInstance``: the queue is forgotten with the election."""
        self._finalizing = False
        return [*self.stop(), Decided(vote, state, support, how)]


def _cast(vote: Vote) -> Vote:
    """The vote as ``recvset`` keeps it: LOOKING, its format version forgotten."""
    return Vote(vote.leader, vote.zxid, vote.round, vote.peer_epoch)


def _last_word(effects: list[Effect]) -> list[Effect]:
    """Leave out orders to a timer that a later order to it undoes."""
    ordered: set[Timer] = set()
    kept: list[Effect] = []
    for effect in reversed(effects):
        if isinstance(effect, Arm | Disarm):
            if effect.timer in ordered:
                continue
            ordered.add(effect.timer)
        kept.append(effect)
    kept.reverse()
    return kept


def _vote_of(message: Notification) -> Vote:
    return Vote(
        message.leader,
        message.zxid,
        message.round,
        message.peer_epoch,
        message.state,
        message.version,
    )
