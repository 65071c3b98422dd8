"""Load beside peers that are processes: workers on a peer's core, to which it is held as well.

A group of processes with a share of its own (cgroup) is not asked for: it is a thing of the host,
which stays when the tool is killed. A worker dies with the world, and a peer's affinity with it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Final

import psutil

from chaos import actions as act
from chaos.actions import Evidence
from chaos.errors import InfrastructureError
from chaos.systems.peerlink import PeerLink
from chaos.systems.world import PeerProcess, World

_MILLION: Final = 1_000_000
_END_MS: Final = 3000
_ENOUGH: Final = 0.8  # of the load that was asked for, on that core, by whomever
_SHARE: Final = 0.05  # of it by the workers, at least: the others may be the host's own load


@dataclass(frozen=True, slots=True)
class _Core:
    """The core of one peer: who is busy there, and how much the core had done before."""

    number: int
    workers: tuple[PeerProcess, ...]
    since: float
    busy: float

    def percent(self) -> tuple[int, int]:
        """How busy it was since then, and by the workers, of a hundred."""
        lasted = max(time.monotonic() - self.since, 1e-6)
        used = sum(_used(worker.pid) for worker in self.workers)
        whole = (_busy(self.number) - self.busy) / lasted
        return min(100, round(100 * whole)), round(100 * used / lasted)


class Burns:
    """The loads that are in place."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._burns: dict[str, tuple[act.Burn, list[_Core]]] = {}
        self._held: dict[int, list[int]] = {}  # where a process might run before, by its pid

    def do(self, action: act.Burn | act.Cool, peers: list[PeerLink]) -> Evidence:
        """Begin or end one.

        Raises:
            InfrastructureError: a worker does not come up, or does not end.
        """
        try:
            if isinstance(action, act.Burn):
                return self._begin(action, peers)
            return self._end(action.name, peers)
        except psutil.Error as error:
            raise InfrastructureError(f"cannot tell where a peer runs: {error}") from error

    def teach(self, peer: PeerLink) -> None:
        """Hold a peer that has come up to a core on which there is load for it."""
        for burn, cores in self._burns.values():
            if peer.sid in burn.sids and cores:
                self._hold(peer, cores[burn.sids.index(peer.sid) % len(cores)].number)

    # ----

    def _begin(self, burn: act.Burn, peers: list[PeerLink]) -> Evidence:
        if burn.name in self._burns:
            return Evidence(False, {"error": f"a load is called {burn.name} already"})
        cores: list[_Core] = []
        self._burns[burn.name] = (burn, cores)
        for peer in peers:
            if peer.sid in burn.sids:
                number = psutil.Process(peer.pid).cpu_num()
                self._hold(peer, number)
                cores.append(self._core(burn, number))
        if not cores:
            del self._burns[burn.name]
            return Evidence(False, {"error": "no target is up"})
        told = ", ".join(str(core.number) for core in cores)
        return Evidence(None, {"cores": told, "workers": burn.workers * len(cores)})

    def _core(self, burn: act.Burn, number: int) -> _Core:
        orders = json.dumps({"load_ppm": burn.load_ppm})
        workers = tuple(self._world.burn(orders) for _ in range(burn.workers))
        for worker in workers:
            psutil.Process(worker.pid).cpu_affinity([number])
        return _Core(number, workers, time.monotonic(), _busy(number))

    def _hold(self, peer: PeerLink, core: int) -> None:
        process = psutil.Process(peer.pid)
        self._held.setdefault(peer.pid, process.cpu_affinity() or [])
        process.cpu_affinity([core])

    def _end(self, name: str, peers: list[PeerLink]) -> Evidence:
        if name not in self._burns:
            return Evidence(False, {"error": f"no load is called {name}"})
        burn, cores = self._burns.pop(name)
        measured = [core.percent() for core in cores]
        for core in cores:
            for worker in core.workers:
                _dismiss(worker)
        kept = {sid for other, _ in self._burns.values() for sid in other.sids}
        for peer in peers:
            before = self._held.get(peer.pid)
            if before and peer.sid in burn.sids and peer.sid not in kept:
                psutil.Process(peer.pid).cpu_affinity(before)
                del self._held[peer.pid]
        whole, used = (min(one) for one in zip(*measured, strict=True))
        asked = 100 * min(_MILLION, burn.load_ppm * burn.workers) / _MILLION
        enough = whole >= _ENOUGH * asked and used >= _SHARE * asked
        return Evidence(enough, {"busy_percent": whole, "worker_percent": used})


def _used(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _busy(core: int) -> float:
    """Seconds in which a core has done anything since the host started."""
    times = psutil.cpu_times(percpu=True)[core]
    return float(sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0))


def _dismiss(worker: PeerProcess) -> None:
    worker.control.send(b"{}")
    if not worker.ended_within(_END_MS):
        raise InfrastructureError(f"a worker (pid {worker.pid}) does not end")
