"""What servers say to one another, written down as it leaves each of them.

A process in the hub takes every TCP packet of the election and quorum ports that enters the
hub from a server, and writes a pcap file. It is seen once, on its sender's link and before
the hook where blocks are: a packet in the file has left its sender, and a block may still
have stopped it. A reset that a block answered with never was on a server's link, so it is not
in the file.

The file is pcap with nanoseconds, of whole Ethernet frames. Its times are CLOCK_MONOTONIC:
the kernel stamps packets with CLOCK_REALTIME when they enter the hub, and the difference of
the two clocks is measured at every drain of the ring, which is at most some milliseconds
later. A time is wrong by no more than ``clock_error_ns``, the most by which that difference
was unsure or moved from one drain to the next.

Source: packet(7); Linux ``networking/packet_mmap`` (TPACKET_V2); the pcap
format of draft-ietf-opsawg-pcap. The harness's side is :mod:`chaos.sandbox.recording`.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final

from chaos.sandbox.bpf import PACKETS_OF_ENSEMBLES, attach
from chaos.sandbox.lines import JsonObject

MAGIC: Final = 0xA1B23C4D  # timestamps in nanoseconds
ETHERNET: Final = 1
SNAP_LENGTH: Final = 1 << 16
FILE_HEADER: Final = struct.Struct("<IHHiIII")  # magic, version 2.4, zone, accuracy, snap, link
RECORD_HEADER: Final = struct.Struct("<IIII")  # seconds, nanoseconds, length here, length then

_ETH_P_IP: Final = 0x0800  # a socket of one protocol sees what comes in, never what goes out
_SOL_PACKET: Final = 263
_RX_RING, _STATISTICS, _VERSION, _TPACKET_V2 = 5, 6, 10, 1
_FRAME: Final = 2048  # an Ethernet frame and what the kernel says of it
_BLOCK: Final = 1 << 16
_BLOCKS: Final = 256  # 16 MiB: a tenth of a second of a loaded ensemble
_FRAMES: Final = _BLOCK * _BLOCKS // _FRAME
_OURS: Final = 1  # the status of a frame that the kernel has filled
_SLOT = struct.Struct("=IIIHHII")  # status, length, length here, at, …, seconds, nanoseconds
_REST_MS: Final = 2  # packets gather meanwhile, so that a busy hub costs a write each time


@dataclass(slots=True)
class _Clock:
    """What CLOCK_REALTIME is ahead of CLOCK_MONOTONIC, and how wrong that was at worst."""

    ahead_ns: int = 0
    error_ns: int = 0

    def look(self) -> None:
        """Measure again."""
        width, ahead = min(_measured() for _ in range(3))
        moved = abs(ahead - self.ahead_ns) if self.ahead_ns else 0
        self.error_ns = max(self.error_ns, moved + width // 2)
        self.ahead_ns = ahead


def _measured() -> tuple[int, int]:
    """How long it took to read both clocks, and how far they were apart."""
    before = time.monotonic_ns()
    real = time.clock_gettime_ns(time.CLOCK_REALTIME)
    after = time.monotonic_ns()
    return after - before, real - (before + after) // 2


class Capture:
    """One capture. It stamps, filters and keeps packets from when it was made."""

    def __init__(self, path: str) -> None:
        """Open the file and the ring.

        Raises:
            OSError: the folder is not there, or this kernel has no CONFIG_PACKET.
        """
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        header = FILE_HEADER.pack(MAGIC, 2, 4, 0, 0, SNAP_LENGTH, ETHERNET)
        os.write(self._file, header)
        protocol = socket.htons(_ETH_P_IP)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, protocol)
        attach(self._socket, PACKETS_OF_ENSEMBLES)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
        ring = struct.pack("=IIII", _BLOCK, _BLOCKS, _FRAME, _FRAMES)
        self._socket.setsockopt(_SOL_PACKET, _RX_RING, ring)  # forgets what came before
        self._ring = mmap.mmap(self._socket.fileno(), _BLOCK * _BLOCKS)
        self._clock = _Clock()
        self._clock.look()
        self._next = 0
        self._packets = 0
        self._dropped = 0

    def serve(self, control: socket.socket) -> JsonObject:
        """Write packets down until ``control`` says or sees anything; what was seen."""
        both, ending = select.poll(), select.poll()
        both.register(self._socket, select.POLLIN)
        both.register(control, select.POLLIN)
        ending.register(control, select.POLLIN)
        while True:
            both.poll()
            over = ending.poll(_REST_MS)
            self.drain()
            if over:
                control.recv(1)  # unread, it would reset the connection that the answer goes by
                return self.seen()

    def drain(self) -> None:
        """Write down all that is in the ring."""
        self._clock.look()
        out: list[bytes] = []
        while True:
            at = self._next * _FRAME
            status, length, here, start, _, seconds, nanos = _SLOT.unpack_from(self._ring, at)
            if not status & _OURS:
                break
            stamp = seconds * 1_000_000_000 + nanos - self._clock.ahead_ns
            out.append(RECORD_HEADER.pack(*divmod(stamp, 1_000_000_000), here, length))
            out.append(self._ring[at + start : at + start + here])
            self._ring[at : at + 4] = bytes(4)
            self._next = (self._next + 1) % _FRAMES
            self._packets += 1
        _write(self._file, b"".join(out))

    def seen(self) -> JsonObject:
        """How many packets were written, how many the ring had no room for; the clock's error."""
        counted = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        _, dropped = struct.unpack("=II", counted)
        self._dropped += dropped  # the kernel counts from the last question on
        return {
            "packets": self._packets,
            "dropped": self._dropped,
            "clock_error_ns": self._clock.error_ns,
        }


def run(path: str, control: socket.socket) -> int:
    """Be the process of a capture: say that it has begun, and at the end what it saw."""
    try:
        capture = Capture(path)
    except OSError as error:
        control.send(json.dumps({"error": f"cannot capture to {path}: {error}"}).encode())
        return 1
    control.send(json.dumps({"capturing": True}).encode())
    seen = capture.serve(control)
    with contextlib.suppress(OSError):  # nobody wants to know: the file is whole anyway
        control.send(json.dumps(seen).encode())
    return 0


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
