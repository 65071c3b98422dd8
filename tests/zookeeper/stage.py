"""A mixed ensemble that a test leads by the hand, one step after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from chaos.actions import Action
from chaos.election.effects import Effect, PacketRead, SendPacket, Work
from chaos.election.ids import Sid, Zxid
from chaos.election.packets import Diff, Packet, Snap, Trunc
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, PeerSetup, QuorumKind, Runs, configuration_of
from chaos.history.codec import to_json
from chaos.history.events import Acted, Event, Seen, Stepped
from chaos.history.view import EnsembleView
from chaos.systems.mixed import Troupe
from chaos.zookeeper.installation import Installation
from tests.zookeeper.mixed_runs import Asked

P = TypeVar("P", bound=Packet)
E = TypeVar("E", bound=Effect)
_WITHIN_S = 30.0
_LOOK_NS = 20_000_000
ROOT = Path(__file__).parents[2]


def peer(sid: int, runs: Runs, *, votes: bool = True) -> PeerSetup:
    return PeerSetup(Sid(sid), votes=votes, runs=runs)


def ensemble(*peers: PeerSetup, quorum: QuorumKind = QuorumKind.MAJORITY) -> EnsembleSetup:
    timings = Timings(tick_ms=200, init_limit=20, sync_limit=5, connect_ms=500)
    return EnsembleSetup(peers, quorum, timings)


class Stage:
    """The ensemble under way, and all that was seen of it."""

    def __init__(self, system: Asked, setup: EnsembleSetup, folder: Path) -> None:
        self.system = system
        self.events: list[Event] = []
        self._folder = folder
        self._names: list[str] = []
        self.view = EnsembleView(setup.sids, configuration_of(setup, lambda sid: f"peer-{sid}"))

    # ---- what it is told

    def do(self, action: Action) -> None:
        evidence = self.system.apply(action)
        assert evidence.bit is not False, evidence
        now = self.system.now_ns
        self._take(Acted(now, now, "stage", action, evidence))
        self._pass(now)

    def ask(self, do: str, **asked: int | str) -> dict[str, object]:
        return dict(self.system.ask(do, **asked))

    def client(self, *words: str) -> Client:
        """A client of its own where the servers can be reached; see ``lone_client``."""
        return Client(self, self._folder / f"client-{len(self.events)}.log", words)

    def propose(self, sid: Sid, per_s: int) -> None:
        """One of our peers is to write whenever it leads, and no client does."""
        found = self.system.standing.peers.peer(sid)
        assert found is not None
        found.ask("input", input=to_json(Work(per_s, 20)))

    # ---- what is waited for

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _WITHIN_S
        while not holds():
            self._pass(self.system.now_ns + _LOOK_NS)
            assert time.monotonic() < deadline, f"not within {_WITHIN_S} s: {what}"

    def settled(self, leader: int | None = None) -> Sid:
        """Wait until all that run are settled under one leader; who that is."""
        self.until(lambda: self._settled(leader), f"all follow {leader}: {self.view.roles()}")
        found = self.view.leader
        assert found is not None
        return found

    def settled_among(self, *sids: Sid) -> Sid:
        """Wait until these are settled under one of them; who that is."""
        peers = [self.view.peers[sid] for sid in sids]

        def leader() -> Sid | None:
            found = {sid for sid in sids if all(one.follows(sid) for one in peers)}
            serves = all(one.epoch is not None for one in peers)
            return found.pop() if found and serves else None

        self.until(lambda: leader() is not None, f"all of {sids} agree: {self.view.roles()}")
        found = leader()
        assert found is not None
        return found

    def host(self, sid: Sid) -> str:
        return self.system.standing.world.host_of(sid)

    def read(self, sid: int, kind: type[P], since: int = 0) -> list[P]:
        """Packets of one kind that peer ``sid`` has read since a moment.

        Of our own peers not all is known before the end.
        """
        return [
            event.happened.packet
            for event in self.events
            if isinstance(event, Stepped | Seen) and event.sid == sid and event.at_ns >= since
            if isinstance(event.happened, PacketRead) and isinstance(event.happened.packet, kind)
        ]

    def sent(self, sid: int, kind: type[P], since: int = 0) -> list[P]:
        """Packets of one kind that peer ``sid`` has sent."""
        sends = self.effects(sid, SendPacket, since)
        return [effect.packet for effect in sends if isinstance(effect.packet, kind)]

    def synced(self, sid: int, since: int) -> list[str]:
        """How it was brought to its leader's log."""
        diffs = [f"Diff to {one.zxid:x}" for one in self.read(sid, Diff, since)]
        truncs = [f"Trunc to {one.zxid:x}" for one in self.read(sid, Trunc, since)]
        return [*diffs, *truncs, *(f"Snap of {one.zxid:x}" for one in self.read(sid, Snap, since))]

    def effects(self, sid: int, kind: type[E], since: int = 0) -> list[E]:
        return [
            effect
            for event in self.events
            if isinstance(event, Stepped | Seen) and event.sid == sid and event.at_ns >= since
            for effect in event.effects
            if isinstance(effect, kind)
        ]

    @property
    def now(self) -> int:
        return self.system.now_ns

    def end_of(self, sid: int) -> Zxid:
        """Where our peer's log ends, as it has told."""
        return self.view.peers[Sid(sid)].zxid

    def ends_at(self, sid: int, zxid: Zxid) -> bool:
        return self.end_of(sid) == zxid

    # ----

    def _settled(self, leader: int | None) -> bool:
        found = self.view.leader
        if found is None or (leader is not None and found != leader):
            return False
        return all(
            one.alive and one.follows(found) and one.epoch is not None
            for one in self.view.peers.values()
            if one.up
        )

    def _pass(self, until_ns: int) -> None:
        for event in self.system.advance(until_ns):
            self._take(event)

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.view.observe(event)


class Client:
    """``tests.zookeeper.lone_client`` with these words; what it says is lines of a file."""

    def __init__(self, stage: Stage, log: Path, words: tuple[str, ...]) -> None:
        world = stage.system.standing.world
        log.touch()
        argv = [sys.executable, "-m", "tests.zookeeper.lone_client", *words]
        self._stage = stage
        self._log = log
        self.process = world.spawn(
            None, argv, cwd=log.parent, log=log, env={"PYTHONPATH": str(ROOT)}
        )

    @property
    def lines(self) -> list[str]:
        return self._log.read_text(encoding="utf-8").splitlines()

    def said(self, start: str, times: int = 1) -> list[str]:
        """Wait until it has said so many lines that begin so; they."""

        def found() -> list[str]:
            return [line for line in self.lines if line.startswith(start)]

        self._stage.until(lambda: len(found()) >= times, f"the client says {start}: {self.lines}")
        return found()


@contextmanager
def staged(installation: Installation, setup: EnsembleSetup, folder: Path) -> Iterator[Stage]:
    """An ensemble from its time zero to its end."""
    folder.mkdir(exist_ok=True)
    system = Asked(Troupe("mixed", setup, installation), 1, folder, "auto")
    stage = Stage(system, setup, folder)
    try:
        system.prepare()
        system.go()
        yield stage
    finally:
        for event in system.close():
            stage._take(event)
        for event in system.rest():
            stage._take(event)
