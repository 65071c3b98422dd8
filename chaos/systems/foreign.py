"""How each action is done to servers of somebody else's, and what proves it."""

from __future__ import annotations

import signal
import time
from typing import Final

from chaos import actions as act
from chaos.actions import Action, Evidence
from chaos.election.config import Configuration, parse_configuration
from chaos.election.ids import Sid, Zxid
from chaos.errors import InfrastructureError, UnsupportedError
from chaos.systems.clients import Clients, Reply
from chaos.systems.servers import Server, Servers
from chaos.systems.world import World
from chaos.zookeeper import disk

_STOP_NS: Final = 2_000_000_000  # the kernel stops a process within microseconds
_COMMIT_MS: Final = 4000  # for a session and a reconfiguration
_TERMINATED: Final = (0, 143)  # a JVM ends with 128 + SIGTERM where no hook says otherwise


class ForeignHands:
    """Does actions to the servers of one driver."""

    def __init__(self, servers: Servers, world: World, clients: Clients) -> None:
        self._servers = servers
        self._world = world
        self._clients = clients
        self._losses: set[str] = set()
        self._committed: dict[str, int | str] = {}  # what became of each configuration
        self._loads: dict[str, bool] = {}  # workloads, and whether they go on

    def workloads(self) -> tuple[str, ...]:
        """The workloads that clients had, by name; those that go on are ended if they can be."""
        for name, goes_on in self._loads.items():
            if goes_on:
                self.do(act.Unload(name))
        return tuple(sorted(self._loads))

    def do(self, action: Action) -> Evidence | None:
        """Do ``action``; ``None`` where it concerns none of these servers.

        What cannot be done is evidence that it did not happen.
        """
        try:
            return self._do(action)
        except (InfrastructureError, UnsupportedError, ProcessLookupError) as error:
            return Evidence(False, {"error": str(error)})

    # ----

    def _do(self, action: Action) -> Evidence | None:  # noqa: PLR0911 - one return for each kind
        match action:
            case act.Kill() | act.Terminate():
                return self._end(action)
            case act.Launch():
                return self._launch(action)
            case act.Pause() | act.Resume():
                return self._stop(action)
            case act.Lose():
                return self._lose(action)
            case act.Clear():
                return self._clear(action.name)
            case act.SetEpochs() | act.SetZxid():
                return self._data(action)
            case act.Load() | act.Unload():
                return self._work(action)
            case act.Configure():
                return self._configure(action)
            case _:
                kind = type(action).__name__
                return Evidence(False, {"error": f"{kind} cannot be done to a ZooKeeper server"})

    def _up(self, sid: Sid) -> Server:
        server = self._servers.server(sid)
        if server is None:
            raise InfrastructureError(f"server {sid} is down")
        return server

    # ---- processes

    def _end(self, action: act.Kill | act.Terminate) -> Evidence:
        server = self._up(action.sid)
        killed = isinstance(action, act.Kill)
        number = signal.SIGKILL if killed else signal.SIGTERM
        server.process.signal(number)
        status = self._servers.reap(action.sid)
        wanted = (-number,) if killed else _TERMINATED
        return Evidence(status in wanted, {"pid": server.process.pid, "status": status})

    def _launch(self, action: act.Launch) -> Evidence:
        if self._servers.server(action.sid) is not None:
            return Evidence(False, {"error": f"server {action.sid} is up already"})
        server = self._servers.spawn(action.sid, wiped=action.wipe)
        return Evidence(True, {"pid": server.process.pid, "inc": server.inc})

    def _stop(self, action: act.Pause | act.Resume) -> Evidence:
        server = self._up(action.sid)
        pause = isinstance(action, act.Pause)
        if not pause and server.held and not self._servers.under_way:
            return Evidence(True, {"pid": server.process.pid, "state": "held until time zero"})
        server.process.signal(signal.SIGSTOP if pause else signal.SIGCONT)
        server.held = False  # time zero lets go only those that nothing else stops
        deadline = time.monotonic_ns() + _STOP_NS
        while (server.process.state == "T") is not pause and time.monotonic_ns() < deadline:
            time.sleep(0.0002)
        state = server.process.state
        done = (state == "T") is pause
        return Evidence(done, {"pid": server.process.pid, "state": state})

    # ---- packets

    def harm(self, action: act.Messages) -> Evidence | None:
        """What cannot be: a server of somebody else's does nothing to its own messages.

        ``None`` where all that is to be harmed is sent by our own peers.
        """
        theirs = sorted({cut.source for cut in action.links if self._servers.knows(cut.source)})
        if not theirs:
            return None
        what = "holds no message back" if isinstance(action, act.Slow) else "harms no message"
        why = f"server {theirs[0]} {what}; do it to links from our own peers only"
        return Evidence(False, {"error": why})

    def _lose(self, action: act.Lose) -> Evidence | None:
        """Lose packets between servers: TCP sends them again, later."""
        cuts = tuple(cut for cut in action.links if self._servers.knows(cut.source))
        if not cuts:
            return None
        facts = self._world.lose(action.name, cuts, action.ppm)
        self._losses.add(action.name)
        return Evidence(None, facts)

    def _clear(self, name: str) -> Evidence | None:
        if name not in self._losses:
            return None
        self._losses.discard(name)
        facts = self._world.unblock(name)
        packets = facts.get("packets", 0)
        return Evidence(isinstance(packets, int) and packets > 0, facts)

    # ---- by clients

    def _work(self, action: act.Load | act.Unload) -> Evidence:
        """Writes go to whichever server takes the client, which hands them to the leader."""
        if isinstance(action, act.Load):
            rate, payload = action.per_s, action.payload
            told = self._clients.ask("load", name=action.name, per_s=rate, payload=payload)
            self._loads[action.name] = True
            return Evidence(None, _plain(told))
        self._loads[action.name] = False
        counts = _plain(self._clients.ask("unload", name=action.name))
        return Evidence(bool(counts.get("acknowledged")), counts)

    def _configure(self, action: act.Configure) -> Evidence:
        """By a client's reconfiguration: the leader gives the version, all members hear of it."""
        if not action.activate:
            return Evidence(False, {"error": "a real server takes no configuration in advance"})
        self._up(action.sid)
        if action.config not in self._committed:
            self._committed[action.config] = self._commit(parse_configuration(action.config))
        version = self._committed[action.config]
        if isinstance(version, str):
            return Evidence(False, {"error": version})
        held = self._servers.holds(action.sid, version)
        return Evidence(held, {"version in force": f"{version:x}"} if held else {})

    def _commit(self, wanted: Configuration) -> int | str:
        """The version that the leader gives ``wanted``, for all members at once; or why not."""
        *members, _ = wanted.text().splitlines()
        before = self._servers.newest_version()
        try:
            told = self._clients.ask(
                "reconfigure", members=",".join(members), timeout_ms=_COMMIT_MS
            )
        except InfrastructureError as error:
            # A leader that is to lead no more commits and goes, and the client's answer with it.
            return self._servers.takes(wanted, before) or str(error)
        return parse_configuration(str(told["config"])).version

    # ---- data

    def _data(self, action: act.SetEpochs | act.SetZxid) -> Evidence:
        sid = action.sid
        if self._servers.server(sid) is not None:
            what = "epochs" if isinstance(action, act.SetEpochs) else "zxid"
            why = f"server {sid} runs, and a running one keeps its {what} in memory"
            return Evidence(False, {"error": f"{why}; set them while it is down"})
        folder = self._servers.home(sid) / "data"
        if isinstance(action, act.SetZxid):
            disk.set_zxid(folder, Zxid(action.zxid), self._servers.config(sid).text())
            return Evidence(True, {"zxid on disk": action.zxid})
        disk.set_epochs(folder, action.accepted, action.current)
        asked = {"acceptedEpoch": action.accepted, "currentEpoch": action.current}
        given = {name: value for name, value in asked.items() if value is not None}
        return Evidence(True, {f"{name} on disk": value for name, value in given.items()})


def _plain(told: Reply) -> dict[str, int | str]:
    return {
        key: value for key, value in told.items() if key != "ok" and isinstance(value, int | str)
    }
