"""A run's own world as the harness sees it: processes, addresses, blocks.

:class:`World` talks to what lives inside: the zygote, which forks peers, and with the kernel
network the agent, which changes packet rules and starts other programs.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from chaos.actions import Cut, How, PortCut
from chaos.election.ids import Sid
from chaos.errors import InfrastructureError, UnsupportedError
from chaos.sandbox.addresses import PRIVATE, ROUTED, Claim, claim_block, host_of
from chaos.sandbox.cuts import cut_json
from chaos.sandbox.keeper import Keeper
from chaos.sandbox.lines import Json, JsonObject, Lines
from chaos.sandbox.recording import Recording
from chaos.sandbox.rules import MILLION
from chaos.sandbox.spawner import ForeignProcess, Spawner
from chaos.sandbox.zygote import PeerProcess, Zygote
from chaos.systems.start import OUR_PEERS, Inside, Site, Sockets, start

__all__ = [
    "IN_PROCESS",
    "KERNEL",
    "NETWORKS",
    "ForeignProcess",
    "Inside",
    "PeerProcess",
    "Recording",
    "World",
]

KERNEL: Final = "kernel"
IN_PROCESS: Final = "in-process"
NETWORKS: Final = ("auto", KERNEL, IN_PROCESS)

_ANSWER_S = 10
_END_S = 10


_NO_EXTRA: Final[Mapping[str, str]] = MappingProxyType({})


class World:
    """The world of one run. Not for two threads at once."""

    def __init__(self, keeper: Keeper, sockets: Sockets, site: Site, claim: Claim | None) -> None:
        """Use :meth:`open`. With an agent the network is the kernel's."""
        self.network = IN_PROCESS if sockets.agent is None else KERNEL
        self.facts: dict[str, str] = {"network": self.network}
        self.end_s: float = _END_S  # how long :meth:`close` waits; half of it before it kills
        self._keeper = keeper
        self._site = site
        self._zygote = Zygote(sockets.zygote, self._lost)
        self._agent = None if sockets.agent is None else Lines(sockets.agent, _ANSWER_S)
        self._spawner = None if sockets.spawner is None else Spawner(sockets.spawner, self._lost)
        self._ends = select.epoll()
        self._ends.register(self._zygote, select.EPOLLIN)
        if self._spawner is not None:
            self._ends.register(self._spawner, select.EPOLLIN)
        self._claim = claim
        self._peers: list[PeerProcess] = []
        self._recordings: list[Recording] = []
        self._closed = False

    @classmethod
    def open(
        cls,
        network: str,
        folder: Path,
        inside: Inside = OUR_PEERS,
        servers: tuple[Sid, ...] = (),
    ) -> Self:
        """Start a world; ``network`` is one of :data:`NETWORKS`. It logs to ``folder``.

        ``auto`` takes the kernel's network where this host allows it; the facts say why not.
        Each of ``servers`` gets a network namespace of its own, which only the kernel gives:
        what runs there reaches the others by their addresses, and binds what it likes.

        Raises:
            InfrastructureError: what was asked for is not possible here.
        """
        if network not in NETWORKS:
            raise InfrastructureError(
                f'there is no network "{network}"; use one of {", ".join(NETWORKS)}'
            )
        if servers and network == IN_PROCESS:
            raise InfrastructureError(
                "servers that are not ours need network namespaces, which the in-process "
                "network has not; use --network kernel or auto"
            )
        folder.mkdir(parents=True, exist_ok=True)
        why = "not asked for"
        if network != IN_PROCESS:
            try:
                site = Site(folder, ROUTED if servers else PRIVATE, servers)
                return cls._kernel(site, inside)
            except InfrastructureError as error:
                if network == KERNEL or servers:
                    raise
                why = str(error)
        claim = claim_block()
        site = Site(folder, claim.block)
        try:
            world = cls(*start(site, inside, kernel=False), site, claim)
        except InfrastructureError:
            claim.release()
            raise
        world.facts |= {
            "namespaces": "none",
            "namespaces_why": why,
            "addresses": str(claim.block),
        }
        return world

    @classmethod
    def _kernel(cls, site: Site, inside: Inside) -> Self:
        for sid in site.servers:
            host_of(site.addresses, sid)  # refused here if it has no address
        world = cls(*start(site, inside, kernel=True), site, None)
        try:
            world.await_ready()
        except InfrastructureError:
            world.close()
            raise
        return world

    @property
    def pid(self) -> int:
        """The process that everything in this world descends from, and dies with."""
        return self._keeper.pid

    def host_of(self, sid: Sid) -> str:
        """The address of a peer.

        Raises:
            InfrastructureError: the sid is too large for an address.
        """
        return host_of(self._site.addresses, sid)

    def netns_of(self, sid: Sid) -> str:
        """The file by which a process of this world enters the network namespace of ``sid``.

        Empty in a world where all share one. Outside of the world the file does not exist.

        Raises:
            InfrastructureError: the world was not opened with this server.
        """
        if not self._site.servers:
            return ""
        if sid not in self._site.servers:
            raise InfrastructureError(f"server {sid} is none of this world's servers")
        return str(self._site.netns / str(sid))

    def fork(self, birth_json: str) -> PeerProcess:
        """Have the zygote fork a peer from its birth; returns when the peer has said hello.

        Raises:
            InfrastructureError: it did not come up; the message holds its own reason.
        """
        return self.fork_all([birth_json])[0]

    def fork_all(self, births: Sequence[str]) -> list[PeerProcess]:
        """:meth:`fork` for many, which come up at the same time; in the order of ``births``.

        Raises:
            InfrastructureError: one did not come up; none of them is kept.
        """
        peers = self._zygote.fork_all(births)
        self._peers.extend(peers)
        return peers

    def attack(self, orders_json: str) -> PeerProcess:
        """Have the zygote fork an outsider; returns when it has said hello.

        Raises:
            InfrastructureError: it did not come up; the message holds its own reason.
        """
        self._peers.append(self._zygote.other("attack", orders_json))
        return self._peers[-1]

    def burn(self, orders_json: str) -> PeerProcess:
        """:meth:`attack`, for a worker that keeps a core busy."""
        self._peers.append(self._zygote.other("burn", orders_json))
        return self._peers[-1]

    def exits(self) -> list[tuple[int, int]]:
        """Peers that have ended since the last call: inner pid and status, negative for a signal.

        Raises:
            InfrastructureError: the zygote has ended, and every peer with it.
        """
        return self._zygote.exits()

    def capture(self, path: Path) -> Recording:
        """Write down what servers say to one another from now on, as a pcap file.

        Packets of the election and quorum ports, each once and as it left its sender, with
        times of CLOCK_MONOTONIC; see :mod:`chaos.sandbox.capture`.

        Raises:
            UnsupportedError: this world has no network of its own.
            InfrastructureError: the world has no servers, or the kernel does not allow it.
        """
        if not self._site.servers:
            raise InfrastructureError(
                "there is no hub to capture in; open the world with its servers"
            )
        recording = Recording(self._spawning(), path)
        self._recordings.append(recording)
        return recording

    def fileno(self) -> int:
        """Readable when :meth:`exits` or :meth:`spawn_exits` has something to say."""
        return self._ends.fileno()

    def spawn(
        self,
        sid: Sid | None,
        argv: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        env: Mapping[str, str] = _NO_EXTRA,
    ) -> ForeignProcess:
        """Run a program in the network namespace of ``sid``, or in the hub (``None``).

        It reads nothing, prints to the end of ``log``, has ``env`` added to the harness's own
        environment and a session of its own, and dies with the world.

        Raises:
            UnsupportedError: this world has no network of its own.
            InfrastructureError: it cannot be executed.
        """
        request: JsonObject = {
            "do": "spawn",
            "sid": sid,
            "argv": list(argv),
            "cwd": str(cwd.resolve()),
            "log": str(log.resolve()),
            "env": dict(env),
        }
        return self._spawning().start(request)

    def spawn_exits(self) -> list[tuple[int, int]]:
        """Programs that have ended since the last call: pid and status, negative for a signal.

        Raises:
            InfrastructureError: the world has ended.
        """
        return [] if self._spawner is None else self._spawner.exits()

    def block(
        self, name: str, cuts: Iterable[Cut | PortCut], how: How = How.SILENT
    ) -> Mapping[str, int | str]:
        """Stop packets of ``cuts`` until :meth:`unblock`; the rules have been read back.

        Answers ``backend``, ``rules``, ``keys`` (pairs and ports stopped) and ``connections``
        (sockets that a reset in both directions has ended).

        Raises:
            UnsupportedError: this world has no network of its own.
            InfrastructureError: the kernel refused.
        """
        asked: list[Json] = [cut_json(cut) for cut in cuts]
        return self._ask({"do": "block", "name": name, "cuts": asked, "how": how.value})

    def lose(self, name: str, cuts: Iterable[Cut | PortCut], ppm: int) -> Mapping[str, int | str]:
        """Lose ``ppm`` packets of a million of ``cuts`` until :meth:`unblock`, which counts them.

        Answers as :meth:`block` does. TCP sends again what is lost, so messages come late.

        Raises:
            UnsupportedError: this world has no network of its own.
            InfrastructureError: the kernel refused, or draws no lots.
        """
        if not 0 < ppm <= MILLION:
            raise InfrastructureError(f"cannot lose {ppm} packets of a million; use 1 to {MILLION}")
        asked: list[Json] = [cut_json(cut) for cut in cuts]
        return self._ask({"do": "lose", "name": name, "cuts": asked, "ppm": ppm})

    def unblock(self, name: str) -> Mapping[str, int | str]:
        """End a block; ``packets`` and ``bytes`` say what it stopped.

        Raises:
            UnsupportedError: this world has no network of its own.
            InfrastructureError: no such block, or the kernel refused.
        """
        return self._ask({"do": "unblock", "name": name})

    def close(self) -> None:
        """End and reap everything. Safe to call twice.

        Raises:
            InfrastructureError: something is left; names it.
        """
        if self._closed:
            return
        self._closed = True
        for recording in self._recordings:
            self.facts["capture"] = recording.account()
        self._zygote.close()
        if self._agent is not None:
            self._agent.close()
        if self._spawner is not None:
            self._spawner.close()
        self._ends.close()
        residue = self._end()
        for process in self._processes():
            process.close()
        if self._claim is not None:
            self._claim.release()
        if self._site.servers:
            with contextlib.suppress(FileNotFoundError):  # it did not get that far
                self._site.netns.rmdir()  # what was mounted there has gone with the world
        if residue:
            raise InfrastructureError(f"left behind: {', '.join(residue)}; end them by hand")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self) -> list[str]:
        """Wait until all of it is gone; what is not."""
        residue: list[str] = []
        half_s = self.end_s / 2
        if not self._keeper.ended_within(half_s):
            self._keeper.kill()
            if not self._keeper.ended_within(half_s):
                residue.append(f"process {self._keeper.pid} (inside)")
        residue.extend(
            f"process {one.pid} (of its world)"
            for one in self._processes()
            if not one.ended_within(int(half_s * 1000))
        )
        return residue

    def await_ready(self) -> None:
        """Wait until the namespaces stand; :meth:`open` does it."""
        ready = self._heard()
        match ready:
            case {"ready": dict(facts)}:
                self.facts |= {name: str(fact) for name, fact in facts.items()}
            case _:
                raise InfrastructureError(str(ready.get("error", ready)))

    def _processes(self) -> list[PeerProcess | ForeignProcess]:
        return [*self._peers, *([] if self._spawner is None else self._spawner.processes)]

    def _spawning(self) -> Spawner:
        if self._spawner is None:
            raise UnsupportedError(
                "the in-process network runs our own peers only; use --network kernel"
            )
        return self._spawner

    def _ask(self, message: JsonObject) -> Mapping[str, int | str]:
        if self._agent is None:
            raise UnsupportedError(
                "the in-process network has no packets to stop; ask the peers, or use kernel"
            )
        try:
            self._agent.send(message)
        except OSError as error:
            raise self._lost(f"the network agent does not listen: {error}") from error
        answer = self._heard()
        match answer:
            case {"done": dict(facts)}:
                return {k: v for k, v in facts.items() if isinstance(v, int | str)}
            case _:
                raise InfrastructureError(str(answer.get("error", answer)))

    def _heard(self) -> JsonObject:
        """The agent's next message."""
        assert self._agent is not None
        try:
            answer = self._agent.receive()
        except OSError as error:
            raise self._lost(f"the network agent does not answer: {error}") from error
        if answer is None:
            raise self._lost("the network agent has ended")
        return answer

    def _lost(self, what: str) -> InfrastructureError:
        words = self._keeper.last_words()
        said = f"; its log ends with: {words}" if words else ""
        return InfrastructureError(f"{what}{said} ({self._keeper.log})")
