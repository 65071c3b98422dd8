"""Blocks through nf_tables' own netlink messages: needs the kernel and nothing else.

Source: Linux ``uapi/linux/netfilter/nf_tables.h`` and ``nfnetlink.h``. See
:mod:`chaos.sandbox.nft` for the rules that are made here.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable
from typing import Final

from chaos.actions import How
from chaos.sandbox import nft
from chaos.sandbox.netlink import (
    ACK,
    CREATE,
    DUMP,
    Message,
    Netlink,
    attribute,
    attributes,
    be32,
    inner,
    nest,
    text,
)
from chaos.sandbox.rules import MILLION, Rules

_NETLINK_NETFILTER: Final = 12
_SUBSYSTEM: Final = 10 << 8  # NFNL_SUBSYS_NFTABLES
_BATCH_BEGIN: Final = 0x10
_BATCH_END: Final = 0x11
_IPV4: Final = socket.AF_INET

_NEWTABLE, _NEWCHAIN, _GETCHAIN, _DELCHAIN = 0, 3, 4, 5
_NEWRULE, _GETRULE, _DELRULE = 6, 7, 8
_NEWSET, _DELSET, _NEWSETELEM, _GETSETELEM, _DELSETELEM = 9, 11, 12, 13, 14

_HOOK: Final = {nft.Hook.INPUT: 1, nft.Hook.FORWARD: 2}
_EQUAL, _LESS = 0, 2
_ACCEPT: Final = 1
_DROP: Final = 0
_REGISTER: Final = 1  # NFT_REG_1, 16 bytes
_REGISTER_2ND_WORD: Final = 9  # NFT_REG32_01, its bytes 4 to 7
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_META_MARK, _META_L4PROTO = 3, 16
_SYN, _SYN_ACK = 0x02, 0x12
_TCP_FLAGS_AT: Final = 13
_IPV4_PAIR: Final = (7 << 6) | 7  # what "ipv4_addr . ipv4_addr" is called by nft
_IPV4_PORT: Final = (7 << 6) | 13  # "ipv4_addr . inet_service"


class NetlinkBackend:
    """Speaks to the kernel directly."""

    name = "netlink"

    def __init__(self, hook: nft.Hook = nft.Hook.INPUT) -> None:
        self._hook = _HOOK[hook]
        self._netlink = Netlink(_NETLINK_NETFILTER)

    def prepare(self) -> None:
        """Make the table and its judge; see :class:`chaos.sandbox.nft.Backend`."""
        forged, silent, reset = nft.FORGED_MARK, nft.SILENT_MARK, nft.RESET_MARK
        self._change(
            [
                _message(_NEWTABLE, CREATE, text(1, nft.TABLE)),
                _chain(nft.JUDGE, 0, self._hook),
                _rule(nft.JUDGE, [*_has_mark(forged), _verdict(_ACCEPT)]),
                _rule(nft.JUDGE, [*_has_mark(silent), _verdict(_DROP)]),
                _rule(nft.JUDGE, [*_has_mark(reset), *_is_tcp(), *_set_mark(forged), _tcp_reset()]),
                _rule(nft.JUDGE, [*_has_mark(reset), _verdict(_DROP)]),
            ]
        )

    def add(self, number: int, rules: Rules) -> None:
        """Put a block in place. Its keys come first: no chain looks at them yet."""
        sets = nft.key_sets(number, rules)
        for one in sets:
            self._change([_new_set(one)])
            for at in range(0, len(one.keys), nft.KEYS_AT_ONCE):
                self._change([_keys(one.name, one.keys[at : at + nft.KEYS_AT_ONCE])])
        chain = nft.chain_of(number)
        self._change(
            [
                _chain(chain, nft.BLOCK_PRIORITY, self._hook),
                _rule(chain, [*_has_mark(nft.FORGED_MARK), _verdict(_ACCEPT)]),
                *(_rule(chain, _block_expressions(one, rules)) for one in sets),
            ]
        )

    def present(self, number: int, rules: Rules) -> tuple[int, int]:
        """Count what the kernel holds of the block, rule of forged resets not included."""
        keys = 0
        for one in nft.key_sets(number, rules):
            asked = _message(_GETSETELEM, DUMP, text(1, nft.TABLE), text(2, one.name))
            for part in self._netlink.dump(asked):
                keys += sum(1 for _ in attributes(inner(part[4:], 3)))
        return len(self._rules_of(nft.chain_of(number))) - 1, keys

    def heal(self, number: int, rules: Rules) -> nft.Counted:
        """Empty the sets, so that nothing matches, then read the counters."""
        self._change(
            [
                _message(_DELSETELEM, 0, text(1, nft.TABLE), text(2, one.name))
                for one in nft.key_sets(number, rules)
            ]
        )
        packets = octets = 0
        for rule in self._rules_of(nft.chain_of(number)):
            for _, expression in attributes(inner(rule, 4)):
                parts = dict(attributes(expression))
                if parts[1] == b"counter\0":
                    octets += int.from_bytes(inner(parts[2], 1), "big")
                    packets += int.from_bytes(inner(parts[2], 2), "big")
        return nft.Counted(packets, octets)

    def remove(self, number: int, rules: Rules) -> None:
        """Delete rules, chain and sets in one transaction."""
        where = [text(1, nft.TABLE), text(2, nft.chain_of(number))]
        chain = [text(1, nft.TABLE), text(3, nft.chain_of(number))]
        self._change(
            [
                _message(_DELRULE, 0, *where),
                _message(_DELCHAIN, 0, *chain),
                *(
                    _message(_DELSET, 0, text(1, nft.TABLE), text(2, one.name))
                    for one in nft.key_sets(number, rules)
                ),
            ]
        )

    def chains(self) -> list[str]:
        """The chains of our table."""
        found = []
        for part in self._netlink.dump(_message(_GETCHAIN, DUMP)):
            parts = dict(attributes(part[4:]))
            if parts[1] == nft.TABLE.encode() + b"\0":
                found.append(parts[3].rstrip(b"\0").decode())
        return found

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def _change(self, messages: list[Message]) -> None:
        """One transaction: all of it or nothing."""
        *others, last = messages
        batch = struct.pack(">BBH", socket.AF_UNSPEC, 0, 10)  # the subsystem, as a number
        self._netlink.run(
            [
                Message(_BATCH_BEGIN, 0, batch),
                *others,
                Message(last.kind, last.flags | ACK, last.body),
                Message(_BATCH_END, 0, batch),
            ]
        )

    def _rules_of(self, chain: str) -> list[bytes]:
        asked = _message(_GETRULE, DUMP, text(1, nft.TABLE), text(2, chain))
        found = [part[4:] for part in self._netlink.dump(asked)]
        if not found:
            raise OSError(errno.ENOENT, f"chain {chain} has no rules")
        return found


def _message(kind: int, flags: int, *body: bytes) -> Message:
    family = struct.pack(">BBH", _IPV4, 0, 0)
    return Message(_SUBSYSTEM | kind, flags, family + b"".join(body))


def _chain(name: str, priority: int, number: int) -> Message:
    hook = nest(4, be32(1, number), be32(2, priority))
    names = [text(1, nft.TABLE), text(3, name)]
    return _message(_NEWCHAIN, CREATE, *names, hook, be32(5, _ACCEPT), text(7, "filter"))


def _new_set(one: nft.KeySet) -> Message:
    kind = _IPV4_PAIR if one.kind == nft.PAIRS else _IPV4_PORT
    names = [text(1, nft.TABLE), text(2, one.name), be32(3, 0)]
    shape = [be32(4, kind), be32(5, 8), be32(10, 1)]
    return _message(_NEWSET, CREATE, *names, *shape)


def _keys(name: str, keys: Iterable[bytes]) -> Message:
    elements = [nest(1, nest(1, attribute(1, key))) for key in keys]
    names = [text(1, nft.TABLE), text(2, name)]
    return _message(_NEWSETELEM, CREATE, *names, nest(3, *elements))


def _rule(chain: str, expressions: Iterable[bytes]) -> Message:
    names = [text(1, nft.TABLE), text(2, chain)]
    return _message(_NEWRULE, CREATE | 0x800, *names, nest(4, *expressions))  # NLM_F_APPEND


def _block_expressions(one: nft.KeySet, rules: Rules) -> list[bytes]:
    attempts = [*_is_tcp(), *_is_attempt()] if rules.how is How.REFUSE else []
    counter = _expression("counter")
    return [
        *attempts,
        *_key_of_packet(one.kind),
        _expression("lookup", text(1, one.name), be32(2, _REGISTER)),
        *(_lot(rules.ppm) if rules.ppm < MILLION else []),
        counter,
        *_add_mark(nft.mark_of(rules.how)),
        _verdict(_ACCEPT),
    ]


def _key_of_packet(kind: str) -> list[bytes]:
    """Load what the set holds: both addresses at once, or an address and a port."""
    if kind == nft.PAIRS:
        return [_load(_NETWORK_HEADER, 12, 8)]
    inbound = kind == nft.INBOUND
    return [
        *_is_tcp(),
        _load(_NETWORK_HEADER, 16 if inbound else 12, 4),
        _load(_TRANSPORT_HEADER, 2 if inbound else 0, 2, _REGISTER_2ND_WORD),
    ]


def _expression(name: str, *body: bytes) -> bytes:
    return nest(1, text(1, name), nest(2, *body))


def _load(header: int, offset: int, length: int, register: int = _REGISTER) -> bytes:
    where = [be32(1, register), be32(2, header), be32(3, offset), be32(4, length)]
    return _expression("payload", *where)


def _equals(value: bytes) -> bytes:
    return _compare(_EQUAL, value)


def _compare(operator: int, value: bytes) -> bytes:
    return _expression("cmp", be32(1, _REGISTER), be32(2, operator), nest(3, attribute(1, value)))


def _lot(ppm: int) -> list[bytes]:
    """Go on with ``ppm`` packets of a million: a random number, which compares as big endian."""
    draw = _expression("numgen", be32(1, _REGISTER), be32(2, MILLION), be32(3, 1), be32(4, 0))
    registers = [be32(1, _REGISTER), be32(2, _REGISTER)]
    turn = _expression("byteorder", *registers, be32(3, 1), be32(4, 4), be32(5, 4))
    return [draw, turn, _compare(_LESS, struct.pack(">I", ppm))]


def _masked(mask: bytes, flip: bytes) -> bytes:
    """``register & mask ^ flip``."""
    registers = [be32(1, _REGISTER), be32(2, _REGISTER), be32(3, len(mask))]
    return _expression(
        "bitwise", *registers, nest(4, attribute(1, mask)), nest(5, attribute(1, flip))
    )


def _mark(value: int) -> bytes:
    return struct.pack("=I", value)  # the one value that nf_tables holds in host order


def _has_mark(bit: int) -> list[bytes]:
    load = _expression("meta", be32(2, _META_MARK), be32(1, _REGISTER))
    return [load, _masked(_mark(bit), _mark(0)), _equals(_mark(bit))]


def _add_mark(bit: int) -> list[bytes]:
    load = _expression("meta", be32(2, _META_MARK), be32(1, _REGISTER))
    store = _expression("meta", be32(2, _META_MARK), be32(3, _REGISTER))
    return [load, _masked(_mark(0xFFFFFFFF ^ bit), _mark(bit)), store]


def _set_mark(value: int) -> list[bytes]:
    load = _expression("immediate", be32(1, _REGISTER), nest(2, attribute(1, _mark(value))))
    return [load, _expression("meta", be32(2, _META_MARK), be32(3, _REGISTER))]


def _is_tcp() -> list[bytes]:
    load = _expression("meta", be32(2, _META_L4PROTO), be32(1, _REGISTER))
    return [load, _equals(bytes([socket.IPPROTO_TCP]))]


def _is_attempt() -> list[bytes]:
    """SYN without ACK."""
    flags = _load(_TRANSPORT_HEADER, _TCP_FLAGS_AT, 1)
    return [flags, _masked(bytes([_SYN_ACK]), bytes(1)), _equals(bytes([_SYN]))]


def _verdict(code: int) -> bytes:
    return _expression("immediate", be32(1, 0), nest(2, nest(2, be32(1, code))))


def _tcp_reset() -> bytes:
    return _expression("reject", be32(1, 1), attribute(2, bytes(1)))
