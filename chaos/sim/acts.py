"""How each action is done to a simulated ensemble, and what proves it.

The facts carry the names that real processes give them.
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos import actions as act
from chaos.actions import Action, Evidence
from chaos.election.effects import Input, Reconfigure, SkewEpochs, SkewRound, SkewZxid, Work
from chaos.election.ids import PeerEpoch, Sid, Zxid
from chaos.ensemble import EnsembleSetup
from chaos.sim.disk import Spoil
from chaos.sim.outsider import HOST
from chaos.sim.process import Process
from chaos.sim.world import World, teach

_SIGKILL = 9
_TOUCHED = ("delayed", "lost", *act.HARMED)


class _CannotError(Exception):
    """The action cannot take effect as things are; the message says why."""


class Acts:
    """Does actions to one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._before = Zxid(0)  # what was committed when the workload began

    def slow_links(self, setup: EnsembleSetup) -> None:
        """Put the latencies in place that the ensemble has from the start."""
        for number, link in enumerate(setup.links):
            cut = act.Cut(link.source, link.target)
            self._rule(act.Slow(f"links-{number}", (cut,), link.latency_ns, link.jitter_ns))

    def do(self, action: Action) -> Evidence:
        """Do ``action``; what cannot be done is evidence that it did not happen."""
        try:
            return self._do(action)
        except _CannotError as error:
            return Evidence(False, {"error": str(error)})

    def _do(self, action: Action) -> Evidence:  # noqa: PLR0911 - one return for each kind
        match action:
            case act.Kill() | act.Terminate() | act.Launch() | act.Pause() | act.Resume():
                return self._process(action)
            case act.Block() | act.Unblock():
                return self._cut(action)
            case act.Clear():
                return self._clear(action.name)
            case _ if isinstance(action, act.Messages):
                return self._rule(action)
            case act.Load() | act.Unload():
                return self._workload(action)
            case act.Hold() | act.LetGo():
                return self._gate(action)
            case act.Attack() | act.CallOff():
                return self._attack(action)
            case act.SpoilDisk() | act.MendDisk():
                return self._spoil(action)
            case _:
                return self._inside(action)

    # ---- processes

    def _process(
        self, action: act.Kill | act.Terminate | act.Launch | act.Pause | act.Resume
    ) -> Evidence:
        match action:
            case act.Kill():
                return self._kill(self._up(action.sid))
            case act.Terminate():
                return self._terminate(self._running(action.sid))
            case act.Launch():
                return self._launch(action)
            case act.Pause():
                process = self._up(action.sid)
                process.pause()
                return Evidence(True, {"pid": process.pid, "state": "T"})
            case act.Resume():
                process = self._up(action.sid)
                process.resume()
                self._catch_up(process)
                return Evidence(True, {"pid": process.pid, "state": "running"})

    def _kill(self, process: Process) -> Evidence:
        process.die()
        self._world.gone(process.sid, -_SIGKILL)
        facts = {"pid": process.pid, "signal": _SIGKILL, "status": -_SIGKILL}
        return Evidence(True, facts)

    def _terminate(self, process: Process) -> Evidence:
        process.terminate()
        self._world.gone(process.sid, 0)
        return Evidence(True, {"pid": process.pid, "status": 0})

    def _launch(self, action: act.Launch) -> Evidence:
        host = self._world.hosts.get(action.sid)
        if host is None:
            raise _CannotError(f"there is no peer {action.sid}")
        if host.process is not None:
            raise _CannotError(f"peer {action.sid} is up already")
        if action.wipe:
            host.disk.wipe()
        process = self._world.launch(action.sid)
        if self._world.load is not None:
            process.tell(_work(self._world.load))
        return Evidence(True, {"pid": process.pid, "inc": process.inc})

    # ---- blocks

    def _cut(self, action: act.Block | act.Unblock) -> Evidence:
        if isinstance(action, act.Unblock):
            return self._unblock(action.name)
        return self._block(action)

    def _block(self, action: act.Block) -> Evidence:
        network = self._world.network
        if action.name in network.blocks:
            raise _CannotError(f"a block is called {action.name} already")
        network.blocks.place(action)
        network.changed()
        return Evidence(None, {"cuts": len(action.cuts)})

    def _unblock(self, name: str) -> Evidence:
        network = self._world.network
        packets = network.blocks.lift(name)
        if packets is None:
            raise _CannotError(f"nothing is blocked under {name}")
        network.changed()
        return Evidence(packets > 0, {"packets": packets})

    # ---- message faults

    def _rule(self, rule: act.Messages) -> Evidence:
        if rule.name in self._world.rules:
            raise _CannotError(f"a message fault is called {rule.name} already")
        self._world.rules[rule.name] = rule
        touched = [process for process in self._world.processes() if teach(process, rule)]
        return Evidence(None if touched else False, {"peers": len(touched)})

    def _clear(self, name: str) -> Evidence:
        if self._world.rules.pop(name, None) is None:
            raise _CannotError(f"no message fault is called {name}")
        total = _sum(process.clear(name) for process in self._world.processes())
        return Evidence(any(total.get(key, 0) for key in _TOUCHED), total)

    # ---- workloads

    def _workload(self, action: act.Load | act.Unload) -> Evidence:
        if isinstance(action, act.Unload):
            return self._unload(action.name)
        return self._load(action)

    def _load(self, load: act.Load) -> Evidence:
        world = self._world
        if world.load is not None:
            raise _CannotError(f"workload {world.load.name} goes on; end it first")
        world.load = load
        self._before = max((p.committed(Zxid(0))[0] for p in world.processes()), default=Zxid(0))
        told = self._tell_work(_work(load))
        return Evidence(None, {"peers": told})

    def _unload(self, name: str) -> Evidence:
        world = self._world
        if world.load is None or world.load.name != name:
            raise _CannotError(f"no workload is called {name}")
        world.load = None
        counts = [process.committed(self._before)[1] for process in world.processes()]
        self._tell_work(Work(0))
        committed = max(counts, default=0)
        return Evidence(committed > 0, {"committed": committed})

    def _tell_work(self, work: Work) -> int:
        """Tell every peer that takes orders; the others hear of it when they do again."""
        awake = [process for process in self._world.processes() if not process.paused]
        for process in awake:
            process.tell(work)
        return len(awake)

    def _catch_up(self, process: Process) -> None:
        """A workload may have begun or ended while it was stopped."""
        load = self._world.load
        work = Work(0) if load is None else _work(load)
        if process.work != work:
            process.tell(work)

    # ---- gates

    def _gate(self, action: act.Hold | act.LetGo) -> Evidence:
        world = self._world
        there = [one for sid in action.sids if (one := world.process(sid)) is not None]
        if isinstance(action, act.Hold):
            world.holds[action.name] = action
            for process in there:
                process.arm(action)
            return Evidence(True, {"armed": len(there)})
        held = sum(process.let_go(action.name, again=action.again) for process in there)
        if not action.again:
            world.left_off(action)
        return Evidence(True, {"held": held})

    # ---- outsiders

    def _attack(self, action: act.Attack | act.CallOff) -> Evidence:
        outsiders = self._world.outsiders
        if isinstance(action, act.Attack):
            if action.name in outsiders:
                raise _CannotError(f"an attack is called {action.name} already")
            self._world.attack(action)
            return Evidence(None, {"from": HOST})
        outsider = outsiders.pop(action.name, None)
        if outsider is None:
            raise _CannotError(f"no attack is called {action.name}")
        counts = outsider.call_off()
        return Evidence(counts["connections"] > 0, counts)

    # ---- disks

    def _spoil(self, action: act.SpoilDisk | act.MendDisk) -> Evidence:
        hosts = self._world.hosts.values()
        if isinstance(action, act.MendDisk):
            return self._mend(action.name)
        if any(action.name in host.disk.spoils for host in hosts):
            raise _CannotError(f"a disk fault is called {action.name} already")
        found = [host for host in hosts if host.sid in action.sids]
        for host in found:
            host.disk.spoils[action.name] = Spoil(action.lag_ns)
        touched = sum(host.process is not None for host in found)
        return Evidence(None if touched else False, {"peers": touched})

    def _mend(self, name: str) -> Evidence:
        found = [host for host in self._world.hosts.values() if name in host.disk.spoils]
        if not found:
            raise _CannotError(f"no disk fault is called {name}")
        spoils = [host.disk.spoils.pop(name) for host in found]
        delayed = sum(spoil.delayed for spoil in spoils)
        late_us = sum(spoil.delayed * spoil.lag_ns for spoil in spoils) // 1000
        if spoils[0].lag_ns:
            return Evidence(delayed > 0, {"delayed": delayed, "late_us": late_us})
        return Evidence(None, {"down": sum(host.process is None for host in found)})

    # ---- inside a peer

    def _inside(self, action: Action) -> Evidence:
        match action:
            case act.SkewTimers():
                return self._timers(action)
            case act.TurnRound():
                return self._input(action.sid, SkewRound(action.by, action.to))
            case act.Configure():
                return self._input(action.sid, Reconfigure(action.config, action.activate))
            case act.SetZxid():
                if self._world.process(action.sid) is None:
                    return self._write(action.sid, {"zxid": action.zxid})
                return self._input(action.sid, SkewZxid(Zxid(action.zxid)))
            case act.SetEpochs():
                return self._epochs(action)
            case act.Burn() | act.Cool():
                raise _CannotError("a simulation has no cores to be busy on")
            case _:
                raise AssertionError(f"{type(action).__name__} is done elsewhere")

    def _timers(self, action: act.SkewTimers) -> Evidence:
        if action.rate_ppm < 1:
            raise _CannotError(f"timers cannot run at {action.rate_ppm} ppm; give 1 or more")
        process = self._running(action.sid)
        moved = process.timers.skew(action.rate_ppm, action.offset_ns)
        facts = {"rate_ppm": action.rate_ppm, "offset_ns": action.offset_ns, "timers": moved}
        return Evidence(True, facts)

    def _epochs(self, action: act.SetEpochs) -> Evidence:
        given = {"acceptedEpoch": action.accepted, "currentEpoch": action.current}
        if self._world.process(action.sid) is None:
            found = {name: value for name, value in given.items() if value is not None}
            return self._write(action.sid, found)
        accepted, current = (
            None if value is None else PeerEpoch(value) for value in given.values()
        )
        return self._input(action.sid, SkewEpochs(accepted, current))

    def _input(self, sid: Sid, happened: Input) -> Evidence:
        seq = self._running(sid).tell(happened)
        return Evidence(True, {"at_ns": self._world.clock.now_ns, "seq": seq})

    def _write(self, sid: Sid, values: dict[str, int]) -> Evidence:
        host = self._world.hosts.get(sid)
        if host is None:
            raise _CannotError(f"there is no peer {sid}")
        for name, value in values.items():
            host.disk.write(name, value)
        return Evidence(True, {f"{name} on disk": value for name, value in values.items()})

    # ----

    def _up(self, sid: Sid) -> Process:
        process = self._world.process(sid)
        if process is None:
            raise _CannotError(f"peer {sid} is down")
        return process

    def _running(self, sid: Sid) -> Process:
        process = self._up(sid)
        if process.paused:
            raise _CannotError(f"peer {sid} is stopped and takes no orders; resume it first")
        return process


def _work(load: act.Load) -> Work:
    return Work(load.per_s, load.payload)


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for key, value in count.items():
            total[key] = total.get(key, 0) + value
    return total
