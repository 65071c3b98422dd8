"""QuorumPeer: a whole peer, from one election to the next.

Source: ZooKeeper 3.8 ``QuorumPeer.run``, ``QuorumPeer.processReconfig`` and
``FastLeaderElection.Messenger.WorkerReceiver``.

Deliberately better than ZooKeeper: a configuration that does not parse is ignored and the
message used without it, where some of them end ZooKeeper's receiving thread; with
reconfiguration disabled a newer configuration does not restart the election for ever; and
a server without a vote and a voter do not answer each other's answers without end: who has
no vote is answered only while it looks, and does not answer laggards itself.
"""

from __future__ import annotations

from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import (
    Decided,
    Deliver,
    Effect,
    Entered,
    Expire,
    Ignored,
    Input,
    Phase,
    Reconfigure,
    RestartElectionLayer,
    Send,
    SkewEpochs,
    SkewRound,
    SkewZxid,
    Start,
    SteppedDown,
    TimerKind,
    Work,
)
from chaos.election.fle import FastLeaderElection, create_election_algorithm
from chaos.election.ids import Round, Sid, Zxid, wrap64
from chaos.election.leading import Leading
from chaos.election.learning import Learning
from chaos.election.moments import Before
from chaos.election.notification import Notification, ServerState
from chaos.election.spec import PeerSpec
from chaos.election.standing import Standing, is_major
from chaos.election.vote import Vote
from chaos.errors import ConfigError


