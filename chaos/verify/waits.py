"""Conditions on an ensemble, for a runner to wait for and for expectations to judge.

They look at one :class:`~chaos.history.view.EnsembleView` and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from chaos.election.config import Configuration
from chaos.election.ids import Sid
from chaos.history.view import EnsembleView


class SeenBy(StrEnum):
    """Who must be settled under a leader before it counts."""

    MAJORITY = "majority"  # a quorum of the voters
    ALL = "all"  # every peer that runs and is not stopped, with its part of the epoch


class Condition(Protocol):
    """Something that an ensemble can be, and must stay for ``hold_ns``."""

    @property
    def hold_ns(self) -> int:
        """How long it must stay true, nanoseconds."""
        ...

    def holder(self, view: EnsembleView) -> Sid | None:
        """Who makes it true now: the leader, or the first peer asked; ``None`` if it is not true.

        While the condition is held the answer must not change.
        """
        ...

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        ...


@dataclass(frozen=True, slots=True)
class LeaderCondition:
    """There is a leader, one of ``among`` if that is given."""

    among: frozenset[Sid] | None = None
    seen_by: SeenBy = SeenBy.MAJORITY
    hold_ns: int = 0

    def holder(self, view: EnsembleView) -> Sid | None:
        """The leader."""
        leader = view.leader
        if leader is None or (self.among is not None and leader not in self.among):
            return None
        if self.seen_by is SeenBy.ALL:
            followers = view.followers_of(leader)
            alive = [peer for peer in view.peers.values() if peer.alive]
            # Decided is not enough: whoever has not ended its handshake can still be thrown back.
            settled = all(peer.sid in followers and peer.epoch is not None for peer in alive)
            return leader if settled else None
        return leader

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        return self.holder(view) is not None


@dataclass(frozen=True, slots=True)
class AnyLeaderAmong:
    """Some peer of ``among`` serves with a living quorum, whatever others do meanwhile."""

    among: frozenset[Sid] | None = None
    hold_ns: int = 0

    def holder(self, view: EnsembleView) -> Sid | None:
        """The first such peer."""
        found = sorted(sid for sid in view.leaders() if self.among is None or sid in self.among)
        return found[0] if found else None

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        return self.holder(view) is not None


@dataclass(frozen=True, slots=True)
class NoLeaderCondition:
    """No peer of ``among`` serves with a living quorum; the whole ensemble if ``None``."""

    among: frozenset[Sid] | None = None
    hold_ns: int = 0

    def holder(self, view: EnsembleView) -> Sid | None:
        """Any member, since nobody in particular makes it true."""
        if AnyLeaderAmong(self.among).met(view):
            return None
        return min(view.peers, default=Sid(0))

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        return self.holder(view) is not None


@dataclass(frozen=True, slots=True)
class RoleCondition:
    """Every peer of ``of`` is a ``leader``, ``follower``, ``looking``, … (see ``roles``)."""

    role: str
    of: frozenset[Sid]
    hold_ns: int = 0

    def holder(self, view: EnsembleView) -> Sid | None:
        """The first peer of ``of``."""
        roles = view.roles()
        if not self.of or any(roles.get(sid) != self.role for sid in self.of):
            return None
        return min(self.of)

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        return self.holder(view) is not None


@dataclass(frozen=True, slots=True)
class ReachableCondition:
    """Every peer of ``of`` runs and is not stopped; or, if not ``wanted``, none does."""

    of: frozenset[Sid]
    wanted: bool = True
    hold_ns: int = 0

    def holder(self, view: EnsembleView) -> Sid | None:
        """The first peer of ``of``."""
        if not self.of or any(view.peers[sid].alive is not self.wanted for sid in self.of):
            return None
        return min(self.of)

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        return self.holder(view) is not None


@dataclass(frozen=True, slots=True)
class AdoptedCondition:
    """A quorum of ``config`` has it, or a newer one, in force."""

    config: Configuration
    hold_ns: int = 0

    def holder(self, view: EnsembleView) -> Sid | None:
        """Its first voter, since nobody in particular makes it true."""
        has = frozenset(
            sid
            for sid, peer in view.peers.items()
            if peer.alive and peer.config is not None and peer.config.version >= self.config.version
        )
        quorum = self.config.verifier.contains_quorum(has & self.config.voters)
        return min(self.config.voters) if quorum else None

    def met(self, view: EnsembleView) -> bool:
        """Whether it is true now."""
        return self.holder(view) is not None


class Watch:
    """A condition under way: show it the view after every event, ask it any time."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.since_ns: int | None = None
        self._holder: Sid | None = None

    def observe(self, view: EnsembleView, now_ns: int) -> None:
        """Look at the ensemble as it is from ``now_ns`` on."""
        holder = self.condition.holder(view)
        if holder is None:
            self.since_ns = None
        elif self.since_ns is None or holder != self._holder:
            self.since_ns = now_ns
        self._holder = holder

    @property
    def due_ns(self) -> int | None:
        """When it will have held for long enough if nothing happens; ``None`` if not met."""
        return None if self.since_ns is None else self.since_ns + self.condition.hold_ns

    def done(self, now_ns: int) -> bool:
        """Whether it has held for long enough at ``now_ns``."""
        return self.due_ns is not None and self.due_ns <= now_ns
