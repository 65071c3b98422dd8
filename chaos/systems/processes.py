"""Our own peers as operating-system processes in a world of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from chaos.actions import EVERY_ACTION, Action, Evidence
from chaos.ensemble import EnsembleSetup, peer_specs
from chaos.history.events import Event
from chaos.systems.hands import Hands
from chaos.systems.lookout import Lookout
from chaos.systems.peers import Cradle, Peers
from chaos.systems.world import World


class Processes:
    """The ensemble of one run."""

    name = "processes"
    supports: frozenset[type[Action]] = EVERY_ACTION

    def __init__(self, setup: EnsembleSetup, seed: int, folder: Path, network: str) -> None:
        self._setup = setup
        self._seed = seed
        self._folder = folder / "peers"
        self._wanted = network
        self._world: World | None = None
        self._peers: Peers | None = None
        self._lookout = Lookout(self._look)
        self._hands: Hands | None = None
        self._over = False
        self._closely = False

    # ---- what a runner asks

    @property
    def network(self) -> str:
        """``kernel`` or ``in-process``; what was wished for until the world stands."""
        return self._wanted if self._world is None else self._world.network

    @property
    def now_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def facts(self) -> Mapping[str, str]:
        """What the world could give, and what it could not."""
        facts = {} if self._world is None else dict(self._world.facts)
        if "nft" in facts:
            facts.pop("nft_refused", None)  # another way to make packet rules works
        return facts

    def pids(self) -> Mapping[int, str]:
        """The process that all others descend from, and each peer that is up."""
        if self._world is None or self._peers is None:
            return {}
        peers = {peer.pid: f"peer {peer.sid}" for peer in self._peers.peers()}
        return {self._world.pid: "the world of a run", **peers}

    def watch_closely(self) -> None:
        """Read every line of the journals as soon as it is there."""
        self._closely = True

    def prepare(self) -> None:
        """Open a world and fork every peer in it; none looks for a leader yet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._world = world = World.open(self._wanted, self._folder)
        specs = {spec.sid: spec for spec in peer_specs(self._setup, world.host_of)}
        self._peers = Peers(world, Cradle(specs, self._seed, self._folder, self._closely))
        self._hands = Hands(self._peers, world, self._setup)
        self._peers.start()
        self._hands.slow_links()
        self._lookout.start()

    def go(self) -> int:
        """Let all peers that are up look for a leader."""
        assert self._peers is not None
        zero = time.monotonic_ns()
        self._peers.go()
        return zero

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Yield what the journals and the host say, until ``until_ns``."""
        return self._lookout.advance(until_ns)

    def apply(self, action: Action) -> Evidence:
        """Do ``action`` and prove it."""
        assert self._hands is not None
        return self._hands.do(action)

    def end_within(self, within_ns: int) -> None:
        """How long the world may take to end."""
        if self._world is not None:
            self._world.end_s = within_ns / 1e9

    def finish(self) -> Iterator[Event]:
        """Nothing: the journals tell all."""
        return iter(())

    def close(self) -> Iterator[Event]:
        """End every peer and the world, then yield the rest of what they wrote."""
        self._lookout.stop()
        if self._world is not None and not self._over:
            self._over = True
            if self._hands is not None:
                self._hands.inquiries.close()
            try:
                self._world.close()
            finally:
                if self._peers is not None:
                    self._peers.let_go()
            self._lookout.look()
        yield from self._lookout.told()
        if self._peers is not None:
            self._peers.close()

    def rest(self) -> Iterator[Event]:
        """The lines of the journals that were not decoded while the run went on."""
        return iter(()) if self._peers is None else self._peers.rest()

    # ----

    def _look(self) -> Iterator[Event]:
        if self._peers is not None:
            yield from self._peers.look()
        if self._hands is not None:
            yield from self._hands.inquiries.answers()
