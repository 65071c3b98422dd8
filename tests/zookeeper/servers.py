"""Real servers on addresses of loopback that no other test run uses."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import MappingProxyType

import psutil

from chaos.election.config import Address, Configuration
from chaos.election.effects import Effect
from chaos.election.ids import PeerEpoch, Sid
from chaos.ensemble import EnsembleSetup, configuration_of
from chaos.zookeeper.installation import Installation
from chaos.zookeeper.log import LogReader, Watched
from chaos.zookeeper.server import CLIENT_PORT, Server, command, write_files
from chaos.zookeeper.words import Srvr, ask, parse_srvr

_WAIT_S = 30
_LOOK_S = 0.01
_TURNS = count(1)


class Servers:
    """An ensemble of real servers; each has its address, so all have the same ports."""

    def __init__(
        self, installation: Installation, folder: Path, setup: EnsembleSetup, archive: Path | None
    ) -> None:
        self._installation = installation
        self._folder = folder
        self._setup = setup
        self._archive = archive
        pid = os.getpid()
        self._net = f"127.{100 + pid % 100}.{(pid // 100 + next(_TURNS)) % 250}"
        self._running: dict[Sid, subprocess.Popen[bytes]] = {}
        for peer in setup.peers:
            config = self.configuration(peer.config_version)
            server = Server(peer, config, setup.timings, setup.reconfig_enabled)
            write_files(folder / str(peer.sid), server)

    def give(self, sid: Sid, config: Configuration, proposed: Configuration | None = None) -> None:
        """Give a server that has not run another list, and perhaps one that is proposed."""
        peer = next(one for one in self._setup.peers if one.sid == sid)
        peer = replace(peer, votes=config.members[sid].votes if sid in config.members else True)
        folder = self._folder / str(sid)
        shutil.rmtree(folder)
        write_files(folder, Server(peer, config, self._setup.timings, self._setup.reconfig_enabled))
        if proposed is not None:
            (folder / "zoo.cfg.dynamic.next").write_text(proposed.text(), encoding="utf-8")

    @property
    def sids(self) -> tuple[Sid, ...]:
        return self._setup.sids

    def host(self, sid: Sid) -> str:
        return f"{self._net}.{sid}"

    def client(self, sid: Sid) -> Address:
        return Address(self.host(sid), CLIENT_PORT)

    def configuration(self, version: int = 0) -> Configuration:
        bare = configuration_of(self._setup, self.host, version)
        members = {
            sid: replace(member, client=self.client(sid)) for sid, member in bare.members.items()
        }
        return replace(bare, members=MappingProxyType(members))

    def config_file(self, sid: Sid) -> Path:
        return self._folder / str(sid) / "zoo.cfg"

    def data(self, sid: Sid) -> Path:
        return self._folder / str(sid) / "data" / "version-2"

    def start(self, *sids: Sid) -> None:
        for sid in sids:
            with (self._folder / str(sid) / "log").open("ab") as log:
                self._running[sid] = subprocess.Popen(
                    command(self._installation, self._folder / str(sid), self._archive),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )

    def signal(self, sid: Sid, number: signal.Signals) -> None:
        self._running[sid].send_signal(number)

    def stop(self, sid: Sid) -> None:
        """SIGSTOP, and wait until all its threads have taken it."""
        process = psutil.Process(self._running[sid].pid)
        process.suspend()
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED)

    def kill(self, *sids: Sid) -> None:
        for sid in sids:
            self._running[sid].kill()
        for sid in sids:
            self._running.pop(sid).wait()

    def close(self) -> None:
        self.kill(*self._running)

    def ended(self) -> dict[Sid, int]:
        return {
            sid: process.returncode
            for sid, process in self._running.items()
            if process.poll() is not None
        }

    # ---- what they say

    def log(self, sid: Sid) -> str:
        return (self._folder / str(sid) / "log").read_text(encoding="utf-8", errors="replace")

    def epoch(self, sid: Sid) -> PeerEpoch:
        return PeerEpoch(int((self.data(sid) / "currentEpoch").read_text(encoding="ascii")))

    def effects(self, sid: Sid) -> list[Effect]:
        """What its log tells. A learner's epoch is that of its disk now."""
        watched = Watched(sid, 0, 0, self.configuration().verifier)
        reading = LogReader(watched, count(1).__next__, lambda: self.epoch(sid))
        found = (seen for line in self.log(sid).splitlines() for seen in reading.feed(line))
        return [effect for seen in found for effect in seen.effects]

    def srvr(self, sid: Sid) -> Srvr:
        return parse_srvr(ask(self.host(sid), CLIENT_PORT, "srvr", 1.0))

    def modes(self, sids: Iterable[Sid]) -> dict[Sid, str]:
        return {sid: self.srvr(sid).mode for sid in sids}

    def serving(self, *sids: Sid) -> Sid:
        """Wait until all of ``sids`` serve; the one that leads."""
        found: dict[Sid, str] = {}

        def all_serve() -> bool:
            found.update(self.modes(sids or self.sids))
            return "leader" in found.values() and "" not in found.values()

        wait_until(all_serve, lambda: f"{found}, ended: {self.ended()}")
        (leader,) = (sid for sid, mode in found.items() if mode == "leader")
        return leader


def wait_until(holds: Callable[[], bool], otherwise: Callable[[], str] = lambda: "") -> None:
    deadline_ns = time.monotonic_ns() + _WAIT_S * 10**9
    while not holds():
        assert time.monotonic_ns() < deadline_ns, otherwise()
        time.sleep(_LOOK_S)  # noqa: TID251  nothing else tells when a server of others is ready
