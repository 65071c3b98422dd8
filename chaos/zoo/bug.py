"""One deliberate mistake, as the table of the zoo has it."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.election.rules import Rules


@dataclass(frozen=True, slots=True)
class Bug:
    """A rule that every peer of a run breaks.

    ``rule`` is what it breaks, ``source`` where that rule is written, ``shows`` what a user
    would see. ``plans`` are the shipped plans that aim at it, by name. ``missed`` says why no
    property can catch it, empty where one does.
    """

    name: str
    rules: Rules
    rule: str
    source: str
    shows: str
    plans: tuple[str, ...] = ()
    missed: str = ""
