"""A whole simulated ensemble: hosts with disks, their processes, one network, one clock."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Final, Literal

from chaos import actions as act
from chaos.actions import Attack, Hold, LetGo, Load, Messages, Port
from chaos.election.ids import Sid
from chaos.election.rules import UNBROKEN, Rules
from chaos.ensemble import EnsembleSetup, peer_specs
from chaos.history.events import Event, Exited
from chaos.sim.body import Fabric
from chaos.sim.clock import Clock
from chaos.sim.connects import Connects
from chaos.sim.disk import Disk
from chaos.sim.network import Network
from chaos.sim.outsider import HOST, HOST_SID, Outsider, Place
from chaos.sim.process import Process
from chaos.wire.spread import Distribution

Order = Literal["fifo", "unordered"]

START_SPREAD_NS: Final = 200_000  # peers that start together do not start at one instant
_FIRST_PID: Final = 100
_PLAIN: Final = 1 << 24  # sids below are part of their host's address


class Host:
    """Where one peer lives, whether its process runs or not."""

    def __init__(self, sid: Sid, disk: Disk, starts: Random) -> None:
        self.sid = sid
        self.disk = disk
        self.starts = starts
        self.inc = -1
        self.process: Process | None = None


class World:
    """The ensemble of one run. ``seen`` holds the events that nobody has taken yet."""

    def __init__(
        self,
        setup: EnsembleSetup,
        seed: str,
        order: Order = "fifo",
        core: Rules = UNBROKEN,
    ) -> None:
        self.seen: deque[Event] = deque()
        self.clock = Clock()
        self.network = Network(self.clock, seed, ordered=order == "fifo")
        self.rules: dict[str, Messages] = {}
        self.load: Load | None = None
        self.holds: dict[str, Hold] = {}
        self.outsiders: dict[str, Outsider] = {}
        self._connects = Connects(self.network)
        self._fabric = Fabric(
            self.clock, self.network, self._connects, self.seen.append, seed, self.gone, core
        )
        self._looking = False
        self._pids = _FIRST_PID
        self.hosts: dict[Sid, Host] = {}
        names = host_names(setup.sids)
        for spec in peer_specs(setup, names.__getitem__):
            self._connects.add_host(spec.sid, names[spec.sid])
            starts = Random(f"{seed}/start/{spec.sid}")
            self.hosts[spec.sid] = Host(spec.sid, Disk(spec), starts)

        self._connects.add_host(HOST_SID, HOST)
        homes = {sid: host.disk.home for sid, host in self.hosts.items()}
        self._place = Place(self.clock, self.network, self._connects, homes, seed)

    def attack(self, attack: Attack) -> None:
        """Let an outsider begin."""
        self.outsiders[attack.name] = Outsider(attack, self._place)

    def processes(self) -> list[Process]:
        """All processes that are up, by sid."""
        found = [host.process for host in self.hosts.values()]
        return [process for process in found if process is not None]

    def process(self, sid: Sid) -> Process | None:
        """The process of ``sid`` if it is up."""
        host = self.hosts.get(sid)
        return None if host is None else host.process

    def launch(self, sid: Sid) -> Process:
        """Start the peer ``sid``, which is down, from its disk."""
        host = self.hosts[sid]
        assert host.process is None
        host.inc += 1
        self._pids += 1
        process = Process(host.disk.spec(), host.inc, self._pids, host.disk, self._fabric)
        host.process = process
        for rule in self.rules.values():
            teach(process, rule)
        for hold in self.holds.values():
            if sid in hold.sids:
                process.arm(hold)
        if self._looking:
            self._start(host, process)
        return process

    def go(self) -> int:
        """Let all peers look for a leader from now on."""
        self._looking = True
        for host in self.hosts.values():
            if host.process is not None:
                self._start(host, host.process)
        return self.clock.now_ns

    def left_off(self, over: LetGo) -> None:
        """A gate is off at some peers: who starts there later does not hold either."""
        hold = self.holds.pop(over.name, None)
        rest = None if hold is None else hold.without(over.sids)
        if rest is not None:
            self.holds[over.name] = rest

    def gone(self, sid: Sid, status: int) -> None:
        """The process of ``sid`` has died and is reaped."""
        host = self.hosts[sid]
        host.process = None
        self.seen.append(Exited(self.clock.now_ns, sid, host.inc, status))

    def _start(self, host: Host, process: Process) -> None:
        process.start(self.clock.now_ns + int(START_SPREAD_NS * host.starts.random()))


def host_names(sids: tuple[Sid, ...]) -> dict[Sid, str]:
    """An address of the virtual network for each peer; it shows the sid where it fits."""
    plain = all(0 <= sid < _PLAIN for sid in sids)
    names: dict[Sid, str] = {}
    for position, sid in enumerate(sids, 1):
        number = sid if plain else position
        names[sid] = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return names


def teach(process: Process, rule: Messages) -> bool:
    """Put a message fault into the shim of a process; whether it concerns its links."""
    targets = frozenset(cut.target for cut in rule.links if cut.source == process.sid)
    if not targets:
        return False
    process.shimmed = True
    shim, name = process.shim, rule.name
    match rule:
        case act.Slow(latency_ns=latency, jitter_ns=jitter, port=port):
            paces = dict.fromkeys(targets, (latency, jitter))
            shim.slow(name, paces, Distribution(rule.distribution), _ports(port))
        case act.Lose(ppm=ppm):
            shim.lose(name, targets, ppm)
        case act.Duplicate(ppm=ppm):
            shim.duplicate(name, targets, ppm)
        case act.Reorder(ppm=ppm, window_ns=window):
            shim.reorder(name, targets, ppm, window)
        case act.Corrupt(ppm=ppm):
            shim.corrupt(name, targets, ppm)
        case act.Throttle(bytes_per_s=rate, port=port):
            shim.throttle(name, targets, rate, _ports(port))
        case act.Slice(size=size, pause_ns=pause, port=port):
            shim.slice(name, targets, (size, pause), _ports(port))
    return True


def _ports(port: Port | None) -> frozenset[str]:
    return frozenset(one.value for one in (Port if port is None else (port,)))
