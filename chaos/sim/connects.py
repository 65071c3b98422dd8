"""Connecting in the virtual network: SYN, SYN-ACK, and what may come instead.

Source: Linux 6: a SYN without an answer is sent again after each second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from chaos.actions import How, Port
from chaos.election.config import Address
from chaos.election.ids import Sid
from chaos.sim.blocks import Way
from chaos.sim.network import Network, Owner, Socket

SYN_RETRY_NS: Final = 1_000_000_000
_FIRST_PORT: Final = 32_768  # of Linux' ephemeral range
_PORTS: Final = 28_232

Done = Callable[[Socket | None, str], None]


class Goal(NamedTuple):
    """Where to connect to, and until when to try."""

    address: Address
    port: Port
    deadline_ns: int


class Attempt:
    """One connect under way; ``done`` is called once, unless it is given up first."""

    __slots__ = ("_cancelled", "_done", "goal", "over", "owner", "socket")

    def __init__(self, owner: Owner, goal: Goal, done: Done) -> None:
        self.owner = owner
        self.goal = goal
        self.over = False
        self.socket: Socket | None = None  # from when it stands
        self._done = done
        self._cancelled = False

    def end(self, socket: Socket | None, why: str) -> None:
        """Tell the process how it went, as soon as it runs."""
        self.over = True
        self.socket = socket
        self.owner.gate(partial(self._tell, why))

    def cancel(self) -> None:
        """The process gives up and hears no more of it; a socket that stands is its to close."""
        self.over = self._cancelled = True

    def _tell(self, why: str) -> None:
        if not self._cancelled:
            self._done(self.socket, why)


class Connects:
    """Who listens where, and how one gets there."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._clock = network.clock
        self._hosts: dict[str, Sid] = {}
        self._names: dict[Sid, str] = {}
        self._ports: dict[Sid, int] = {}
        self._listeners: dict[Address, Owner] = {}

    def add_host(self, sid: Sid, name: str) -> None:
        """``sid`` lives at ``name``, whether it runs or not."""
        self._hosts[name] = sid
        self._names[sid] = name
        self._ports[sid] = 0

    def listen(self, owner: Owner, address: Address) -> None:
        """``owner`` accepts connections at ``address`` from now on."""
        self._listeners[address] = owner

    def unlisten(self, owner: Owner, address: Address) -> None:
        """``owner`` accepts none there from now on."""
        if self._listeners.get(address) is owner:
            del self._listeners[address]

    def listening(self, address: Address) -> Owner | None:
        """Who accepts connections at ``address``."""
        return self._listeners.get(address)

    def connect(self, owner: Owner, goal: Goal, done: Done) -> Attempt:
        """Try to connect; ``done`` gets the socket, or ``None`` and why not."""
        attempt = Attempt(owner, goal, done)
        self._syn(attempt)
        return attempt

    # ---- the three packets

    def _syn(self, attempt: Attempt) -> None:
        owner, goal = attempt.owner, attempt.goal
        if attempt.over or not owner.alive:
            return
        target = self._hosts.get(goal.address.host)
        if target is None:
            self._fail(attempt, "no route to host", 0)
            return
        there = Way(owner.sid, target, target, goal.port)
        how = self._network.blocks.stops(there, connects=True)
        if how is How.SILENT:
            self._again(attempt, self._clock.now_ns)
        elif how is not None:
            self._fail(attempt, "connection refused", 0)
        else:
            latency = self._network.latency_ns(owner.sid, target)
            arrives = partial(self._syn_arrives, attempt, there, self._clock.now_ns)
            self._clock.at(self._clock.now_ns + latency, arrives)

    def _syn_arrives(self, attempt: Attempt, there: Way, sent_ns: int) -> None:
        back = Way(there.target, there.source, there.server, there.port)
        if self._network.blocks.stops(back) is not None:
            self._again(attempt, sent_ns)  # the answer, whatever it is, does not get back
            return
        latency = self._network.latency_ns(back.source, back.target)
        server = self._listeners.get(attempt.goal.address)
        if server is None:
            self._fail(attempt, "connection refused", latency)
            return
        near, far = self._pair(attempt, server, there, back)
        far.latest_ns = far.ordered_ns = self._clock.now_ns + latency
        stands = partial(self._stands, attempt, near, far)
        self._clock.at(self._clock.now_ns + latency, stands)

    def _stands(self, attempt: Attempt, near: Socket, far: Socket) -> None:
        owner = attempt.owner
        if attempt.over or not owner.alive:
            owner.sockets.pop(near.number, None)
            near.open = False
            self._network.refuse(near)
            return
        latency = self._network.latency_ns(near.way.source, near.way.target)
        near.latest_ns = near.ordered_ns = self._clock.now_ns + latency
        accepts = partial(far.owner.gate, partial(far.owner.accept, far))
        self._clock.at(near.latest_ns, accepts)
        attempt.end(near, "")

    # ----

    def _pair(
        self, attempt: Attempt, server: Owner, there: Way, back: Way
    ) -> tuple[Socket, Socket]:
        here = f"{self._names[there.source]}:{self._port(there.source)}"
        address = str(attempt.goal.address)
        pace, pace_back = self._network.pace(*there[:2]), self._network.pace(*back[:2])
        near = Socket(attempt.owner, there, f"{here}>{address}", pace, dialed=True)
        far = Socket(server, back, f"{address}>{here}", pace_back, dialed=False)
        near.far, far.far = far, near
        return near, far

    def _port(self, sid: Sid) -> int:
        self._ports[sid] = (self._ports[sid] + 1) % _PORTS
        return _FIRST_PORT + self._ports[sid]

    def _fail(self, attempt: Attempt, why: str, after_ns: int) -> None:
        self._clock.at(self._clock.now_ns + after_ns, partial(_end, attempt, why))

    def _again(self, attempt: Attempt, sent_ns: int) -> None:
        due = sent_ns + SYN_RETRY_NS
        if due < attempt.goal.deadline_ns:
            self._clock.at(due, partial(self._syn, attempt))
        else:
            due = max(attempt.goal.deadline_ns, self._clock.now_ns)
            self._clock.at(due, partial(_end, attempt, "connect timed out"))


def _end(attempt: Attempt, why: str) -> None:
    if not attempt.over:
        attempt.end(None, why)
