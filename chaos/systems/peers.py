"""Our own peers of one run, in a world that stands: their births, journals and ends.

What is seen comes from the peers' journals; what is done goes by signals or over each peer's
control channel.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from chaos.election.ids import Sid
from chaos.election.spec import PeerSpec
from chaos.errors import InfrastructureError
from chaos.history.events import Event, Exited, Used
from chaos.peer.birth import Birth
from chaos.sandbox.scheduling import waited_ns
from chaos.systems.peerlink import PeerLink
from chaos.systems.tail import Tail
from chaos.systems.world import PeerProcess, World

_SEEN_MAX: Final = 25  # peers whose proposals can be followed by eye
_USED_NS: Final = 500_000_000  # between two looks at what the processes hold
_REAP_NS: Final = 5_000_000_000  # a killed process is gone by then, or the host is broken


@dataclass(frozen=True, slots=True)
class Cradle:
    """What every peer of a run is born with. ``folder`` holds a folder for each.

    ``closely``: each line of their journals is read as soon as it is there.
    """

    specs: Mapping[Sid, PeerSpec]
    seed: int
    folder: Path
    closely: bool = False


class Peers:
    """The peers of one run that are ours."""

    def __init__(self, world: World, cradle: Cradle) -> None:
        self._world = world
        self._cradle = cradle
        self._peers: dict[Sid, PeerLink] = {}
        few = len(cradle.specs) <= _SEEN_MAX
        self._tail = Tail(proposals=few, everything=cradle.closely)
        self._ended: deque[Exited] = deque()
        self._used_ns = 0  # when it was last looked at what they hold
        self._bare: deque[Used] = deque()  # what they held before they had a link
        self._gone = False
        self.under_way = False

    @property
    def seed(self) -> int:
        """That of the run."""
        return self._cradle.seed

    def start(self) -> None:
        """Fork every peer; none looks for a leader yet."""
        births = [self._birth(sid, inc=0, wait=True) for sid in sorted(self._cradle.specs)]
        forked = self._world.fork_all([birth.to_json() for birth in births])
        for birth, process in zip(births, forked, strict=True):
            self._welcome(birth, process)
        self._bare.extend(self._usage())

    def go(self) -> None:
        """Let all peers that are up look for a leader."""
        # The largest sid first: it is the one whose dial lasts.
        ready = [peer for peer in reversed(self.peers()) if not peer.stopped]
        asked = [(peer, peer.tell("go")) for peer in ready]
        for peer, number in asked:
            peer.answer(number)
            peer.held = False
        self.under_way = True

    def look(self) -> Iterator[Event]:
        """What was appended to the journals, and who has ended, since the last call."""
        if not self._gone:
            self._exits()
            yield from self._usage()
        while self._bare:
            yield self._bare.popleft()
        yield from self._tail.read()
        while self._ended:
            yield self._ended.popleft()

    def _usage(self) -> Iterator[Used]:
        """Twice a second, what each process holds."""
        now = time.monotonic_ns()
        if now - self._used_ns < _USED_NS:
            return
        self._used_ns = now
        for peer in self.peers():
            try:
                process = psutil.Process(peer.pid)
                files, memory = process.num_fds(), process.memory_info().rss
            except psutil.Error:  # it ended meanwhile, or this host lets nobody look
                continue
            waited = waited_ns(peer.pid)
            yield Used(now, peer.sid, peer.inc, files, memory // 1024, waited)

    def rest(self) -> Iterator[Event]:
        """The lines of the journals that were not decoded while the run went on."""
        return self._tail.rest()

    def let_go(self) -> None:
        """The world is gone: close what the harness holds of the peers."""
        self._gone = True
        for peer in self._peers.values():
            peer.close()

    def close(self) -> None:
        """Let go of the journals."""
        self._tail.close()

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
        return self._cradle.folder / str(sid)

    def fork(self, sid: Sid, inc: int, *, wait: bool) -> PeerLink:
        """Bring a peer up; it listens when this returns."""
        birth = self._birth(sid, inc, wait=wait)
        return self._welcome(birth, self._world.fork(birth.to_json()))

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
        return [event for event in self._ended if event.sid == sid][-1].status

    # ----

    def _birth(self, sid: Sid, inc: int, *, wait: bool) -> Birth:
        home = self.home(sid)
        home.mkdir(exist_ok=True)
        seed = f"{self._cradle.seed}/{sid}/{inc}"
        spec = self._cradle.specs[sid]
        netns = self._world.netns_of(sid)
        return Birth(spec, inc, str(home.resolve()), seed, wait, netns)

    def _welcome(self, birth: Birth, process: PeerProcess) -> PeerLink:
        peer = PeerLink(birth.spec.sid, birth.inc, process, held=birth.wait)
        self._peers[peer.sid] = peer
        self._tail.add(Path(birth.journal))
        return peer

    def _exits(self) -> None:
        for inner_pid, status in self._world.exits():
            for peer in self._peers.values():
                if peer.inner_pid == inner_pid and peer.alive:
                    peer.close()
                    gone = Exited(time.monotonic_ns(), peer.sid, peer.inc, status)
                    self._ended.append(gone)
