"""What an ensemble is made of before it has addresses.

A plan makes an :class:`EnsembleSetup`; a driver gives each peer an address and turns it
into the :class:`~chaos.election.spec.PeerSpec` of each peer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from chaos.election.config import Address, Configuration, Member
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.election.spec import PeerSpec
from chaos.election.timings import Timings

ELECTION_PORT = 3888
QUORUM_PORT = 2888


class QuorumKind(StrEnum):
    """How votes are counted. WEIGHTED is one group in ZooKeeper's hierarchical terms."""

    MAJORITY = "majority"
    WEIGHTED = "weighted"
    HIERARCHICAL = "hierarchical"


class Runs(StrEnum):
    """Which program a peer of a mixed ensemble is."""

    CHAOS = "chaos"
    ZOOKEEPER = "zookeeper"


@dataclass(frozen=True, slots=True)
class PeerSetup:
    """One peer as the plan describes it."""

    sid: Sid
    votes: bool = True
    weight: int = 1
    group: int = 1
    zone: str = ""
    zxid: Zxid = Zxid(0)
    accepted_epoch: PeerEpoch = PeerEpoch(0)
    current_epoch: PeerEpoch = PeerEpoch(0)
    config_version: int = 0
    runs: Runs | None = None  # None: the system decides
    member: bool = True  # of the configuration that the ensemble starts with


@dataclass(frozen=True, slots=True)
class LinkSetup:
    """A directed link that is slow from the start."""

    source: Sid
    target: Sid
    latency_ns: int
    jitter_ns: int = 0


@dataclass(frozen=True, slots=True)
class EnsembleSetup:
    """All peers of a run."""

    peers: tuple[PeerSetup, ...]
    quorum: QuorumKind = QuorumKind.MAJORITY
    timings: Timings = Timings()
    links: tuple[LinkSetup, ...] = ()
    reconfig_enabled: bool = True

    @property
    def sids(self) -> tuple[Sid, ...]:
        """Every member, ascending."""
        return tuple(sorted(peer.sid for peer in self.peers))


def configuration_of(
    setup: EnsembleSetup,
    host_of: Callable[[Sid], str],
    version: int = 0,
    joiner: Sid | None = None,
) -> Configuration:
    """The configuration that all members of ``setup`` start with.

    One that is to join has itself in it too, as an observer: as ZooKeeper's administrator's guide
    advises, so that it counts in no quorum of its own.
    """
    members = {
        peer.sid: Member(
            peer.sid,
            ((Address(host_of(peer.sid), QUORUM_PORT), Address(host_of(peer.sid), ELECTION_PORT)),),
            peer.votes and peer.member,
        )
        for peer in setup.peers
        if peer.member or peer.sid == joiner
    }
    if setup.quorum is QuorumKind.MAJORITY:
        return Configuration(MappingProxyType(members), version)
    voters = [peer for peer in setup.peers if peer.votes and peer.member]
    groups: dict[int, frozenset[Sid]] = {}
    for peer in voters:
        group = 1 if setup.quorum is QuorumKind.WEIGHTED else peer.group
        groups[group] = groups.get(group, frozenset()) | {peer.sid}
    weights: Mapping[Sid, int] = {peer.sid: peer.weight for peer in voters}
    return Configuration(
        MappingProxyType(members), version, MappingProxyType(groups), MappingProxyType(weights)
    )


def peer_specs(setup: EnsembleSetup, host_of: Callable[[Sid], str]) -> tuple[PeerSpec, ...]:
    """What each peer is born with, by sid."""
    return tuple(
        PeerSpec(
            sid=peer.sid,
            config=configuration_of(setup, host_of, peer.config_version, _joins(peer)).text(),
            accepted_epoch=peer.accepted_epoch,
            current_epoch=peer.current_epoch,
            zxid=peer.zxid,
            timings=setup.timings,
            reconfig_enabled=setup.reconfig_enabled,
        )
        for peer in sorted(setup.peers, key=lambda peer: peer.sid)
    )


def _joins(peer: PeerSetup) -> Sid | None:
    return None if peer.member else peer.sid
