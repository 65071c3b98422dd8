"""What was seen of each start of each foreign server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from chaos.actions import Configure
from chaos.election.config import Configuration, parse_configuration
from chaos.election.effects import Decided, Deliver, Entered, SteppedDown
from chaos.election.ids import Sid
from chaos.errors import ConfigError
from chaos.history.events import Acted, Appeared, Seen, Source, Wrote
from chaos.history.history import History
from chaos.verify.docket import Once
from chaos.verify.forged import Forged, forged
from chaos.verify.rules import Electorate, enough

Line = tuple[int, Seen | Wrote]
_STATE = (Entered, Decided, SteppedDown)


@dataclass(frozen=True, slots=True)
class Life:
    """One start of a foreign server: its ``lines`` by time, with their indexes.

    ``hole`` says what is missing of its packets, empty if they were captured whole. ``turns``
    are the spans of time in which it changed its state. ``births`` are the events by which each
    server of the run, ours or another, was started; ``forged`` is what a fault said in its place,
    ``orders`` the configurations that the tester had it put in force, with their events.
    """

    index: int
    appeared: Appeared
    lines: tuple[Line, ...]
    hole: str
    turns: tuple[tuple[int, int], ...]
    births: Mapping[Sid, tuple[int, ...]]
    forged: Forged
    orders: tuple[tuple[int, Configuration], ...] = ()

    @property
    def sid(self) -> Sid:
        """Whose life it is."""
        return self.appeared.sid

    @property
    def who(self) -> str:
        """``server 2``."""
        return f"server {self.sid}"

    def restarted(self, sid: int, by: int) -> bool:
        """Whether a server had been started more than once before event ``by``."""
        return sum(index < by for index in self.births.get(Sid(sid), ())) > 1

    def quorum(self, known: Electorate, sids: Set[int], by: int) -> bool:
        """Whether ``sids`` are enough by what shows, or by what the tester had ordered by then."""
        given = (config for index, config in self.orders if index < by)
        return known.quorum(sids) or any(enough(config, sids) for config in given)

    def settled(self, from_ns: int, to_ns: int) -> bool:
        """Whether it surely changed no state between two moments."""
        return not any(since < to_ns and from_ns < at_ns for since, at_ns in self.turns)


@dataclass(slots=True)
class _Open:
    born: tuple[int, Appeared] | None = None
    lines: list[Line] = field(default_factory=list)


def _lives(history: History) -> tuple[Life, ...]:
    open_: defaultdict[tuple[Sid, int], _Open] = defaultdict(_Open)
    for index, event in enumerate(history.events):
        match event:
            case Appeared():
                open_[event.sid, event.inc].born = (index, event)
            case Seen() | Wrote():
                open_[event.sid, event.inc].lines.append((index, event))
            case _:
                pass
    births: dict[Sid, tuple[int, ...]] = {}
    orders = _orders(history)
    changed = forged(history)
    for index, birth in history.births():
        births[birth.sid] = (*births.get(birth.sid, ()), index)
    found = []
    for _, one in sorted(open_.items()):
        if one.born is not None:
            turns = tuple(_turns(one.lines))
            lines, told = tuple(one.lines), tuple(orders[one.born[1].sid])
            hole = _hole(one.lines)
            found.append(Life(*one.born, lines, hole, turns, births, changed, told))
    return tuple(found)


# Every start of a foreign server that was seen to begin, by server and start. Packets reach a
# server that has not begun to look for a leader, and wait for it.
lives = Once(_lives)


def _orders(history: History) -> defaultdict[Sid, list[tuple[int, Configuration]]]:
    found: defaultdict[Sid, list[tuple[int, Configuration]]] = defaultdict(list)
    for index, acted in history.every(Acted):
        match acted.action:
            case Configure(sid=sid, config=text, activate=True):
                found[sid].append((index, parse_configuration(text)))
            case _:
                pass
    return found


def _turns(lines: list[Line]) -> Iterator[tuple[int, int]]:
    for _, line in lines:
        if isinstance(line, Seen) and any(isinstance(effect, _STATE) for effect in line.effects):
            yield line.since_ns, line.at_ns


def _hole(lines: list[Line]) -> str:
    """Notifications of one direction of a connection are counted from 0.

    A line that tells of nothing but a text says that a connection could not be followed.
    """
    due: dict[tuple[bool, str], int] = {}
    captured = False
    for _, line in lines:
        match line:
            case Seen(source=Source.WIRE, happened=None, effects=(), text=text):
                return f"some of its packets made no sense: {text}"
        captured = captured or (isinstance(line, Seen) and line.source is Source.WIRE)
        match line:
            case Wrote(link=link, frame=frame):
                key = (True, link)
            case Seen(happened=Deliver(link=link, frame=frame)) if link:
                key = (False, link)
            case _:
                continue
        if frame > due.get(key, 0):
            return f"notification {due.get(key, 0)} of link {link} was not captured"
        due[key] = max(due.get(key, 0), frame + 1)
    return "" if captured else "its packets were not captured"


def repeats(history: History) -> frozenset[tuple[Sid, int, int]]:
    """The steps, by server, start and line, that may say an old message again.

    The first message of a link can be the last one of a link before, however old.
    """
    told: set[tuple[Sid, int, Sid]] = set()
    found: set[tuple[Sid, int, int]] = set()
    for _, line in history.every(Wrote):
        if line.frame == 0 and (line.sid, line.inc, line.to) in told:
            found.add((line.sid, line.inc, line.step))
        told.add((line.sid, line.inc, line.to))
    return frozenset(found)


class Votership:
    """The configurations that a server counts by, as far as they show."""

    def __init__(self, config: str) -> None:
        self.electorate = Electorate(parse_configuration(config))
        self._same = config  # nothing to learn from it
        self._heard = config  # what others say that they have in force

    def commits(self, config: str | None) -> None:
        """What its notifications carry: the committed configuration."""
        parsed = self._parsed(config)
        if parsed is not None and parsed.version > self.electorate.committed.version:
            self.electorate = self.electorate.commits(parsed)

    def hears(self, config: str | None) -> None:
        """What a notification of another brings: a server that looks takes a newer one."""
        self._heard = config or self._heard

    @property
    def unsure(self) -> bool:
        """Whether another configuration may be in force than its own words told by now."""
        parsed, known = self._parsed(self._heard), self.electorate
        return known.split or (parsed is not None and parsed.version > known.committed.version)

    def sees(self, config: str | None) -> None:
        """What NEWLEADER carries: the last one seen; a newer one counts from now on, too."""
        parsed = self._parsed(config)
        if parsed is not None and parsed.version > self.electorate.in_force[-1].version:
            self.electorate = self.electorate.sees(parsed)

    def _parsed(self, config: str | None) -> Configuration | None:
        if not config or config == self._same:
            return None
        try:
            return parse_configuration(config)
        except ConfigError:
            self._same = config
            return None
