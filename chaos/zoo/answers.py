"""Peers that answer others wrongly, or take their configurations wrongly."""

from __future__ import annotations

from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import Append, Effect, Input, Persist, PersistConfig, Send, SendPacket
from chaos.election.fle import FastLeaderElection
from chaos.election.ids import PeerEpoch, Sid
from chaos.election.notification import Notification, ServerState
from chaos.election.packets import AckEpoch, LeaderInfo
from chaos.election.spec import PeerSpec
from chaos.election.standing import Standing
from chaos.errors import ConfigError
from chaos.zoo.parts import Odd


class FollowingSilent(Odd):
    """Does not answer while it follows."""

    def _deliver(self, sender: Sid, message: Notification) -> list[Effect]:
        before = self.state
        effects = super()._deliver(sender, message)
        if before is not ServerState.FOLLOWING:
            return effects
        return [one for one in effects if not isinstance(one, Send)]


class LeadingSilent(Odd):
    """Does not answer while it leads."""

    def _deliver(self, sender: Sid, message: Notification) -> list[Effect]:
        before = self.state
        effects = super()._deliver(sender, message)
        if before is not ServerState.LEADING:
            return effects
        return [one for one in effects if not isinstance(one, Send)]


class LaggardsSilent(Odd):
    """Does not answer those in a lower round."""

    def _queue(self, sender: Sid, message: Notification) -> list[Effect]:
        return self._elect(self.election.receive(sender, message))


class AnswersEverybody(Odd):
    """Settled, it answers settled peers too."""

    def _deliver(self, sender: Sid, message: Notification) -> list[Effect]:
        effects = super()._deliver(sender, message)
        if self.election.looking or message.state == ServerState.LOOKING:
            return effects
        vote = self.standing.vote
        return [*effects, self._answer(sender, vote, vote.round)]


class GossipIgnored(Odd):
    """Never learns of a configuration by gossip."""

    def _hear_config(self, sender: Sid, text: str) -> tuple[list[Effect], bool]:
        del sender, text
        return [], False


class RoundKeptAfterGossip(Odd):
    """Keeps its logical clock when gossip restarts the election layer."""

    def _new_election(self) -> FastLeaderElection:
        election = super()._new_election()
        before: FastLeaderElection | None = getattr(self, "election", None)
        if before is not None:
            election.round = before.round
        return election


class DeafAfterMalformed(Odd):
    """A configuration that does not parse ends its receiving thread."""

    def __init__(self, spec: PeerSpec) -> None:
        super().__init__(spec)
        self._deaf = False

    def _deliver(self, sender: Sid, message: Notification) -> list[Effect]:
        if not self._deaf and message.config:
            try:
                parse_configuration(message.config)
            except ConfigError:
                self._deaf = True
        return [] if self._deaf else super()._deliver(sender, message)


class AnyConfiguration(Standing):
    """Takes the last configuration that it hears of, whatever its version."""

    def commit(self, config: Configuration) -> list[Effect]:
        """The version is not compared."""
        if not self.reconfig_enabled or config.version == self.views.committed.version:
            return []
        self.views = self.views_of(config, self.views.last_seen)
        return [PersistConfig(config.text(), active=True)]


class AcceptedNotKept(Standing):
    """Keeps what it promised in memory alone."""

    def accept_epoch(self, epoch: PeerEpoch) -> list[Effect]:
        """Nothing is written."""
        super().accept_epoch(epoch)
        return []


class CurrentNotKept(Standing):
    """Keeps the epoch that it is of in memory alone."""

    def enter_epoch(self, epoch: PeerEpoch) -> list[Effect]:
        """Nothing is written."""
        super().enter_epoch(epoch)
        return []


class EpochOfVoteKept(Standing):
    """Goes on to answer with the epoch that was before it was established."""

    def establish(self, epoch: PeerEpoch) -> None:
        """Nothing is learned."""
        del epoch


class PromisesLate(Odd):
    """Tells its promise before it has written it down."""

    def step(self, happened: Input) -> list[Effect]:
        """The packet goes first."""
        effects = super().step(happened)
        if not any(isinstance(one, Persist) for one in effects):
            return effects
        told = [one for one in effects if _tells(one)]
        return [*told, *(one for one in effects if not _tells(one))]


def _tells(effect: Effect) -> bool:
    return isinstance(effect, SendPacket) and isinstance(effect.packet, LeaderInfo | AckEpoch)


class Unlogged(Odd):
    """Acks transactions that it does not put on disk."""

    def step(self, happened: Input) -> list[Effect]:
        """What is to be appended is not."""
        return [one for one in super().step(happened) if not isinstance(one, Append)]
