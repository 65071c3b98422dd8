"""What a fault does to each message of one peer: exact, and the same for the same seed.

A rule draws from a stream of its own for each (rule, target, port), once for each message
that passes there. Adding a rule or a target therefore leaves all other draws alone. A
target's two ports have their own streams too: how many pings go by is a matter of time.

Only ``random.Random(str)`` and ``random()`` are used, whose numbers Python promises to keep
between versions; they do not depend on ``PYTHONHASHSEED``.

The election port alone loses, repeats, reorders and corrupts: the quorum port is one stream
that TCP keeps whole and in order, and ZooKeeper's protocol there is built on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from chaos.election.ids import Sid
from chaos.wire.harms import (
    MILLION,
    Chance,
    Corrupt,
    Duplicate,
    Lose,
    Reorder,
    Slice,
    Slow,
    Streams,
    Throttle,
    Way,
)
from chaos.wire.spread import Distribution

ELECTION: Final = "election"  # as chaos.actions.Port, which a sibling floor cannot import
BOTH: Final = frozenset({ELECTION, "quorum"})
C = TypeVar("C", bound=Chance)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is to be done to a message when its turn comes, and by which rule."""

    twice: Duplicate | None = None
    behind: Reorder | None = None
    torn: tuple[Corrupt, float, int] | None = None  # where, by which bits


