"""Which packets a block stops, and how its cuts travel to the agent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.actions import Cut, How, Port, PortCut
from chaos.election.ids import Sid
from chaos.sandbox.cuts import cut_json, cut_of
from chaos.sandbox.nft import key_sets
from chaos.sandbox.rules import Listener, listener_key, pair_key, rules_of

A, B = Sid(1), Sid(2)
A_HOST, B_HOST = "127.1.0.1", "127.1.0.2"
CUTS = st.one_of(
    st.builds(Cut, st.integers(0, 9).map(Sid), st.integers(0, 9).map(Sid)),
    st.builds(PortCut, st.integers(0, 9).map(Sid), st.sampled_from(Port), st.booleans()),
)


def _host(sid: Sid) -> str:
    return f"127.1.0.{sid}"


STOPS = {
    "a cut stops its direction on any port": (Cut(A, B), (A_HOST, 5), (B_HOST, 6), True),
    "and not the other": (Cut(A, B), (B_HOST, 6), (A_HOST, 5), False),
    "inbound: what goes to the port": (
        PortCut(B, Port.ELECTION, True), (A_HOST, 5), (B_HOST, 3888), True,
    ),
    "inbound: not to the other port": (
        PortCut(B, Port.ELECTION, True), (A_HOST, 5), (B_HOST, 2888), False,
    ),
    "inbound: not what comes from the port": (
        PortCut(B, Port.ELECTION, True), (B_HOST, 3888), (A_HOST, 5), False,
    ),
    "outbound: what comes from the port": (
        PortCut(B, Port.QUORUM, False), (B_HOST, 2888), (A_HOST, 5), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cut", "source", "target", "stops"), STOPS.values(), ids=STOPS.keys())
def test_a_cut_stops_a_packet(
    cut: Cut | PortCut, source: Listener, target: Listener, stops: bool
) -> None:
    assert rules_of([cut], How.SILENT, _host).stops(source, target) is stops


def test_only_cuts_of_both_directions_sever() -> None:
    here, there = (A_HOST, 40000), (B_HOST, 3888)
    assert rules_of([Cut(A, B), Cut(B, A)], How.RESET, _host).severs(here, there)
    assert not rules_of([Cut(A, B)], How.RESET, _host).severs(here, there)
    mixed: list[Cut | PortCut] = [PortCut(B, Port.ELECTION, True), Cut(B, A)]
    assert rules_of(mixed, How.RESET, _host).severs(here, there)


@given(st.lists(CUTS))
def test_cuts_arrive_as_they_were_sent(cuts: list[Cut | PortCut]) -> None:
    sent = json.loads(json.dumps([cut_json(cut) for cut in cuts]))
    assert [cut_of(one) for one in sent] == cuts


@pytest.mark.parametrize("nonsense", [None, {}, {"source": "1", "target": 2}, [1, 2]])
def test_what_is_no_cut_is_refused(nonsense: None) -> None:
    with pytest.raises(ValueError, match="is no cut"):
        cut_of(nonsense)


@given(st.lists(CUTS))
def test_every_cut_is_a_key_of_eight_bytes_in_one_set(cuts: list[Cut | PortCut]) -> None:
    sets = key_sets(1, rules_of(cuts, How.SILENT, _host))
    assert sum(len(one.keys) for one in sets) == len(set(cuts))
    assert {len(key) for one in sets for key in one.keys} <= {8}
    assert all(one.keys for one in sets)


def test_keys_are_as_the_kernel_reads_packets() -> None:
    assert pair_key((A_HOST, B_HOST)) == bytes([127, 1, 0, 1, 127, 1, 0, 2])
    assert listener_key((A_HOST, 3888)) == bytes([127, 1, 0, 1, 0x0F, 0x30, 0, 0])
