"""Peers that break a rule of ``lookForLeader``."""

from __future__ import annotations

from chaos.election.effects import Arm, Decided, Effect, Exit, Ignored
from chaos.election.fle import FINALIZE, RESEND, FastLeaderElection
from chaos.election.ids import Round, Sid, wrap64
from chaos.election.notification import Notification, ServerState
from chaos.election.vote import Vote
from chaos.election.voting import Views


class NoFinalizeWait(FastLeaderElection):
    """Decides at the first quorum."""

    def _looking(self, sender: Sid, vote: Vote) -> list[Effect]:
        effects = super()._looking(sender, vote)
        return [*effects, *self.finalize()] if self._finalizing else effects


class OwnVoteNotCounted(FastLeaderElection):
    """Its broadcasts do not come back to it."""

    def _heard(self, effects: list[Effect]) -> list[Effect]:
        self._own.clear()
        return effects


class NoCheckLeader(FastLeaderElection):
    """Joins a leader that did not say that it leads."""

    def _check_leader(self, votes: dict[Sid, Vote], vote: Vote) -> bool:
        return True


class LeadsInAnyRound(FastLeaderElection):
    """Takes up a leadership of its own from a round that is over (ZOOKEEPER-1514)."""

    def _check_leader(self, votes: dict[Sid, Vote], vote: Vote) -> bool:
        return vote.leader == self.me or super()._check_leader(votes, vote)


class ComparesWithCurrent(FastLeaderElection):
    """After a jump it compares with its old proposal, which may name a server that is gone."""

    def _after_jump(self, vote: Vote, initial: Vote) -> Vote:
        assert self._views is not None
        return vote if self._views.beats(vote, self.proposal) else self.proposal


class StaleReceived(FastLeaderElection):
    """After a jump it still counts the votes of the round before."""

    def _forget(self) -> None:
        pass

    def _propose(self, vote: Vote) -> None:
        super()._propose(vote)
        for sid, cast in self._recv.items():
            self._recv[sid] = Vote(cast.leader, cast.zxid, self.round, cast.peer_epoch)


class LowerRoundCounted(FastLeaderElection):
    """Takes a vote of a lower round for one of its own."""

    def _is_old(self, vote: Vote) -> bool:
        return False


class RoundNotRaised(FastLeaderElection):
    """Begins an election in the round of the one before."""

    def look(self, views: Views, learner_state: ServerState) -> list[Effect]:
        """As the core, one round lower, but for the first."""
        if self.round:
            self.round = Round(wrap64(self.round - 1))
        return super().look(views, learner_state)


class RoundStartsOver(FastLeaderElection):
    """Begins each of its elections in round 1."""

    def look(self, views: Views, learner_state: ServerState) -> list[Effect]:
        """As the core, from round 0."""
        self.round = Round(0)
        return super().look(views, learner_state)


class NoJump(FastLeaderElection):
    """Ignores votes of a higher round."""

    def _looking(self, sender: Sid, vote: Vote) -> list[Effect]:
        if vote.round > self.round:
            return [Ignored(sender, "its round is not mine")]
        return super()._looking(sender, vote)


class NeverAdopts(FastLeaderElection):
    """Keeps to its own proposal within a round."""

    def _looking(self, sender: Sid, vote: Vote) -> list[Effect]:
        if vote.round == self.round and vote.rank > self.proposal.rank:
            return [Ignored(sender, "I have my own vote")]
        return super()._looking(sender, vote)


class DeafWhileFinalizing(FastLeaderElection):
    """Throws away a better vote that comes in the finalize wait."""

    def _receive(self, sender: Sid, message: Notification) -> list[Effect]:
        if self._finalizing:
            why = "it comes in the finalize wait"
            return [Ignored(sender, why), Arm(FINALIZE, self._timings.finalize_ms)]
        return super()._receive(sender, message)


class SilenceNotRestarted(FastLeaderElection):
    """Lets the finalize wait run on, whoever speaks."""

    def _receive(self, sender: Sid, message: Notification) -> list[Effect]:
        waited = self._finalizing
        effects = super()._receive(sender, message)
        if waited and self._finalizing:
            return [one for one in effects if not isinstance(one, Arm)]
        return effects


class NeverResends(FastLeaderElection):
    """Says its vote once."""

    def resend(self, *, have_delivered: bool) -> list[Effect]:
        """Nothing is said, and nobody dialled."""
        del have_delivered
        return [] if self._views is None else [Arm(RESEND, self._wait_ms)]


class BackOffUnbounded(FastLeaderElection):
    """Doubles the notification wait for ever."""

    def _next_wait_ms(self) -> int:
        return 2 * self._wait_ms


class BackOffConstant(FastLeaderElection):
    """Never waits longer than the first time."""

    def _next_wait_ms(self) -> int:
        return self._wait_ms


class KeepsRoundOutside(FastLeaderElection):
    """Joins an established leader and keeps its own round."""

    def _settled(self, sender: Sid, vote: Vote) -> list[Effect]:
        before = self.round
        effects = super()._settled(sender, vote)
        for effect in effects:
            if isinstance(effect, Decided) and effect.how is Exit.OUT_OF_ELECTION:
                self.round = before
        return effects


class SettledIgnored(FastLeaderElection):
    """Ignores the answers of settled peers."""

    def _settled(self, sender: Sid, vote: Vote) -> list[Effect]:
        del vote
        return [Ignored(sender, "it does not look")]


class CountsUnusable(FastLeaderElection):
    """Counts votes of servers whose database is unusable (ZOOKEEPER-261)."""

    def _unusable(self, vote: Vote) -> bool:
        return False
