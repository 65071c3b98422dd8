"""How many elections the simulator decides in a second of real time."""

from __future__ import annotations

import time

from chaos.election.effects import Decided
from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, PeerSetup
from chaos.history.events import Stepped
from chaos.sim.world import World

_ENOUGH_NS = 60_000_000_000  # virtual; an election of a healthy ensemble takes a fraction


def elections_per_second(n: int, seconds: float) -> float:
    """Elections of ``n`` peers, from nothing until all decided, at default timings."""
    began = time.monotonic_ns()
    until = began + round(seconds * 1e9)
    done = 0
    while True:
        decide(n, f"bench/{done}")
        done += 1
        now = time.monotonic_ns()
        if now >= until:
            return done * 1e9 / (now - began)


def decide(n: int, seed: str) -> int:
    """Run one election until all ``n`` peers have decided; the virtual time it took, in ns."""
    world = World(EnsembleSetup(tuple(PeerSetup(Sid(sid)) for sid in range(1, n + 1))), seed)
    for sid in world.hosts:
        world.launch(sid)
    zero = world.go()
    open_ = set(world.hosts)
    clock, seen = world.clock, world.seen
    while open_:
        assert clock.turn(zero + _ENOUGH_NS), f"seed {seed}: {sorted(open_)} never decided"
        while seen:
            event = seen.popleft()
            if isinstance(event, Stepped) and any(type(e) is Decided for e in event.effects):
                open_.discard(event.sid)
    return clock.now_ns - zero
