"""Named blocks: each is proved to be in place, counted, and proved to be gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.actions import How
from chaos.errors import InfrastructureError
from chaos.sandbox import sockdiag
from chaos.sandbox.netlink import Netlink
from chaos.sandbox.nft import Backend, Hook, chain_of, key_sets
from chaos.sandbox.nft_library import LIBRARY, LibraryBackend
from chaos.sandbox.nft_netlink import NetlinkBackend
from chaos.sandbox.rules import MILLION, Rules

BACKENDS: Final = (LibraryBackend.name, NetlinkBackend.name)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A backend that works here; ``why`` says why not the one that would come first."""

    backend: Backend
    why: str


def choose_backend(wanted: str = "", hook: Hook = Hook.INPUT) -> Chosen:
    """Make a backend ready: ``wanted``, or the first of :data:`BACKENDS` that works.

    Raises:
        InfrastructureError: none works in this network namespace.
    """
    refused: list[str] = []
    for name in [wanted] if wanted else BACKENDS:
        try:
            backend: Backend = (
                LibraryBackend(hook) if name == LibraryBackend.name else NetlinkBackend(hook)
            )
        except OSError as error:
            refused.append(f"{name}: {error}")
            continue
        try:
            backend.prepare()
        except OSError as error:
            backend.close()
            refused.append(f"{name}: {error}")
            continue
        return Chosen(backend, "; ".join(refused))
    raise InfrastructureError(
        f"this kernel takes no packet rules ({'; '.join(refused)}); it needs CONFIG_NF_TABLES "
        f"with NFT_REJECT and NF_TABLES_IPV4 ({LIBRARY} is optional)"
    )


@dataclass(frozen=True, slots=True)
class _Placed:
    number: int
    rules: Rules
    severed: int


class Blocks:
    """All blocks of one network namespace, or of those that it joins."""

    def __init__(self, backend: Backend, sockets: Sequence[Netlink] = ()) -> None:
        """``sockets`` reach the connections of other namespaces: see :func:`sockdiag.sever`."""
        self._backend = backend
        self._sockets = sockets
        self._placed: dict[str, _Placed] = {}
        self._last = 0

    def block(self, name: str, rules: Rules) -> Mapping[str, int | str]:
        """Put ``rules`` in place as ``name`` and read them back.

        A block that resets also ends the standing connections that it severs: idle ends
        would otherwise not notice until they send, maybe long after the heal.

        Raises:
            InfrastructureError: the name is taken, or the kernel does not hold what it was told.
        """
        if name in self._placed:
            raise InfrastructureError(f'there is a block called "{name}" already; unblock it first')
        self._last += 1
        number = self._last
        sets = key_sets(number, rules)
        wanted = (len(sets), sum(len(one.keys) for one in sets))
        try:
            self._backend.add(number, rules)
            self._placed[name] = _Placed(number, rules, 0)  # from here on it can be taken away
            held = self._backend.present(number, rules)
            severed = self._sever(rules)
            self._placed[name] = _Placed(number, rules, severed)
        except OSError as error:
            lacks = "; losing a share of packets needs CONFIG_NFT_NUMGEN"
            why = lacks if rules.ppm < MILLION else ""
            raise InfrastructureError(f'block "{name}": {error}{why}') from error
        if held != wanted:
            raise InfrastructureError(
                f'block "{name}": told the kernel {wanted} rules and keys, it holds {held}'
            )
        return {
            "backend": self._backend.name,
            "rules": held[0],
            "keys": held[1],
            "connections": severed,
        }

    def _sever(self, rules: Rules) -> int:
        if rules.how is not How.RESET:
            return 0
        return sockdiag.sever(rules.severs, self._sockets)

    def unblock(self, name: str) -> Mapping[str, int | str]:
        """Take ``name`` away; what it stopped. Counting ends before anything is deleted.

        Raises:
            InfrastructureError: there is no such block, or the kernel still holds it.
        """
        if name not in self._placed:
            raise InfrastructureError(f'there is no block called "{name}"')
        placed = self._placed.pop(name)
        try:
            counted = self._backend.heal(placed.number, placed.rules)
            self._backend.remove(placed.number, placed.rules)
            left = self._backend.chains()
        except OSError as error:
            raise InfrastructureError(f'unblock "{name}": {error}') from error
        if chain_of(placed.number) in left:
            raise InfrastructureError(f'unblock "{name}": the kernel still holds its chain')
        return {
            "backend": self._backend.name,
            "packets": counted.packets,
            "bytes": counted.bytes,
            "connections": placed.severed,
        }
