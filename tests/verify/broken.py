"""Peers that break one rule each, for the check that must catch them."""

from __future__ import annotations

from dataclasses import replace

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.fle import FastLeaderElection
from chaos.election.ids import Round, Sid
from chaos.election.notification import ServerState
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.vote import Vote
from chaos.election.voting import Views


class _Peer(QuorumPeer):
    """A peer whose election is another."""

    election_type: type[FastLeaderElection] = FastLeaderElection

    def _new_election(self) -> FastLeaderElection:
        standing = self.standing
        return self.election_type(standing.sid, standing.timings, standing.initial_vote)


class _AloneElection(FastLeaderElection):
    def _looking(self, sender: Sid, vote: Vote) -> list[fx.Effect]:
        effects = super()._looking(sender, vote)
        if not self._finalizing:
            self._finalizing = True
            effects.append(fx.QuorumSeen(self.proposal, (self.me,)))
        return effects


class Alone(_Peer):
    """One vote is enough for it."""

    election_type = _AloneElection


class _StubbornElection(FastLeaderElection):
    def _looking(self, sender: Sid, vote: Vote) -> list[fx.Effect]:
        if vote.round == self.round:
            vote = replace(vote, peer_epoch=self.proposal.peer_epoch)
            worse = vote.rank > self.proposal.rank
            vote = self.proposal if worse else vote
        return super()._looking(sender, vote)


class Stubborn(_Peer):
    """It never adopts a better vote of its own round."""

    election_type = _StubbornElection


class _AmnesicElection(FastLeaderElection):
    def look(self, views: Views, learner_state: ServerState) -> list[fx.Effect]:
        self.round = Round(0)
        return super().look(views, learner_state)


class Amnesic(_Peer):
    """Each of its elections begins in round 1."""

    election_type = _AmnesicElection


class Hasty(QuorumPeer):
    """It tells its promise before it has written it down."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        effects = super().step(happened)
        told = [e for e in effects if _tells(e)]
        return [*told, *(e for e in effects if not _tells(e))]


def _tells(effect: fx.Effect) -> bool:
    return isinstance(effect, fx.SendPacket) and isinstance(
        effect.packet, pk.LeaderInfo | pk.AckEpoch
    )


class Generous(QuorumPeer):
    """As a leader it takes any connection's FOLLOWERINFO for its ACK of NEWLEADER too."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        effects = super().step(happened)
        offer = next((e for e in effects if _offers(e)), None)
        if offer is None:
            return effects
        assert isinstance(offer, fx.SendPacket)
        assert isinstance(offer.packet, pk.NewLeader)
        ack = fx.PacketRead(offer.conn, pk.Ack(offer.packet.zxid))
        return effects + super().step(ack)


def _offers(effect: fx.Effect) -> bool:
    return isinstance(effect, fx.SendPacket) and isinstance(effect.packet, pk.NewLeader)


class _OldElection(FastLeaderElection):
    def look(self, views: Views, learner_state: ServerState) -> list[fx.Effect]:
        return super().look(Views(views.committed), learner_state)

    def use(self, views: Views) -> list[fx.Effect]:
        return super().use(Views(views.committed))


class OldFashioned(_Peer):
    """It counts by the committed configuration alone."""

    election_type = _OldElection


class Flattered(QuorumPeer):
    """It counts observer 4 among those who elected its leader."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        return [self._count(effect) for effect in super().step(happened)]

    def _count(self, effect: fx.Effect) -> fx.Effect:
        if isinstance(effect, fx.Decided):
            return replace(effect, support=(*effect.support, Sid(4)))
        return effect


class Mumbling(QuorumPeer):
    """It leaves out what it ignored, which no message shows."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        return [e for e in super().step(happened) if not isinstance(e, fx.Ignored)]


class Unsynced(QuorumPeer):
    """It acks transactions that it does not put on disk."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        return [one for one in super().step(happened) if not isinstance(one, fx.Append)]


class Credulous(QuorumPeer):
    """It commits what nobody else has logged yet."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        effects = super().step(happened)
        return [
            said
            for effect in effects
            for said in (
                (effect, fx.Committed(effect.txns[-1].zxid))
                if isinstance(effect, fx.Append)
                else (effect,)
            )
        ]
