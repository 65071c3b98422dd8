"""Known issues: failures that a plan expects until a day, by their signatures.

Days are ISO 8601 texts, ``2026-12-31``, which sort as they follow one another: a plan has no
clock. What day it is, the runner says.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Final

from chaos.plan.forms import BROKEN, Schema, Text
from chaos.plan.model import KnownIssue, Where
from chaos.plan.problems import Problems
from chaos.plan.tree import Node

_GLOB: Final = frozenset("*?[")
_SIGNATURE: Final = r"[^@\s]+@[^@\s]+"
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


class Signature(Text):
    """``what.how@where``, perhaps with ``*`` and ``?`` in it."""

    def read(self, node: Node, problems: Problems) -> object:
        """The text."""
        text = super().read(node, problems)
        if not isinstance(text, str) or re.fullmatch(_SIGNATURE, text):
            return text
        what = f'"{text}" is no signature; copy one from a failure, as election.timeout@up'
        problems.add(node.where, what)
        return BROKEN

    def schema(self) -> Schema:
        """A string of a pattern."""
        return {"type": "string", "pattern": f"^{_SIGNATURE}$"}


class Day(Text):
    """``"2026-12-31"``."""

    def read(self, node: Node, problems: Problems) -> object:
        """The same text, which is a day of the calendar."""
        text = super().read(node, problems)
        if not isinstance(text, str) or _is_day(text):
            return text
        problems.add(node.where, f'"{text}" is no day; write "2026-12-31"')
        return BROKEN

    def schema(self) -> Schema:
        """A string of a pattern."""
        return {"type": "string", "pattern": f"^{_DAY}$"}


def _is_day(text: str) -> bool:
    if not re.fullmatch(_DAY, text):
        return False
    year, month, day = map(int, text.split("-"))
    return 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


class CountsAs(StrEnum):
    """What a failure is that is known."""

    EXPECTED_FAILURE = "expected_failure"


@dataclass(frozen=True, slots=True)
class KnownText:
    """One known issue."""

    title: ClassVar[str] = "a known issue"
    where: Where
    signature: Annotated[str, Signature()]
    issue: str
    until: Annotated[str, Day()]
    counts_as: CountsAs = CountsAs.EXPECTED_FAILURE


def known_of(said: KnownText) -> KnownIssue:
    """The same as the runner knows it."""
    return KnownIssue(said.signature, said.issue, said.until, said.where)


def is_glob(signature: str) -> bool:
    """Whether it may mean more than one failure."""
    return not _GLOB.isdisjoint(signature)


def means(known: KnownIssue, signature: str) -> bool:
    """Whether a failure of this signature is the known issue."""
    return fnmatchcase(signature, known.signature)
