"""Worlds whose peers do as a test tells them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from chaos.election.ids import Sid
from chaos.sandbox.lines import Json
from chaos.systems.world import Inside, PeerProcess, World

HERE = str(Path(__file__).parent)


def obedient(backend: str = "") -> Inside:
    """A world of the fake zygote."""
    return Inside("fake_zygote:serve", (HERE,), backend)


@dataclass(frozen=True)
class Puppet:
    """A peer that does as it is told."""

    process: PeerProcess
    host: str

    def do(self, what: str, **how: str) -> Json:
        """Tell it, and wait for what it says: the outcome, or the name of an error."""
        self.process.control.settimeout(20)
        self.process.control.send(json.dumps({"do": what, "host": self.host, **how}).encode())
        found: Json = json.loads(self.process.control.recv(1 << 18))
        return found


def puppet(world: World, sid: int, **birth: str) -> Puppet:
    """Fork one."""
    process = world.fork(json.dumps({"sid": sid, **birth}))
    return Puppet(process, world.host_of(Sid(sid)))
