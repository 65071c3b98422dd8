"""Which loopback address a peer has.

All of 127.0.0.0/8 is local once ``lo`` is up, so an address per peer costs nothing. Inside
a network namespace every run uses the same block; without one, runs share the host's
loopback and each claims a block of its own. Servers that have a network namespace each are
routed to one another, so their addresses are no loopback addresses.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

from chaos.election.ids import Sid
from chaos.errors import InfrastructureError

_SID_MAX: Final = 0xFFFE  # 127.x.255.255 is left out: it looks like a broadcast address
_OWN: Final = range(2, 255)  # 127.0 and 127.1 hold the host's own names and resolvers


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """The addresses ``first``.``second``.0.0/16."""

    second: int
    first: int = 127

    def __str__(self) -> str:
        return f"{self.first}.{self.second}.0.0/16"


PRIVATE: Final = AddressBlock(1)  # what every run uses in a network namespace of its own
ROUTED: Final = AddressBlock(77, first=10)  # where each server has one: no loopback spans them
GATEWAY: Final = "10.76.0.1"  # what all of those servers reach one another through


def host_of(block: AddressBlock, sid: Sid) -> str:
    """The address of peer ``sid``: ``127.1.0.7`` for peer 7.

    Raises:
        InfrastructureError: ``sid`` does not fit into 16 bits.
    """
    if not 0 <= sid <= _SID_MAX:
        raise InfrastructureError(
            f"peer {sid} has no address in {block}; real processes need sids from 0 to {_SID_MAX}"
        )
    return f"{block.first}.{block.second}.{sid >> 8}.{sid & 0xFF}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A block of the host's loopback that is this run's while ``holder`` is open."""

    block: AddressBlock
    holder: socket.socket

    def release(self) -> None:
        """Let other runs have it."""
        self.holder.close()


def claim_block() -> Claim:
    """Claim a block that no other run on this host uses.

    The claim is an abstract unix socket: it is seen by all users of the network namespace,
    as the addresses are, and it ends with its process, whatever signal ended that. A lock
    file would be seen by one user only, or would have to be writable by all.

    Raises:
        InfrastructureError: every block is in use.
    """
    for second in _OWN:
        block = AddressBlock(second)
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(f"\0quorum-chaos/{block}")
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRINUSE:
                raise InfrastructureError(f"cannot claim {block}: {error}") from error
            continue
        return Claim(block, holder)
    raise InfrastructureError(
        f"all {len(_OWN)} loopback blocks of this host are in use; let other runs end first"
    )
