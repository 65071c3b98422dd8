"""The systems under test by name, each imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from chaos.actions import Action, Ask, Hold
from chaos.ensemble import EnsembleSetup, Runs
from chaos.errors import UnsupportedError
from chaos.plan.model import Mode, Plan, Probe
from chaos.plan.names import ABILITIES, INSIDE
from chaos.systems.base import System


@dataclass(frozen=True, slots=True)
class Driver:
    """How a system is made, known before there is one.

    ``make`` takes the ensemble, the seed, the run's folder and the wished-for network.
    ``on_host``: it starts processes, so whatever dead runs left is ended before it.
    ``absent`` says what of it this host has not, and how to get it; ``refuses`` says what of
    a plan it cannot do, though it can do such things. Both are empty where nothing is in the way.
    """

    supports: frozenset[type[Action]]
    make: Callable[[EnsembleSetup, int, Path, str], System]
    on_host: bool
    absent: str = ""
    refuses: Callable[[Plan], str] = lambda _: ""

    def lacks(self, plan: Plan) -> str:
        """Why ``plan`` cannot be run on this system; empty if it can."""
        if self.absent:
            return f"is not here: {self.absent}"
        inside = ABILITIES[INSIDE]
        if INSIDE in plan.requires and not inside <= self.supports:
            return "cannot change the memory of a running peer, which the plan requires"
        missing = _missing_in(plan, self.supports)
        return f"cannot do {missing}" if missing else self.refuses(plan)


def _missing_in(plan: Plan, supports: frozenset[type[Action]]) -> str:
    """The steps of ``plan`` that need more than ``supports``, else what it requires besides."""
    missing = plan.needs - supports
    steps = [
        f"step {step} ({verb.kind})" for step, verb in plan.faults if verb.fault.needs & missing
    ]
    steps += [
        f"step {step.id} (a gate: none of its servers can be held; mode: gate_or_observe watches)"
        for step in plan.every_step
        if Hold in missing and step.when is not None and step.when.mode is Mode.GATE
    ]
    steps += [
        f"step {step.id} (probe: nobody can be asked where the peers have no address)"
        for step in plan.every_step
        if Ask in missing and isinstance(step.verb, Probe) and step.verb.question is not None
    ]
    words = [
        f"{word}, which the plan requires" for word in plan.requires if ABILITIES[word] & missing
    ]
    return ", ".join(steps or words or sorted(kind.__name__ for kind in missing))


def _processes() -> Driver:
    from chaos.systems.processes import Processes

    return Driver(Processes.supports, Processes, on_host=True)


def _simulated() -> Driver:
    from chaos.systems.simulated import Simulated

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> System:
        del folder, network  # it has neither files nor sockets
        return Simulated(setup, seed)

    return Driver(Simulated.supports, make, on_host=False)


def _servers(system: str, home: Path | None) -> Driver:
    """Servers of Apache ZooKeeper: of them alone, or beside our own peers."""
    from chaos.cli.reach import beyond_reach
    from chaos.systems.mixed import Mixed, Troupe, cast, refused, supported
    from chaos.zookeeper.installation import Installation, find

    supports = supported(system)
    try:
        installation: Installation = find(home)
    except UnsupportedError as error:
        why = str(error)
        return Driver(supports, partial(_missing, why), on_host=True, absent=why)

    def make(setup: EnsembleSetup, seed: int, folder: Path, network: str) -> System:
        return Mixed(Troupe(system, setup, installation), seed, folder, network)

    def refuses(plan: Plan) -> str:
        played = cast(system, plan.ensemble)
        foreign = [sid for sid, runs in played.items() if runs is Runs.ZOOKEEPER]
        return refused(system, plan.ensemble) or beyond_reach(plan, foreign)

    return Driver(supports, make, on_host=True, refuses=refuses)


def _missing(why: str, *_: object) -> System:
    raise UnsupportedError(why)


DRIVERS: Final[Mapping[str, Callable[[], Driver]]] = {
    "processes": _processes,
    "simulated": _simulated,
    "zookeeper": partial(_servers, "zookeeper", None),
    "mixed": partial(_servers, "mixed", None),
}
DEFAULT: Final = "processes"


def drivers_with(zookeeper_home: Path | None) -> Mapping[str, Callable[[], Driver]]:
    """All systems, with the ZooKeeper release of a folder in place of the installed one."""
    if zookeeper_home is None:
        return DRIVERS
    return {**DRIVERS} | {
        name: partial(_servers, name, zookeeper_home) for name in ("zookeeper", "mixed")
    }
