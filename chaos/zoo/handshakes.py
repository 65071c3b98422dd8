"""Peers that break a rule of Zab's handshake."""

from __future__ import annotations

from dataclasses import replace

from chaos.election.effects import Arm, Effect, Expire, Input, SendPacket, TimerKind
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.leading import TICK, Leading, Learner
from chaos.election.learning import Learning
from chaos.election.packets import LearnerHello
from chaos.election.quorum import SyncedLearnerTracker
from chaos.election.standing import Standing


class EpochPlusTwo(Leading):
    """Leaves an epoch out."""

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        self._epoch = PeerEpoch(self._epoch + 1)


class EqualEpoch(Leading):
    """Leads the highest epoch that somebody promised, not the one after it."""

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        self._epoch = PeerEpoch(max(1, self._epoch - 1))

    def _hello(self, learner: Learner, hello: LearnerHello) -> list[Effect]:
        equal = replace(hello, accepted_epoch=PeerEpoch(hello.accepted_epoch - 1))
        return super()._hello(learner, equal)


class EqualAccepted(Learning):
    """Takes an epoch that it has promised already for a new one."""

    def _leader_info(self, epoch: PeerEpoch) -> list[Effect]:
        if epoch == self._standing.accepted_epoch:
            self._standing.accepted_epoch = PeerEpoch(epoch - 1)
        return super()._leader_info(epoch)


class LowerFollowed(Learning):
    """Follows a leader of an epoch below what it promised."""

    def _leader_info(self, epoch: PeerEpoch) -> list[Effect]:
        if epoch < self._standing.accepted_epoch:
            self._standing.accepted_epoch = PeerEpoch(epoch - 1)
        return super()._leader_info(epoch)


class Always(SyncedLearnerTracker):
    """A tally that is complete from the beginning."""

    def has_all_quorums(self) -> bool:
        """At once."""
        return True


class LeaderInfoEarly(Leading):
    """Decides on its epoch alone."""

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        self._connecting = Always(self._connecting.verifiers, {standing.sid})


class AckEpochSkipped(Leading):
    """Does not wait for a quorum of ACKEPOCH."""

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        self._electing = Always(self._electing.verifiers)


class NewLeaderSkipped(Leading):
    """Serves before anybody has acked NEWLEADER."""

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        self._acks = Always(self._acks.verifiers)

    def _upgrade(self) -> list[Effect]:
        effects = super()._upgrade()
        self._acks = Always(self._acks.verifiers, self._acks.acks)
        return effects


class AheadAccepted(Leading):
    """Leads followers that have more than it has."""

    def __init__(self, standing: Standing, support: tuple[Sid, ...]) -> None:
        super().__init__(standing, support)
        self._before = (PeerEpoch(2**62), Zxid(2**62))


class SyncedUnchecked(Leading):
    """Leads on when its followers are gone."""

    def _tick(self) -> list[Effect]:
        effects = super()._tick()
        if not self.over.startswith("not enough"):
            return effects
        self.over = ""
        return [*effects, Arm(TICK, self._half_tick())]


class NeverPings(Leading):
    """Leaves its followers without a word."""

    def _tick(self) -> list[Effect]:
        return [one for one in super()._tick() if not isinstance(one, SendPacket)]


class NeverGivesUp(Learning):
    """Follows a leader that is silent for ever."""

    def step(self, happened: Input) -> list[Effect]:
        """The read timeout is not looked at."""
        if isinstance(happened, Expire) and happened.timer.kind is TimerKind.LEADER_READ:
            return []
        return super().step(happened)


class TriesOnce(Learning):
    """Gives its leader up at the first refused connection."""

    def _refused(self, why: str) -> list[Effect]:
        return self._end(f"the leader refused a connection: {why}")