UNMARKED: Final = Marks()


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one message.

    ``lost_by`` names the rule that loses it, empty when it is to be written. It may be
    written from ``due_ns`` on, a time of the same clock as the ``now_ns`` it was asked with.
    """

    lost_by: str
    due_ns: int
    marks: Marks = UNMARKED


class LinkShim:
    """The rules for the messages that one peer sends.

    ``seed`` names the run and the peer. The rules under one name are one fault; the same
    name, put in place again after it was cleared, makes the same draws again.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._slow: dict[str, Slow] = {}
        self._lose: dict[str, Lose] = {}
        self._duplicate: dict[str, Duplicate] = {}
        self._reorder: dict[str, Reorder] = {}
        self._corrupt: dict[str, Corrupt] = {}
        self._throttle: dict[str, Throttle] = {}
        self._slice: dict[str, Slice] = {}
        self._due: dict[Way, int] = {}  # when the newest message of a link may be written

    # ---- putting rules in place

    def slow(
        self,
        name: str,
        targets: Mapping[Sid, tuple[int, int]],
        distribution: Distribution = Distribution.UNIFORM,
        ports: frozenset[str] = BOTH,
    ) -> None:
        """Delay messages to each target by its latency and a jitter about it (nanoseconds).

        A delay is never below zero. Targets add to those that the rule has; a known target
        takes the new numbers.
        """
        assert all(latency >= 0 and jitter >= 0 for latency, jitter in targets.values())
        made = Slow(ports, streams=self._streams("slow", name), distribution=distribution)
        self._slow.setdefault(name, made).aim(targets)

    def lose(self, name: str, targets: frozenset[Sid], ppm: int) -> None:
        """Lose ``ppm`` of a million messages to each target, on the election port alone."""
        rule = self._lose.setdefault(name, Lose(name, self._streams("lose", name)))
        _aim(rule, targets, ppm)

    def duplicate(self, name: str, targets: frozenset[Sid], ppm: int) -> None:
        """Write ``ppm`` of a million messages twice, on the election port alone."""
        made = Duplicate(name, self._streams("duplicate", name))
        _aim(self._duplicate.setdefault(name, made), targets, ppm)

    def reorder(self, name: str, targets: frozenset[Sid], ppm: int, window_ns: int) -> None:
        """Let the next message overtake ``ppm`` of a million, on the election port alone.

        Each waits for it, but no longer than ``window_ns``.
        """
        made = Reorder(name, self._streams("reorder", name), window_ns=window_ns)
        _aim(self._reorder.setdefault(name, made), targets, ppm)

    def corrupt(self, name: str, targets: frozenset[Sid], ppm: int) -> None:
        """Change a byte of ``ppm`` of a million messages, on the election port alone."""
        made = Corrupt(name, self._streams("corrupt", name))
        _aim(self._corrupt.setdefault(name, made), targets, ppm)

    def throttle(
        self, name: str, targets: frozenset[Sid], bytes_per_s: int, ports: frozenset[str]
    ) -> None:
        """Let no more than ``bytes_per_s`` through to each target on each of ``ports``."""
        assert bytes_per_s > 0
        rule = self._throttle.setdefault(name, Throttle(ports, bytes_per_s=bytes_per_s))
        rule.targets |= targets

    def slice(
        self, name: str, targets: frozenset[Sid], cut: tuple[int, int], ports: frozenset[str]
    ) -> None:
        """Write messages in pieces; ``cut`` is their size in bytes, and the pause between (ns)."""
        size, pause_ns = cut
        assert size > 0
        rule = self._slice.setdefault(name, Slice(ports, size=size, pause_ns=pause_ns))
        rule.targets |= targets

    def clear(self, name: str) -> dict[str, int]:
        """End the rules called ``name``, and count the messages that they touched.

        ``seen`` passed by; ``delayed`` waited because of it, ``delay_ns`` in total; ``lost``
        were lost by it, ``duplicated``, ``overtaken``, ``corrupted``, ``throttled`` and
        ``sliced`` were harmed so. Empty for a name without rules (a peer that started after
        the fault never saw it). A delay stays with messages on their way; all else is over.
        """
        counts: dict[str, int] = {}
        slow = self._slow.pop(name, None)
        if slow is not None:
            counts |= slow.counts()
        lose = self._lose.pop(name, None)
        if lose is not None:
            counts |= _joined(counts, lose.counts())
        for rule in self._ending(name):
            rule.over = True
            counts |= _joined(counts, rule.counts())
        return counts

    # ---- asking them

    def idle(self, target: Sid, port: str) -> bool:
        """Whether messages on this way go as they are, at once."""
        if not (self._slow or self._lose or self._due or self._tampering):
            return True
        return not (self._touching(Way(target, port)) or Way(target, port) in self._due)

    def fate(self, target: Sid, port: str, now_ns: int) -> Fate:
        """Decide on the next message to ``target`` on ``port`` (a ``chaos.actions.Port``).

        Delays add up. Of several rules that do the same to a message, the first put in place
        is named. The due times of one link never decrease, so it stays first in, first out,
        also when a rule ends while messages wait; only a reordered one comes later.
        """
        if not (self._slow or self._lose or self._due or self._tampering):
            return Fate("", now_ns)
        way = Way(target, port)
        delays = [(s, s.draw(way)) for s in self._slow.values() if s.touches(way)]
        lost = _hit(self._lose, way)
        marks = self._marks(way)
        if lost is not None:
            lost.done += 1
            return Fate(lost.name, now_ns)
        for slow, delay_ns in delays:
            slow.count(delay_ns)
        due_ns = self._in_order(way, now_ns, sum(delay_ns for _, delay_ns in delays))
        return Fate("", due_ns, marks)

    def throttles(self, way: Way) -> list[Throttle]:
        """What narrows this way now."""
        return [rule for rule in self._throttle.values() if rule.touches(way)]

    def slicer(self, way: Way) -> Slice | None:
        """What cuts messages on this way now; the first put in place."""
        return next((rule for rule in self._slice.values() if rule.touches(way)), None)

    # ----

    @property
    def _tampering(self) -> bool:
        """Whether there is any rule that does more than to delay or to lose."""
        chances = self._duplicate or self._reorder or self._corrupt
        return bool(chances or self._throttle or self._slice)

    def _touching(self, way: Way) -> bool:
        chances = (self._lose, self._duplicate, self._reorder, self._corrupt)
        return (
            any(rule.touches(way) for rule in self._slow.values())
            or (way.port == ELECTION and any(_aimed(rules, way) for rules in chances))
            or bool(self.throttles(way))
            or self.slicer(way) is not None
        )

    def _marks(self, way: Way) -> Marks:
        twice, behind = _hit(self._duplicate, way), _hit(self._reorder, way)
        corrupt = _hit(self._corrupt, way)
        if twice is None and behind is None and corrupt is None:
            return UNMARKED
        return Marks(twice, behind, None if corrupt is None else (corrupt, *corrupt.flip(way)))

    def _streams(self, kind: str, name: str) -> Streams:
        return Streams(f"{self._seed}/{kind}/{name}")

    def _ending(self, name: str) -> Iterable[Duplicate | Reorder | Corrupt | Throttle | Slice]:
        tables = (self._duplicate, self._reorder, self._corrupt, self._throttle, self._slice)
        found = (table.pop(name, None) for table in tables)
        return [rule for rule in found if rule is not None]

    def _in_order(self, way: Way, now_ns: int, delay_ns: int) -> int:
        due_ns = max(now_ns + delay_ns, self._due.get(way, now_ns))
        if due_ns > now_ns:
            self._due[way] = due_ns
        else:
            self._due.pop(way, None)
        return due_ns


def _aim(rule: Chance, targets: frozenset[Sid], ppm: int) -> None:
    assert 0 <= ppm <= MILLION
    rule.targets.update(dict.fromkeys(targets, ppm))


def _aimed(rules: Mapping[str, Chance], way: Way) -> bool:
    return any(way.target in rule.targets for rule in rules.values())


def _hit(rules: Mapping[str, C], way: Way) -> C | None:
    """The first of the rules that hits the next message; each of them draws."""
    if way.port != ELECTION or not rules:
        return None
    hits = [rule for rule in rules.values() if way.target in rule.targets and rule.draw(way)]
    return hits[0] if hits else None


def _joined(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Rules of one name saw the same messages."""
    return {**more, "seen": max(more["seen"], counts.get("seen", 0))}
