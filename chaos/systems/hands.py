"""How each action is done to peers that are processes, and what proves it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final, Protocol

from chaos import actions as act
from chaos.actions import Action, Cut, Evidence
from chaos.election.effects import Input, Reconfigure, SkewEpochs, SkewRound, SkewZxid
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.ensemble import EnsembleSetup
from chaos.errors import InfrastructureError
from chaos.history.codec import Json, to_json
from chaos.peer import disk
from chaos.systems.burns import Burns
from chaos.systems.disks import Disks
from chaos.systems.gatekeeper import Gatekeeper
from chaos.systems.inquiries import Inquiries
from chaos.systems.loads import Loads
from chaos.systems.outsiders import Outsiders
from chaos.systems.peerlink import PeerLink
from chaos.systems.world import World

_STOP_NS: Final = 2_000_000_000  # the kernel stops a process within microseconds
_BASE: Final = "links"  # the rule that makes links slow from the start


class Driver(Protocol):
    """What the hands need of the driver whose peers they act on."""

    @property
    def seed(self) -> int:
        """That of the run."""
        ...

    @property
    def under_way(self) -> bool:
        """Whether time zero is past."""
        ...

    def peers(self) -> list[PeerLink]:
        """The peers that are up, ascending."""
        ...

    def peer(self, sid: Sid) -> PeerLink | None:
        """Peer ``sid`` if it is up."""
        ...

    def home(self, sid: Sid) -> Path:
        """The folder of one peer."""
        ...

    def fork(self, sid: Sid, inc: int, *, wait: bool) -> PeerLink:
        """Bring a peer up."""
        ...

    def next_inc(self, sid: Sid) -> int:
        """The number of a peer's next start."""
        ...

    def reap(self, sid: Sid) -> int:
        """Wait until a peer is reaped; its exit status."""
        ...


