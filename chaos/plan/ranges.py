"""Numbers that a plan leaves open: ``5ms..25ms``, drawn before a run begins.

Source: the plan language, "Ranges ``a..b`` are drawn from the step's own random stream".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Self


class Range(int):
    """Its low end wherever a number is needed, until a value is drawn up to ``high``.

    Both ends count, and what lies a multiple of ``step`` above the low one.
    """

    high: int
    step: int

    def __new__(cls, low: int, high: int, step: int = 1) -> Self:
        """From ``low`` to ``high``."""
        made = super().__new__(cls, low)
        made.high = high
        made.step = step
        return made

    def __eq__(self, other: object) -> bool:
        """Two ranges are the same if both ends are."""
        if isinstance(other, Range):
            return int(self) == int(other) and self.high == other.high
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        """Else the number's own comparison would count."""
        return not self == other

    def __hash__(self) -> int:
        """As its low end."""
        return super().__hash__()


def highest(number: int) -> int:
    """The most that a number can be: the high end of a range, else itself."""
    return number.high if isinstance(number, Range) else number


Draw = Callable[[str, Range], int]  # a value of the range that has this key


def settled(value: object, key: str, draw: Draw) -> object:
    """``value`` with a number in the place of each range; ``key`` is its dotted path."""
    match value:
        case Range():
            return draw(key, value)
        case tuple():
            items = (settled(one, f"{key}.{place}", draw) for place, one in enumerate(value))
            return tuple(items) if is_open(value) else value
        case Mapping():
            if not is_open(value):
                return value
            return {name: settled(one, f"{key}.{name}", draw) for name, one in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type) and is_open(value):
            changed = {
                field.name: settled(getattr(value, field.name), f"{key}.{field.name}", draw)
                for field in fields(value)
                if is_open(getattr(value, field.name))
            }
            return replace(value, **changed)
        case _:
            return value


def is_open(value: object) -> bool:
    """Whether there is a range in it."""
    match value:
        case Range():
            return True
        case tuple():
            return any(map(is_open, value))
        case Mapping():
            return any(map(is_open, value.values()))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return any(is_open(getattr(value, field.name)) for field in fields(value))
        case _:
            return False


def at_highest(value: object) -> object:
    """``value`` with every range at its high end."""
    return settled(value, "", lambda _, open_: open_.high)
