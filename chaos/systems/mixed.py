"""An ensemble with servers of Apache ZooKeeper: of them alone, or beside our own peers.

Each server, ours too, has a network namespace of its own. Our peers tell of themselves by
their journals; the others are seen from outside, by their logs and by what they send.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chaos import actions as act
from chaos.actions import EVERY_ACTION, Action, Evidence
from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, Runs, configuration_of, peer_specs
from chaos.history.events import Appeared, Event
from chaos.systems.clients import Clients
from chaos.systems.foreign import ForeignHands
from chaos.systems.hands import Hands
from chaos.systems.lookout import Lookout
from chaos.systems.peers import Cradle, Peers
from chaos.systems.probes import Probes
from chaos.systems.recall import Recall
from chaos.systems.servers import Servers, Stage
from chaos.systems.starts import Starts
from chaos.systems.wiretap import Wiretap
from chaos.systems.world import World
from chaos.zookeeper.archive import Archive, archive, cache_folder
from chaos.zookeeper.installation import Installation
from chaos.zookeeper.server import beyond, with_clients

ALONE: Final = "zookeeper"
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
        act.SetZxid,  # likewise
        act.Load,
        act.Unload,
        act.Attack,
        act.CallOff,
        act.Ask,
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
    if outside := [peer.sid for peer in setup.peers if not peer.member]:
        return f"cannot bring up peer {outside[0]} as no member: only peers of ours join so"
    if found := beyond(setup.timings):
        return f"cannot bring up this ensemble: {'; '.join(found)}"
    programs = cast(system, setup)
    still = sorted({one.source for one in setup.links if programs[one.source] is not Runs.CHAOS})
    if still:
        return f"cannot make links slow from the start: server {still[0]} holds no message back"
    return ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is once the servers of a run are about to start."""

    world: World
    peers: Peers
    servers: Servers
    hands: Hands
    foreign: ForeignHands
    clients: Clients
    probes: Probes
    wiretap: Wiretap

    def look(self) -> Iterator[Event]:
        """What journals, logs, answers and packets tell anew."""
        yield from self.peers.look()
        for event in self.servers.look():
            if isinstance(event, Appeared):
                self.probes.stands(event)
            yield event
        yield from self.probes.take(self.clients.polls())
        yield from self.wiretap.look()
        yield from self.hands.inquiries.answers()

    def end(self) -> str:
        """End and reap every server; how the capture went, in words.

        Raises:
            InfrastructureError: something is left.
        """
        account = self.wiretap.end()
        try:
            self.world.close()
        finally:
            self.peers.let_go()
            self.servers.let_go()
        return account

    def close(self) -> None:
        """Let go of the files."""
        self.peers.close()
        self.wiretap.close()
        self.clients.close()


