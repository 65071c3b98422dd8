"""TCP segments from a packet capture that grows while it is read.

The file is a classic pcap of Ethernet frames with nanosecond timestamps, which count from the
epoch of CLOCK_MONOTONIC and not from 1970.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from functools import lru_cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, Self

from chaos.errors import HistoryError, UnsupportedError
from chaos.wire.reassembly import Segment

try:
    from dpkt import UnpackError
    from dpkt.ethernet import Ethernet
    from dpkt.ip import IP
    from dpkt.tcp import TCP, TCP_OPT_SACK, TH_ACK, TH_FIN, TH_RST, TH_SYN, parse_opts
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True

_FILE_SIZE: Final = 24  # bytes of the file's header: magic, version, 2 unused, snaplen, link type
_NANOSECONDS: Final = 0xA1B23C4D
_ETHERNET: Final = 1
_FRAME_MAX: Final = 1 << 18  # bytes; beyond it the file is no capture any more
_READ_MAX: Final = 1 << 20
_SECOND: Final = 1_000_000_000
_TIMESTAMPS: Final = 12  # bytes of the options that most segments have
_BLOCK = struct.Struct(">II")  # of a SACK: begin, end


class Pcap:
    """A capture, read to its present end again and again.

    Raises:
        UnsupportedError: dpkt, which takes frames apart, is not installed.
    """

    def __init__(self, path: Path) -> None:
        if not _INSTALLED:
            raise UnsupportedError(
                "captures cannot be read: dpkt is missing; pip install 'quorum-chaos[zookeeper]'"
            )
        self._path = path
        self._file = path.open("rb", buffering=0)
        self._held = b""
        self._record: struct.Struct | None = None  # once the file's header is known

    def read(self) -> Iterator[Segment]:
        """The TCP segments of what was appended since the last call; a torn end waits.

        Raises:
            HistoryError: the file is no capture of this kind.
        """
        while data := self._file.read(_READ_MAX):
            self._held += data
            at = self._begin()
            if self._record is not None:
                at = yield from self._records(self._record, at)
            self._held = self._held[at:]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> int:
        """Where records begin in what is held."""
        if self._record is not None or len(self._held) < _FILE_SIZE:
            return 0
        for order in "<>":
            magic, _, _, _, link = struct.unpack_from(f"{order}IIQII", self._held)
            if magic == _NANOSECONDS and link & 0xFFFF == _ETHERNET:
                self._record = struct.Struct(f"{order}IIII")  # s, ns, bytes here, bytes there
                return _FILE_SIZE
        raise HistoryError(
            f"{self._path}: no pcap of Ethernet frames with nanoseconds "
            f"(it begins with {self._held[:4].hex()}); capture with magic a1b23c4d, link type 1"
        )

    def _records(self, head: struct.Struct, at: int) -> Generator[Segment, None, int]:
        held = self._held
        while len(held) - at >= head.size:
            seconds, ns, size, _ = head.unpack_from(held, at)
            if size > _FRAME_MAX or ns >= _SECOND:
                raise HistoryError(f"{self._path}: a frame of {size} bytes at {ns} ns is none")
            end = at + head.size + size
            if end > len(held):
                break
            segment = segment_of(held[at + head.size : end], seconds * _SECOND + ns)
            if segment is not None:
                yield segment
            at = end
        return at


def segment_of(frame: bytes, at_ns: int) -> Segment | None:
    """The TCP segment in an Ethernet frame, ``None`` if there is none."""
    try:
        packet = Ethernet(frame).data
    except UnpackError:
        return None
    if not isinstance(packet, IP) or not isinstance(packet.data, TCP):
        return None
    tcp = packet.data
    flags = tcp.flags
    return Segment(
        at_ns,
        f"{_host(packet.src)}:{tcp.sport}",
        f"{_host(packet.dst)}:{tcp.dport}",
        tcp.seq,
        tcp.ack if flags & TH_ACK else None,
        tcp.data,
        syn=bool(flags & TH_SYN),
        fin=bool(flags & TH_FIN),
        rst=bool(flags & TH_RST),
        twice=len(tcp.opts) > _TIMESTAMPS and _twice(tcp.opts, tcp.ack),
    )


def _twice(options: bytes, ack: int) -> bool:
    """Whether the first block of a SACK lies below what is acknowledged anyway (RFC 2883)."""
    for option in parse_opts(options):
        if option is not None and option[0] == TCP_OPT_SACK and len(option[1]) >= _BLOCK.size:
            _, end = _BLOCK.unpack_from(option[1])
            return int(ack - end) % (1 << 32) < 1 << 31
    return False


@lru_cache(maxsize=4096)
def _host(address: bytes) -> str:
    return str(IPv4Address(address))
