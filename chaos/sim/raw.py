"""Bytes on a simulated connection, read as real peers read them."""

from __future__ import annotations

from chaos.actions import Port
from chaos.election.notification import Notification
from chaos.election.packets import Packet
from chaos.errors import WireError
from chaos.wire.election import FrameReader, Initiation, InitiationReader, Skipped
from chaos.wire.quorum import PacketReader

Found = Initiation | Notification | Skipped | Packet


class Readers:
    """What was read of each connection on which there are bytes, by its number."""

    def __init__(self) -> None:
        self._initiations: dict[int, InitiationReader] = {}
        self._frames: dict[int, FrameReader] = {}
        self._packets: dict[int, PacketReader] = {}

    def introduced(self, number: int) -> None:
        """Who it is was told otherwise: frames follow."""
        self._frames.setdefault(number, FrameReader())

    def forget(self, number: int) -> None:
        """The connection is closed."""
        for table in (self._initiations, self._frames, self._packets):
            table.pop(number, None)

    def feed(self, number: int, port: Port, data: bytes) -> tuple[list[Found], str]:
        """What became whole, and what is wrong with what comes behind it."""
        if port is Port.QUORUM:
            return _fed(self._packets.setdefault(number, PacketReader()), data)
        frames = self._frames.get(number)
        if frames is not None:
            return _fed(frames, data)
        reader = self._initiations.setdefault(number, InitiationReader())
        try:
            found = reader.feed(data)
        except WireError as error:
            return [], str(error)
        if found is None:
            return [], ""
        self._frames[number] = frames = FrameReader()
        more, wrong = _fed(frames, reader.rest) if reader.rest else ([], "")
        return [found, *more], wrong


def _fed(reader: FrameReader | PacketReader, data: bytes) -> tuple[list[Found], str]:
    try:
        return [*reader.feed(data)], ""
    except WireError as error:
        return [*reader.before], str(error)