class Mixed:
    """The ensemble of one run."""

    def __init__(self, troupe: Troupe, seed: int, folder: Path, network: str) -> None:
        self._troupe = troupe
        self._seed = seed
        self._run = folder.resolve()  # servers run in folders of their own
        self._wanted = network
        self._world: World | None = None
        self._standing: Standing | None = None
        self._lookout = Lookout(self._look)
        self._facts: dict[str, str] = {}
        self._over = False
        self._closely = False

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

    @property
    def standing(self) -> Standing:
        """What there is of the run. Only once it is prepared."""
        assert self._standing is not None, "the ensemble is not prepared"
        return self._standing

    def facts(self) -> Mapping[str, str]:
        """What the world could give, which programs played, and how they were watched."""
        world = {} if self._world is None else dict(self._world.facts)
        return {**world, **self._facts}

    def pids(self) -> Mapping[int, str]:
        """The process that all others descend from, and each server that is up."""
        if self._world is None:
            return {}
        found = {self._world.pid: "the world of a run"}
        if self._standing is not None:
            peers, servers = self._standing.peers.peers(), self._standing.servers.servers()
            found |= {peer.pid: f"peer {peer.sid}" for peer in peers}
            found |= {server.process.pid: f"server {server.sid}" for server in servers}
        return found

    def watch_closely(self) -> None:
        """Read every line of our peers' journals as soon as it is there."""
        self._closely = True

    def prepare(self) -> None:
        """Open a world, fork our peers, start the others, and hold all of them."""
        folder = self._run / "peers"
        folder.mkdir(parents=True, exist_ok=True)
        sids = self._troupe.setup.sids
        self._world = World.open(self._wanted, folder, servers=sids)
        self._standing = standing = self._built(self._world, folder)
        standing.peers.start()
        standing.servers.start()
        standing.clients.connect()
        standing.hands.slow_links()
        self._lookout.start()

    def go(self) -> int:
        """Let all look for a leader."""
        zero = time.monotonic_ns()
        self.standing.servers.go()
        self.standing.peers.go()
        return zero

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Yield what journals, logs, the wire and the host say, until ``until_ns``."""
        return self._lookout.advance(until_ns)

    def apply(self, action: Action) -> Evidence:
        """Do ``action`` to whom it concerns, and prove it."""
        hands, foreign = self.standing.hands, self.standing.foreign
        match action:
            case act.Lose() | act.Clear() | act.Load() | act.Unload():
                return together([hands.do(action), foreign.do(action)])
            case (
                act.Block()
                | act.Unblock()
                | act.Attack()
                | act.CallOff()
                | act.MendDisk()
                | act.Cool()
                | act.Ask()
            ):
                return hands.do(action)
            case act.Hold() | act.LetGo():
                return self._gate(action)
            case _ if isinstance(action, act.Messages | act.SpoilDisk | act.Burn):
                return self._ours_only(action)
            case _ if self.standing.servers.knows(action.sid):
                return together([foreign.do(action)])
            case _:
                return hands.do(action)

    def end_within(self, within_ns: int) -> None:
        """How long the world may take to end."""
        if self._world is not None:
            self._world.end_s = within_ns / 1e9

    def finish(self) -> Iterator[Event]:
        """Ask for what clients were promised, while servers still run."""
        self._lookout.look(self._recall(self.standing))
        return self._lookout.told()

    def close(self) -> Iterator[Event]:
        """End everything, and yield the rest of what was seen."""
        self._lookout.stop()
        over, self._over = self._over, True
        if not over and self._standing is None and self._world is not None:
            self._world.close()
        if not over and self._standing is not None:
            try:
                self._facts["capture"] = self._standing.end()
            finally:
                self._lookout.look()
                self._lookout.look(self._standing.wiretap.rest())
                self._standing.close()
        yield from self._lookout.told()

    def rest(self) -> Iterator[Event]:
        """The lines of our journals that were not decoded while the run went on."""
        return iter(()) if self._standing is None else self._standing.peers.rest()

    # ----

    def _built(self, world: World, folder: Path) -> Standing:
        """All parts of the run, before any server starts."""
        troupe, setup, cast = self._troupe, self._troupe.setup, self._troupe.cast()
        configs = {
            peer.sid: with_clients(configuration_of(setup, world.host_of, peer.config_version))
            for peer in setup.peers
        }
        ours = {
            spec.sid: replace(spec, config=configs[spec.sid].text())
            for spec in peer_specs(setup, world.host_of)
            if cast[spec.sid] is Runs.CHAOS
        }
        theirs = {sid: config for sid, config in configs.items() if sid not in ours}
        shared = _archive(troupe)
        self._facts |= _told(troupe, shared.why)
        stage = Stage(setup, theirs, troupe.installation, folder, shared.path)
        starts = Starts()
        servers = Servers(world, stage, starts)
        peers = Peers(world, Cradle(ours, self._seed, folder, self._closely))
        clients = Clients(world, self._run / _CLIENT, tuple(theirs))
        return Standing(
            world=world,
            peers=peers,
            servers=servers,
            hands=Hands(peers, world, setup),
            foreign=ForeignHands(servers, world, clients),
            clients=clients,
            probes=Probes(starts),
            wiretap=Wiretap(world, self._run / _CAPTURE, cast, starts),
        )

    def _gate(self, action: act.Hold | act.LetGo) -> Evidence:
        """Our peers hold at gates; no other server can be made to."""
        servers = self.standing.servers
        ours = tuple(sid for sid in action.sids if not servers.knows(sid))
        if not ours:
            return Evidence(False, {"error": "no server of ZooKeeper holds at a gate"})
        told = self.standing.hands.do(replace(action, sids=ours))
        free = ", ".join(str(sid) for sid in action.sids if sid not in ours)
        return replace(told, facts={**told.facts, "cannot hold": free}) if free else told

    def _ours_only(self, action: act.Messages | act.SpoilDisk | act.Burn) -> Evidence:
        """Only our peers harm their own messages, have disks that fail, and are one thread."""
        if isinstance(action, act.Messages):
            return self.standing.foreign.harm(action) or self.standing.hands.do(action)
        theirs = [sid for sid in action.sids if self.standing.servers.knows(sid)]
        if theirs:
            why = f"server {theirs[0]} is none of ours: only our peers can be harmed so"
            return Evidence(False, {"error": why})
        return self.standing.hands.do(action)

    def _recall(self, standing: Standing) -> list[Event]:
        """While servers still run. Nobody was promised anything where no time zero came."""
        if not standing.servers.under_way:
            return []
        ours = Runs.CHAOS in self._troupe.cast().values()
        recall = Recall(standing.clients, standing.foreign, self._run / _CLIENT)
        return list(recall.ask(ours=ours))

    def _look(self) -> Iterator[Event]:
        return iter(()) if self._standing is None else self._standing.look()


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


def together(parts: list[Evidence | None]) -> Evidence:
    """What was done to some by us and to some by others: it bit where any part did.

    A part that was refused ("error") is not covered by another that bit.
    """
    told = [part for part in parts if part is not None]
    facts: dict[str, int | str] = {}
    for part in told:
        for key, value in part.facts.items():
            before = facts.get(key)
            both = isinstance(value, int) and isinstance(before, int)
            facts[key] = before + value if both else value  # type: ignore[operator]
    if any(part.bit is False and "error" in part.facts for part in told):
        return Evidence(False, facts)
    bits = {part.bit for part in told}
    if True in bits:
        return Evidence(True, facts)
    return Evidence(None if None in bits else False, facts)
