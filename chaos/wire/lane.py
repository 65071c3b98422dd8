"""What one peer has still to write to another on one port, in which order and when.

A lane holds messages that a fault keeps back, and does to each what its shim has drawn for it:
it lets the next one overtake it, changes a byte, cuts it into pieces, has it written again. The
peer asks for the next part whenever there is room for one, and is told when to ask again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from chaos.election.ids import Sid
from chaos.wire.harms import Corrupt, Reorder, Slice, Throttle, Way
from chaos.wire.shim import UNMARKED, LinkShim, Marks

T = TypeVar("T")

LATE_MAX: Final = 1000  # messages on their way in one direction; a kernel's buffer ends too


@dataclass(frozen=True, slots=True)
class Harm:
    """What was done to a message, for the record.

    ``copied_by`` names the rule that has it written again, ``corrupted_by`` the one that
    changed byte ``byte`` of it.
    """

    copied_by: str = ""
    corrupted_by: str = ""
    byte: int = -1


UNHARMED: Final = Harm()


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What is to be written now: a message, or a piece of one.

    ``data`` is ``None`` where the message goes as it is. ``first``: it begins with this part.
    """

    item: T
    data: bytes | None = None
    harm: Harm = UNHARMED
    first: bool = True


@dataclass(slots=True)
class _Passing(Generic[T]):
    item: T
    due_ns: int
    marks: Marks = UNMARKED
    copied_by: str = ""


@dataclass(slots=True)
class _Turn(Generic[T]):
    """A message whose turn has come at ``since_ns``, and what it has to wait for."""

    passing: _Passing[T]
    since_ns: int
    size: int = 0
    overtakes: Reorder | None = None
    narrow: list[tuple[Throttle, int]] = field(default_factory=list)  # until when

    def free_ns(self) -> int:
        """When it may go."""
        return max((at_ns for rule, at_ns in self.narrow if not rule.over), default=0)


@dataclass(slots=True)
class _Rest(Generic[T]):
    """A message of which some pieces are written."""

    item: T
    rule: Slice
    pieces: deque[bytes]
    due_ns: int


