"""What the parts of one peer share: its loop, journal, faults, and who is where."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

from chaos.actions import Port
from chaos.election.config import Address, Configuration
from chaos.election.ids import Sid
from chaos.election.timings import Timings
from chaos.errors import InfrastructureError
from chaos.peer import sockets
from chaos.peer.blocks import Blocks, Route
from chaos.peer.dials import Dials
from chaos.peer.journal import Journal
from chaos.peer.loop import Loop
from chaos.wire.shim import LinkShim

_NAMES_MAX: Final = 256


class AddressBook:
    """Where members are, by the configurations that this peer knows.

    Names are looked up when a configuration brings them, since a look-up may take its time;
    names that come over the wire never are.
    """

    def __init__(self, me: Sid) -> None:
        self._me = me
        self._numbers: dict[str, str | None] = {}  # of host names; None is unknown
        self._hosts: dict[str, Sid | None] = {}  # None where several members share one
        self.election: dict[Sid, Address] = {}
        self.quorum: dict[Sid, Address] = {}

    def use(self, configurations: Iterable[Configuration]) -> None:
        """Know the members of ``configurations``; the first that has one says where it is."""
        election: dict[Sid, Address] = {}
        quorum: dict[Sid, Address] = {}
        for configuration in configurations:
            for sid, member in configuration.members.items():
                election.setdefault(sid, member.election)
                quorum.setdefault(sid, member.quorum)
        self.election, self.quorum = election, quorum
        self._hosts = {}
        for sid, address in sorted(election.items()):
            host = self._number(address.host)
            if host is not None:
                self._hosts[host] = None if host in self._hosts else sid

    def own(self, port: Port) -> Address:
        """Where this peer listens.

        Raises:
            InfrastructureError: no configuration names it, or its host name is unknown.
        """
        table = self.election if port is Port.ELECTION else self.quorum
        address = table.get(self._me)
        if address is None:
            raise InfrastructureError(
                f"server {self._me} is in no configuration, so it has no address to listen on"
            )
        host = self._number(address.host)
        if host is None:
            raise InfrastructureError(f'my own host "{address.host}" is unknown')
        return Address(host, address.port)

    def numeric(self, sid: Sid, address: Address) -> Address:
        """``address`` as it can be dialed: a name is known only from a configuration."""
        host = self._numbers.get(address.host)
        if host is None and sid in self.election:
            known = self.election[sid]
            host = self._number(known.host) if known.host == address.host else None
        return address if host is None else Address(host, address.port)

    def route_of(self, sock: socket.socket, port: Port) -> Route:
        """The route of an accepted connection; its source address says who it is."""
        try:
            host = str(sock.getpeername()[0])
        except OSError:
            host = ""
        return Route(self._hosts.get(host), port, dialed=False)

    def _number(self, host: str) -> str | None:
        known = sockets.numeric(host)
        if known is not None:
            return known
        if host not in self._numbers:
            if len(self._numbers) >= _NAMES_MAX:
                self._numbers.clear()
            try:
                self._numbers[host] = sockets.resolve(host)
            except InfrastructureError:
                self._numbers[host] = None
        return self._numbers[host]


@dataclass(slots=True)
class Room:
    """One peer's surroundings."""

    me: Sid
    timings: Timings
    loop: Loop
    journal: Journal
    book: AddressBook
    blocks: Blocks
    shim: LinkShim
    dials: Dials
    _conns: count[int]

    @classmethod
    def of(cls, me: Sid, timings: Timings, loop: Loop, journal: Journal, seed: str) -> Room:
        """Everything empty and open."""
        blocks = Blocks(me)
        dials = Dials(loop, "0.0.0.0", blocks)  # noqa: S104 - until it knows its own address
        book, shim = AddressBook(me), LinkShim(seed)
        return cls(me, timings, loop, journal, book, blocks, shim, dials, count(1))

    def next_conn(self) -> int:
        """A number for a connection, never used twice."""
        return next(self._conns)
