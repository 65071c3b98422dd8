"""What a plan leaves behind: which papers, which folders of runs, and what it is compared with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

PREVIOUS: Final = "previous"  # the set of the last command that ran the plan


class Format(StrEnum):
    """A way to tell what came of a plan."""

    HTML = "html"  # a page for each run
    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class Keep(StrEnum):
    """Which runs keep their folders once they are counted."""

    ALL = "all"
    FAILURES = "failures"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Report:
    """``phases``: pages divide elections. ``compare_to`` names baselines, or the last set."""

    title: ClassVar[str] = '"report"'
    formats: tuple[Format, ...] = (Format.HTML,)
    keep: Keep = Keep.ALL
    phases: bool = True
    compare_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is said twice."""
        for said in (self.formats, self.compare_to):
            twice = [one for one, many in Counter(said).items() if many > 1]
            if twice:
                raise ValueError(f"{twice[0]} is there twice")

    @property
    def gathers(self) -> bool:
        """Whether what runs measured is kept as a set, apart from their folders."""
        return bool(self.compare_to) or self.keep is not Keep.ALL