class Lane(Generic[T]):
    """One direction of one connection. ``encode`` gives a message's bytes, framed."""

    def __init__(
        self, shim: LinkShim, target: Sid, port: str, encode: Callable[[T], bytes]
    ) -> None:
        self._shim = shim
        self._way = Way(target, port)
        self._encode = encode
        self._line: deque[_Passing[T]] = deque()
        self._turn: _Turn[T] | None = None
        self._rest: _Rest[T] | None = None
        self._torn: list[Corrupt] = []
        self._alarm_ns = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._line) + (self._turn is not None) + (self._rest is not None)

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and the next message would go as it is."""
        return not len(self) and self._shim.idle(*self._way)

    @property
    def full(self) -> bool:
        """Whether it takes no more for now."""
        return len(self._line) >= LATE_MAX

    @property
    def spoilt(self) -> bool:
        """Whether a rule that is over has changed a byte here: the reader may be out of step."""
        return any(rule.over for rule in self._torn)

    def offer(self, item: T, now_ns: int, *, first: bool = False) -> str:
        """Take a message in, or answer the name of the rule that loses it.

        ``first``: it has to come before all others, so none overtakes it.
        """
        fate = self._shim.fate(*self._way, now_ns)
        if fate.lost_by:
            return fate.lost_by
        marks = fate.marks
        if first and marks.behind is not None:
            marks = Marks(marks.twice, None, marks.torn)
        self._line.append(_Passing(item, fate.due_ns, marks))
        return ""

    def pop(self, now_ns: int) -> Part[T] | None:
        """The next part if it may be written now."""
        if self._rest is not None:
            return self._piece(self._rest, now_ns)
        if self._turn is None:
            self._turn = self._called(now_ns)
        turn = self._turn
        if turn is None or turn.free_ns() > now_ns:
            return None
        self._turn = None
        for rule, _ in turn.narrow:
            rule.left(turn.size, now_ns - turn.since_ns)
        if turn.overtakes is not None:
            turn.overtakes.done += 1
        return self._written(turn.passing, now_ns)

    def alarm_ns(self, now_ns: int) -> int | None:
        """When to ask again, if nobody was told so before."""
        due_ns = self._next_ns()
        if due_ns is None or now_ns < self._alarm_ns <= due_ns:
            return None
        self._alarm_ns = due_ns
        return due_ns

    def drop(self) -> list[T]:
        """The messages of which nothing will be written any more."""
        waiting = [*([] if self._turn is None else [self._turn.passing]), *self._line]
        self._line.clear()
        self._turn = self._rest = None
        return [one.item for one in waiting if not one.copied_by]

    # ----

    def _called(self, now_ns: int) -> _Turn[T] | None:
        """The message whose turn it is."""
        place = self._place(now_ns)
        if place is None:
            return None
        passing, head = self._line[place], self._line[0]
        del self._line[place]
        turn = _Turn(passing, now_ns)
        if place:
            turn.overtakes = head.marks.behind
            head.marks = Marks(head.marks.twice, None, head.marks.torn)
        rules = self._shim.throttles(self._way)
        if rules:
            turn.size = len(self._encode(passing.item))
            turn.narrow = [(one, one.leaves_ns(self._way, turn.size, now_ns)) for one in rules]
            for one, free_ns in turn.narrow:
                one.met(waits=free_ns > now_ns)
        return turn

    def _place(self, now_ns: int) -> int | None:
        """Where in the line the next message is: first, or behind one that waits for it."""
        while self._line and self._line[0].copied_by and self._over(self._line[0]):
            self._line.popleft()
        if not self._line or self._line[0].due_ns > now_ns:
            return None
        behind, latest_ns = self._held(self._line[0])
        if not behind or now_ns >= latest_ns:
            return 0
        return 1 if len(self._line) > 1 and self._line[1].due_ns <= now_ns else None

    @staticmethod
    def _over(copy: _Passing[T]) -> bool:
        return copy.marks.twice is not None and copy.marks.twice.over

    @staticmethod
    def _held(head: _Passing[T]) -> tuple[bool, int]:
        """Whether it waits for the next one, and until when."""
        rule = head.marks.behind
        if rule is None or rule.over:
            return False, 0
        return True, head.due_ns + rule.window_ns

    def _written(self, passing: _Passing[T], now_ns: int) -> Part[T]:
        """A message begins to be written."""
        marks, harm = passing.marks, UNHARMED
        data: bytes | None = None
        twice = marks.twice
        if passing.copied_by:
            assert twice is not None
            twice.done += 1
            harm = Harm(passing.copied_by)
        elif twice is not None and not twice.over:
            copy = _Passing(passing.item, now_ns, Marks(twice), copied_by=twice.name)
            self._line.appendleft(copy)
        if marks.torn is not None and not marks.torn[0].over:
            rule, share, bits = marks.torn
            rule.done += 1
            if all(rule is not one for one in self._torn):
                self._torn.append(rule)
            whole = bytearray(self._encode(passing.item))
            byte = int(share * len(whole))
            whole[byte] ^= bits
            data, harm = bytes(whole), Harm(corrupted_by=rule.name, byte=byte)
        return self._cut(Part(passing.item, data, harm), now_ns)

    def _cut(self, part: Part[T], now_ns: int) -> Part[T]:
        """Its first piece, if it is to be written in pieces."""
        rule = self._shim.slicer(self._way)
        if rule is None:
            return part
        data = self._encode(part.item) if part.data is None else part.data
        first, *others = rule.cut(data)
        rule.seen += 1
        if not others:
            return part
        rule.sliced += 1
        rule.pieces += 1
        self._rest = _Rest(part.item, rule, deque(others), now_ns + rule.pause_ns)
        return Part(part.item, first, part.harm)

    def _piece(self, rest: _Rest[T], now_ns: int) -> Part[T] | None:
        """The next piece; all that is left once nothing cuts any more."""
        if rest.rule.over:
            self._rest = None
            return Part(rest.item, b"".join(rest.pieces), first=False)
        if rest.due_ns > now_ns:
            return None
        rest.rule.pieces += 1
        rest.due_ns = now_ns + rest.rule.pause_ns
        data = rest.pieces.popleft()
        if not rest.pieces:
            self._rest = None
        return Part(rest.item, data, first=False)

    def _next_ns(self) -> int | None:
        """When something may go that may not now; ``None`` while nothing waits."""
        if self._rest is not None:
            return 0 if self._rest.rule.over else self._rest.due_ns
        if self._turn is not None:
            return self._turn.free_ns()
        if not self._line:
            return None
        head = self._line[0]
        behind, latest_ns = self._held(head)
        if not behind:
            return head.due_ns
        if len(self._line) > 1:
            latest_ns = min(latest_ns, self._line[1].due_ns)
        return max(head.due_ns, latest_ns)
