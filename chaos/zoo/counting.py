"""Peers that order votes, or count them, otherwise than the rules say."""

from __future__ import annotations

from collections.abc import Mapping, Set

from chaos.election.ids import Sid
from chaos.election.leading import Leading
from chaos.election.quorum import QuorumMaj, QuorumVerifier, SyncedLearnerTracker
from chaos.election.standing import Standing
from chaos.election.vote import Vote
from chaos.election.voting import Views


class WithoutEpoch(Views):
    """Orders votes by zxid and sid."""

    __slots__ = ()

    def beats(self, new: Vote, current: Vote) -> bool:
        """The epoch is left out."""
        weight = self.committed.verifier.weight(new.leader)
        return weight != 0 and (new.zxid, new.leader) > (current.zxid, current.leader)


class WithoutZxid(Views):
    """Orders votes by epoch and sid."""

    __slots__ = ()

    def beats(self, new: Vote, current: Vote) -> bool:
        """The zxid is left out."""
        mine = (current.peer_epoch, current.leader)
        weight = self.committed.verifier.weight(new.leader)
        return weight != 0 and (new.peer_epoch, new.leader) > mine


class TieReversed(Views):
    """Prefers the smaller sid where epoch and zxid are equal."""

    __slots__ = ()

    def beats(self, new: Vote, current: Vote) -> bool:
        """The sid counts backwards."""
        mine = (current.peer_epoch, current.zxid, -current.leader)
        weight = self.committed.verifier.weight(new.leader)
        return weight != 0 and (new.peer_epoch, new.zxid, -new.leader) > mine


class AnyWeight(Views):
    """Prefers a server of weight 0 as any other."""

    __slots__ = ()

    def beats(self, new: Vote, current: Vote) -> bool:
        """The weight is not looked at."""
        return new.rank > current.rank


class ByLeaderAlone(Views):
    """Counts LOOKING votes for one leader as the same, whatever their round and epoch."""

    __slots__ = ()

    def tally(self, votes: Mapping[Sid, Vote], vote: Vote) -> SyncedLearnerTracker:
        """Only ids are compared."""
        tracker = SyncedLearnerTracker(self.verifiers)
        for sid, cast in votes.items():
            if cast.leader == vote.leader:
                tracker.add_ack(sid)
        return tracker


class ByAllFour(Views):
    """Counts answers of settled peers as the same only if all four numbers are."""

    __slots__ = ()

    def tally(self, votes: Mapping[Sid, Vote], vote: Vote) -> SyncedLearnerTracker:
        """Round and zxid are compared too."""
        tracker = SyncedLearnerTracker(self.verifiers)
        for sid, cast in votes.items():
            if cast.rank == vote.rank and cast.round == vote.round:
                tracker.add_ack(sid)
        return tracker


class Tie(QuorumMaj):
    """Half of the voters are enough."""

    __slots__ = ()

    def contains_quorum(self, acks: Set[Sid]) -> bool:
        """An even split gives two quorums."""
        return 2 * len(self.voters & acks) >= len(self.voters)


class OneShort(QuorumMaj):
    """One fewer than a majority is enough."""

    __slots__ = ()

    def contains_quorum(self, acks: Set[Sid]) -> bool:
        """Off by one: two of five, or one of three."""
        return len(self.voters & acks) >= max(1, len(self.voters) // 2)


class OneMore(QuorumMaj):
    """One more than a majority is needed, where there are as many."""

    __slots__ = ()

    def contains_quorum(self, acks: Set[Sid]) -> bool:
        """Off by one: four of five."""
        needed = min(len(self.voters) // 2 + 2, len(self.voters))
        return len(self.voters & acks) >= needed


class Everybody(QuorumMaj):
    """Whoever says so counts, whether it votes or not."""

    __slots__ = ()

    def contains_quorum(self, acks: Set[Sid]) -> bool:
        """Observers and strangers fill the quorum up."""
        return len(acks) > len(self.voters) // 2


class Anyone(SyncedLearnerTracker):
    """A tally that takes everybody's word."""

    def add_ack(self, sid: Sid) -> bool:
        """Whoever it is."""
        self.acks.add(sid)
        return True


class _Majority(Views):
    """Counts by a verifier of its own, where a plain majority is asked for."""

    __slots__ = ()
    verifier: type[QuorumMaj] = QuorumMaj

    def __post_init__(self) -> None:
        Views.__post_init__(self)
        object.__setattr__(self, "verifiers", tuple(map(self.instead, self.verifiers)))

    def instead(self, verifier: QuorumVerifier) -> QuorumVerifier:
        """What counts in the place of ``verifier``."""
        return self.verifier(verifier.voters) if type(verifier) is QuorumMaj else verifier


class TieViews(_Majority):
    """See :class:`Tie`."""

    __slots__ = ()
    verifier = Tie


class OneShortViews(_Majority):
    """See :class:`OneShort`."""

    __slots__ = ()
    verifier = OneShort


class OneMoreViews(_Majority):
    """See :class:`OneMore`."""

    __slots__ = ()
    verifier = OneMore


class EverybodyViews(_Majority):
    """Takes observers for voters wherever it hears and counts."""

    __slots__ = ()
    verifier = Everybody

    def valid(self, sid: Sid) -> bool:
        """Every member."""
        return sid in self.committed.members or sid in self.voters

    def tally(self, votes: Mapping[Sid, Vote], vote: Vote) -> SyncedLearnerTracker:
        """Everybody who agrees."""
        tracker = Anyone(self.verifiers)
        for sid, cast in votes.items():
            if vote.agrees_with(cast):
                tracker.add_ack(sid)
        return tracker


class CommittedOnly(Views):
    """Counts by the configuration in force, whatever was proposed."""

    __slots__ = ()

    def __post_init__(self) -> None:
        Views.__post_init__(self)
        object.__setattr__(self, "verifiers", (self.committed.verifier,))


class LeadsByViews(Leading):
    """Leads by the same verifiers as it was elected by."""

    tracker: type[SyncedLearnerTracker] = SyncedLearnerTracker

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        verifiers = standing.views.verifiers
        self._connecting = self.tracker(verifiers, {standing.sid})
        self._electing = self.tracker(verifiers)
        self._acks = self.tracker(verifiers)


class LeadsByAnyone(LeadsByViews):
    """Counts whoever is connected."""

    tracker = Anyone

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        verifiers = tuple(Everybody(one.voters) for one in standing.views.verifiers)
        for tracker in (self._connecting, self._electing, self._acks):
            tracker.verifiers = verifiers