class Hands:
    """Does actions to the peers of one driver."""

    def __init__(self, system: Driver, world: World, setup: EnsembleSetup) -> None:
        self._system = system
        self._world = world
        self._setup = setup
        self._rules: dict[str, act.Messages] = {}
        self._blocks: dict[str, act.Block] = {}
        self._loads = Loads()
        self._gates = Gatekeeper(system.peers)
        self._outsiders = Outsiders(world, setup, system.seed)
        self._disks = Disks()
        self._burns = Burns(world)
        self.inquiries = Inquiries(world)

    def do(self, action: Action) -> Evidence:
        """Do ``action``; what cannot be done is evidence that it did not happen."""
        try:
            if isinstance(action, act.Ask):
                return self.inquiries.ask(action, self._system.home(action.sid))
            return self._do(action)
        except (InfrastructureError, ProcessLookupError) as error:
            return Evidence(False, {"error": str(error)})

    def slow_links(self) -> None:
        """Put the plan's own link latencies in place."""
        by_pace: dict[tuple[int, int], list[Cut]] = {}
        for link in self._setup.links:
            cut = Cut(link.source, link.target)
            by_pace.setdefault((link.latency_ns, link.jitter_ns), []).append(cut)
        for number, ((latency, jitter), cuts) in enumerate(sorted(by_pace.items())):
            self._rule(act.Slow(f"{_BASE}-{number}", tuple(cuts), latency, jitter))

    # ----

    def _do(self, action: Action) -> Evidence:  # noqa: PLR0911 - one return for each kind
        match action:
            case act.Kill() | act.Terminate():
                return self._end(action)
            case act.Launch():
                return self._launch(action)
            case act.Pause() | act.Resume():
                return self._stop(action)
            case act.Block() | act.Unblock():
                return self._cut(action)
            case _ if isinstance(action, act.Messages):
                return self._rule(action)
            case act.Clear():
                return self._clear(action.name)
            case act.Load() | act.Unload():
                return self._loads.do(action, self._running())
            case act.SkewTimers() | act.Hold() | act.LetGo():
                return self._timing(action)
            case _ if isinstance(action, act.Around):
                return self._around(action)
            case _:
                return self._inside(action)

    def _around(self, action: act.Around) -> Evidence:
        """What is done to a peer's ports, its disk and its core."""
        match action:
            case act.Attack() | act.CallOff():
                return self._outsiders.do(action)
            case act.SpoilDisk() | act.MendDisk():
                return self._disks.do(action, self._running())
            case act.Burn() | act.Cool():
                return self._burns.do(action, self._system.peers())

    def _up(self, sid: Sid) -> PeerLink:
        peer = self._system.peer(sid)
        if peer is None:
            raise InfrastructureError(f"peer {sid} is down")
        return peer

    # ---- processes

    def _end(self, action: act.Kill | act.Terminate) -> Evidence:
        peer = self._up(action.sid)
        number = signal.SIGKILL if isinstance(action, act.Kill) else signal.SIGTERM
        if number == signal.SIGTERM and peer.stopped:
            # It would end once it goes on, when nobody expects it any more.
            why = f"peer {action.sid} is stopped and takes no orders; resume it first"
            raise InfrastructureError(why)
        peer.signal(number)
        status = self._system.reap(action.sid)
        wanted = -number if isinstance(action, act.Kill) else 0
        return Evidence(status == wanted, {"pid": peer.pid, "status": status})

    def _launch(self, action: act.Launch) -> Evidence:
        if self._system.peer(action.sid) is not None:
            return Evidence(False, {"error": f"peer {action.sid} is up already"})
        if action.wipe:
            disk.wipe(self._system.home(action.sid))
        # With a gate to hold at it must not move before it knows of it.
        waits = bool(self._gates)
        peer = self._system.fork(action.sid, self._system.next_inc(action.sid), wait=waits)
        for rule in self._rules.values():
            self._teach(peer, rule)
        for block in self._blocks.values():
            self._shut(peer, block)
        self._loads.teach(peer)
        self._disks.teach(peer)
        self._burns.teach(peer)
        self._gates.teach(peer)
        if waits and self._system.under_way:
            peer.ask("go")
            peer.held = False
        return Evidence(True, {"pid": peer.pid, "inc": peer.inc})

    def _stop(self, action: act.Pause | act.Resume) -> Evidence:
        peer = self._up(action.sid)
        pause = isinstance(action, act.Pause)
        peer.signal(signal.SIGSTOP if pause else signal.SIGCONT)
        done = peer.wait_until_stopped(wanted=pause, within_ns=_STOP_NS)
        if not pause:
            self._catch_up(peer)
        return Evidence(done, {"pid": peer.pid, "state": "T" if peer.stopped else "running"})

    def _catch_up(self, peer: PeerLink) -> None:
        """Tell a resumed peer what was ordered while it could not listen."""
        for name in sorted(peer.taught - self._blocks.keys() - self._rules.keys()):
            peer.ask("unblock" if name in peer.shut else "clear", name=name)
            peer.taught.discard(name)
        for rule in self._rules.values():
            if rule.name not in peer.taught:
                self._teach(peer, rule)
        for block in self._blocks.values():
            if block.name not in peer.taught:
                self._shut(peer, block)
        self._loads.teach(peer)
        self._disks.teach(peer)
        if peer.held and self._system.under_way:
            peer.ask("go")
            peer.held = False

    # ---- blocks

    def _cut(self, action: act.Block | act.Unblock) -> Evidence:
        if isinstance(action, act.Unblock):
            return self._unblock(action.name)
        return self._block(action)

    def _block(self, action: act.Block) -> Evidence:
        if not action.cuts:
            return Evidence(False, {"error": "there is no link between the two sides to cut"})
        self._blocks[action.name] = action
        if self._world.network == "kernel":
            facts = self._world.block(action.name, action.cuts, action.how)
            return Evidence(None, facts)
        for peer in self._running():
            self._shut(peer, action)
        return Evidence(None, {"by": "the peers themselves"})

    def _unblock(self, name: str) -> Evidence:
        block = self._blocks.pop(name, None)
        if block is None:
            return Evidence(False, {"error": f"nothing is blocked under {name}"})
        kernel = self._world.network == "kernel"
        facts = self._world.unblock(name) if kernel else self._gather("unblock", name)
        return Evidence(_stopped(facts) > 0, facts)

    def _shut(self, peer: PeerLink, block: act.Block) -> None:
        if self._world.network == "kernel":
            return
        cuts = [to_json(cut) for cut in block.cuts]
        peer.ask("block", name=block.name, cuts=cuts, how=block.how.value)
        peer.taught.add(block.name)
        peer.shut.add(block.name)

    # ---- message faults

    def _rule(self, action: act.Messages) -> Evidence:
        self._rules[action.name] = action
        touched = [peer for peer in self._running() if self._teach(peer, action)]
        return Evidence(None if touched else False, {"peers": len(touched)})

    def _teach(self, peer: PeerLink, action: act.Messages) -> bool:
        targets: list[Json] = [int(c.target) for c in action.links if c.source == peer.sid]
        if not targets:
            return False
        peer.taught.add(action.name)
        verb, facts = order_of(action, targets)
        peer.ask(verb, **facts)
        return True

    def _clear(self, name: str) -> Evidence:
        if self._rules.pop(name, None) is None:
            return Evidence(False, {"error": f"no message fault is called {name}"})
        facts = self._gather("clear", name)
        return Evidence(_stopped(facts) > 0, facts)

    # ---- inside a peer

    def _timing(self, action: act.SkewTimers | act.Hold | act.LetGo) -> Evidence:
        """When things happen in a peer: how fast its timers run, and where it holds."""
        match action:
            case act.Hold():
                return self._gates.hold(action)
            case act.LetGo():
                return self._gates.let_go(action)
            case act.SkewTimers():
                return self._timers(action)

    def _timers(self, action: act.SkewTimers) -> Evidence:
        facts = self._up(action.sid).ask(
            "timers", rate_ppm=action.rate_ppm, offset_ns=action.offset_ns
        )
        return Evidence(True, _plain(facts))

    def _inside(self, action: Action) -> Evidence:
        match action:
            case act.TurnRound():
                return self._input(action.sid, SkewRound(action.by, action.to))
            case act.Configure():
                return self._input(action.sid, Reconfigure(action.config, action.activate))
            case act.SetZxid():
                if self._system.peer(action.sid) is None:
                    return self._write(action.sid, {"zxid": action.zxid})
                return self._input(action.sid, SkewZxid(Zxid(action.zxid)))
            case act.SetEpochs():
                names = {"acceptedEpoch": action.accepted, "currentEpoch": action.current}
                given = {name: value for name, value in names.items() if value is not None}
                if self._system.peer(action.sid) is None:
                    return self._write(action.sid, given)
                return self._input(
                    action.sid, SkewEpochs(_epoch(action.accepted), _epoch(action.current))
                )
            case _:
                raise InfrastructureError(f"processes cannot do {type(action).__name__}")

    def _input(self, sid: Sid, happened: Input) -> Evidence:
        facts = self._up(sid).ask("input", input=to_json(happened))
        return Evidence(True, _plain(facts))

    def _write(self, sid: Sid, values: dict[str, int]) -> Evidence:
        for name, value in values.items():
            disk.write_number(self._system.home(sid), name, value)
        return Evidence(True, {f"{name} on disk": value for name, value in values.items()})

    # ----

    def _running(self) -> list[PeerLink]:
        return [peer for peer in self._system.peers() if not peer.stopped]

    def _gather(self, do: str, name: str) -> dict[str, int | str]:
        """Ask every running peer what a fault did there, and add it up."""
        total: dict[str, int | str] = {}
        for peer in self._running():
            if name not in peer.taught:
                continue
            peer.taught.discard(name)
            for key, value in _plain(peer.ask(do, name=name)).items():
                before = total.get(key, 0)
                if isinstance(value, int) and isinstance(before, int):
                    total[key] = before + value
        return total


def _plain(facts: dict[str, Json]) -> dict[str, int | str]:
    return {
        key: value
        for key, value in facts.items()
        if key not in ("id", "ok") and isinstance(value, int | str)
    }


def order_of(action: act.Messages, targets: list[Json]) -> tuple[str, dict[str, Json]]:
    """The verb, and what goes with it, of a message fault on a peer's links to ``targets``.

    The numbers of an action are called as its fields are.
    """
    names = [one.name for one in fields(action) if one.name not in ("name", "links")]
    facts: dict[str, Json] = {name: getattr(action, name) for name in names}
    facts |= {"name": action.name, "targets": targets}
    return type(action).__name__.lower(), facts


def _stopped(facts: Mapping[str, int | str]) -> int:
    """How many messages, packets or connections a fault touched."""
    keys = ("packets", "frames", "connections", "delayed", "lost", *act.HARMED)
    return sum(value for key in keys if isinstance(value := facts.get(key, 0), int))


def _epoch(value: int | None) -> PeerEpoch | None:
    return None if value is None else PeerEpoch(value)
