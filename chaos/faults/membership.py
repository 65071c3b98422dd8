"""A configuration of a higher version, of the same members or of others.

Source: ZooKeeper 3.8 ``QuorumPeer.processReconfig`` and ``setLastSeenQuorumVerifier``:
what is activated takes force at the peer, what is only proposed counts beside the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from chaos import actions as act
from chaos.actions import Action
from chaos.election.config import Configuration, Member
from chaos.election.ids import Sid
from chaos.faults.base import Long
from chaos.faults.skews import one_of, shifted
from chaos.history.view import EnsembleView


@dataclass(frozen=True, slots=True)
class Members:
    """How the members change. ``add`` brings one back, as a voter, that was removed before."""

    add: tuple[Sid, ...] = ()
    remove: tuple[Sid, ...] = ()
    observers: tuple[Sid, ...] = ()  # these vote no more


@dataclass(frozen=True, slots=True)
class BumpConfigVersion:
    """Each target gets its own configuration again, changed and of another version.

    ``activate: false`` only proposes it: until it takes force both configurations count.
    """

    name: str
    by: Long | None = None
    to: Long | None = None
    members: Members = Members()
    weights: Mapping[Sid, int] = field(default_factory=dict)
    groups: Mapping[int, tuple[Sid, ...]] = field(default_factory=dict)
    activate: bool = True
    instant: ClassVar[bool] = True
    needs: ClassVar[frozenset[type[Action]]] = frozenset({act.Configure})

    def __post_init__(self) -> None:
        one_of(self.by, self.to)

    def begin(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Give each target its new configuration."""
        places = {**view.config.members, **view.known}
        found: list[Action] = []
        for sid in targets:
            config = self.changed(view.peers[sid].config or view.config, places)
            found.append(act.Configure(sid, config.text(), self.activate))
        return found

    def end(self, targets: tuple[Sid, ...], view: EnsembleView) -> list[Action]:
        """Nothing: a configuration is replaced by a newer one only."""
        del targets, view
        return []

    def changed(self, held: Configuration, places: Mapping[Sid, Member]) -> Configuration:
        """``held`` after the change; ``places`` says where each peer of the run listens."""
        members = {s: m for s, m in held.members.items() if s not in self.members.remove}
        for sid in self.members.add:
            members[sid] = replace(held.members.get(sid, places[sid]), votes=True)
        for sid in self.members.observers:
            members[sid] = replace(held.members.get(sid, places[sid]), votes=False)
        voters = frozenset(sid for sid, member in members.items() if member.votes)
        groups, weights = self._counted(held, voters)
        version = shifted(held.version, self.by, self.to)
        return Configuration(
            MappingProxyType(members), version, MappingProxyType(groups), MappingProxyType(weights)
        )

    def _counted(
        self, held: Configuration, voters: frozenset[Sid]
    ) -> tuple[dict[int, frozenset[Sid]], dict[Sid, int]]:
        """Groups and weights of ``voters``; a newcomer weighs 1 and joins the first group."""
        if not (self.weights or self.groups or held.groups or held.weights):
            return {}, {}
        named = {group: frozenset(sids) for group, sids in self.groups.items()}
        before = named or dict(held.groups)
        groups = {group: sids & voters for group, sids in before.items() if sids & voters}
        lost = voters.difference(*groups.values())
        if lost:
            first = min(groups, default=1)
            groups[first] = groups.get(first, frozenset()) | lost
        told = {**held.weights, **self.weights}
        return groups, {sid: told.get(sid, 1) for sid in sorted(voters)}
