"""Blocks through libnftables, where the host has it.

Source: libnftables(3); nft(8). The rules are those of :mod:`chaos.sandbox.nft`.
"""

from __future__ import annotations

import ctypes
import re
import socket
from collections.abc import Iterable
from typing import Final

from chaos.actions import How
from chaos.sandbox import nft
from chaos.sandbox.rules import MILLION, Rules

LIBRARY: Final = "libnftables.so.1"
_IN_TABLE: Final = f"ip {nft.TABLE}"
_COUNTER: Final = re.compile(r"counter packets (\d+) bytes (\d+)")
_CHAIN: Final = re.compile(r"^\s*chain (\S+) \{", re.MULTILINE)
_TYPE: Final = {
    nft.PAIRS: "ipv4_addr . ipv4_addr",
    nft.INBOUND: "ipv4_addr . inet_service",
    nft.OUTBOUND: "ipv4_addr . inet_service",
}
_FIELDS: Final = {
    nft.PAIRS: "ip saddr . ip daddr",
    nft.INBOUND: "ip daddr . tcp dport",
    nft.OUTBOUND: "ip saddr . tcp sport",
}


def _mark_is(bit: int) -> str:
    return f"meta mark and {bit} == {bit}"


class LibraryBackend:
    """Speaks to the kernel through libnftables' command language."""

    name = "libnftables"

    def __init__(self, hook: nft.Hook = nft.Hook.INPUT) -> None:
        """Load the library.

        Raises:
            OSError: it is not there.
        """
        self._hook = hook
        library = ctypes.CDLL(LIBRARY)
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_new.argtypes = [ctypes.c_uint32]
        library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_free"):
            getattr(library, name).argtypes = [ctypes.c_void_p]
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(library, name).argtypes = [ctypes.c_void_p]
            getattr(library, name).restype = ctypes.c_char_p
        self._library = library
        self._context: int | None = library.nft_ctx_new(0)
        library.nft_ctx_buffer_output(self._context)
        library.nft_ctx_buffer_error(self._context)

    def prepare(self) -> None:
        """Make the table and its judge; see :class:`chaos.sandbox.nft.Backend`."""
        judge = f"add rule {_IN_TABLE} {nft.JUDGE}"
        reset = _mark_is(nft.RESET_MARK)
        forge = f"meta l4proto tcp meta mark set {nft.FORGED_MARK} reject with tcp reset"
        self._run(
            [
                f"add table {_IN_TABLE}",
                self._base_chain(nft.JUDGE, 0),
                f"{judge} {_mark_is(nft.FORGED_MARK)} accept",
                f"{judge} {_mark_is(nft.SILENT_MARK)} drop",
                f"{judge} {reset} {forge}",
                f"{judge} {reset} drop",
            ]
        )

    def add(self, number: int, rules: Rules) -> None:
        """Put a block in place. Its keys come first: no chain looks at them yet."""
        sets = nft.key_sets(number, rules)
        for one in sets:
            self._run([f"add set {_IN_TABLE} {one.name} {{ type {_TYPE[one.kind]}; }}"])
            for at in range(0, len(one.keys), nft.KEYS_AT_ONCE):
                keys = _keys(one, at)
                self._run([f"add element {_IN_TABLE} {one.name} {{ {', '.join(keys)} }}"])
        chain = nft.chain_of(number)
        rule = f"add rule {_IN_TABLE} {chain}"
        self._run(
            [
                self._base_chain(chain, nft.BLOCK_PRIORITY),
                f"{rule} {_mark_is(nft.FORGED_MARK)} accept",
                *(f"{rule} {_block_rule(one, rules)}" for one in sets),
            ]
        )

    def present(self, number: int, rules: Rules) -> tuple[int, int]:
        """Count what the kernel holds of the block, rule of forged resets not included."""
        chain = self._run([f"list chain {_IN_TABLE} {nft.chain_of(number)}"])
        keys = 0
        for one in nft.key_sets(number, rules):
            listed = self._run([f"list set {_IN_TABLE} {one.name}"])
            _, _, elements = listed.partition("elements = {")
            keys += elements.count(" . ")
        return len(_COUNTER.findall(chain)), keys

    def heal(self, number: int, rules: Rules) -> nft.Counted:
        """Empty the sets, so that nothing matches, then read the counters."""
        sets = nft.key_sets(number, rules)
        self._run(f"flush set {_IN_TABLE} {one.name}" for one in sets)
        found = _COUNTER.findall(self._run([f"list chain {_IN_TABLE} {nft.chain_of(number)}"]))
        return nft.Counted(
            sum(int(packets) for packets, _ in found), sum(int(octets) for _, octets in found)
        )

    def remove(self, number: int, rules: Rules) -> None:
        """Delete rules, chain and sets in one transaction."""
        chain = f"{_IN_TABLE} {nft.chain_of(number)}"
        sets = nft.key_sets(number, rules)
        self._run(
            [
                f"flush chain {chain}",
                f"delete chain {chain}",
                *(f"delete set {_IN_TABLE} {one.name}" for one in sets),
            ]
        )

    def chains(self) -> list[str]:
        """The chains of our table."""
        return _CHAIN.findall(self._run([f"list table {_IN_TABLE}"]))

    def close(self) -> None:
        """Free the library's context."""
        if self._context is not None:
            self._library.nft_ctx_free(self._context)
            self._context = None

    def _base_chain(self, name: str, priority: int) -> str:
        return (
            f"add chain {_IN_TABLE} {name} "
            f"{{ type filter hook {self._hook.value} priority {priority}; policy accept; }}"
        )

    def _run(self, commands: Iterable[str]) -> str:
        """One transaction; what it printed."""
        asked = "\n".join(commands).encode()
        failed: int = self._library.nft_run_cmd_from_buffer(self._context, asked)
        printed: bytes = self._library.nft_ctx_get_output_buffer(self._context)
        complained: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise OSError(f"nft: {complained.decode(errors='replace').strip()}")
        return printed.decode()


def _keys(one: nft.KeySet, at: int) -> list[str]:
    return [_key(one.kind, key) for key in one.keys[at : at + nft.KEYS_AT_ONCE]]


def _key(kind: str, key: bytes) -> str:
    first = socket.inet_ntoa(key[:4])
    if kind == nft.PAIRS:
        return f"{first} . {socket.inet_ntoa(key[4:8])}"
    return f"{first} . {int.from_bytes(key[4:6], 'big')}"


def _block_rule(one: nft.KeySet, rules: Rules) -> str:
    attempts = "tcp flags & (syn | ack) == syn " if rules.how is How.REFUSE else ""
    lot = f"numgen random mod {MILLION} < {rules.ppm} " if rules.ppm < MILLION else ""
    return (
        f"{attempts}{_FIELDS[one.kind]} @{one.name} {lot}counter "
        f"meta mark set meta mark or {nft.mark_of(rules.how)} accept"
    )
