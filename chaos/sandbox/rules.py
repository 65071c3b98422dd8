"""Which packets a named block stops: cuts between peers, as keys of addresses and ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT

_NUMBER: Final = {Port.ELECTION: ELECTION_PORT, Port.QUORUM: QUORUM_PORT}

MILLION: Final = 1_000_000

Pair = tuple[str, str]  # source address, target address
Listener = tuple[str, int]  # address, TCP port


@dataclass(frozen=True, slots=True)
class Rules:
    """Packets to stop: between ``pairs``, to listeners ``inbound``, from listeners ``outbound``.

    Where ``ppm`` is below a million, that share of them is stopped, each by a lot of its own.
    """

    how: How
    pairs: frozenset[Pair] = frozenset()
    inbound: frozenset[Listener] = frozenset()
    outbound: frozenset[Listener] = frozenset()
    ppm: int = MILLION

    def stops(self, source: Listener, target: Listener) -> bool:
        """Whether a packet from ``source`` to ``target`` is stopped."""
        return (
            (source[0], target[0]) in self.pairs
            or target in self.inbound
            or source in self.outbound
        )

    def severs(self, local: Listener, remote: Listener) -> bool:
        """Whether nothing passes between the two ends any more, in either direction."""
        return self.stops(local, remote) and self.stops(remote, local)


def rules_of(cuts: Iterable[Cut | PortCut], how: How, address: Callable[[Sid], str]) -> Rules:
    """The packets that ``cuts`` stop, where ``address`` says which address a peer has."""
    pairs: set[Pair] = set()
    inbound: set[Listener] = set()
    outbound: set[Listener] = set()
    for cut in cuts:
        match cut:
            case Cut():
                pairs.add((address(cut.source), address(cut.target)))
            case PortCut():
                side = inbound if cut.inbound else outbound
                side.add((address(cut.owner), _NUMBER[cut.port]))
    return Rules(how, frozenset(pairs), frozenset(inbound), frozenset(outbound))


def pair_key(pair: Pair) -> bytes:
    """The two addresses as they stand side by side in an IPv4 header."""
    return IPv4Address(pair[0]).packed + IPv4Address(pair[1]).packed


def listener_key(listener: Listener) -> bytes:
    """Address and port, the port padded to a register of 32 bits."""
    return IPv4Address(listener[0]).packed + listener[1].to_bytes(2, "big") + bytes(2)
