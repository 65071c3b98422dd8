"""One way in which a plan's draws can come out, and what each fault does in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos import actions as act
from chaos.actions import Action
from chaos.election.config import Configuration, Member
from chaos.election.ids import Sid

Peers = frozenset[Sid]


class Undecided(Exception):  # noqa: N818 - no mistake of the plan
    """Who is hit cannot be said before the run."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a fault's step does in one world."""

    targets: Peers
    actions: tuple[Action, ...]

    @property
    def stopped(self) -> Peers:
        """Who is down or paused by it."""
        return frozenset(
            one.sid for one in self.actions if isinstance(one, act.Kill | act.Terminate | act.Pause)
        )

    @property
    def cuts(self) -> frozenset[tuple[Sid, Sid]]:
        """The directed links that it cuts. What only refuses new connections cuts none."""
        blocks = (one for one in self.actions if isinstance(one, act.Block))
        blocks = (one for one in blocks if one.how is not act.How.REFUSE)
        return frozenset(
            (cut.source, cut.target)
            for block in blocks
            for cut in block.cuts
            if isinstance(cut, act.Cut)
        )


@dataclass(frozen=True, slots=True)
class World:
    """One way: whom each step hits, which configurations there can be, who leads at its end."""

    configs: tuple[tuple[str, Configuration], ...]  # the step that brings each; "" the first
    deeds: Mapping[str, Deed] = field(default_factory=dict)
    names: Mapping[str, Peers] = field(default_factory=dict)
    leader: Sid | None = None
    hint: Peers | None = None  # who can lead, by the last wait
    on: frozenset[str] = frozenset()  # the faults that are surely in effect
    perhaps: frozenset[str] = frozenset()  # those that may be, beside them
    random: bool = False  # faults of a `random` step may be on, and nobody knows which
    zones: Mapping[Sid, str] = field(default_factory=dict)
    places: Mapping[Sid, Member] = field(default_factory=dict)  # of every peer of the run
    empty: str = ""  # the step whose target means nobody here

    @property
    def config(self) -> Configuration:
        """The newest configuration."""
        return self.configs[-1][1]
