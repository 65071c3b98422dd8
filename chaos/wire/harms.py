"""The rules by which a shim harms the messages of one peer, and what each of them counts.

A rule that draws has a stream of its own for each link, and draws once for each message that
passes there. What it drew is done when the message's turn comes, unless the rule is over then.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from chaos.election.ids import Sid
from chaos.wire.spread import Distribution, drawn_ns

MILLION: Final = 1_000_000
SECOND: Final = 1_000_000_000
PIECES_MAX: Final = 1_000  # of one message; what is left then is the last of them


class Way(NamedTuple):
    """One direction that messages take."""

    target: Sid
    port: str


class Streams:
    """The streams of one rule, by link."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._streams: dict[Way, random.Random] = {}

    def draw(self, way: Way, below: int) -> int:
        """A whole number from 0 to ``below`` - 1."""
        return int(self.share(way) * below)

    def share(self, way: Way) -> float:
        """A number from 0 on, below 1."""
        stream = self._streams.get(way)
        if stream is None:
            stream = random.Random(f"{self._seed}/{way.target}/{way.port}")
            self._streams[way] = stream
        return stream.random()


@dataclass(slots=True)
class Chance:
    """A rule that hits some of the messages, by lot."""

    name: str
    streams: Streams
    targets: dict[Sid, int] = field(default_factory=dict)  # of a million
    over: bool = False
    seen: int = 0
    done: int = 0

    def draw(self, way: Way) -> bool:
        """Whether it hits the next message on ``way``."""
        self.seen += 1
        return self.streams.draw(way, MILLION) < self.targets[way.target]


@dataclass(slots=True)
class Lose(Chance):
    """Messages vanish."""

    def counts(self) -> dict[str, int]:
        """What it did."""
        return {"seen": self.seen, "lost": self.done}


@dataclass(slots=True)
class Duplicate(Chance):
    """Messages are written twice."""

    def counts(self) -> dict[str, int]:
        """What it did."""
        return {"seen": self.seen, "duplicated": self.done}


@dataclass(slots=True)
class Reorder(Chance):
    """Messages wait until the next one has overtaken them, or for ``window_ns`` at most."""

    window_ns: int = 0

    def counts(self) -> dict[str, int]:
        """What it did."""
        return {"seen": self.seen, "overtaken": self.done}


@dataclass(slots=True)
class Corrupt(Chance):
    """One byte of a message becomes another one."""

    def flip(self, way: Way) -> tuple[float, int]:
        """Where, as a share of the message's size, and by which bits."""
        return self.streams.share(way), 1 + self.streams.draw(way, 255)

    def counts(self) -> dict[str, int]:
        """What it did."""
        return {"seen": self.seen, "corrupted": self.done}


@dataclass(slots=True)
class Pace:
    """A rule of all messages to its targets on its ports."""

    ports: frozenset[str]
    targets: set[Sid] = field(default_factory=set)
    over: bool = False
    seen: int = 0

    def touches(self, way: Way) -> bool:
        """Whether messages on ``way`` are its concern."""
        return way.port in self.ports and way.target in self.targets


@dataclass(slots=True)
class Slow(Pace):
    """Messages take longer: so much to each target, with a jitter about it (nanoseconds)."""

    streams: Streams = field(kw_only=True)
    distribution: Distribution = field(kw_only=True)
    paces: dict[Sid, tuple[int, int]] = field(default_factory=dict)
    delayed: int = 0
    delay_ns: int = 0

    def aim(self, paces: Mapping[Sid, tuple[int, int]]) -> None:
        """Slow these too; a known target takes the new numbers."""
        self.paces.update(paces)
        self.targets |= paces.keys()

    def draw(self, way: Way) -> int:
        """The delay in nanoseconds of the next message on ``way``."""
        latency_ns, jitter_ns = self.paces[way.target]
        self.seen += 1
        return drawn_ns(self.distribution, latency_ns, jitter_ns, self.streams.share(way))

    def count(self, delay_ns: int) -> None:
        """A message that is not lost waits ``delay_ns`` because of this rule."""
        self.delayed += delay_ns > 0
        self.delay_ns += delay_ns

    def counts(self) -> dict[str, int]:
        """What it did."""
        return {"seen": self.seen, "delayed": self.delayed, "delay_ns": self.delay_ns}


@dataclass(slots=True)
class Throttle(Pace):
    """A way takes so many bytes a second; a message has left when its last byte has."""

    bytes_per_s: int = 1
    free_ns: dict[Way, int] = field(default_factory=dict)
    throttled: int = 0
    size: int = 0
    late_ns: int = 0

    def leaves_ns(self, way: Way, size: int, now_ns: int) -> int:
        """When a message of ``size`` bytes, which could go now, has left."""
        begins_ns = max(now_ns, self.free_ns.get(way, 0))
        ends_ns = begins_ns + -(-size * SECOND // self.bytes_per_s)
        self.free_ns[way] = ends_ns
        return ends_ns

    def met(self, *, waits: bool) -> None:
        """A message came by; it may have to wait for longer than this lasts."""
        self.seen += 1
        self.throttled += waits

    def left(self, size: int, late_ns: int) -> None:
        """It left, so long after it could have."""
        self.size += size
        self.late_ns += late_ns

    def counts(self) -> dict[str, int]:
        """What it did."""
        late_us = self.late_ns // 1_000
        counts = {"seen": self.seen, "throttled": self.throttled}
        return counts | {"bytes": self.size, "late_us": late_us}


@dataclass(slots=True)
class Slice(Pace):
    """Messages are written in pieces of ``size`` bytes, with a pause between two of them."""

    size: int = 1
    pause_ns: int = 0
    sliced: int = 0
    pieces: int = 0

    def cut(self, data: bytes) -> list[bytes]:
        """The pieces of ``data``."""
        last = (PIECES_MAX - 1) * self.size
        cut = [data[at : at + self.size] for at in range(0, min(len(data), last), self.size)]
        return [*cut, data[last:]] if len(data) > last else cut

    def counts(self) -> dict[str, int]:
        """What it did."""
        return {"seen": self.seen, "sliced": self.sliced, "pieces": self.pieces}
