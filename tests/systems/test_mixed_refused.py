"""What of an ensemble real servers cannot be is told before any process starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.actions import Evidence
from chaos.election.ids import Sid
from chaos.election.timings import Timings
from chaos.ensemble import EnsembleSetup, LinkSetup, PeerSetup, Runs
from chaos.systems.mixed import refused, together

OURS = PeerSetup(Sid(1), runs=Runs.CHAOS)
THEIRS = PeerSetup(Sid(2), runs=Runs.ZOOKEEPER)
SETUP = EnsembleSetup((OURS, THEIRS, replace(OURS, sid=Sid(3))))


def slow(source: int, target: int) -> EnsembleSetup:
    return replace(SETUP, links=(LinkSetup(Sid(source), Sid(target), 1_000_000),))


def test_only_links_from_our_own_peers_can_be_slow_from_the_start() -> None:
    assert refused("mixed", slow(1, 2)) == ""
    assert "server 2 holds no message back" in refused("mixed", slow(2, 1))
    assert "server 1 holds no message back" in refused("zookeeper", slow(1, 2))


def test_a_wait_that_is_written_into_zookeeper_cannot_be_another() -> None:
    quick = replace(SETUP, timings=Timings(finalize_ms=50))
    assert "finalize is 200 in every ZooKeeper" in refused("mixed", quick)
    assert refused("mixed", SETUP) == ""


BIT, NOTHING = Evidence(True, {"touched": 1}), Evidence(False, {"touched": 0})
REFUSED, UNSEEN = Evidence(False, {"error": "no such server"}), Evidence(None, {})


@pytest.mark.parametrize(
    ("parts", "bit"),
    [
        ([BIT, NOTHING], True),
        ([BIT, UNSEEN], True),
        ([BIT, None], True),
        ([BIT, REFUSED], False),
        ([REFUSED, UNSEEN], False),
        ([NOTHING, UNSEEN], None),
        ([NOTHING, NOTHING], False),
    ],
)
def test_what_one_program_refused_is_not_covered_by_what_the_other_took(
    parts: list[Evidence | None], bit: bool | None
) -> None:
    assert together(parts).bit is bit
