"""Message faults as orders: what a harness sends for an action is what a peer puts in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from chaos import actions as act
from chaos.actions import Cut, Port
from chaos.election.ids import Sid
from chaos.history.codec import Json
from chaos.peer.harming import HARMS, harm
from chaos.peer.requests import Request, RequestError
from chaos.systems.hands import order_of
from chaos.wire.shim import LinkShim

ONE, TWO = Sid(1), Sid(2)
LINKS = (Cut(ONE, TWO),)
ACTIONS: dict[str, act.Messages] = {
    "slow": act.Slow("f", LINKS, 5, 1, "normal"),
    "lose": act.Lose("f", LINKS, 5),
    "duplicate": act.Duplicate("f", LINKS, 5),
    "reorder": act.Reorder("f", LINKS, 5, 9),
    "corrupt": act.Corrupt("f", LINKS, 5),
    "throttle": act.Throttle("f", LINKS, 5),
    "slice": act.Slice("f", LINKS, 5, 9),
    "slow on one port": act.Slow("f", LINKS, 5, port=Port.ELECTION),
    "slice of one port": act.Slice("f", LINKS, 5, 9, Port.ELECTION),
}


def ordered(action: act.Messages) -> Request:
    verb, facts = order_of(action, [int(TWO)])
    return {"do": verb, **facts}


def test_every_message_fault_has_its_order() -> None:
    assert {type(action) for action in ACTIONS.values()} == set(get_args(act.Messages))
    assert {ordered(action)["do"] for action in ACTIONS.values()} == HARMS


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS.keys())
def test_an_order_puts_its_rule_in_place_until_it_is_cleared(action: act.Messages) -> None:
    shim = LinkShim("7")
    harm(shim, ordered(action))
    assert not shim.idle(TWO, Port.ELECTION.value)
    assert shim.idle(ONE, Port.ELECTION.value)
    counts = shim.clear("f")
    assert counts["seen"] == 0
    assert shim.idle(TWO, Port.ELECTION.value)


OF_ONE_PORT: dict[str, act.Messages] = {
    "slow": act.Slow("f", LINKS, 5, port=Port.QUORUM),
    "throttle": act.Throttle("f", LINKS, 5, Port.QUORUM),
    "slice": act.Slice("f", LINKS, 5, 9, Port.QUORUM),
}


@pytest.mark.parametrize("action", OF_ONE_PORT.values(), ids=OF_ONE_PORT.keys())
def test_a_port_that_is_named_leaves_the_other_alone(action: act.Messages) -> None:
    shim = LinkShim("7")
    harm(shim, ordered(action))
    assert shim.idle(TWO, Port.ELECTION.value)
    assert not shim.idle(TWO, Port.QUORUM.value)


def wrong(action: str, **facts: Json) -> Callable[[], Request]:
    return lambda: {**ordered(ACTIONS[action]), **facts}


NONSENSE = {
    "more than all": (wrong("corrupt", ppm=1_000_001), '"ppm" has to be a whole number'),
    "no share": (wrong("duplicate", ppm="half"), '"ppm" has to be'),
    "no window": (wrong("reorder", window_ns=-1), '"window_ns" has to be'),
    "nothing a second": (wrong("throttle", bytes_per_s=0), "1 or more"),
    "pieces of nothing": (wrong("slice", size=0), "1 or more"),
    "another port": (wrong("slice", port="client"), "'client' is no port"),
    "no targets": (wrong("slice", targets=3), '"targets" has to be a list'),
    "no name": (wrong("slice", name=7), '"name" has to be a text'),
}


@pytest.mark.parametrize(("request_", "why"), NONSENSE.values(), ids=NONSENSE.keys())
def test_an_order_that_makes_no_sense_says_why(request_: Callable[[], Request], why: str) -> None:
    shim = LinkShim("7")
    with pytest.raises(RequestError) as caught:
        harm(shim, request_())
    assert why in str(caught.value)
    assert shim.idle(TWO, Port.ELECTION.value)
