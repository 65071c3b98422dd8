"""The systems under test by name, each imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.actions import Action
from chaos.ensemble import EnsembleSetup
from chaos.plan.model import Plan
from chaos.systems.base import System


@dataclass(frozen=True, slots=True)
class Driver:
    """How a system is made, known before there is one.

    ``make`` takes the ensemble, the seed, the run's folder and the wished-for network.
    ``on_host``: it starts processes, so whatever dead runs left is ended before it.
    """

    supports: frozenset[type[Action]]
    make: Callable[[EnsembleSetup, int, Path, str], System]
    on_host: bool

    def lacks(self, plan: Plan) -> str:
        """What ``plan`` asks for and this system cannot do; empty if it can do all of it."""
        return ", ".join(sorted(kind.__name__ for kind in plan.needs - self.supports))


def _processes() -> Driver:
    from chaos.systems.processes import Processes

    return Driver(Processes.supports, Processes, on_host=True)


def _simulated() -> Driver:
    from chaos.systems.simulated import Simulated

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> System:
        del folder, network  # it has neither files nor sockets
        return Simulated(setup, seed)

    return Driver(Simulated.supports, make, on_host=False)


DRIVERS: Final[Mapping[str, Callable[[], Driver]]] = {
    "processes": _processes,
    "simulated": _simulated,
}
DEFAULT: Final = "processes"
