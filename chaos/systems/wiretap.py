"""What servers say to one another, from their packets to events, while it is captured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from chaos.election.ids import Sid
from chaos.ensemble import Runs
from chaos.history.events import Event
from chaos.systems.pcap import Pcap
from chaos.systems.sightings import Sightings
from chaos.systems.starts import Starts
from chaos.systems.world import World
from chaos.wire.reassembly import Segment

_SEGMENTS_MAX: Final = 1000  # of one look, a few milliseconds' work


class Wiretap:
    """A capture of all servers in a world, which tells of those that are not ours."""

    def __init__(self, world: World, path: Path, cast: Mapping[Sid, Runs], starts: Starts) -> None:
        """Begin; packets from now on are seen. ``cast`` says which program each server runs.

        Raises:
            InfrastructureError: the kernel does not allow it.
        """
        self._recording = world.capture(path)
        self._pcap = Pcap(path)
        self._segments: Iterator[Segment] = self._pcap.read()
        hosts = {world.host_of(sid): sid for sid in cast}
        foreign = [sid for sid, runs in cast.items() if runs is not Runs.CHAOS]
        self._sightings = Sightings(hosts, foreign, starts)

    def look(self) -> Iterator[Event]:
        """Some of what was captured: packets may come faster than they are read, logs not."""
        segments = list(islice(self._segments, _SEGMENTS_MAX))
        if len(segments) < _SEGMENTS_MAX:
            self._segments = self._pcap.read()
        return self._sightings.take(segments)

    def rest(self) -> Iterator[Event]:
        """All that was captured and not looked at."""
        yield from self._sightings.take(self._segments)
        yield from self._sightings.take(self._pcap.read())

    def end(self) -> str:
        """Capture no more; how it went, in words. Safe to call twice."""
        return self._recording.account()

    def close(self) -> None:
        """Let go of the file."""
        self._pcap.close()
