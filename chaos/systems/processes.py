"""Our own peers as operating-system processes in a world of their own.

What is seen comes from the peers' journals, which this driver tails; what is done goes by
signals, by kernel blocks, or over each peer's control channel.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from chaos.actions import EVERY_ACTION, Action, Evidence
from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.ensemble import EnsembleSetup, peer_specs
from chaos.errors import InfrastructureError
from chaos.history.events import Event, Exited, Sampled, order
from chaos.peer.birth import Birth
from chaos.sandbox.canary import Canary
from chaos.systems.hands import Hands
from chaos.systems.peerlink import PeerLink
from chaos.systems.tail import Tail
from chaos.systems.world import PeerProcess, World

_LOOK_NS: Final = 2_000_000  # between two looks at the journals
_SEEN_MAX: Final = 25  # peers whose proposals can be followed by eye
_REAP_NS: Final = 5_000_000_000  # a killed process is gone by then, or the host is broken


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
        self._specs: dict[Sid, PeerSpec] = {}
        self._peers: dict[Sid, PeerLink] = {}
        self._tail = Tail(proposals=len(setup.peers) <= _SEEN_MAX)
        self._pending: deque[Event] = deque()
        self._samples: deque[Sampled] = deque()
        self._canary = Canary(self._samples.append)
        self._hands: Hands | None = None
        self._zero_ns: int | None = None
        self._over = False

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
        if self._world is None:
            return {}
        peers = {peer.pid: f"peer {peer.sid}" for peer in self.peers()}
        return {self._world.pid: "the world of a run", **peers}

    def prepare(self) -> None:
        """Open a world and fork every peer in it; none looks for a leader yet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._world = world = World.open(self._wanted, self._folder)
        self._hands = Hands(self, world, self._setup)
        self._specs = {spec.sid: spec for spec in peer_specs(self._setup, world.host_of)}
        births = [self._birth(sid, inc=0, wait=True) for sid in self._setup.sids]
        forked = world.fork_all([birth.to_json() for birth in births])
        for birth, process in zip(births, forked, strict=True):
            self._welcome(birth, process)
        self._hands.slow_links()
        self._canary.start()

    def go(self) -> int:
        """Let all peers that are up look for a leader."""
        zero = time.monotonic_ns()
        # The largest sid first: it is the one whose dial lasts.
        ready = [peer for peer in reversed(self.peers()) if not peer.stopped]
        asked = [(peer, peer.tell("go")) for peer in ready]
        for peer, number in asked:
            peer.answer(number)
            peer.held = False
        self._zero_ns = zero
        return zero

    @property
    def under_way(self) -> bool:
        """Whether time zero is past."""
        return self._zero_ns is not None

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Yield what the journals and the host say, until ``until_ns``."""
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
        """Do ``action`` and prove it."""
        assert self._hands is not None
        return self._hands.do(action)

    def close(self) -> Iterator[Event]:
        """End every peer and the world, then yield the rest of what they wrote."""
        self._canary.stop()
        if self._world is not None and not self._over:
            self._over = True
            try:
                self._world.close()
            finally:
                for peer in self._peers.values():
                    peer.close()
            self._look()
        while self._pending:
            yield self._pending.popleft()
        self._tail.close()

    def rest(self) -> Iterator[Event]:
        """The lines of the journals that were not decoded while the run went on."""
        return self._tail.rest()

    # ---- what the hands ask

    def peers(self) -> list[PeerLink]:
        """The peers that are up, ascending."""
        return [peer for _, peer in sorted(self._peers.items()) if peer.alive]

    def peer(self, sid: Sid) -> PeerLink | None:
        """Peer ``sid`` if it is up."""
        found = self._peers.get(sid)
        return found if found is not None and found.alive else None

    def home(self, sid: Sid) -> Path:
        """The folder of one peer: its data and its journals."""
        return self._folder / str(sid)

    def fork(self, sid: Sid, inc: int, *, wait: bool) -> PeerLink:
        """Bring a peer up; it listens when this returns."""
        assert self._world is not None
        birth = self._birth(sid, inc, wait=wait)
        return self._welcome(birth, self._world.fork(birth.to_json()))

    def _birth(self, sid: Sid, inc: int, *, wait: bool) -> Birth:
        home = self.home(sid)
        home.mkdir(exist_ok=True)
        seed = f"{self._seed}/{sid}/{inc}"
        return Birth(self._specs[sid], inc, str(home.resolve()), seed, wait)

    def _welcome(self, birth: Birth, process: PeerProcess) -> PeerLink:
        peer = PeerLink(birth.spec.sid, birth.inc, process, held=birth.wait)
        self._peers[peer.sid] = peer
        self._tail.add(Path(birth.journal))
        return peer

    def next_inc(self, sid: Sid) -> int:
        """The number of a peer's next start."""
        return self._peers[sid].inc + 1

    def reap(self, sid: Sid) -> int:
        """Wait until ``sid`` is reaped; its exit status, negative for a signal.

        Raises:
            InfrastructureError: it is still there after five seconds.
        """
        deadline = time.monotonic_ns() + _REAP_NS
        peer = self._peers[sid]
        while peer.alive:
            self._exits()
            if time.monotonic_ns() > deadline:
                raise InfrastructureError(f"peer {sid} (pid {peer.pid}) does not end")
            if peer.alive:
                time.sleep(0.0002)
        ends = [e for e in self._pending if isinstance(e, Exited) and e.sid == sid]
        return ends[-1].status

    # ----

    def _look(self) -> None:
        self._exits()
        found: list[Event] = list(self._tail.read())
        while self._samples:
            found.append(self._samples.popleft())
        self._pending.extend(sorted(found, key=order))

    def _exits(self) -> None:
        if self._world is None or self._over:
            return
        for inner_pid, status in self._world.exits():
            for peer in self._peers.values():
                if peer.inner_pid == inner_pid and peer.alive:
                    peer.close()
                    gone = Exited(time.monotonic_ns(), peer.sid, peer.inc, status)
                    self._pending.append(gone)
