"""Our own peers under a virtual clock: the same rules, and a run that a seed repeats exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from chaos.actions import EVERY_ACTION, Action, Ask, Burn, Cool, Evidence
from chaos.election.rules import UNBROKEN, Rules
from chaos.ensemble import EnsembleSetup
from chaos.errors import InfrastructureError
from chaos.history.events import Event
from chaos.sim.acts import Acts
from chaos.sim.network import JITTER_NS, LATENCY_NS
from chaos.sim.world import Order, World

# A peer that is refused comes back at once, as ZooKeeper's does: where that costs a real one
# milliseconds, a simulated one goes round thousands of times in a virtual second.
EVENTS_MAX: Final = 3_000_000


class Simulated:
    """The simulated ensemble of one run.

    ``order`` is ``fifo``, as TCP delivers, or ``unordered``: notifications may overtake one
    another, which no real link does and the protocol should still survive. A run of more
    than ``events_max`` events is given up.
    """

    name = "simulated"
    network = "virtual"
    supports: frozenset[type[Action]] = EVERY_ACTION - {Ask, Burn, Cool}  # no host

    def __init__(
        self,
        setup: EnsembleSetup,
        seed: int,
        order: Order = "fifo",
        events_max: int = EVENTS_MAX,
        *,
        core: Rules = UNBROKEN,
    ) -> None:
        self.core = core
        self._setup = setup
        self._seed = seed
        self._order = order
        self._world = World(setup, str(seed), order, core)
        self._acts = Acts(self._world)
        self._events_left = self._events_max = events_max
        self._closed = False

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._world.clock.now_ns

    def watch_closely(self) -> None:
        """Nothing: :meth:`advance` leaves nothing out."""

    def prepare(self) -> None:
        """Start every peer; none looks for a leader yet."""
        for sid in self._setup.sids:
            self._world.launch(sid)
        self._acts.slow_links(self._setup)

    def go(self) -> int:
        """Let all peers look for a leader; returns time zero of the plan."""
        return self._world.go()

    def advance(self, until_ns: int) -> Iterator[Event]:
        """Let virtual time pass until ``until_ns``, and yield what happens, in its order.

        Where the caller stops, time stops: what it does next happens at the event it saw.

        Raises:
            InfrastructureError: there were too many events.
        """
        seen, turn = self._world.seen, self._world.clock.turn
        while True:
            while seen:
                self._events_left -= 1
                if self._events_left < 0:
                    raise InfrastructureError(self._too_many(seen[0]))
                yield seen.popleft()
            if self._closed or not turn(until_ns):
                return

    def _too_many(self, event: Event) -> str:
        who = getattr(event, "sid", "?")
        return (
            f"the simulation gave up after {self._events_max} events, of peer {who} last: it "
            "goes round without a pause; use processes, or end the fault earlier"
        )

    def apply(self, action: Action) -> Evidence:
        """Do ``action`` at this instant of virtual time."""
        return self._acts.do(action)

    def pids(self) -> Mapping[int, str]:
        """Nothing: its peers are no processes."""
        return {}

    def facts(self) -> Mapping[str, str]:
        """What this world is like."""
        latency = f"{LATENCY_NS // 1000} to {(LATENCY_NS + JITTER_NS) // 1000} us a message"
        return {
            "network": "virtual: a block holds messages, as TCP does, until a retransmission",
            "latency": latency,
            "link order": self._order,
            "seed": str(self._seed),
        }

    def end_within(self, within_ns: int) -> None:
        """Nothing: its peers end at once."""

    def finish(self) -> Iterator[Event]:
        """Nothing: :meth:`advance` leaves nothing out."""
        return iter(())

    def rest(self) -> Iterator[Event]:
        """Nothing: :meth:`advance` leaves nothing out."""
        return iter(())

    def close(self) -> Iterator[Event]:
        """End every process without a word, and yield what was still to be seen."""
        self._closed = True
        for process in self._world.processes():
            process.die()
        seen = self._world.seen
        while seen:
            yield seen.popleft()
