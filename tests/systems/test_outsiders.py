"""What an outsider on real processes is sent out with."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

from chaos.actions import Attack, Port
from chaos.election.ids import Sid
from chaos.ensemble import ELECTION_PORT, EnsembleSetup
from chaos.peer.outsider import Orders
from chaos.systems.outsiders import Outsiders
from chaos.systems.world import World
from chaos.wire.nonsense import Nonsense

ATTACK = Attack("noise", (Sid(2),), Port.ELECTION, Nonsense.GARBAGE.value, 10, 4, 16)


def orders(seed: int) -> Orders:
    """Those of the outsider of a run with this seed."""
    sent: list[str] = []

    def attack(text: str) -> SimpleNamespace:
        sent.append(text)
        return SimpleNamespace(pid=7)

    world = SimpleNamespace(
        attack=attack, host_of=lambda sid: f"127.0.0.{sid & 255}", netns_of=lambda _: ""
    )
    setup = cast("EnsembleSetup", SimpleNamespace(sids=(Sid(1), Sid(2))))
    evidence = Outsiders(cast("World", world), setup, seed).do(ATTACK)
    assert evidence.bit is None, "only its end can tell"
    (text,) = sent
    return Orders.of(json.loads(text))


def test_it_goes_where_the_target_listens_and_comes_from_nobodys_address() -> None:
    found = orders(1)
    assert found.targets == (("127.0.0.2", ELECTION_PORT),)
    assert found.source not in ("127.0.0.1", "127.0.0.2")


def test_its_bytes_are_drawn_from_the_seed_of_the_run() -> None:
    assert orders(1).seed == orders(1).seed
    assert orders(1).seed != orders(2).seed
    assert "noise" in orders(1).seed
