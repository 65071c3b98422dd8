"""What a fault does to each message of one peer: exact, and the same for the same seed.

A rule draws from a stream of its own for each (rule, target, port), once for each message
that passes there. Adding a rule or a target therefore leaves all other draws alone. A
target's two ports have their own streams too: how many pings go by is a matter of time.

Only ``random.Random(str)`` and ``random()`` are used, whose numbers Python promises to keep
between versions; they do not depend on ``PYTHONHASHSEED``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from chaos.election.ids import Sid
from chaos.wire.spread import Distribution, drawn_ns

ELECTION: Final = "election"  # as chaos.actions.Port, which a sibling floor cannot import
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one message.

    ``lost_by`` names the rule that loses it, empty when it is to be written. It may be
    written from ``due_ns`` on, a time of the same clock as the ``now_ns`` it was asked with.
    """

    lost_by: str
    due_ns: int


class _Link(NamedTuple):
    """One direction that messages take."""

    target: Sid
    port: str


class _Streams:
    """The streams of one rule, by link."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._streams: dict[_Link, random.Random] = {}

    def draw(self, link: _Link, below: int) -> int:
        """A whole number from 0 to ``below`` - 1."""
        return int(self.share(link) * below)

    def share(self, link: _Link) -> float:
        """A number from 0 on, below 1."""
        stream = self._streams.get(link)
        if stream is None:
            stream = random.Random(f"{self._seed}/{link.target}/{link.port}")
            self._streams[link] = stream
        return stream.random()


@dataclass(slots=True)
class _Slow:
    streams: _Streams
    distribution: Distribution
    targets: dict[Sid, tuple[int, int]] = field(default_factory=dict)
    seen: int = 0
    delayed: int = 0
    delay_ns: int = 0

    def draw(self, link: _Link) -> int:
        """The delay in nanoseconds of the next message on ``link``."""
        latency_ns, jitter_ns = self.targets[link.target]
        self.seen += 1
        return drawn_ns(self.distribution, latency_ns, jitter_ns, self.streams.share(link))

    def count(self, delay_ns: int) -> None:
        """A message that is not lost waits ``delay_ns`` because of this rule."""
        self.delayed += delay_ns > 0
        self.delay_ns += delay_ns


@dataclass(slots=True)
class _Lose:
    streams: _Streams
    targets: dict[Sid, int] = field(default_factory=dict)
    seen: int = 0
    lost: int = 0

    def draw(self, link: _Link) -> bool:
        """Whether the next message on ``link`` is lost."""
        self.seen += 1
        return self.streams.draw(link, _MILLION) < self.targets[link.target]


class LinkShim:
    """The rules for the messages that one peer sends.

    ``seed`` names the run and the peer. The rules under one name are one fault; the same
    name, put in place again after it was cleared, makes the same draws again.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._slow: dict[str, _Slow] = {}
        self._lose: dict[str, _Lose] = {}
        self._due: dict[_Link, int] = {}  # when the newest message of a link may be written

    def slow(
        self,
        name: str,
        targets: Mapping[Sid, tuple[int, int]],
        distribution: Distribution = Distribution.UNIFORM,
    ) -> None:
        """Delay messages to each target by its latency and a jitter about it (nanoseconds).

        Both ports are slow. A delay is never below zero. Targets add to those that the rule
        has; a known target takes the new numbers.
        """
        assert all(latency >= 0 and jitter >= 0 for latency, jitter in targets.values())
        streams = _Streams(f"{self._seed}/slow/{name}")
        rule = self._slow.setdefault(name, _Slow(streams, distribution))
        rule.targets.update(targets)

    def lose(self, name: str, targets: frozenset[Sid], ppm: int) -> None:
        """Lose ``ppm`` of a million messages to each target, on the election port alone."""
        assert 0 <= ppm <= _MILLION
        rule = self._lose.setdefault(name, _Lose(_Streams(f"{self._seed}/lose/{name}")))
        rule.targets.update(dict.fromkeys(targets, ppm))

    def clear(self, name: str) -> dict[str, int]:
        """End the rules called ``name``, and count the messages that they touched.

        ``seen`` passed by; ``delayed`` waited because of it, ``delay_ns`` in total; ``lost``
        were lost by it. Empty for a name without rules (a peer that started after the fault
        never saw it). Messages on their way keep the due times that they have.
        """
        counts: dict[str, int] = {}
        slow, lose = self._slow.pop(name, None), self._lose.pop(name, None)
        if slow is not None:
            counts |= {"seen": slow.seen, "delayed": slow.delayed, "delay_ns": slow.delay_ns}
        if lose is not None:
            seen = max(lose.seen, counts.get("seen", 0))
            counts |= {"seen": seen, "lost": lose.lost}
        return counts

    def fate(self, target: Sid, port: str, now_ns: int) -> Fate:
        """Decide on the next message to ``target`` on ``port`` (a ``chaos.actions.Port``).

        Delays add up. Of several rules that lose a message, the first put in place is named.
        The due times of one link never decrease, so it stays first in, first out, also when
        a rule ends while messages wait.
        """
        if not (self._slow or self._lose or self._due):
            return Fate("", now_ns)
        link = _Link(target, port)
        delays = [(s, s.draw(link)) for s in self._slow.values() if target in s.targets]
        losers = [
            (name, rule)
            for name, rule in self._lose.items()
            if port == ELECTION and target in rule.targets and rule.draw(link)
        ]
        if losers:
            name, rule = losers[0]
            rule.lost += 1
            return Fate(name, now_ns)
        for slow, delay_ns in delays:
            slow.count(delay_ns)
        return Fate("", self._in_order(link, now_ns, sum(delay_ns for _, delay_ns in delays)))

    def _in_order(self, link: _Link, now_ns: int, delay_ns: int) -> int:
        due_ns = max(now_ns + delay_ns, self._due.get(link, now_ns))
        if due_ns > now_ns:
            self._due[link] = due_ns
        else:
            self._due.pop(link, None)
        return due_ns
