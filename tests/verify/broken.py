"""Peers that break one rule each, for the check that must catch them."""

from __future__ import annotations

from dataclasses import replace

from chaos.election import effects as fx
from chaos.election import packets as pk
from chaos.election.fle import FastLeaderElection
from chaos.election.ids import PeerEpoch, Round, Sid
from chaos.election.notification import Notification
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.vote import Vote


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
    def look(self, *args: object) -> list[fx.Effect]:
        self.round = Round(0)
        return super().look(*args)  # type: ignore[arg-type]


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


class Forgetful(QuorumPeer):
    """As a leader it proposes epoch 1, whatever it and its followers promised before."""

    def step(self, happened: fx.Input) -> list[fx.Effect]:
        return [self._lower(effect) for effect in super().step(happened)]

    def _lower(self, effect: fx.Effect) -> fx.Effect:
        match effect:
            case fx.Persist(name="acceptedEpoch" | "currentEpoch" as name):
                return fx.Persist(name, 1)
            case fx.SendPacket(conn=conn, packet=pk.LeaderInfo()):
                return fx.SendPacket(conn, pk.LeaderInfo(PeerEpoch(1)))
            case _:
                return effect


class _DeafElection(FastLeaderElection):
    def receive(self, sender: Sid, message: Notification) -> list[fx.Effect]:
        assert self._views is not None
        self._views = replace(self._views, committed=self._views.committed)
        return super().receive(sender, message)