class QuorumPeer:
    """One peer as a machine: an input goes in, effects come out, to perform in their order.

    It has no clock. Timers leave as ``Arm`` and come back as ``Expire``.
    """

    def __init__(self, spec: PeerSpec) -> None:
        self.standing = self._new_standing(spec)
        self.state = ServerState.LOOKING
        self.election = self._new_election()
        self._activity: Leading | Learning | None = None

    def step(self, happened: Input) -> list[Effect]:  # noqa: PLR0911 - one return for each kind of input
        """Take ``happened`` in and answer what is to be done about it."""
        match happened:
            case Start():
                return self._look()
            case Deliver():
                return self._deliver(happened.sender, happened.notification)
            case Expire(timer=timer) if timer.kind is TimerKind.RESEND:
                delivered = happened.have_delivered
                return self._elect(self.election.resend(have_delivered=delivered))
            case Expire(timer=timer) if timer.kind is TimerKind.FINALIZE:
                return self._elect(self.election.finalize())
            case SkewRound():
                return self._skew_round(happened)
            case SkewZxid() | SkewEpochs():
                return self._skew_disk(happened)
            case Reconfigure():
                return self._reconfigure(happened)
            case Work():
                self.standing.work = happened
                return self._act(happened)
            case _:
                return self._act(happened)

    def committed(self, after: Zxid) -> tuple[Zxid, int]:
        """How far the log is known to be committed, and how many beyond ``after`` are."""
        upto = self.standing.committed
        return upto, len(self.standing.log.between(after, upto))

    def before(self) -> Before:
        """What the moments of its next step depend on."""
        election, activity = self.election, self._activity
        if activity is None and not election.looking:
            return Before(round=election.round)  # it has not come up yet
        return Before(
            state=self.state,
            vote=election.proposal if election.looking else self.standing.vote,
            round=election.round,
            finalizing=election.finalizing,
            conns=activity.conns if isinstance(activity, Leading) else {},
        )

    # ---- what it is made of: each may be another one where rules are tried that are broken

    def _new_standing(self, spec: PeerSpec) -> Standing:
        return Standing(spec)

    def _new_leading(self, support: tuple[Sid, ...]) -> Leading:
        return Leading(self.standing, support)

    def _new_learning(self, leader: Sid) -> Learning:
        return Learning(self.standing, leader)

    def _new_election(self) -> FastLeaderElection:
        standing = self.standing
        return create_election_algorithm(3, standing.sid, standing.timings, standing.initial_vote)

    # ---- elections

    def _look(self) -> list[Effect]:
        self.state = ServerState.LOOKING
        effects: list[Effect] = [Entered(ServerState.LOOKING, Phase.ELECTION)]
        standing = self.standing
        effects += self.election.look(standing.views, standing.learner_state)
        return self._elect(effects)

    def _elect(self, effects: list[Effect]) -> list[Effect]:
        """Go on from what the election answered: if it decided, take up the role."""
        decided = effects[-1] if effects else None
        if not isinstance(decided, Decided):
            return effects
        self.state = decided.state
        self.standing.vote = decided.vote
        effects.append(Entered(decided.state, Phase.DISCOVERY))
        if decided.state is ServerState.LEADING:
            self._activity = self._new_leading(decided.support)
        else:
            self._activity = self._new_learning(decided.vote.leader)
        effects += self._activity.begin()
        return effects + self._after_activity()

    def _restart_election(self) -> list[Effect]:
        """Build the election layer anew: links, queues and the logical clock start over."""
        was_looking = self.election.looking
        effects = self.election.stop()
        self.election = self._new_election()
        effects.append(RestartElectionLayer(self.standing.views.text))
        return effects + self._look() if was_looking else effects

    # ---- after the election

    def _act(self, happened: Input) -> list[Effect]:
        if self._activity is None:
            return []
        effects = self._activity.step(happened)
        return effects + self._after_activity()

    def _after_activity(self) -> list[Effect]:
        """Adopt a configuration that took force; look again if the role is over."""
        activity = self._activity
        if activity is None:
            return []
        effects: list[Effect] = []
        if activity.activated is not None:
            config, activity.activated = activity.activated, None
            effects += self._activate(config, activity)
        return effects + self._leave(activity.over) if activity.over else effects

    def _activate(self, config: Configuration, activity: Leading | Learning) -> list[Effect]:
        """``config`` takes force: a learner of another role or leader looks again.

        A leader stays until its learners are gone, as in ZooKeeper (``Leader.startZkServer``
        ignores what ``processReconfig`` answers, ``Learner.syncWithLeader`` does not).
        """
        old, me, leader = (
            self.standing.views.committed,
            self.standing.sid,
            self.standing.vote.leader,
        )
        effects, changed = self._commit(config)
        if not isinstance(activity, Learning):
            return effects
        designated, activity.designated = activity.designated, None
        if changed and is_major(old, config, me, leader, designated):
            activity.over = "the leader's configuration changed a role or the leader"
        return effects

    def _leave(self, why: str) -> list[Effect]:
        assert self._activity is not None
        effects = self._activity.end()
        self._activity = None
        return [SteppedDown(why), *effects, *self._look()]

    # ---- WorkerReceiver

    def _deliver(self, sender: Sid, message: Notification) -> list[Effect]:
        effects: list[Effect] = []
        if message.config is not None and message.config != self.standing.views.text:
            effects, restarted = self._hear_config(sender, message.config)
            if restarted:
                return effects
        if not self.standing.views.valid(sender):
            return [*effects, *self._answer_stranger(sender, message.state)]
        if not 0 <= message.state <= ServerState.OBSERVING:
            return [*effects, Ignored(sender, f"unknown state {message.state}")]
        if self.election.looking:
            return effects + self._queue(sender, message)
        if message.state != ServerState.LOOKING:
            return [*effects, Ignored(sender, "neither of us looks")]
        vote = self.standing.vote
        effects.append(self._answer(sender, vote, vote.round))
        if isinstance(self._activity, Leading):
            self._activity.report_looking(sender)
        return effects + self._after_activity()

    def _answer_stranger(self, sender: Sid, state: int) -> list[Effect]:
        """Somebody without a vote is answered right away, and never queued."""
        if state != ServerState.LOOKING:
            return [Ignored(sender, "it has no vote, and does not look")]
        return [self._answer(sender, self.standing.vote, self.election.round)]

    def _queue(self, sender: Sid, message: Notification) -> list[Effect]:
        """The election takes it; a laggard hears my proposal at once."""
        election = self.election
        lags = message.state == ServerState.LOOKING and message.round < election.round
        speaks = self.standing.views.valid(self.standing.sid)
        answer = self._answer(sender, election.proposal, election.round)
        reply = [answer] if lags and speaks else []
        return [*reply, *self._elect(election.receive(sender, message))]

    def _answer(self, to: Sid, vote: Vote, round_: Round) -> Send:
        message = Notification(
            self.state,
            vote.leader,
            vote.zxid,
            round_,
            vote.peer_epoch,
            config=self.standing.views.text,
        )
        return Send((to,), message)

    def _hear_config(self, sender: Sid, text: str) -> tuple[list[Effect], bool]:
        """A configuration by gossip; whether the election restarted because of it."""
        try:
            config = parse_configuration(text)
        except ConfigError as error:
            return [Ignored(sender, f"its configuration does not parse: {error}")], False
        if not self.election.looking:
            return [], False
        effects, changed = self._commit(config)
        return effects, changed

    # ---- reconfiguration

    def _commit(self, config: Configuration) -> tuple[list[Effect], bool]:
        """``processReconfig``: a newer configuration takes force; whether its members differ."""
        old = self.standing.views.committed
        effects = self.standing.commit(config)
        if not effects:
            return [], False
        effects += self.election.use(self.standing.views)
        if old.same_as(config):
            return effects, False
        return effects + self._restart_election(), True

    def _reconfigure(self, happened: Reconfigure) -> list[Effect]:
        me = self.standing.sid
        try:
            config = parse_configuration(happened.config)
        except ConfigError as error:
            return [Ignored(me, f"the configuration does not parse: {error}")]
        if not happened.activate:
            effects = self.standing.see(config)
            effects += self.election.use(self.standing.views)
            return effects or [Ignored(me, "no newer configuration to see")]
        old = self.standing.views.committed
        leader = self.standing.vote.leader
        effects, changed = self._commit(config)
        if not effects:
            return [Ignored(me, "no newer configuration, or reconfiguration is disabled")]
        if changed and self._activity is not None and is_major(old, config, me, leader):
            return effects + self._leave("the reconfiguration changed a role or the leader")
        return effects

    # ---- skews: what a fault does to a peer from inside

    def _skew_round(self, skew: SkewRound) -> list[Effect]:
        now = self.election.round
        target = wrap64(now + skew.by) if skew.by is not None else wrap64(skew.to or 0)
        if self._activity is not None:
            vote = self.standing.vote
            self.standing.vote = Vote(vote.leader, vote.zxid, Round(target), vote.peer_epoch)
        return self._elect(self.election.turn(target))

    def _skew_disk(self, skew: SkewZxid | SkewEpochs) -> list[Effect]:
        standing = self.standing
        effects: list[Effect] = []
        match skew:
            case SkewZxid():
                effects += standing.log_to(skew.zxid)
            case SkewEpochs():
                if skew.accepted is not None:
                    effects += standing.accept_epoch(skew.accepted)
                if skew.current is not None:
                    effects += standing.enter_epoch(skew.current)
        return effects + self._elect(self.election.reconsider())
