"""What both ways into nf_tables share: the shape of the table, and what they must offer.

Each block has a base chain of its own on the hook that packets between peers pass: ``input``
where all share a namespace, ``forward`` in the hub of servers that have one each. Its rules
count the packets that they match and mark them; the chain ``judge``, which comes last, drops
or resets by mark. So blocks that overlap each count what they would have stopped, and taking
one away leaves the others alone.

::

    table ip chaos {
      set p1 { type ipv4_addr . ipv4_addr; elements = { 127.1.0.1 . 127.1.0.2 } }
      chain b1 {
        type filter hook input priority -10; policy accept;
        meta mark & 4 == 4 accept                    # a reset that judge made
        [tcp flags & (syn|ack) == syn]               # only for "refuse"
        [numgen random mod 1000000 < 20000]          # only to lose a share
        ip saddr . ip daddr @p1 counter meta mark set meta mark | 2 accept
      }
      chain judge {
        type filter hook input priority 0; policy accept;
        meta mark & 4 == 4 accept
        meta mark & 2 == 2 drop
        meta mark & 1 == 1 meta l4proto tcp meta mark set 4 reject with tcp reset
        meta mark & 1 == 1 drop
      }
    }

Packets are stopped on their way in, as if the wire had lost them; on output the sender's own
TCP would be told. A reset that ``judge`` makes carries the mark of its packet
(``net.ipv4.fwmark_reflect``), so no block stops it on its way back: without that, a block
of both directions would swallow its own resets. What the hub makes is not forwarded anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from chaos.actions import How
from chaos.sandbox.rules import Rules, listener_key, pair_key


class Hook(StrEnum):
    """Where the kernel shows packets to the table."""

    INPUT = "input"
    FORWARD = "forward"


TABLE: Final = "chaos"
JUDGE: Final = "judge"
RESET_MARK: Final = 1
SILENT_MARK: Final = 2
FORGED_MARK: Final = 4
BLOCK_PRIORITY: Final = -10
KEYS_AT_ONCE: Final = 2000  # a netlink attribute holds 64 KiB, an unprivileged socket 200

PAIRS: Final = "p"
INBOUND: Final = "i"
OUTBOUND: Final = "o"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the rules of a block have matched."""

    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class KeySet:
    """A set of the table: its ``kind`` (pairs, inbound, outbound) and what is in it."""

    kind: str
    name: str
    keys: Sequence[bytes]


def mark_of(how: How) -> int:
    """The mark that a block sets."""
    return SILENT_MARK if how is How.SILENT else RESET_MARK


def chain_of(number: int) -> str:
    """The chain of block ``number``."""
    return f"b{number}"


def key_sets(number: int, rules: Rules) -> list[KeySet]:
    """The sets that block ``number`` needs, empty ones left out."""
    every = (
        KeySet(PAIRS, f"{PAIRS}{number}", sorted(map(pair_key, rules.pairs))),
        KeySet(INBOUND, f"{INBOUND}{number}", sorted(map(listener_key, rules.inbound))),
        KeySet(OUTBOUND, f"{OUTBOUND}{number}", sorted(map(listener_key, rules.outbound))),
    )
    return [one for one in every if one.keys]


class Backend(Protocol):
    """One way to change the rules of this network namespace. Numbers name blocks."""

    @property
    def name(self) -> str:
        """``libnftables`` or ``netlink``."""
        ...

    def prepare(self) -> None:
        """Make the table and its judge.

        Raises:
            OSError: not possible here.
        """
        ...

    def add(self, number: int, rules: Rules) -> None:
        """Put a block in place, its chain in one transaction.

        Raises:
            OSError: refused; nothing of it is in place.
        """
        ...

    def present(self, number: int, rules: Rules) -> tuple[int, int]:
        """How many rules and keys of the block the kernel holds.

        Raises:
            OSError: the kernel does not know it.
        """
        ...

    def heal(self, number: int, rules: Rules) -> Counted:
        """Let its packets pass, and answer what it stopped; the count is final.

        Raises:
            OSError: the kernel does not know it.
        """
        ...

    def remove(self, number: int, rules: Rules) -> None:
        """Delete its chain and sets.

        Raises:
            OSError: refused.
        """
        ...

    def chains(self) -> list[str]:
        """The chains of our table.

        Raises:
            OSError: the kernel does not answer.
        """
        ...

    def close(self) -> None:
        """Close what it holds open; the rules end with the namespace."""
        ...
