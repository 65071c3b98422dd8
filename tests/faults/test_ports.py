"""Faults of messages that may keep to one port say so to whoever performs them."""

from __future__ import annotations

import pytest

from chaos.actions import Port, Slow, Throttle
from chaos.actions import Slice as Slices
from chaos.election.config import parse_configuration
from chaos.election.ids import Sid
from chaos.faults.messages import Delay, Slice
from chaos.faults.messages import Throttle as Narrow
from chaos.history.view import EnsembleView

ONE, TWO = Sid(1), Sid(2)
CONFIG = parse_configuration("\n".join(f"server.{n}=h{n}:1:2:participant" for n in (1, 2)))


@pytest.mark.parametrize("port", [*Port, None])
def test_the_port_of_a_fault_is_that_of_its_action(port: Port | None) -> None:
    view = EnsembleView((ONE, TWO), CONFIG)
    for fault, kind in (
        (Delay("s", 5, port=port), Slow),
        (Narrow("s", 2048, port), Throttle),
        (Slice("s", 7, 0, port), Slices),
    ):
        (action,) = fault.begin((ONE,), view)
        assert isinstance(action, kind)
        assert action.port is port
