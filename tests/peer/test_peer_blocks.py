"""What each kind of block does to a connection, as the peer at one end sees it."""

from __future__ import annotations

import pytest

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.peer.blocks import OPEN, Blocks, Dialing, Flow, Route

ME, OTHER, THIRD = Sid(1), Sid(2), Sid(3)
MINE, THEIRS = Cut(ME, OTHER), Cut(OTHER, ME)
DIALED = Route(OTHER, Port.ELECTION, dialed=True)
ACCEPTED = Route(OTHER, Port.ELECTION, dialed=False)

CUTS = {
    "what I send": (MINE, DIALED, How.SILENT, Flow(outward=False)),
    "what I hear": (THEIRS, DIALED, How.SILENT, Flow(inward=False)),
    "somebody else": (Cut(ME, THIRD), DIALED, How.SILENT, OPEN),
    "between others": (Cut(OTHER, THIRD), DIALED, How.SILENT, OPEN),
    "reset breaks": (THEIRS, ACCEPTED, How.RESET, Flow(inward=False, reset=True)),
    "refuse leaves standing connections alone": (MINE, DIALED, How.REFUSE, OPEN),
    "into their port, which I dialed": (
        PortCut(OTHER, Port.ELECTION, inbound=True),
        DIALED,
        How.SILENT,
        Flow(outward=False),
    ),
    "from their port, which I dialed": (
        PortCut(OTHER, Port.ELECTION, inbound=False),
        DIALED,
        How.SILENT,
        Flow(inward=False),
    ),
    "into my port, which they dialed": (
        PortCut(ME, Port.ELECTION, inbound=True),
        ACCEPTED,
        How.SILENT,
        Flow(inward=False),
    ),
    "from my port, which they dialed": (
        PortCut(ME, Port.ELECTION, inbound=False),
        ACCEPTED,
        How.SILENT,
        Flow(outward=False),
    ),
    "into my port, which I did not use": (
        PortCut(ME, Port.ELECTION, inbound=True),
        DIALED,
        How.SILENT,
        OPEN,
    ),
    "another port": (PortCut(OTHER, Port.QUORUM, inbound=True), DIALED, How.SILENT, OPEN),
}


@pytest.mark.parametrize(("cut", "route", "how", "flow"), CUTS.values(), ids=CUTS.keys())
def test_a_cut_stops_its_direction_and_no_other(
    cut: Cut | PortCut, route: Route, how: How, flow: Flow
) -> None:
    blocks = Blocks(ME)
    blocks.add("cut", (cut,), how)
    assert blocks.flow(route) == flow
    blocks.remove("cut")
    assert blocks.flow(route) == OPEN


DIALS = {
    "silent, the SYN": (MINE, DIALED, How.SILENT, Dialing.HANGS),
    "silent, the answer": (THEIRS, DIALED, How.SILENT, Dialing.HANGS),
    "reset, the SYN": (MINE, DIALED, How.RESET, Dialing.REFUSED),
    "reset, the answer": (THEIRS, DIALED, How.RESET, Dialing.HANGS),
    "refuse, the SYN": (MINE, DIALED, How.REFUSE, Dialing.REFUSED),
    "refuse answers no SYN of the other direction": (THEIRS, DIALED, How.REFUSE, Dialing.OPEN),
    "refuse, their SYN": (THEIRS, ACCEPTED, How.REFUSE, Dialing.REFUSED),
    "refuse, my answer to their SYN": (MINE, ACCEPTED, How.REFUSE, Dialing.OPEN),
}


@pytest.mark.parametrize(("cut", "route", "how", "fate"), DIALS.values(), ids=DIALS.keys())
def test_a_connect_needs_both_directions(cut: Cut, route: Route, how: How, fate: Dialing) -> None:
    blocks = Blocks(ME)
    blocks.add("cut", (cut,), how)
    assert blocks.dialing(route) is fate


def test_blocks_add_up_and_each_counts_what_it_stops() -> None:
    blocks = Blocks(ME)
    blocks.add("out", (MINE,), How.SILENT)
    blocks.add("in", (THEIRS, Cut(THIRD, ME)), How.SILENT)
    assert blocks.flow(DIALED) == Flow(outward=False, inward=False)
    blocks.count(DIALED, frames=1, size=30)
    blocks.count(Route(THIRD, Port.QUORUM, dialed=False), connections=1)
    assert blocks.remove("out") == {"frames": 1, "bytes": 30, "connections": 0}
    assert blocks.remove("in") == {"frames": 1, "bytes": 30, "connections": 1}
    assert not blocks


def test_a_name_without_cuts_stopped_nothing() -> None:
    assert Blocks(ME).remove("never") == {"frames": 0, "bytes": 0, "connections": 0}
