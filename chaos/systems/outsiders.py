"""Attacks from outside on peers that are processes: an outsider each, forked in their world."""

from __future__ import annotations

import json
import select
from typing import Final

from chaos import actions as act
from chaos.actions import Evidence, Port
from chaos.election.ids import Sid
from chaos.ensemble import ELECTION_PORT, QUORUM_PORT, EnsembleSetup
from chaos.errors import InfrastructureError
from chaos.peer.outsider import Orders
from chaos.systems.world import PeerProcess, World

_ANSWER_S: Final = 3
_MESSAGE_MAX: Final = 1 << 16
_ANY: Final = "0.0.0.0"  # noqa: S104  the kernel chooses: the hub has one address
_LAST: Final = 0xFFFD  # sids whose addresses no small ensemble uses


class Outsiders:
    """The attacks that go on."""

    def __init__(self, world: World, setup: EnsembleSetup, seed: int) -> None:
        self._world, self._seed = world, seed
        self._sids = frozenset(setup.sids)
        self._running: dict[str, PeerProcess] = {}

    def do(self, action: act.Attack | act.CallOff) -> Evidence:
        """Begin or end one.

        Raises:
            InfrastructureError: the outsider does not come up, or does not answer.
        """
        if isinstance(action, act.Attack):
            return self._begin(action)
        return self._end(action.name)

    def _begin(self, attack: act.Attack) -> Evidence:
        if attack.name in self._running:
            return Evidence(False, {"error": f"an attack is called {attack.name} already"})
        port = QUORUM_PORT if attack.port is Port.QUORUM else ELECTION_PORT
        source = self._source()
        orders = Orders(
            source=source,
            targets=tuple((self._world.host_of(sid), port) for sid in attack.targets),
            quorum=attack.port is Port.QUORUM,
            kind=attack.kind,
            per_s=attack.per_s,
            open_max=attack.open_max,
            size=attack.size,
            seed=f"{self._seed}/outsider/{attack.name}",  # as in simulation
        )
        outsider = self._world.attack(orders.to_json())
        self._running[attack.name] = outsider
        return Evidence(None, {"pid": outsider.pid, "from": source})

    def _end(self, name: str) -> Evidence:
        outsider = self._running.pop(name, None)
        if outsider is None:
            return Evidence(False, {"error": f"no attack is called {name}"})
        counts = _counted(outsider)
        gone = outsider.ended_within(_ANSWER_S * 1000)
        if not gone:
            raise InfrastructureError(f"the outsider of {name} (pid {outsider.pid}) does not end")
        return Evidence(counts.get("connections", 0) > 0, counts)

    def _source(self) -> str:
        """An address of this world's own that no peer has; where each has a network, the hub's."""
        if self._world.netns_of(min(self._sids)):
            return _ANY
        free = next(sid for sid in range(_LAST, 0, -1) if sid not in self._sids)
        return self._world.host_of(Sid(free))


def _counted(outsider: PeerProcess) -> dict[str, int]:
    """Have it end; what it did, and what it was answered."""
    control = outsider.control
    try:
        control.send(b"{}")
        if not select.select([control], [], [], _ANSWER_S)[0]:
            raise InfrastructureError(f"the outsider (pid {outsider.pid}) does not answer")
        data = control.recv(_MESSAGE_MAX)
    except OSError as error:
        raise InfrastructureError(f"the outsider (pid {outsider.pid}) is gone: {error}") from error
    if not data:
        raise InfrastructureError(f"the outsider (pid {outsider.pid}) ended by itself")
    raw: dict[str, object] = json.loads(data)
    return {key: value for key, value in raw.items() if isinstance(value, int)}
