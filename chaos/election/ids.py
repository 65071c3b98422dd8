"""The integers of the protocol, all signed 64-bit and wrapping.

Source: ZooKeeper 3.8 ``ZxidUtils``, ``Vote``; Java ``long`` arithmetic.
"""

from __future__ import annotations

from typing import Final, NewType

Sid = NewType("Sid", int)  # server id ("myid")
Zxid = NewType("Zxid", int)  # peer epoch << 32 | counter
PeerEpoch = NewType("PeerEpoch", int)  # Zab epoch of the *proposed leader*
Round = NewType("Round", int)  # "electionEpoch" on the wire, the logical clock

UNSET: Final = -(2**63)  # what an observer proposes (Long.MIN_VALUE)
OBSERVER_ID: Final = 2**63 - 1  # "I am an anonymous observer" in an initiation
NO_ZXID: Final = Zxid(-1)  # a server whose database is unusable (ZOOKEEPER-261)

_SPAN = 2**64
_HALF = 2**63


def wrap64(number: int) -> int:
    """Fold ``number`` into the signed 64-bit range, as Java's ``long`` does."""
    return (number + _HALF) % _SPAN - _HALF


def zxid_of(epoch: int, counter: int = 0) -> Zxid:
    """Pack an epoch and a counter; ``zxid_of(1, 2)`` is ``0x100000002``."""
    return Zxid(wrap64((epoch << 32) | (counter & 0xFFFFFFFF)))


def epoch_of(zxid: int) -> PeerEpoch:
    """The epoch half of ``zxid``, by arithmetic shift."""
    return PeerEpoch(zxid >> 32)


def counter_of(zxid: int) -> int:
    """The counter half of ``zxid``, 0 to 2^32-1."""
    return zxid & 0xFFFFFFFF


def hex64(number: int) -> str:
    """Show a 64-bit id as hex, negative numbers in two's complement."""
    return f"0x{number % _SPAN:x}"
