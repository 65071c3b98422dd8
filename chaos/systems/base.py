"""What a runner asks of a system under test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from chaos.actions import Action, Evidence
from chaos.history.events import Event


class System(Protocol):
    """One ensemble of one kind, from its start to its end."""

    @property
    def name(self) -> str:
        """``processes`` or ``simulated``."""
        ...

    @property
    def network(self) -> str:
        """``kernel``, ``in-process`` or ``virtual``: how blocks are made."""
        ...

    @property
    def supports(self) -> frozenset[type[Action]]:
        """The kinds of action that :meth:`apply` can do."""
        ...

    @property
    def now_ns(self) -> int:
        """The clock that all events of this system carry."""
        ...

    def watch_closely(self) -> None:
        """Before :meth:`prepare`: let :meth:`advance` leave nothing out."""
        ...

    def prepare(self) -> None:
        """Bring every peer up and hold it before it looks for a leader.

        Raises:
            InfrastructureError: the host cannot run it.
        """
        ...

    def go(self) -> int:
        """Let all peers look for a leader; returns time zero of the plan."""
        ...

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Let time pass until ``until_ns``, and yield what is seen, as soon as it is.

        It may leave out what changes no role; :meth:`rest` has that. The caller may stop
        iterating early; the next call goes on from there.
        """
        ...

    def apply(self, action: Action) -> Evidence:
        """Do ``action``; returns when it has taken effect, with the proof."""
        ...

    def pids(self) -> Mapping[int, str]:
        """The processes of this system on the host, and what each is."""
        ...

    def facts(self) -> Mapping[str, str]:
        """What a report should say of this world: addresses, versions, what is missing."""
        ...

    def finish(self) -> Iterator[Event]:
        """At the end of a run that was not cut short: ask what only running servers can tell."""
        ...

    def end_within(self, within_ns: int) -> None:
        """Before :meth:`close`: how long that may take until it counts as having left something."""
        ...

    def close(self) -> Iterator[Event]:
        """Heal, end and reap everything; yields what was still to be seen. Safe to call twice."""
        ...

    def rest(self) -> Iterator[Event]:
        """After :meth:`close`: every event that :meth:`advance` left out."""
        ...
