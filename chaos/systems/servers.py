"""Servers of Apache ZooKeeper in a run's world: started, held at the door, watched, ended.

A server that has started loads classes for a second before it looks for a leader. So each is
stopped (SIGSTOP) as soon as its log says that it looks, and all of them go on at time zero:
no start of a JVM is part of any time.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from chaos.election.config import Configuration
from chaos.election.effects import PersistConfig
from chaos.election.ids import PeerEpoch, Sid, Zxid, wrap64
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.errors import InfrastructureError
from chaos.history.events import Appeared, Event, Exited, Seen, Source
from chaos.systems.starts import Starts
from chaos.systems.world import ForeignProcess, World
from chaos.zookeeper.dynamic import in_force
from chaos.zookeeper.installation import Installation
from chaos.zookeeper.log import LogReader, Watched
from chaos.zookeeper.server import Server as Files
from chaos.zookeeper.server import command, write_files

PROGRAM: Final = "zookeeper"
DOOR: Final = re.compile(r"New election\. My id = +\d+, proposed zxid=0x([0-9a-f]+)$")
LOG: Final = "server.log"
_WRONG: Final = re.compile(r" (ERROR|FATAL) |^(Caused by|Error|Exception)")
_LOOK_S: Final = 0.002
_START_S: Final = 60  # a JVM on a busy machine; a start takes about a second
_CONFIG_NS: Final = 20_000_000  # between two looks at a server's configuration
_TAKE_NS: Final = 5_000_000_000  # for a committed configuration to take force
_END_NS: Final = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """What every server of a run is started from. ``folder`` holds a folder for each."""

    setup: EnsembleSetup
    configs: Mapping[Sid, Configuration]
    installation: Installation
    folder: Path
    archive: Path | None = None


@dataclass(slots=True)
class Server:
    """One start of one server."""

    sid: Sid
    inc: int
    process: ForeignProcess
    log: BinaryIO
    reader: LogReader
    config: Configuration  # in force, as far as it was seen
    torn: bytes = b""
    early: list[str] = field(default_factory=list)  # lines until it stands
    stands: bool = False
    held: bool = False  # stopped by us until time zero
    looked_ns: int = 0  # when its configuration was read last
    alive: bool = True


class Servers:
    """The servers of one run."""

    def __init__(self, world: World, stage: Stage, starts: Starts) -> None:
        self._world = world
        self._stage = stage
        self._starts = starts
        self._servers: dict[Sid, Server] = {}
        self._found: deque[Event] = deque()
        self._gone = False
        self.under_way = False

    def start(self) -> None:
        """Start every server and stop each at the door.

        Raises:
            InfrastructureError: one did not get there; its log's last lines say why.
        """
        for sid in sorted(self._stage.configs):
            self.spawn(sid)
        deadline = time.monotonic() + _START_S
        while not all(server.held for server in self._servers.values()):
            self._read_all()
            self._exits()
            for server in self._servers.values():
                self._hold(server)
                if not server.alive or time.monotonic() > deadline:
                    raise InfrastructureError(self._why_not(server))
            time.sleep(_LOOK_S)

    def go(self) -> None:
        """Let all go on, and look for a leader."""
        self.under_way = True
        for server in self._servers.values():
            if server.alive and server.held:
                server.held = False
                server.process.signal(signal.SIGCONT)

    def look(self) -> Iterator[Event]:
        """What the logs have told, and who has ended, since the last call."""
        self._read_all()
        self._read_configs()
        if not self._gone:
            self._exits()
        while self._found:
            yield self._found.popleft()

    def spawn(self, sid: Sid, *, wiped: bool = False) -> Server:
        """Start a server; it stands when its log says that it looks for a leader.

        ``wiped``: it has lost its disk, and with it the epochs and zxid of the plan.
        """
        stage, folder = self._stage, self.home(sid)
        setup = self.setup(sid)
        if wiped:
            _forget(folder)
            none = PeerEpoch(0)
            setup = replace(setup, zxid=Zxid(0), accepted_epoch=none, current_epoch=none)
        if wiped or not folder.is_dir():
            timings, enabled = stage.setup.timings, stage.setup.reconfig_enabled
            write_files(folder, Files(setup, stage.configs[sid], timings, enabled))
        log = folder / LOG
        log.touch()
        ahead = log.stat().st_size
        began_ns = time.monotonic_ns()
        argv = command(stage.installation, folder, stage.archive)
        process = self._world.spawn(sid, argv, cwd=folder, log=log)
        file = log.open("rb", buffering=0)
        file.seek(ahead)
        inc = self._starts.began(sid, began_ns)
        offset_ns = time.monotonic_ns() - time.time_ns()
        config = in_force(folder, stage.configs[sid].version) or stage.configs[sid]
        hosts = {self._world.host_of(one): one for one in config.members}
        watched = Watched(sid, inc, offset_ns, config.verifier, hosts)
        reader = LogReader(watched, partial(self._line, sid), partial(self._epoch, sid))
        server = Server(sid, inc, process, file, reader, config)
        self._servers[sid] = server
        return server

    def server(self, sid: Sid) -> Server | None:
        """Server ``sid`` if it is up."""
        found = self._servers.get(sid)
        return found if found is not None and found.alive else None

    def servers(self) -> list[Server]:
        """The servers that are up, ascending."""
        return [server for _, server in sorted(self._servers.items()) if server.alive]

    def home(self, sid: Sid) -> Path:
        """The folder of one server: its files, its data, its log."""
        return self._stage.folder / str(sid)

    def config(self, sid: Sid) -> Configuration:
        """What server ``sid`` had in force when it was last looked at."""
        return self._servers[sid].config

    def newest_version(self) -> int:
        """The highest version of a configuration in force at any server."""
        return max(server.config.version for server in self._servers.values())

    def takes(self, wanted: Configuration, above: int) -> int | None:
        """Wait until ``wanted`` is in force somewhere, newer than ``above``; its version."""
        deadline = time.monotonic_ns() + _TAKE_NS
        while time.monotonic_ns() < deadline:
            for server in self._servers.values():
                self._read_config(server)
                held = server.config
                same = replace(wanted, version=held.version).text() == held.text()
                if same and held.version > above:
                    return held.version
            time.sleep(_LOOK_S)
        return None

    def holds(self, sid: Sid, version: int) -> bool:
        """Wait until server ``sid`` has a configuration of ``version`` in force, or a newer one."""
        deadline = time.monotonic_ns() + _TAKE_NS
        while self._servers[sid].config.version < version:
            if time.monotonic_ns() > deadline:
                return False
            time.sleep(_LOOK_S)
            self._read_config(self._servers[sid])
        return True

    def knows(self, sid: Sid) -> bool:
        """Whether ``sid`` is one of these servers, up or down."""
        return sid in self._stage.configs

    def setup(self, sid: Sid) -> PeerSetup:
        """A server as the plan describes it."""
        return next(peer for peer in self._stage.setup.peers if peer.sid == sid)

    def reap(self, sid: Sid) -> int:
        """Wait until ``sid`` is reaped; its exit status, negative for a signal.

        Raises:
            InfrastructureError: it is still there after ten seconds.
        """
        server = self._servers[sid]
        deadline = time.monotonic_ns() + _END_NS
        while server.alive:
            self._exits()
            if time.monotonic_ns() > deadline:
                pid = server.process.pid
                raise InfrastructureError(f"server {sid} (pid {pid}) does not end")
            if server.alive:
                time.sleep(_LOOK_S / 10)
        ends = [e for e in self._found if isinstance(e, Exited) and e.sid == sid]
        return ends[-1].status

    def let_go(self) -> None:
        """The world is gone: read what the logs still have."""
        self._gone = True
        self._read_all()
        for server in self._servers.values():
            server.log.close()

    # ----

    def _line(self, sid: Sid) -> int:
        """The number of the next line of the start that is up."""
        line = self._starts.line(sid, time.monotonic_ns())
        assert line is not None, f"server {sid} was never started"
        return line[1]

    def _epoch(self, sid: Sid, name: str = "currentEpoch") -> PeerEpoch | None:
        """An epoch as a server's disk holds it."""
        path = self.home(sid) / "data" / "version-2" / name
        try:
            return PeerEpoch(int(path.read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError):
            return None

    def _hold(self, server: Server) -> None:
        if server.stands and not server.held and server.alive:
            server.process.signal(signal.SIGSTOP)
            server.held = True

    def _read_all(self) -> None:
        for server in self._servers.values():
            if not server.log.closed:
                self._read(server)

    def _read(self, server: Server) -> None:
        data = server.log.read()
        if not data:
            return
        *lines, server.torn = (server.torn + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            if server.stands:
                self._found.extend(server.reader.feed(text))
            else:
                self._await_door(server, text)

    def _await_door(self, server: Server, text: str) -> None:
        """A server stands when it has begun its first election; then its lines count."""
        server.early.append(text)
        door = DOOR.search(text)
        if door is None:
            return
        server.stands = True
        told = [seen for line in server.early for seen in server.reader.feed(line)]
        # By its log: read late, it might seem to have begun after what it did first.
        at_ns = min(
            [server.reader.stamp_ns(text) or time.monotonic_ns(), *(seen.since_ns for seen in told)]
        )
        zxid = Zxid(wrap64(int(door.group(1), 16)))
        self._found.append(self._appeared(server, zxid, at_ns))
        self._found.extend(told)
        server.early.clear()

    def _appeared(self, server: Server, zxid: Zxid, at_ns: int) -> Appeared:
        setup = self.setup(server.sid)
        return Appeared(
            at_ns=at_ns,
            sid=server.sid,
            inc=server.inc,
            seq=0,
            pid=server.process.pid,
            kind=PROGRAM,
            version=self._stage.installation.version,
            config=server.config.text(),
            accepted_epoch=self._epoch(server.sid, "acceptedEpoch") or PeerEpoch(0),
            current_epoch=self._epoch(server.sid) or PeerEpoch(0),
            zxid=zxid if setup.votes else setup.zxid,  # an observer proposes none of its own
        )

    def _read_configs(self) -> None:
        now = time.monotonic_ns()
        for server in self._servers.values():
            if server.stands and server.alive and now - server.looked_ns > _CONFIG_NS:
                self._read_config(server)

    def _read_config(self, server: Server) -> None:
        """A configuration that took force shows in the server's folder."""
        since_ns, server.looked_ns = server.looked_ns, time.monotonic_ns()
        config = in_force(self.home(server.sid), server.config.version)
        if config is None:
            return
        server.config = config
        server.reader.count_by(config.verifier)
        effect = PersistConfig(config.text(), active=True)
        text = f"its configuration of version {config.version:x} is in force"
        at_ns, seq = time.monotonic_ns(), self._starts.number(server.sid, server.inc)
        self._found.append(
            Seen(at_ns, server.sid, server.inc, seq, since_ns, Source.PROBE, None, (effect,), text)
        )

    def _exits(self) -> None:
        for pid, status in self._world.spawn_exits():
            for server in self._servers.values():
                if server.process.pid == pid and server.alive:
                    self._read(server)
                    server.log.close()
                    server.alive = False
                    gone = Exited(time.monotonic_ns(), server.sid, server.inc, status)
                    self._found.append(gone)

    def _why_not(self, server: Server) -> str:
        path = self.home(server.sid) / LOG
        every = path.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = [line for line in every if _WRONG.search(line)][-3:] or every[-3:]
        how = "has ended" if not server.alive else f"does not look for a leader after {_START_S} s"
        said = " | ".join(lines) or "nothing"
        return f"server {server.sid} {how}; its log says: {said} ({path})"


def _forget(folder: Path) -> None:
    """Nothing is left of a server but its log, which is ours."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOG:
            path.unlink()
