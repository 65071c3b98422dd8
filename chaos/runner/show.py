"""What a run tells a person while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chaos.history.view import EnsembleView
from chaos.store import RunResult


class Show(Protocol):
    """Somebody who watches a run. Every call returns at once."""

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        """A run begins; its peers are up."""
        ...

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        """The ensemble may have changed; called often, to be drawn as often as one likes."""
        ...

    def told(self, elapsed_ns: int, text: str) -> None:
        """A step began, was confirmed, ended or failed."""
        ...

    def ended(self, result: RunResult, papers: Mapping[str, str]) -> None:
        """The run is judged. ``papers`` are the files that tell of it, by what they are."""
        ...


class Silent:
    """Shows nothing."""

    def began(self, plan: str, system: str, network: str, seed: int) -> None:
        """Nothing."""

    def seen(self, view: EnsembleView, elapsed_ns: int) -> None:
        """Nothing."""

    def told(self, elapsed_ns: int, text: str) -> None:
        """Nothing."""

    def ended(self, result: RunResult, papers: Mapping[str, str]) -> None:
        """Nothing."""
