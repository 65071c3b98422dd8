"""An ensemble with servers of Apache ZooKeeper: of them alone, or beside our own peers.

Each server, ours too, has a network namespace of its own. Our peers tell of themselves by
their journals; the others are seen from outside, by their logs and by what they send.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from chaos import actions as act
from chaos.actions import EVERY_ACTION, Action, Evidence
from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, Runs, configuration_of, peer_specs
from chaos.history.events import Appeared, Event, Sampled, order
from chaos.sandbox.canary import Canary
from chaos.sandbox.recording import Recording
from chaos.systems.clients import Clients
from chaos.systems.foreign import ForeignHands
from chaos.systems.hands import Hands
from chaos.systems.pcap import Pcap
from chaos.systems.peers import Cradle, Peers
from chaos.systems.probes import Probes
from chaos.systems.recall import Recall
from chaos.systems.servers import Servers, Stage
from chaos.systems.sightings import Sightings
from chaos.systems.starts import Starts
from chaos.systems.world import World
from chaos.wire.reassembly import Segment
from chaos.zookeeper.archive import Archive, archive, cache_folder
from chaos.zookeeper.installation import Installation
from chaos.zookeeper.server import beyond, with_clients

ALONE: Final = "zookeeper"
_LOOK_NS: Final = 2_000_000  # between two looks at journals and logs
_SEGMENTS_MAX: Final = 1000  # that are read between two looks at journals and logs
_CAPTURE: Final = "capture.pcap"
_CLIENT: Final = "client"  # the folder of polls and of records of writes

# What can be done to a server from outside.
_FROM_OUTSIDE: Final[frozenset[type[Action]]] = frozenset(
    {
        act.Kill,
        act.Terminate,
        act.Launch,
        act.Pause,
        act.Resume,
        act.Block,
        act.Unblock,
        act.Lose,
        act.Clear,
        act.Configure,
        act.SetEpochs,  # of one that is down: its files
        act.Load,
        act.Unload,
    }
)


@dataclass(frozen=True, slots=True)
class Troupe:
    """Who plays: the system's word, the ensemble, and the ZooKeeper of this host.

    ``archived``: its servers start with a class archive, in less time than as it is shipped.
    """

    system: str
    setup: EnsembleSetup
    installation: Installation
    archived: bool = True

    def cast(self) -> Mapping[Sid, Runs]:
        """Which program each peer runs."""
        return cast(self.system, self.setup)


def cast(system: str, setup: EnsembleSetup) -> Mapping[Sid, Runs]:
    """Which program each peer runs; where a mixed plan does not say, they alternate."""
    found: dict[Sid, Runs] = {}
    for number, peer in enumerate(sorted(setup.peers, key=lambda one: one.sid)):
        other = Runs.ZOOKEEPER if number % 2 else Runs.CHAOS
        found[peer.sid] = Runs.ZOOKEEPER if system == ALONE else peer.runs or other
    return found


def supported(system: str) -> frozenset[type[Action]]:
    """The kinds of action that ``zookeeper`` or ``mixed`` can do.

    In a mixed ensemble what only our own peers can bear is done to them; asked of another it
    is evidence that it did not happen.
    """
    return _FROM_OUTSIDE if system == ALONE else EVERY_ACTION


def refused(system: str, setup: EnsembleSetup) -> str:
    """What of an ensemble real servers cannot be; empty if they can."""
    if found := beyond(setup.timings):
        return f"cannot bring up this ensemble: {'; '.join(found)}"
    programs = cast(system, setup)
    still = sorted({one.source for one in setup.links if programs[one.source] is not Runs.CHAOS})
    if still:
        return f"cannot make links slow from the start: server {still[0]} holds no message back"
    return ""


class Mixed:
    """The ensemble of one run."""

    def __init__(self, troupe: Troupe, seed: int, folder: Path, network: str) -> None:
        self._troupe = troupe
        self._seed = seed
        self._run = folder
        self._folder = folder / "peers"
        self._wanted = network
        self._world: World | None = None
        self._peers: Peers | None = None
        self._servers: Servers | None = None
        self._pcap: Pcap | None = None
        self._sightings: Sightings | None = None
        self._hands: Hands | None = None
        self._foreign: ForeignHands | None = None
        self._clients: Clients | None = None
        self._probes: Probes | None = None
        self._recording: Recording | None = None
        self._segments: Iterator[Segment] = iter(())
        self._pending: deque[Event] = deque()
        self._samples: deque[Sampled] = deque()
        self._canary = Canary(self._samples.append)
        self._facts: dict[str, str] = {}
        self._over = False

    # ---- what a runner asks

    @property
    def name(self) -> str:
        """``zookeeper`` or ``mixed``."""
        return self._troupe.system

    @property
    def supports(self) -> frozenset[type[Action]]:
        """See :func:`supported`."""
        return supported(self.name)

    @property
    def network(self) -> str:
        """``kernel``; what was wished for until the world stands."""
        return self._wanted if self._world is None else self._world.network

    @property
    def now_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def facts(self) -> Mapping[str, str]:
        """What the world could give, which programs played, and how they were watched."""
        world = {} if self._world is None else dict(self._world.facts)
        return {**world, **self._facts}

    def pids(self) -> Mapping[int, str]:
        """The process that all others descend from, and each server that is up."""
        if self._world is None:
            return {}
        found = {self._world.pid: "the world of a run"}
        if self._peers is not None:
            found |= {peer.pid: f"peer {peer.sid}" for peer in self._peers.peers()}
        if self._servers is not None:
            found |= {s.process.pid: f"server {s.sid}" for s in self._servers.servers()}
        return found

    def prepare(self) -> None:
        """Open a world, fork our peers, start the others, and hold all of them."""
        troupe, setup = self._troupe, self._troupe.setup
        self._folder.mkdir(parents=True, exist_ok=True)
        self._world = world = World.open(self._wanted, self._folder, servers=setup.sids)
        configs = {
            peer.sid: with_clients(configuration_of(setup, world.host_of, peer.config_version))
            for peer in setup.peers
        }
        cast = troupe.cast()
        ours = {
            spec.sid: replace(spec, config=configs[spec.sid].text())
            for spec in peer_specs(setup, world.host_of)
            if cast[spec.sid] is Runs.CHAOS
        }
        theirs = {sid: config for sid, config in configs.items() if sid not in ours}
        shared = _archive(troupe)
        stage = Stage(setup, theirs, troupe.installation, self._folder, shared.path)
        starts = Starts()
        self._servers = servers = Servers(world, stage, starts)
        self._peers = peers = Peers(world, Cradle(ours, self._seed, self._folder))
        capture = self._run / _CAPTURE
        self._facts |= _told(troupe, shared.why)
        self._recording = world.capture(capture)
        self._pcap = Pcap(capture)
        self._segments = self._pcap.read()
        hosts = {world.host_of(sid): sid for sid in setup.sids}
        self._sightings = Sightings(hosts, tuple(theirs), starts)
        self._hands = Hands(peers, world, setup)
        self._clients = clients = Clients(world, self._run / _CLIENT, tuple(theirs))
        self._probes = Probes(starts)
        self._foreign = ForeignHands(servers, world, clients)
        peers.start()
        servers.start()
        clients.connect()
        self._hands.slow_links()
        self._canary.start()

    def go(self) -> int:
        """Let all look for a leader."""
        assert self._peers is not None
        assert self._servers is not None
        zero = time.monotonic_ns()
        self._servers.go()
        self._peers.go()
        return zero

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Yield what journals, logs, the wire and the host say, until ``until_ns``."""
        while True:
            now = time.monotonic_ns()
            self._look()
            while self._pending:
                yield self._pending.popleft()
            if now >= until_ns:
                return
            left = until_ns - time.monotonic_ns()
            if left > 0:
                time.sleep(min(left, _LOOK_NS) / 1e9)

    def apply(self, action: Action) -> Evidence:
        """Do ``action`` to whom it concerns, and prove it."""
        assert self._hands is not None
        assert self._foreign is not None
        assert self._servers is not None
        match action:
            case act.Lose() | act.Clear() | act.Load() | act.Unload():
                return _together([self._hands.do(action), self._foreign.do(action)])
            case act.Block() | act.Unblock():
                return self._hands.do(action)
            case act.Slow():
                return self._foreign.slow(action) or self._hands.do(action)
            case _:
                theirs = self._servers.knows(action.sid)
                return _together([(self._foreign if theirs else self._hands).do(action)])

    def close(self) -> Iterator[Event]:
        """Ask for what clients were promised, end everything, yield the rest of what was seen."""
        self._canary.stop()
        if not self._over:
            self._recall()
        if self._world is not None and not self._over:
            self._over = True
            if self._recording is not None:
                self._facts["capture"] = self._recording.account()
            try:
                self._world.close()
            finally:
                if self._peers is not None:
                    self._peers.let_go()
                if self._servers is not None:
                    self._servers.let_go()
            self._look()
        while self._pending:
            yield self._pending.popleft()
        if self._peers is not None:
            self._peers.close()
        if self._pcap is not None:
            self._pcap.close()
        if self._clients is not None:
            self._clients.close()

    def rest(self) -> Iterator[Event]:
        """The lines of our journals that were not decoded while the run went on."""
        return iter(()) if self._peers is None else self._peers.rest()

    # ----

    def _recall(self) -> None:
        """While servers still run. Nobody was promised anything where no time zero came."""
        if self._servers is None or not self._servers.under_way:
            return
        assert self._clients is not None
        assert self._foreign is not None
        ours = Runs.CHAOS in self._troupe.cast().values()
        recall = Recall(self._clients, self._foreign, self._run / _CLIENT)
        self._pending.extend(recall.ask(ours=ours))
        self._look()

    def _look(self) -> None:
        found: list[Event] = []
        if self._peers is not None:
            found.extend(self._peers.look())
        if self._servers is not None:
            found.extend(self._servers.look())
        if self._probes is not None and self._clients is not None:
            for event in found:
                if isinstance(event, Appeared):
                    self._probes.stands(event)
            found.extend(self._probes.take(self._clients.polls()))
        if self._sightings is not None:
            assert self._pcap is not None
            # Under load packets may come faster than they are read: logs do not wait for them.
            segments = list(islice(self._segments, None if self._over else _SEGMENTS_MAX))
            if len(segments) < _SEGMENTS_MAX:
                self._segments = self._pcap.read()
            found.extend(self._sightings.take(segments))
        while self._samples:
            found.append(self._samples.popleft())
        self._pending.extend(sorted(found, key=order))


