"""Which rules a peer runs by: those of this package, unless others are tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from chaos.election.cnx import CnxManager
from chaos.election.config import Address
from chaos.election.ids import Sid
from chaos.election.quorum_peer import QuorumPeer
from chaos.election.spec import PeerSpec

M = TypeVar("M")


class Links(Protocol):
    """What makes the rules of one peer's election links."""

    def __call__(self, me: Sid, addresses: Mapping[Sid, Address]) -> CnxManager[M]:
        """The rules of ``me``, before it has any link."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What makes a peer, and what makes its links."""

    peer: Callable[[PeerSpec], QuorumPeer] = QuorumPeer
    links: Links = CnxManager


UNBROKEN: Final = Rules()
