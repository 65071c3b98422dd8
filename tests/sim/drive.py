"""A simulated ensemble under test, with the view of it that a runner keeps."""

from __future__ import annotations

from collections.abc import Callable

from chaos.actions import Action, Evidence
from chaos.election.ids import Sid
from chaos.ensemble import EnsembleSetup, PeerSetup, configuration_of
from chaos.history.codec import Writer
from chaos.history.events import Acted, Event
from chaos.history.view import EnsembleView
from chaos.sim.world import Order
from chaos.systems.base import System
from chaos.systems.simulated import Simulated

SECOND = 1_000_000_000


def ensemble(n: int) -> EnsembleSetup:
    return EnsembleSetup(tuple(PeerSetup(Sid(sid)) for sid in range(1, n + 1)))


class Run:
    """One run, looking for a leader from its beginning."""

    def __init__(self, setup: EnsembleSetup | int, seed: int = 1, order: Order = "fifo") -> None:
        setup = ensemble(setup) if isinstance(setup, int) else setup
        self.system: System = Simulated(setup, seed, order)
        self.view = EnsembleView(setup.sids, configuration_of(setup, str))
        self.events: list[Event] = []
        self.system.prepare()
        self.zero = self.system.go()

    def until(self, wanted: Callable[[], bool], seconds: float = 60) -> bool:
        """Let time pass until ``wanted``; whether that came within so many virtual seconds."""
        for event in self.system.advance(self.system.now_ns + round(seconds * SECOND)):
            self.events.append(event)
            self.view.observe(event)
            if wanted():
                return True
        return False

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        self.until(lambda: False, seconds)

    def do(self, action: Action) -> Evidence:
        """Apply an action and write it down, as a runner does."""
        evidence = self.system.apply(action)
        acted = Acted(self.system.now_ns, self.system.now_ns, "test", action, evidence)
        self.events.append(acted)
        self.view.observe(acted)
        return evidence

    def settle(self, seconds: float = 60) -> Sid:
        """Let time pass until all living peers serve under one leader, and name it."""
        assert self.until(self.settled, seconds), self.view.roles()
        leader = self.view.leader
        assert leader is not None
        return leader

    def settled(self) -> bool:
        leader = self.view.leader
        alive = [peer for peer in self.view.peers.values() if peer.alive]
        return (
            leader is not None
            and all(peer.follows(leader) for peer in alive)
            and len({peer.epoch for peer in alive}) == 1
            and None not in {peer.epoch for peer in alive}
        )

    def lines(self) -> str:
        """The history so far, as a run's folder would hold it."""
        writer = Writer()
        return "".join(writer.lines(event) for event in self.events)
