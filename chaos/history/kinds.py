"""What a field of a record may hold, by its annotation: a history may come from anybody.

What was read holds what its annotations say, so that no check of a history has to ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Final, NewType, Union, get_args, get_origin

_MOST: Final = 1 << 256  # a number of thousands of digits is no time, and no id


@dataclass(frozen=True, slots=True)
class Kind:
    """The very ``types`` of its values, and the kind of what those hold that hold more.

    ``length`` is that of a tuple which always has as many items.
    """

    types: frozenset[type]
    inside: Kind | None = None
    length: int | None = None

    def fits(self, value: object) -> bool:
        """Whether a field of this kind may hold ``value``."""
        if type(value) not in self.types:
            return False
        if isinstance(value, int):
            return -_MOST < value < _MOST
        if self.inside is None:
            return True
        if isinstance(value, tuple):
            return self.length in {None, len(value)} and all(map(self.inside.fits, value))
        return not isinstance(value, dict) or all(map(self.inside.fits, value.values()))


def kind_of(hint: object) -> Kind:
    """The kind of a field that is annotated so; no union has two of those that hold more."""
    types: set[type] = set()
    inside, length = None, None
    for one in _alternatives(hint):
        origin, parts = get_origin(one), get_args(one)
        if origin is tuple:
            types.add(tuple)
            inside = kind_of(parts[0])
            length = None if parts[-1] is Ellipsis else len(parts)
        elif origin is Mapping:
            types.add(dict)
            inside = kind_of(parts[1])
        else:
            assert isinstance(one, type), f"nothing is known of values of {one}"
            types |= {int, bool} if one is int else {one}  # True is a whole number, too
    return Kind(frozenset(types), inside, length)


def _alternatives(hint: object) -> Iterator[object]:
    """Every type of a union; a new name stands for what it was given to."""
    if isinstance(hint, NewType):
        yield from _alternatives(hint.__supertype__)
    elif get_origin(hint) in {Union, UnionType}:
        for one in get_args(hint):
            yield from _alternatives(one)
    else:
        yield hint
