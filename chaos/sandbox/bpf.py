"""Which packets the kernel shows to a capture, as a program of classic BPF.

Source: Linux ``networking/filter``, ``uapi/linux/filter.h``, ``uapi/linux/bpf_common.h``.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chaos.ensemble import ELECTION_PORT, QUORUM_PORT
from chaos.sandbox.addresses import ROUTED

_SO_ATTACH_FILTER: Final = 26
_INSTRUCTION = struct.Struct("=HBBI")  # code, jump if true, jump if false, operand

_LOAD_32, _LOAD_16, _LOAD_8 = 0x20, 0x28, 0x30
_LOAD_16_AT_X, _IP_HEADER_TO_X = 0x48, 0xB1
_AND, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x54, 0x15, 0x45, 0x06

_IPV4: Final = 0x0800
_OFFSET_BITS: Final = 0x1FFF  # a later fragment has no ports
_NETWORK: Final = ROUTED.first << 24 | ROUTED.second << 16
_PREFIX: Final = 0xFFFF0000
_ALL: Final = 1 << 18  # bytes of an accepted packet to show


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; a jump goes on to the next where it names neither ``yes`` nor ``no``."""

    code: int
    operand: int
    true: str = ""
    false: str = ""


def _is(value: int) -> Instruction:
    return Instruction(_IF_EQUAL, value, false="no")


def _is_one(*values: int) -> list[Instruction]:
    return [Instruction(_IF_EQUAL, value, true="yes") for value in values]


# Offsets count from the Ethernet header: 14 bytes, then the IPv4 header.
PACKETS_OF_ENSEMBLES: Final = (
    Instruction(_LOAD_16, 12),
    _is(_IPV4),
    Instruction(_LOAD_8, 23),
    _is(socket.IPPROTO_TCP),
    Instruction(_LOAD_32, 26),
    Instruction(_AND, _PREFIX),
    _is(_NETWORK),
    Instruction(_LOAD_32, 30),
    Instruction(_AND, _PREFIX),
    _is(_NETWORK),
    Instruction(_LOAD_16, 20),
    Instruction(_IF_ANY_BIT, _OFFSET_BITS, true="no"),
    Instruction(_IP_HEADER_TO_X, 14),
    Instruction(_LOAD_16_AT_X, 14),
    *_is_one(QUORUM_PORT, ELECTION_PORT),
    Instruction(_LOAD_16_AT_X, 16),
    *_is_one(QUORUM_PORT, ELECTION_PORT),
)


def assembled(program: Sequence[Instruction]) -> bytes:
    """The program, which ends with ``no`` (nothing of a packet) and ``yes`` (all of it)."""
    exits = {"no": len(program), "yes": len(program) + 1}
    code = bytearray()
    for at, one in enumerate(program):
        jumps = [exits[to] - at - 1 if to else 0 for to in (one.true, one.false)]
        code += _INSTRUCTION.pack(one.code, *jumps, one.operand)
    for answer in (0, _ALL):
        code += _INSTRUCTION.pack(_RETURN, 0, 0, answer)
    return bytes(code)


def attach(packets: socket.socket, program: Sequence[Instruction]) -> None:
    """Let the kernel show ``packets`` only what ``program`` accepts.

    Raises:
        OSError: the kernel does not take it.
    """
    code = assembled(program)
    buffer = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("@HP", len(code) // _INSTRUCTION.size, ctypes.addressof(buffer))
    packets.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