def _archive(troupe: Troupe) -> Archive:
    if not troupe.archived:
        return Archive(None, "none was wanted")
    return archive(troupe.installation, cache_folder())


def _told(troupe: Troupe, why_no_archive: str) -> dict[str, str]:
    """What a report should say of the programs that played."""
    installation = troupe.installation
    cast = [f"{sid} {runs}" for sid, runs in sorted(troupe.cast().items())]
    facts = {
        "servers": ", ".join(cast),
        "zookeeper": f"{installation.version}, Java {installation.java_version}",
        "observed": "our peers by their journals, ZooKeeper by its log and by captured packets",
        "server start": "held by SIGSTOP from its first LOOKING until time zero",
    }
    return facts | ({"class archive": why_no_archive} if why_no_archive else {})


def _together(parts: list[Evidence | None]) -> Evidence:
    """What was done to some by us and to some by others: it bit where any part did."""
    told = [part for part in parts if part is not None]
    facts: dict[str, int | str] = {}
    for part in told:
        for key, value in part.facts.items():
            before = facts.get(key)
            both = isinstance(value, int) and isinstance(before, int)
            facts[key] = before + value if both else value  # type: ignore[operator]
    bits = {part.bit for part in told}
    if True in bits:
        return Evidence(True, facts)
    return Evidence(None if None in bits else False, facts)
